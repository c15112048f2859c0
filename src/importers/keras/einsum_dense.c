// SPDX-License-Identifier: Apache-2.0
/* EinsumDense. Where the kernel has the last letters of the input first and the output keeps all
 * others in order, it is a product of matrices. */
#include "base/checked.h"
#include "base/text.h"
#include "importers/keras/internal.h"

struct equation {
    struct bytes input, kernel, output; /* letters; an ellipsis is three points */
};

static bool part_until(struct bytes *rest, const char *mark, struct bytes *part)
{
    size_t size = strlen(mark);

    for (size_t i = 0; i + size <= rest->size; i++) {
        if (memcmp(rest->data + i, mark, size))
            continue;
        *part = (struct bytes){rest->data, i};
        *rest = (struct bytes){rest->data + i + size, rest->size - i - size};
        return true;
    }
    return false;
}

static bool equation_parse(struct bytes text, struct equation *e)
{
    if (!part_until(&text, ",", &e->input) || !part_until(&text, "->", &e->kernel))
        return false;
    e->output = text;
    return true;
}

/* How many letters are summed, when the equation is BK,KN->BN; else 0. */
static size_t summed(const struct equation *e)
{
    for (size_t k = 1; k <= e->input.size && k <= e->kernel.size; k++) {
        size_t kept = e->input.size - k, made = e->kernel.size - k;

        if (!memcmp(e->input.data + kept, e->kernel.data, k) && kept + made == e->output.size &&
            !memcmp(e->output.data, e->input.data, kept) &&
            (!made || !memcmp(e->output.data + kept, e->kernel.data + k, made)))
            return k;
    }
    return 0;
}

/* x (..., K...) times a kernel (K..., N...). */
static enum status product(struct call *c, struct tensor kernel, size_t k, value_id x, value_id *y,
                           struct error *err)
{
    const struct shape *shape = emit_shape(c->e, x), full = kernel.shape;
    int kept = shape->rank - (int)k, made = full.rank - (int)k;
    int64_t dims[RANK_MAX] = {0}, sum = 1, columns = 1;
    value_id w;

    for (int i = 0; i < full.rank; i++)
        *(i < (int)k ? &sum : &columns) *= full.dims[i];
    if (kept + made > RANK_MAX || kept < 1)
        return error_set(err, STATUS_UNSUPPORTED, "an output of %d dimensions", kept + made);
    kernel.shape = SHAPE(sum, columns);
    TRY(emit_constant(c->e, &kernel, &w, err));
    dims[kept] = sum;
    if (k > 1)
        TRY(emit_reshape(c->e, x, dims, (size_t)kept + 1, &x, err));
    TRY(emit_2(c->e, "MatMul", x, w, y, err));
    for (int i = 0; i < made; i++)
        dims[kept + i] = full.dims[(int)k + i];
    return made == 1 ? STATUS_OK : emit_reshape(c->e, *y, dims, (size_t)(kept + made), y, err);
}

/* --- after quantize() --- */

static int place_of(struct bytes letters, uint8_t letter)
{
    const uint8_t *at = letters.size ? memchr(letters.data, letter, letters.size) : NULL;

    return at ? (int)(at - letters.data) : -1;
}

/* The kernel's shape: of letters of the input, and of the option output_shape. */
static enum status kernel_shape(const struct call *c, const struct equation *e, struct shape *shape,
                                struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[0].value);
    const struct json *given = config_get(c, "output_shape", NULL);

    if (e->kernel.size > RANK_MAX || place_of(e->input, '.') >= 0 || x->rank != (int)e->input.size)
        return error_set(err, STATUS_UNSUPPORTED, "it is quantised, with such an equation");
    shape->rank = (int)e->kernel.size;
    for (int d = 0; d < shape->rank; d++) {
        int of_input = place_of(e->input, e->kernel.data[d]);
        int of_output = place_of(e->output, e->kernel.data[d]) - 1;
        const struct json *item = given;

        if (given && given->kind == JSON_ARRAY)
            item = of_output >= 0 && (size_t)of_output < given->count ? &given->items[of_output]
                                                                      : NULL;
        if (of_input >= 0)
            shape->dims[d] = x->dims[of_input];
        else if (of_output < 0 || !json_i64(item, &shape->dims[d]))
            shape->dims[d] = -1;
        if (shape->dims[d] < 1)
            return error_set(err, STATUS_UNSUPPORTED, "the size of its kernel is not known");
    }
    return STATUS_OK;
}

/* As a matrix: what is summed are the rows; of three dimensions gptq and awq decide by the largest.
 */
static enum status matrix_of(const struct call *c, const struct equation *e,
                             const struct shape *shape, size_t *rows, size_t *columns,
                             struct error *err)
{
    bool transposed = c->quantised.mode >= QUANTISED_GPTQ;
    int largest = 0;

    *rows = *columns = 1;
    for (int d = 1; d < shape->rank; d++)
        largest = shape->dims[d] > shape->dims[largest] ? d : largest;
    for (int d = 0; d < shape->rank; d++) {
        bool is_row = place_of(e->output, e->kernel.data[d]) < 0;
        size_t *side;

        if (transposed)
            is_row = d == 0 || (shape->rank == 3 && d == 1 && largest > 0);
        side = is_row ? rows : columns;
        if (!checked_multiply(*side, (size_t)shape->dims[d], side))
            return error_set(err, STATUS_INVALID_INPUT, "its kernel is too large");
    }
    return transposed && shape->rank > 3
               ? error_set(err, STATUS_UNSUPPORTED, "a kernel of %d dimensions", shape->rank)
               : STATUS_OK;
}

/* The factors of the inputs, with ones along what is summed, to stand along the output. */
static enum status inputs_along(struct call *c, const struct equation *e, value_id *factor,
                                struct error *err)
{
    int64_t perm[RANK_MAX];
    size_t kept = 0;

    for (size_t i = 0; i < e->output.size && kept < RANK_MAX; i++)
        if (place_of(e->input, e->output.data[i]) >= 0)
            perm[kept++] = place_of(e->input, e->output.data[i]);
    for (size_t d = 0; d < e->input.size && kept < RANK_MAX; d++)
        if (place_of(e->output, e->input.data[d]) < 0)
            perm[kept++] = (int64_t)d; /* of size 1, at the end */
    TRY(emit_transpose(c->e, *factor, perm, kept, factor, err));
    for (size_t d = 0; d < e->input.size; d++)
        if (place_of(e->output, e->input.data[d]) < 0)
            TRY(emit_squeeze(c->e, *factor, -1, factor, err));
    for (size_t i = 0; i < e->output.size; i++)
        if (place_of(e->input, e->output.data[i]) < 0)
            TRY(emit_unsqueeze(c->e, *factor, (int64_t)i, factor, err));
    return STATUS_OK;
}

static enum status quantised(struct call *c, const struct equation *e, const char *written,
                             bool biased, value_id *y, struct error *err)
{
    value_id x = c->in[0].value;
    struct quantised_product q;
    int64_t axes[RANK_MAX];
    size_t count = 0, rows, columns;
    struct shape shape;

    TRY(kernel_shape(c, e, &shape, err));
    TRY(matrix_of(c, e, &shape, &rows, &columns, err));
    for (size_t d = 0; d < e->input.size; d++)
        if (place_of(e->output, e->input.data[d]) < 0)
            axes[count++] = (int64_t)d;
    TRY(quantised_read(c, &shape, rows, columns, biased, axes, count, &x, &q, err));
    TRY(emit_node(c->e, "", "Einsum", EMIT(x, q.kernel),
                  EMIT_ATTRIBUTES(attribute_of_text("equation", written)), y, err));
    if (q.inputs != VALUE_NONE) {
        TRY(inputs_along(c, e, &q.inputs, err));
        TRY(emit_2(c->e, "Div", *y, q.inputs, y, err));
    }
    if (q.scale != VALUE_NONE)
        TRY(emit_2(c->e, "Div", *y, q.scale, y, err));
    return biased ? emit_2(c->e, "Add", *y, q.bias, y, err) : STATUS_OK;
}

static enum status einsum_dense(struct call *c, struct error *err)
{
    struct bytes text = config_text_or(c, "equation", NULL, "");
    const struct json *biased = config_get(c, "bias_axes", NULL);
    struct equation equation;
    struct tensor kernel;
    value_id w, bias, y;
    const char *written;
    size_t k;

    TRY(call_wants(c, 1, err));
    TRY(lora_merge(c, "kernel", err));
    if (!equation_parse(text, &equation))
        return error_set(err, STATUS_INVALID_INPUT, "its 'equation' is not understood");
    written = arena_text(c->k->keep, text);
    if (!written)
        return error_no_memory(err, "a layer");
    if (c->quantised.mode) {
        TRY(quantised(c, &equation, written, biased && biased->kind != JSON_NULL, &y, err));
        TRY(activation_of(c, y, &y, err));
        return call_give(c, y);
    }
    TRY(weight_take(c, "kernel", -1, &kernel, err));
    if (!dtype_is_float(kernel.dtype))
        return error_set(err, STATUS_UNSUPPORTED, "its kernel is %s", dtype_name(kernel.dtype));
    k = summed(&equation);
    if (k && kernel.shape.rank == (int)equation.kernel.size &&
        emit_shape(c->e, c->in[0].value)->rank > (int)k) {
        TRY(product(c, kernel, k, c->in[0].value, &y, err));
    } else {
        TRY(emit_constant(c->e, &kernel, &w, err));
        TRY(emit_node(c->e, "", "Einsum", EMIT(c->in[0].value, w),
                      EMIT_ATTRIBUTES(attribute_of_text("equation", written)), &y, err));
    }
    if (biased && biased->kind != JSON_NULL) {
        TRY(weight_constant(c, "bias", -1, &bias, err));
        TRY(emit_2(c->e, "Add", y, bias, &y, err));
    }
    TRY(activation_of(c, y, &y, err));
    return call_give(c, y);
}

const struct layer_set layers_einsum_dense =
    LAYER_SET({.name = "EinsumDense", .lower = einsum_dense, .quantised = true}, );
