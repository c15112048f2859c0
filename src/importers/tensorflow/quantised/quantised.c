// SPDX-License-Identifier: Apache-2.0
/* Graphs that compute with integers for ranges of floats, as the quantisers of TensorFlow 1 wrote
 * them. Sums and products are taken on the integers themselves, whose types do not say that they
 * are quantised: uint8 and int32. */
#include "importers/tensorflow/image/window.h"

enum { QUINT8 = 12, QINT32 = 13, UINT8 = 4, INT32 = 3 };

static int64_t number_of(enum dtype dtype)
{
    return dtype_to_tf(dtype);
}

/* The same bytes as `dtype`. */
static enum status plain(struct tf_call *c, value_id x, value_id *y, struct error *err)
{
    switch (emit_dtype(c->e, x)) {
    case DTYPE_QU8:
        return tf_bitcast(c->e, x, DTYPE_U8, y, err);
    case DTYPE_QI8:
        return tf_bitcast(c->e, x, DTYPE_I8, y, err);
    case DTYPE_QI32:
        return tf_bitcast(c->e, x, DTYPE_I32, y, err);
    default:
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(emit_dtype(c->e, x)));
    }
}

static enum status wants(const struct tf_call *c, size_t input, enum dtype dtype, struct error *err)
{
    return emit_dtype(c->e, c->in[input]) == dtype
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "of %s",
                           dtype_name(emit_dtype(c->e, c->in[input])));
}

/* The integer of `of` that stands for a float, as int32 or, which must hold it, uint8. */
static enum status level(struct tf_call *c, double value, value_id low, value_id high,
                         enum dtype of, bool free, int64_t to, value_id *y, struct error *err)
{
    value_id number;

    TRY(emit_number(c->e, DTYPE_F32, value, &number, err));
    return emit_node(c->e, "firn", "QuantisedLevel", EMIT(number, low, high),
                     EMIT_ATTRIBUTES(attribute_of_int("of", number_of(of)),
                                     attribute_of_int("free", free), attribute_of_int("to", to)),
                     y, err);
}

/* y is int32; the range is that of products of inputs 0 and 1. */
static enum status give_product(struct tf_call *c, value_id y, const value_id ranges[4],
                                struct error *err)
{
    struct attribute types[2] = {
        attribute_of_int("a", number_of(emit_dtype(c->e, c->in[0]))),
        attribute_of_int("b", number_of(emit_dtype(c->e, c->in[1]))),
    };
    value_id range[2];

    TRY(emit(c->e, "firn", "QuantisedProductRange", ranges, 4, types, 2, range, 2, err));
    TRY(tf_bitcast(c->e, y, DTYPE_QI32, &y, err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, range[0], err));
    return tf_add(c, range[1], err);
}

/* a, b and which of their integers is zero, as uint8. */
static enum status operands(struct tf_call *c, value_id in[4], struct error *err)
{
    for (size_t i = 0; i < 2; i++) {
        TRY(wants(c, i, DTYPE_QU8, err));
        TRY(plain(c, c->in[i], &in[i], err));
        TRY(level(c, 0, c->in[2 + 2 * i], c->in[3 + 2 * i], DTYPE_QU8, true, UINT8, &in[2 + i],
                  err));
    }
    return STATUS_OK;
}

static enum status product(struct tf_call *c, struct error *err)
{
    static const int64_t TURNED[] = {1, 0};
    bool turned[2];
    value_id in[4], y;

    TRY(tf_bool(c->node, "transpose_a", false, &turned[0], err));
    TRY(tf_bool(c->node, "transpose_b", false, &turned[1], err));
    TRY(operands(c, in, err));
    for (int i = 0; i < 2; i++)
        if (turned[i])
            TRY(emit_transpose(c->e, in[i], TURNED, 2, &in[i], err));
    TRY(emit(c->e, "", "MatMulInteger", in, 4, NULL, 0, &y, 1, err));
    return give_product(c, y, c->in + 2, err);
}

/* The window is placed by ((outputs - 1) * stride + size - inputs) / 2, which must not be negative
 * enough to leave out the first pixels. */
static enum status place_check(const struct tf_window *w, const struct shape *filter,
                               struct error *err)
{
    for (int d = 0; d < 2; d++) {
        int64_t size = filter->rank == 4 ? filter->dims[d] : DIM_UNKNOWN;

        if (w->strides[d] > 2 && (!w->same || !dim_is_known(size) || w->strides[d] - size > 1))
            return error_set(err, STATUS_UNSUPPORTED, "its stride is %lld",
                             (long long)w->strides[d]);
        if (w->dilations[d] != 1)
            return error_set(err, STATUS_UNSUPPORTED, "its dilation is %lld",
                             (long long)w->dilations[d]);
    }
    return w->strides[0] == w->strides[1]
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "its strides are not alike");
}

static enum status convolution(struct tf_call *c, struct error *err)
{
    static const int64_t FIRST[] = {0, 3, 1, 2}, LAST[] = {0, 2, 3, 1}, FILTER[] = {3, 2, 0, 1};
    struct attribute attributes[4];
    struct tf_window w;
    value_id in[4], y;
    size_t count;

    TRY(tf_window_read(c, 2, &w, err));
    TRY(place_check(&w, emit_shape(c->e, c->in[1]), err));
    TRY(operands(c, in, err));
    TRY(emit_transpose(c->e, in[0], FIRST, 4, &in[0], err));
    TRY(emit_transpose(c->e, in[1], FILTER, 4, &in[1], err));
    count = tf_window_attributes(&w, attributes);
    TRY(emit(c->e, "", "ConvInteger", in, 4, attributes, count, &y, 1, err));
    TRY(emit_transpose(c->e, y, LAST, 4, &y, err));
    return give_product(c, y, c->in + 2, err);
}

static enum status multiply(struct tf_call *c, struct error *err)
{
    value_id x[2], zero, y;

    for (size_t i = 0; i < 2; i++) {
        TRY(wants(c, i, DTYPE_QU8, err));
        TRY(plain(c, c->in[i], &x[i], err));
        TRY(emit_cast(c->e, x[i], DTYPE_I32, &x[i], err));
        TRY(level(c, 0, c->in[2 + 2 * i], c->in[3 + 2 * i], DTYPE_QU8, true, INT32, &zero, err));
        TRY(emit_2(c->e, "Sub", x[i], zero, &x[i], err));
    }
    TRY(emit_2(c->e, "Mul", x[0], x[1], &y, err));
    return give_product(c, y, c->in + 2, err);
}

/* --- sums --- */

static enum status requantise(struct tf_call *c, const char *how, value_id x, value_id low,
                              value_id high, const value_id range[2], int64_t to, value_id *y,
                              struct error *err)
{
    return emit_node(c->e, "firn", "Requantise", EMIT(x, low, high, range[0], range[1]),
                     EMIT_ATTRIBUTES(attribute_of_text("how", how), attribute_of_int("to", to)), y,
                     err);
}

/* Inputs 0 and 1 in the range of their sum, as int32, and that range. */
static enum status common(struct tf_call *c, const char *how, value_id x[2], value_id range[2],
                          struct error *err)
{
    struct attribute bias = attribute_of_int("bias", !strcmp(how, "floats"));

    TRY(emit(c->e, "firn", "QuantisedSumRange", c->in + 2, 4, &bias, 1, range, 2, err));
    for (size_t i = 0; i < 2; i++) {
        TRY(requantise(c, how, c->in[i], c->in[2 + 2 * i], c->in[3 + 2 * i], range, QINT32, &x[i],
                       err));
        TRY(plain(c, x[i], &x[i], err));
    }
    return STATUS_OK;
}

static enum status give_ranged(struct tf_call *c, value_id y, enum dtype dtype, value_id low,
                               value_id high, struct error *err)
{
    TRY(tf_bitcast(c->e, y, dtype, &y, err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, low, err));
    return tf_add(c, high, err);
}

static enum status bias_add(struct tf_call *c, struct error *err)
{
    value_id x[2], range[2], zero, y;

    if (emit_dtype(c->e, c->in[0]) != DTYPE_QI8)
        TRY(wants(c, 0, DTYPE_QU8, err));
    TRY(wants(c, 1, emit_dtype(c->e, c->in[0]), err));
    TRY(common(c, "floats", x, range, err));
    TRY(level(c, 0, range[0], range[1], DTYPE_QI32, false, INT32, &zero, err));
    TRY(emit_2(c->e, "Add", x[1], zero, &x[1], err));
    TRY(emit_2(c->e, "Add", x[0], x[1], &y, err));
    return give_ranged(c, y, DTYPE_QI32, range[0], range[1], err);
}

static enum status add(struct tf_call *c, struct error *err)
{
    value_id x[2], range[2], y;

    for (size_t i = 0; i < 2; i++) {
        TRY(wants(c, i, DTYPE_QU8, err));
        if (emit_shape(c->e, c->in[i])->rank < 1) /* another formula for one of them */
            return error_set(err, STATUS_UNSUPPORTED, "input %zu may be a scalar", i);
    }
    TRY(common(c, "line", x, range, err));
    TRY(emit_2(c->e, "Add", x[0], x[1], &y, err));
    return give_ranged(c, y, DTYPE_QI32, range[0], range[1], err);
}

/* --- element by element --- */

/* x, min, max: limited to the integers of zero and, unless that is 0, of `most`. */
static enum status limited(struct tf_call *c, double most, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0]);
    value_id y, limit;

    if (dtype != DTYPE_QI32)
        TRY(wants(c, 0, DTYPE_QU8, err));
    TRY(plain(c, c->in[0], &y, err));
    TRY(emit_cast(c->e, y, DTYPE_I32, &y, err));
    TRY(level(c, 0, c->in[1], c->in[2], dtype, false, INT32, &limit, err));
    TRY(emit_2(c->e, "Max", y, limit, &y, err));
    if (most > 0) {
        TRY(level(c, most, c->in[1], c->in[2], dtype, false, INT32, &limit, err));
        TRY(emit_2(c->e, "Min", y, limit, &y, err));
    }
    TRY(emit_cast(c->e, y, dtype == DTYPE_QU8 ? DTYPE_U8 : DTYPE_I32, &y, err));
    return give_ranged(c, y, dtype, c->in[1], c->in[2], err);
}

static enum status relu(struct tf_call *c, struct error *err)
{
    return limited(c, 0, err);
}

static enum status relu_6(struct tf_call *c, struct error *err)
{
    return limited(c, 6, err);
}

/* --- other ranges --- */

static enum status out_type(struct tf_call *c, int64_t *to, struct error *err)
{
    enum dtype dtype;

    TRY(tf_type(c->node, "out_type", &dtype, err));
    *to = dtype == DTYPE_NONE ? QUINT8 : number_of(dtype);
    return *to == QUINT8 ? wants(c, 0, DTYPE_QI32, err)
                         : error_set(err, STATUS_UNSUPPORTED, "to %s", dtype_name(dtype));
}

static enum status used_range(struct tf_call *c, value_id range[2], struct error *err)
{
    return emit(c->e, "firn", "RequantisationRange", c->in, 3, NULL, 0, range, 2, err);
}

static enum status range_of(struct tf_call *c, struct error *err)
{
    value_id range[2];

    TRY(used_range(c, range, err));
    TRY(tf_add(c, range[0], err));
    return tf_add(c, range[1], err);
}

static enum status give_requantised(struct tf_call *c, const value_id range[2], struct error *err)
{
    int64_t to;
    value_id y;

    TRY(out_type(c, &to, err));
    TRY(requantise(c, "fixed", c->in[0], c->in[1], c->in[2], range, to, &y, err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, range[0], err));
    return tf_add(c, range[1], err);
}

static enum status requantize(struct tf_call *c, struct error *err)
{
    return give_requantised(c, c->in + 3, err);
}

static enum status shrink(struct tf_call *c, struct error *err)
{
    value_id range[2];

    TRY(used_range(c, range, err));
    return give_requantised(c, range, err);
}

/* --- places --- */

static enum status reshape(struct tf_call *c, struct error *err)
{
    value_id dims, y;

    TRY(tf_index_list(c, 1, &dims, err));
    TRY(emit_2(c->e, "Reshape", c->in[0], dims, &y, err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, c->in[2], err));
    return tf_add(c, c->in[3], err);
}

/* axis, values, mins, maxes: all in the range that holds theirs. */
static enum status concat(struct tf_call *c, struct error *err)
{
    size_t n = (c->in_count - 1) / 3;
    value_id range[2], y, *in = arena_new(c->l->keep, value_id, n + 1);
    int64_t axis;

    if (!in)
        return error_no_memory(err, "a node");
    if (n < 1 || c->in_count != 3 * n + 1)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_known_int(c, 0, &axis, err));
    TRY(emit(c->e, "", "Min", c->in + 1 + n, n, NULL, 0, &range[0], 1, err));
    TRY(emit(c->e, "", "Max", c->in + 1 + 2 * n, n, NULL, 0, &range[1], 1, err));
    for (size_t i = 0; i < n; i++)
        TRY(emit_node(
            c->e, "firn", "Requantise",
            EMIT(c->in[1 + i], c->in[1 + n + i], c->in[1 + 2 * n + i], range[0], range[1]),
            EMIT_ATTRIBUTES(attribute_of_text("how", "floats"), attribute_of_int("same", 1),
                            attribute_of_int("to", number_of(emit_dtype(c->e, c->in[1 + i])))),
            &in[i], err));
    TRY(emit_concat(c->e, (struct emit_inputs){in, n}, axis, &y, err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, range[0], err));
    return tf_add(c, range[1], err);
}

/* Floats hold the integers: the pools of floats. Averages are cut off. */
static enum status pool(struct tf_call *c, const char *op, struct error *err)
{
    const value_id *in = c->in;
    int64_t ksize[4];
    bool average = !strcmp(op, "AvgPool");
    value_id x, half;
    size_t count;

    TRY(wants(c, 0, DTYPE_QU8, err));
    TRY(plain(c, in[0], &x, err));
    TRY(emit_cast(c->e, x, average ? DTYPE_F64 : DTYPE_F32, &x, err));
    TRY(tf_lower_as(c, op, &x, 1, err));
    x = c->out[0];
    c->out_count = 0;
    if (average) { /* a whole number of parts: half of the smallest tells */
        TRY(tf_ints(c->node, "ksize", ksize, 4, &count, c->l->keep, err));
        TRY(emit_number(c->e, DTYPE_F64, 0.5 / (double)(ksize[1] * ksize[2]), &half, err));
        TRY(emit_2(c->e, "Add", x, half, &x, err));
        TRY(emit_1(c->e, "Floor", x, &x, err));
    }
    TRY(emit_cast(c->e, x, DTYPE_U8, &x, err));
    return give_ranged(c, x, DTYPE_QU8, in[1], in[2], err);
}

static enum status max_pool(struct tf_call *c, struct error *err)
{
    return pool(c, "MaxPool", err);
}

static enum status average_pool(struct tf_call *c, struct error *err)
{
    return pool(c, "AvgPool", err);
}

const struct tf_op_set tf_ops_quantised =
    TF_OP_SET({.name = "QuantizedMatMul", .lower = product, .inputs = 6},
              {.name = "QuantizedConv2D", .lower = convolution, .inputs = 6},
              {.name = "QuantizedMul", .lower = multiply, .inputs = 6},
              {.name = "QuantizedAdd", .lower = add, .inputs = 6},
              {.name = "QuantizedBiasAdd", .lower = bias_add, .inputs = 6},
              {.name = "QuantizedRelu", .lower = relu, .inputs = 3},
              {.name = "QuantizedRelu6", .lower = relu_6, .inputs = 3},
              {.name = "RequantizationRange", .lower = range_of, .inputs = 3},
              {.name = "Requantize", .lower = requantize, .inputs = 5},
              {.name = "QuantizeDownAndShrinkRange", .lower = shrink, .inputs = 3},
              {.name = "QuantizedReshape", .lower = reshape, .inputs = 4},
              {.name = "QuantizedConcat", .lower = concat},
              {.name = "QuantizedMaxPool", .lower = max_pool, .inputs = 3},
              {.name = "QuantizedAvgPool", .lower = average_pool, .inputs = 3}, );
