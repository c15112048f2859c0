// SPDX-License-Identifier: Apache-2.0
/* SVMClassifier and SVMRegressor: kernels against support vectors, as libsvm; without support
 * vectors linear. In double, put out as float. */
#include <math.h>

#include "ops/fast/support.h"
#include "ops/kernels/call.h"
#include "ops/kernels/ml/class_labels.h"
#include "ops/kernels/ml/coupling.h"
#include "ops/kernels/ml/post_transform.h"

#define DTYPES_FEATURE                                                                             \
    (DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) | DTYPE_BIT(DTYPE_I64) | DTYPE_BIT(DTYPE_I32))

enum { CLASSES_MAX = 1024 /* the square of it is scratch */, BLOCK = 16 /* rows at once */ };
enum kernel { KERNEL_LINEAR, KERNEL_POLY, KERNEL_RBF, KERNEL_SIGMOID };

struct svm {
    enum kernel kernel;
    enum post_transform post;
    double gamma, coef0, degree;
    size_t vectors, features;
    const double *support; /* (vectors, features) */
    const double *coefficients;
    size_t coefficient_count;
    const double *rho;
    size_t rho_count;
};

static enum status kernel_of(const struct op_call *call, struct svm *svm, struct error *err)
{
    static const char *const NAMES[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
    struct bytes name = attribute_string(call->attributes, "kernel_type", "LINEAR");
    size_t count;
    const double *parameters = attribute_floats(call->attributes, "kernel_params", &count);
    size_t kernel = 0;

    while (kernel < ARRAY_COUNT(NAMES) && !bytes_is(name, NAMES[kernel]))
        kernel++;
    if (kernel == ARRAY_COUNT(NAMES))
        return op_error(call, err, STATUS_UNSUPPORTED, "this kernel_type");
    svm->kernel = (enum kernel)kernel;
    if (parameters && count >= 3) {
        svm->gamma = parameters[0];
        svm->coef0 = parameters[1];
        svm->degree = parameters[2];
    } else if (svm->kernel != KERNEL_LINEAR) {
        return op_error(call, err, STATUS_INVALID_INPUT, "kernel_params has %zu values, not 3",
                        count);
    }
    return STATUS_OK;
}

/* What both operators have; `vectors` support vectors. */
static enum status svm_of(const struct op_call *call, size_t vectors, struct svm *svm,
                          struct error *err)
{
    size_t support;

    *svm = (struct svm){.vectors = vectors};
    TRY(op_wants(call, 0, DTYPES_FEATURE, err));
    TRY(op_wants_rank(call, 0, 1, 2, err));
    TRY(post_transform_read(call, &svm->post, err));
    TRY(kernel_of(call, svm, err));
    svm->support = attribute_floats(call->attributes, "support_vectors", &support);
    svm->coefficients = attribute_floats(call->attributes, "coefficients", &svm->coefficient_count);
    svm->rho = attribute_floats(call->attributes, "rho", &svm->rho_count);
    if (svm->coefficient_count == 0 || svm->rho_count == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "coefficients or rho are missing");
    if (vectors && (support == 0 || support % vectors))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu numbers in %zu support vectors",
                        support, vectors);
    if (vectors)
        svm->features = support / vectors;
    else
        svm->kernel = KERNEL_LINEAR;
    return STATUS_OK;
}

static enum status check_features(const struct op_call *call, const struct svm *svm,
                                  struct error *err)
{
    const struct shape *in = &call->in[0].shape;

    if (in->rank > 0 && dim_is_known(in->dims[in->rank - 1]) &&
        in->dims[in->rank - 1] != (int64_t)svm->features)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld features, but vectors of %zu",
                        (long long)in->dims[in->rank - 1], svm->features);
    return STATUS_OK;
}

static double kernel_value(const struct svm *svm, const struct tensor *x, size_t row,
                           const double *vector)
{
    double sum = 0;

    for (size_t k = 0; k < svm->features; k++) {
        double value = tensor_f64(x, row * svm->features + k);
        sum += svm->kernel == KERNEL_RBF ? (value - vector[k]) * (value - vector[k])
                                         : value * vector[k];
    }
    switch (svm->kernel) {
    case KERNEL_POLY:
        return pow(svm->gamma * sum + svm->coef0, svm->degree);
    case KERNEL_RBF:
        return exp(-svm->gamma * sum);
    case KERNEL_SIGMOID:
        return tanh(svm->gamma * sum + svm->coef0);
    default:
        return sum;
    }
}

/* Kernel values (count, vectors) of rows [row, row + count); `support` NULL: the reference. `room`
 * holds BLOCK rows. */
static void kernel_block(const struct svm *svm, const struct support *support,
                         const struct tensor *x, size_t row, size_t count, double *room, double *k)
{
    size_t first = row * svm->features;

    for (size_t i = 0; !support && i < count; i++)
        for (size_t j = 0; j < svm->vectors; j++)
            *k++ = kernel_value(svm, x, row + i, svm->support + j * svm->features);
    if (!support)
        return;
    if (x->dtype == DTYPE_F32)
        for (size_t i = 0; i < count * svm->features; i++)
            room[i] = (double)((const float *)x->data)[first + i];
    else
        for (size_t i = 0; i < count * svm->features; i++)
            room[i] = tensor_f64(x, first + i);
    support_values(support, room, count, k);
}

/* Doubles: a block of rows, and of kernel values. */
static size_t block_doubles(const struct svm *svm)
{
    return BLOCK * (svm->features + svm->vectors);
}

static enum status pack(const struct svm *svm, struct support *support, struct arena *keep,
                        struct error *err)
{
    static const enum support_kernel KERNELS[] = {SUPPORT_LINEAR, SUPPORT_POLY, SUPPORT_RBF,
                                                  SUPPORT_SIGMOID};
    struct support_function function = {KERNELS[svm->kernel], svm->gamma, svm->coef0, svm->degree};

    return support_prepare(support, &function, svm->support, svm->vectors, svm->features, keep,
                           err);
}

static int64_t rows_of(const struct shape *in)
{
    return in->rank == 2 ? in->dims[0] : in->rank == 1 ? 1 : DIM_UNKNOWN;
}

/* --- SVMRegressor --- */

static enum status regressor_of(const struct op_call *call, struct svm *svm, struct error *err)
{
    int64_t vectors = attribute_int(call->attributes, "n_supports", 0);

    if (vectors < 0 || vectors > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "n_supports is %lld", (long long)vectors);
    if (attribute_int(call->attributes, "n_targets", 1) != 1)
        return op_error(call, err, STATUS_UNSUPPORTED, "n_targets is not 1");
    TRY(svm_of(call, (size_t)vectors, svm, err));
    if (!vectors)
        svm->features = svm->coefficient_count;
    else if (svm->coefficient_count != svm->vectors)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu coefficients for %zu support vectors",
                        svm->coefficient_count, svm->vectors);
    return check_features(call, svm, err);
}

static enum status infer_regressor(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 2, .dims = {rows_of(&call->in[0].shape), 1}};
    struct svm svm;

    TRY(regressor_of(call, &svm, err));
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

struct regressor {
    struct svm svm;
    struct support support; /* where there are vectors */
};

static enum status prepare_regressor(struct op_call *call, struct arena *keep, struct error *err)
{
    struct regressor *state;

    call->state = NULL;
    if (op_is_reference_only())
        return STATUS_OK;
    state = arena_new(keep, struct regressor, 1);
    if (!state)
        return error_no_memory(err, "support vectors");
    TRY(regressor_of(call, &state->svm, err));
    if (!state->svm.vectors || !state->svm.features)
        return STATUS_OK;
    TRY(pack(&state->svm, &state->support, keep, err));
    call->state = state;
    return STATUS_OK;
}

static size_t regressor_scratch(const struct op_call *call)
{
    struct error ignored;
    struct svm svm;

    return regressor_of(call, &svm, &ignored) ? 0 : block_doubles(&svm) * sizeof(double);
}

static enum status run_regressor(const struct op_call *call, struct error *err)
{
    bool one_class = attribute_int(call->attributes, "one_class", 0);
    size_t rows = tensor_count(&call->out[0]);
    const struct regressor *state = call->state;
    double *room = call->scratch, *k;
    struct svm svm;

    if (state)
        svm = state->svm;
    else
        TRY(regressor_of(call, &svm, err));
    k = room + BLOCK * svm.features;
    for (size_t i = 0; i < rows; i++) {
        const double *values = k + i % BLOCK * svm.vectors;
        double sum = svm.rho[0];

        if (i % BLOCK == 0 && svm.vectors)
            kernel_block(&svm, state ? &state->support : NULL, &call->in[0], i,
                         rows - i < BLOCK ? rows - i : BLOCK, room, k);
        if (!svm.vectors)
            sum += kernel_value(&svm, &call->in[0], i, svm.coefficients);
        for (size_t j = 0; j < svm.vectors; j++)
            sum += svm.coefficients[j] * values[j];
        post_transform_row(svm.post, &sum, 1);
        ((float *)call->out[0].data)[i] = (float)(one_class ? (sum > 0 ? 1 : -1) : sum);
    }
    return STATUS_OK;
}

/* --- SVMClassifier --- */

struct classifier {
    struct svm svm;
    struct class_labels labels;
    const int64_t *per_class; /* support vectors */
    const double *prob_a, *prob_b;
    size_t classes, pairs, columns; /* columns of the scores */
    bool all_positive;
};

static enum status classifier_shapes(const struct op_call *call, struct classifier *c,
                                     struct error *err)
{
    struct svm *svm = &c->svm;

    if (!svm->vectors) { /* (classes, features) */
        if (svm->coefficient_count % c->classes)
            return op_error(call, err, STATUS_INVALID_INPUT, "%zu coefficients for %zu classes",
                            svm->coefficient_count, c->classes);
        svm->features = svm->coefficient_count / c->classes;
        c->columns = c->classes;
        return STATUS_OK;
    }
    if (svm->coefficient_count / (c->classes - 1) != svm->vectors ||
        svm->coefficient_count % (c->classes - 1))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%zu coefficients for %zu support vectors and %zu classes",
                        svm->coefficient_count, svm->vectors, c->classes);
    if (svm->rho_count != c->pairs)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu values in rho for %zu pairs",
                        svm->rho_count, c->pairs);
    c->columns = c->prob_a ? c->classes : c->pairs == 1 ? 2 : c->pairs;
    /* the standard does not say what these make of one score for two classes */
    if (!c->prob_a && c->pairs == 1 && svm->post != POST_NONE && svm->post != POST_LOGISTIC)
        return op_error(call, err, STATUS_UNSUPPORTED, "this post_transform of one score");
    return STATUS_OK;
}

static enum status classifier_of(const struct op_call *call, struct classifier *c,
                                 struct error *err)
{
    size_t per_class, count_a, count_b, vectors = 0;

    *c = (struct classifier){.all_positive = true};
    TRY(class_labels_of(call, &c->labels, err));
    c->classes = c->labels.count;
    c->per_class = attribute_ints(call->attributes, "vectors_per_class", &per_class);
    for (size_t i = 0; i < per_class; i++) {
        if (c->per_class[i] < 0 || c->per_class[i] > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "vectors_per_class has %lld",
                            (long long)c->per_class[i]);
        vectors += (size_t)c->per_class[i];
    }
    if (c->classes < 2 || c->classes > CLASSES_MAX || (vectors && per_class != c->classes))
        return op_error(call, err, STATUS_UNSUPPORTED, "%zu labels, %zu vectors_per_class",
                        c->classes, per_class);
    c->pairs = c->classes * (c->classes - 1) / 2;
    TRY(svm_of(call, vectors, &c->svm, err));
    for (size_t i = 0; i < c->svm.coefficient_count; i++)
        c->all_positive = c->all_positive && c->svm.coefficients[i] >= 0;
    c->prob_a = attribute_floats(call->attributes, "prob_a", &count_a);
    c->prob_b = attribute_floats(call->attributes, "prob_b", &count_b);
    if (count_a == 0 || !vectors)
        c->prob_a = NULL;
    if (c->prob_a && (count_a != c->pairs || count_b != c->pairs))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%zu values in prob_a and %zu in prob_b for %zu pairs", count_a, count_b,
                        c->pairs);
    TRY(classifier_shapes(call, c, err));
    return check_features(call, &c->svm, err);
}

static enum status infer_classifier(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 1, .dims = {rows_of(&call->in[0].shape)}};
    struct classifier c;

    TRY(classifier_of(call, &c, err));
    op_give(call, 0, class_labels_dtype(&c.labels), &out);
    out.dims[out.rank++] = (int64_t)c.columns;
    op_give(call, 1, DTYPE_F32, &out);
    return STATUS_OK;
}

struct classifier_state {
    struct classifier c;
    struct support support; /* where there are vectors */
};

static enum status prepare_classifier(struct op_call *call, struct arena *keep, struct error *err)
{
    struct classifier_state *state;

    call->state = NULL;
    if (op_is_reference_only())
        return STATUS_OK;
    state = arena_new(keep, struct classifier_state, 1);
    if (!state)
        return error_no_memory(err, "support vectors");
    TRY(classifier_of(call, &state->c, err));
    if (!state->c.svm.vectors || !state->c.svm.features)
        return STATUS_OK;
    TRY(pack(&state->c.svm, &state->support, keep, err));
    call->state = state;
    return STATUS_OK;
}

/* Doubles: a block of rows and kernel values, scores (pairs or classes), votes (classes), and
 * probabilities (classes) with the room to couple them. */
static size_t classifier_scratch(const struct op_call *call)
{
    struct error ignored;
    struct classifier c;

    if (classifier_of(call, &c, &ignored))
        return 0;
    return (block_doubles(&c.svm) + c.pairs + 2 * c.classes +
            (c.prob_a ? c.classes + coupling_room(c.classes) : 0)) *
           sizeof(double);
}

/* One against one: scores (pairs,), votes (classes,) from kernel values (vectors,). */
static void pair_scores(const struct classifier *c, const double *kernels, double *scores,
                        double *votes)
{
    const struct svm *svm = &c->svm;
    size_t pair = 0, start_i = 0;

    for (size_t i = 0; i < c->classes; i++)
        votes[i] = 0;
    for (size_t i = 0; i < c->classes; start_i += (size_t)c->per_class[i++]) {
        size_t start_j = start_i + (size_t)c->per_class[i];

        for (size_t j = i + 1; j < c->classes; start_j += (size_t)c->per_class[j++], pair++) {
            const double *of_j = svm->coefficients + (j - 1) * svm->vectors;
            const double *of_i = svm->coefficients + i * svm->vectors;
            double sum = svm->rho[pair];

            for (size_t k = 0; k < (size_t)c->per_class[i]; k++)
                sum += of_j[start_i + k] * kernels[start_i + k];
            for (size_t k = 0; k < (size_t)c->per_class[j]; k++)
                sum += of_i[start_j + k] * kernels[start_j + k];
            scores[pair] = sum;
            votes[sum > 0 ? i : j]++;
        }
    }
}

static size_t largest(const double *values, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

static enum status run_classifier(const struct op_call *call, struct error *err)
{
    double *room = call->scratch, *kernels, *scores, *votes, *p, *out;
    size_t rows = tensor_count(&call->out[0]), best;
    const struct classifier_state *state = call->state;
    struct classifier c;

    if (state)
        c = state->c;
    else
        TRY(classifier_of(call, &c, err));
    kernels = room + BLOCK * c.svm.features;
    scores = room + block_doubles(&c.svm);
    votes = scores + c.pairs + c.classes;
    p = votes + c.classes;
    for (size_t i = 0; i < rows; i++) {
        out = scores;
        if (i % BLOCK == 0 && c.svm.vectors)
            kernel_block(&c.svm, state ? &state->support : NULL, &call->in[0], i,
                         rows - i < BLOCK ? rows - i : BLOCK, room, kernels);
        if (c.svm.vectors) {
            pair_scores(&c, kernels + i % BLOCK * c.svm.vectors, scores, votes);
            best = largest(votes, c.classes);
        } else {
            for (size_t k = 0; k < c.classes; k++)
                scores[k] = c.svm.rho[0] + kernel_value(&c.svm, &call->in[0], i,
                                                        c.svm.coefficients + k * c.svm.features);
            best = largest(scores, c.classes);
        }
        if (c.prob_a) {
            coupling_probabilities(c.classes, scores, c.prob_a, c.prob_b, p, p + c.classes);
            out = p;
        } else if (c.svm.rho_count == 1 && c.classes == 2 && c.all_positive &&
                   (c.svm.vectors ? votes : scores)[best] >= 0.5) {
            best = 1; /* as the standard's runtimes have it */
        }
        class_labels_put(&c.labels, best, &call->out[0], i);
        if (c.svm.vectors && !c.prob_a && c.pairs == 1) {
            out[1] = out[0];
            out[0] = -out[1];
        }
        post_transform_row(c.svm.post, out, c.columns);
        for (size_t k = 0; call->out_count > 1 && k < c.columns; k++)
            ((float *)call->out[1].data)[i * c.columns + k] = (float)out[k];
    }
    return STATUS_OK;
}

const struct op_set ops_ml_svm = OP_SET({.name = "SVMClassifier",
                                         .summary = "labels and scores of support vector machines",
                                         .flags = OP_ROWS,
                                         .in_min = 1,
                                         .in_max = 1,
                                         .out_min = 1,
                                         .out_max = 2,
                                         .infer = infer_classifier,
                                         .prepare = prepare_classifier,
                                         .scratch_size = classifier_scratch,
                                         .run = run_classifier},
                                        {.name = "SVMRegressor",
                                         .summary = "support vector machines",
                                         .flags = OP_ROWS,
                                         .in_min = 1,
                                         .in_max = 1,
                                         .out_min = 1,
                                         .out_max = 1,
                                         .infer = infer_regressor,
                                         .prepare = prepare_regressor,
                                         .scratch_size = regressor_scratch,
                                         .run = run_regressor});
