// SPDX-License-Identifier: Apache-2.0
/* Pools of images whose windows are drawn by seeds: what they are is known with the shape of the
 * image. Source: tensorflow/core/kernels/fractional_{pool_common,max_pool_op,avg_pool_op}.cc. */
#include <float.h>

#include "importers/tensorflow/internal.h"
#include "ops/kernels/math/philox.h"

enum { LENGTH_MAX = 1 << 16, AXES = 2 };

struct drawing { /* the words of a generator, one after another */
    struct philox philox;
    uint32_t words[PHILOX_WORDS];
    int left;
};

struct fractional {
    int64_t seed, seed2;
    bool overlapping, pseudo;
    uint64_t drawn; /* places of four words that earlier dimensions took */
};

static void drawing_start(struct drawing *d, const struct fractional *f)
{
    const uint64_t key = (uint64_t)f->seed, counter = (uint64_t)f->seed2;

    *d =
        (struct drawing){.philox = {.counter = {0, 0, (uint32_t)counter, (uint32_t)(counter >> 32)},
                                    .key = {(uint32_t)key, (uint32_t)(key >> 32)}}};
    philox_skip(&d->philox, f->drawn);
}

static uint32_t draw(struct drawing *d)
{
    if (!d->left) {
        philox_words(&d->philox, d->words);
        philox_skip(&d->philox, 1);
        d->left = PHILOX_WORDS;
    }
    return d->words[PHILOX_WORDS - d->left--];
}

/* Lengths of floor(length / count) or one more, shuffled. */
static void lengths_random(int64_t length, int64_t count, struct fractional *f, int64_t *lengths)
{
    struct drawing d;

    drawing_start(&d, f);
    for (int64_t i = 0; i < count; i++)
        lengths[i] = length / count + (i < length % count);
    for (int64_t i = 0; i < count - 1; i++) {
        int64_t other = i + draw(&d) % (uint32_t)(count - i), kept = lengths[i];

        lengths[i] = lengths[other];
        lengths[other] = kept;
    }
    f->drawn += (uint64_t)(count + PHILOX_WORDS - 1) / PHILOX_WORDS;
}

/* Ends at ceil(alpha * (i + u)), by one u for all. */
static void lengths_pseudo(int64_t length, int64_t count, struct fractional *f, int64_t *lengths)
{
    const double alpha = (double)length / (double)count;
    const int64_t k = length / count;
    const double first = (double)(k + 2) / alpha - 1;
    const double last = (double)(length + 1 - k) / alpha - (double)(count - 1);
    int64_t before = 1;
    struct drawing d;
    uint32_t high, low;
    double u;

    drawing_start(&d, f);
    high = draw(&d);
    low = draw(&d);
    u = philox_uniform(high, low) * (first < last ? first : last);
    for (int64_t i = 1; i <= count; i++) {
        int64_t end = i == count ? length + 1 : (int64_t)ceil(alpha * ((double)i + u));

        lengths[i - 1] = end - before;
        before = end;
    }
    f->drawn += 1;
}

/* Where the windows begin, and behind the last where they end: (count + 1,). */
static enum status bounds_draw(const struct tf_call *c, int64_t length, int64_t count,
                               struct fractional *f, int64_t **bounds, struct error *err)
{
    int64_t *lengths = arena_new(c->l->keep, int64_t, (size_t)count);

    *bounds = arena_new(c->l->keep, int64_t, (size_t)count + 1);
    if (!lengths || !*bounds)
        return error_no_memory(err, "the windows");
    if (f->pseudo)
        lengths_pseudo(length, count, f, lengths);
    else
        lengths_random(length, count, f, lengths);
    for (int64_t i = 0; i < count; i++) {
        if (lengths[i] < length / count || lengths[i] > length / count + 1)
            return error_set(err, STATUS_UNSUPPORTED, "draws a window of %lld",
                             (long long)lengths[i]);
        (*bounds)[i + 1] = (*bounds)[i] + lengths[i];
    }
    return STATUS_OK;
}

/* Reduce dimension `axis` of x to its windows: as many places of each as the longest has, what is
 * behind a shorter one repeating its last place, or being 0. */
static enum status windows_reduce(const struct tf_call *c, const struct fractional *f, int axis,
                                  const int64_t *bounds, int64_t count, bool average, value_id *x,
                                  struct error *err)
{
    int64_t width = 0, length = bounds[count], *places;
    struct tensor inside;
    value_id at, mask, zero;
    struct shape shape;

    for (int64_t i = 0; i < count; i++) {
        int64_t size = bounds[i + 1] - bounds[i] + f->overlapping;

        width = size > width ? size : width;
    }
    places = arena_new(c->l->keep, int64_t, (size_t)(count * width));
    if (!places)
        return error_no_memory(err, "the windows");
    shape = (struct shape){.rank = 5 - axis};
    shape.dims[0] = count;
    shape.dims[1] = width;
    for (int d = 2; d < shape.rank; d++)
        shape.dims[d] = 1;
    TRY(tensor_new(&inside, DTYPE_BOOL, &shape, c->l->keep, err));
    for (int64_t i = 0; i < count; i++) {
        int64_t end = bounds[i + 1] + f->overlapping;

        end = end > length ? length : end;
        for (int64_t k = 0; k < width; k++) {
            int64_t place = bounds[i] + k;

            ((bool *)inside.data)[i * width + k] = place < end;
            places[i * width + k] = place < end ? place : end - 1;
        }
    }
    TRY(emit_ints(c->e, places, (size_t)(count * width), &at, err));
    TRY(emit_reshape(c->e, at, (const int64_t[]){count, width}, 2, &at, err));
    TRY(emit_node(c->e, "", "Gather", EMIT(*x, at), EMIT_ATTRIBUTES(attribute_of_int("axis", axis)),
                  x, err));
    if (average) {
        TRY(emit_number(c->e, emit_dtype(c->e, *x), 0, &zero, err));
        TRY(emit_constant(c->e, &inside, &mask, err));
        TRY(emit_where(c->e, mask, *x, zero, x, err));
    }
    return emit_reduce(c->e, average ? "ReduceSum" : "ReduceMax", *x, (const int64_t[]){axis + 1},
                       1, false, x, err);
}

/* How many places each window has: (rows, columns, 1). */
static enum status areas(const struct tf_call *c, const struct fractional *f,
                         int64_t *const bounds[AXES], const int64_t counts[AXES], enum dtype dtype,
                         value_id *y, struct error *err)
{
    value_id sizes[AXES];

    for (int d = 0; d < AXES; d++) {
        int64_t *size = arena_new(c->l->keep, int64_t, (size_t)counts[d]);

        if (!size)
            return error_no_memory(err, "the windows");
        for (int64_t i = 0; i < counts[d]; i++) {
            int64_t end = bounds[d][i + 1] + f->overlapping, length = bounds[d][counts[d]];

            size[i] = (end > length ? length : end) - bounds[d][i];
        }
        TRY(emit_ints(c->e, size, (size_t)counts[d], &sizes[d], err));
    }
    TRY(emit_reshape(c->e, sizes[0], (const int64_t[]){counts[0], 1, 1}, 3, &sizes[0], err));
    TRY(emit_reshape(c->e, sizes[1], (const int64_t[]){counts[1], 1}, 2, &sizes[1], err));
    TRY(emit_2(c->e, "Mul", sizes[0], sizes[1], y, err));
    return emit_cast(c->e, *y, dtype, y, err);
}

static enum status attributes_read(const struct tf_call *c, struct fractional *f,
                                   const float **ratios, struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[0]);
    bool deterministic;
    size_t count;

    *f = (struct fractional){0};
    TRY(tf_bool(c->node, "deterministic", false, &deterministic, err));
    TRY(tf_bool(c->node, "overlapping", false, &f->overlapping, err));
    TRY(tf_bool(c->node, "pseudo_random", false, &f->pseudo, err));
    TRY(tf_int(c->node, "seed", 0, &f->seed, err));
    TRY(tf_int(c->node, "seed2", 0, &f->seed2, err));
    TRY(tf_floats(c->node, "pooling_ratio", ratios, &count, c->l->keep, err));
    if (!deterministic || (!f->seed && !f->seed2))
        return error_set(err, STATUS_UNSUPPORTED, "draws other windows in each run");
    if (count != 4 || (*ratios)[0] != 1 || (*ratios)[3] != 1)
        return error_set(err, STATUS_UNSUPPORTED, "pools more than rows and columns");
    if (x->rank != 4 || x->dims[1] < 1 || x->dims[2] < 1 || x->dims[1] > LENGTH_MAX ||
        x->dims[2] > LENGTH_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "the size of its images is not known");
    return STATUS_OK;
}

/* A maximum begins at the lowest number, and passes over NaN. */
static enum status numbers_only(const struct tf_call *c, value_id *x, struct error *err)
{
    const enum dtype dtype = emit_dtype(c->e, *x);
    value_id lowest, none;

    if (!dtype_is_float(dtype))
        return STATUS_OK;
    TRY(emit_number(c->e, dtype, dtype == DTYPE_F32 ? -FLT_MAX : -DBL_MAX, &lowest, err));
    TRY(emit_1(c->e, "IsNaN", *x, &none, err));
    TRY(emit_where(c->e, none, lowest, *x, x, err));
    return emit_2(c->e, "Max", *x, lowest, x, err);
}

/* The images, and where the windows of rows and columns begin. */
static enum status pool(struct tf_call *c, bool average, struct error *err)
{
    int64_t counts[AXES], *bounds[AXES];
    struct fractional f;
    const float *ratios;
    value_id y = c->in[0], size;

    TRY(attributes_read(c, &f, &ratios, err));
    for (int d = 0; d < AXES; d++) {
        int64_t length = emit_shape(c->e, c->in[0])->dims[d + 1];

        counts[d] =
            ratios[d + 1] >= 1 ? (int64_t)floor((double)((float)length / ratios[d + 1])) : 0;
        if (counts[d] < 1)
            return error_set(err, STATUS_INVALID_INPUT, "pools %lld by %g", (long long)length,
                             (double)ratios[d + 1]);
        TRY(bounds_draw(c, length, counts[d], &f, &bounds[d], err));
    }
    if (!average)
        TRY(numbers_only(c, &y, err));
    for (int d = 0; d < AXES; d++)
        TRY(windows_reduce(c, &f, d + 1, bounds[d], counts[d], average, &y, err));
    if (average) {
        TRY(areas(c, &f, bounds, counts, emit_dtype(c->e, y), &size, err));
        TRY(emit_2(c->e, "Div", y, size, &y, err));
    }
    TRY(tf_add(c, y, err));
    for (int d = 0; d < AXES; d++) {
        TRY(emit_ints(c->e, bounds[d], (size_t)counts[d] + 1, &y, err));
        TRY(tf_add(c, y, err));
    }
    return STATUS_OK;
}

static enum status max_pool(struct tf_call *c, struct error *err)
{
    return pool(c, false, err);
}

static enum status average_pool(struct tf_call *c, struct error *err)
{
    return pool(c, true, err);
}

const struct tf_op_set tf_ops_fractional =
    TF_OP_SET({.name = "FractionalMaxPool", .lower = max_pool, .inputs = 1},
              {.name = "FractionalAvgPool", .lower = average_pool, .inputs = 1}, );
