// SPDX-License-Identifier: Apache-2.0
/* Layers after quantize(mode): their matrices as floats again, and inputs that are rounded before
 * they are multiplied (keras/src/quantizers, keras/src/layers/core/dense.py).
 *
 * A matrix is (rows, columns). int8: divided by a scale for each column. int4: two to a byte along
 * the columns, the lower half first; or, in groups of rows, less a zero point and times a scale.
 * gptq, awq: transposed, of bytes or two to a byte along the columns, with groups along the rows;
 * awq divides the rows by factors. float8: rounded to float8e4m3fn, as the inputs are. */
#include "base/checked.h"
#include "base/text.h"
#include "importers/keras/internal.h"
#include "tensor/convert.h"

/* --- the policy --- */

static const struct {
    const char *name;
    enum quantisation mode;
} MODES[] = {{"int8", QUANTISED_INT8},
             {"int4", QUANTISED_INT4},
             {"float8", QUANTISED_FLOAT8},
             {"gptq", QUANTISED_GPTQ},
             {"awq", QUANTISED_AWQ}};

/* "int4", "int4/-1", "gptq/4/128": mode, bits, size of a group. */
enum status quantisation_of(struct bytes mode, struct quantised *q, struct error *err)
{
    size_t word = 0;
    char quoted[TEXT_QUOTE_SIZE];

    while (word < mode.size && mode.data[word] != '/')
        word++;
    for (size_t i = 0; i < ARRAY_COUNT(MODES); i++)
        if (bytes_is((struct bytes){mode.data, word}, MODES[i].name)) {
            q->mode = MODES[i].mode;
            q->bits = word + 1 < mode.size && mode.data[word + 1] != '4' ? 8 : 4;
            return STATUS_OK;
        }
    return error_set(err, STATUS_UNSUPPORTED, "it is quantised as '%s'",
                     text_quote(mode, quoted, sizeof quoted));
}

/* --- the weights --- */

/* In the order in which an archive numbers them. */
static const char *const ORDERS[][8] = {
    [QUANTISED_INT8] = {"kernel", "bias", "kernel_scale"},
    [QUANTISED_INT4] = {"kernel", "bias", "kernel_scale", "kernel_zero", "g_idx"},
    [QUANTISED_FLOAT8] = {"kernel", "bias", "inputs_scale", "inputs_amax_history", "kernel_scale"},
    [QUANTISED_GPTQ] = {"bias", "kernel", "kernel_scale", "kernel_zero", "g_idx"},
    [QUANTISED_AWQ] = {"bias", "kernel", "kernel_scale", "kernel_zero", "awq_scales", "g_idx"},
};

static const char *const TABLE_ORDER[] = {"embeddings", "embeddings_scale", "embeddings_zero",
                                          "g_idx"};

enum status quantised_order(struct call *c, struct error *err)
{
    const char *const *order = ORDERS[c->quantised.mode];
    const char *names[8];
    size_t count = 0, found;

    if (c->weights->by_path)
        return STATUS_OK;
    if (call_is(c, "Embedding"))
        return weights_reorder(c, TABLE_ORDER, ARRAY_COUNT(TABLE_ORDER), &found, err);
    for (; count < 8 && order[count]; count++) /* as EinsumDense calls it */
        names[count] = !call_is(c, "EinsumDense") || strcmp(order[count], "kernel_zero") ||
                               c->quantised.mode == QUANTISED_INT4
                           ? order[count]
                           : "zero_point";
    return weights_reorder(c, names, count, &found, err);
}

struct parts {
    struct tensor kernel, bias, scale, zero, group, factors, inputs;
};

static struct tensor *part_named(struct parts *p, const char *name)
{
    return !strcmp(name, "kernel")         ? &p->kernel
           : !strcmp(name, "bias")         ? &p->bias
           : !strcmp(name, "kernel_scale") ? &p->scale
           : !strcmp(name, "kernel_zero")  ? &p->zero
           : !strcmp(name, "g_idx")        ? &p->group
           : !strcmp(name, "awq_scales")   ? &p->factors
           : !strcmp(name, "inputs_scale") ? &p->inputs
                                           : NULL;
}

/* Zero points and groups are there where the scale is of groups. */
static enum status parts_read(struct call *c, bool biased, struct parts *p, struct error *err)
{
    const char *const *order = ORDERS[c->quantised.mode];
    enum dtype computing = c->dtype, half = c->half;
    enum status status = STATUS_OK;

    *p = (struct parts){0};
    c->dtype = c->half = DTYPE_NONE; /* as they are stored */
    for (size_t i = 0; !status && i < 8 && order[i]; i++) {
        struct tensor skipped, *part = part_named(p, order[i]);
        bool grouped = p->scale.data && p->scale.shape.rank == 2;

        if ((!strcmp(order[i], "bias") && !biased) ||
            (c->quantised.mode == QUANTISED_INT4 && i >= 3 && !grouped))
            continue;
        status = weight_take(c, order[i], -1, part ? part : &skipped, err);
    }
    c->dtype = computing;
    c->half = half;
    return status;
}

/* --- numbers --- */

static unsigned half_byte(const struct tensor *packed, size_t byte, size_t i)
{
    unsigned value = ((const uint8_t *)packed->data)[byte];

    return (i % 2 ? value >> 4 : value) & 15;
}

double int4_at(const struct tensor *packed, size_t byte, size_t i)
{
    int value = (int)half_byte(packed, byte, i);

    return value > 7 ? value - 16 : value;
}

static enum status shapes_wrong(struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "its quantised kernel and its scales do not match");
}

/* Of row r, from the list of groups; -1: out of range. */
static int64_t group_of(const struct parts *p, size_t r, int64_t groups)
{
    double group = tensor_f64(&p->group, r);

    return group >= 0 && group < (double)groups ? (int64_t)group : -1;
}

/* (rows, columns) of int4, packed along the columns. */
static enum status from_int4(const struct parts *p, size_t rows, size_t columns,
                             struct tensor *matrix, struct error *err)
{
    bool grouped = p->scale.shape.rank == 2;
    size_t packed = (columns + 1) / 2;
    int64_t groups = grouped ? p->scale.shape.dims[0] : 1;

    if (p->kernel.dtype != DTYPE_I8 || tensor_count(&p->kernel) != rows * packed ||
        tensor_count(&p->scale) != (size_t)groups * columns ||
        (grouped &&
         (tensor_count(&p->zero) != tensor_count(&p->scale) || tensor_count(&p->group) != rows)))
        return shapes_wrong(err);
    for (size_t r = 0; r < rows; r++) {
        int64_t group = grouped ? group_of(p, r, groups) : 0;

        if (group < 0)
            return shapes_wrong(err);
        for (size_t i = 0; i < columns; i++) {
            double value = int4_at(&p->kernel, r * packed + i / 2, i);
            size_t at = (size_t)group * columns + i;

            value = grouped ? (value - tensor_f64(&p->zero, at)) * tensor_f64(&p->scale, at)
                            : value / tensor_f64(&p->scale, at);
            tensor_set_f64(matrix, r * columns + i, value);
        }
    }
    return STATUS_OK;
}

/* (columns, rows) of bytes, or packed along the columns. */
static enum status from_transposed(const struct parts *p, int bits, size_t rows, size_t columns,
                                   struct tensor *matrix, struct error *err)
{
    size_t packed = bits == 4 ? (columns + 1) / 2 : columns;
    int64_t groups = p->scale.shape.rank == 2 ? p->scale.shape.dims[1] : 0;

    if (p->kernel.dtype != DTYPE_U8 || tensor_count(&p->kernel) != rows * packed || groups < 1 ||
        tensor_count(&p->scale) != (size_t)groups * columns ||
        tensor_count(&p->zero) != tensor_count(&p->scale) || tensor_count(&p->group) != rows ||
        (p->factors.data && tensor_count(&p->factors) != rows))
        return shapes_wrong(err);
    for (size_t r = 0; r < rows; r++) {
        int64_t group = group_of(p, r, groups);
        double factor = p->factors.data ? tensor_f64(&p->factors, r) : 1;

        if (group < 0)
            return shapes_wrong(err);
        for (size_t i = 0; i < columns; i++) {
            size_t at = i * (size_t)groups + (size_t)group;
            double value = bits == 4 ? half_byte(&p->kernel, i / 2 * rows + r, i)
                                     : tensor_f64(&p->kernel, i * rows + r);

            value = (value - tensor_f64(&p->zero, at)) * tensor_f64(&p->scale, at);
            tensor_set_f64(matrix, r * columns + i, value / factor);
        }
    }
    return STATUS_OK;
}

/* x as float8e4m3fn times its scale would be. */
static enum status eighths(struct call *c, const struct tensor *scale, value_id x, value_id *y,
                           struct error *err)
{
    enum { LARGEST = 448 };
    value_id number;

    if (tensor_count(scale) != 1)
        return shapes_wrong(err);
    TRY(emit_number(c->e, c->dtype, tensor_f64(scale, 0), &number, err));
    TRY(emit_2(c->e, "Div", x, number, &x, err));
    TRY(emit_clip(c->e, x, -LARGEST, LARGEST, &x, err));
    TRY(emit_cast(c->e, x, DTYPE_F8E4M3FN, &x, err));
    TRY(emit_cast(c->e, x, c->dtype, &x, err));
    return emit_2(c->e, "Mul", x, number, y, err);
}

/* The bias is rounded to bfloat16. */
static enum status of_float8(struct call *c, struct parts *p, struct quantised_product *q,
                             value_id *x, struct error *err)
{
    struct tensor rounded;
    value_id kernel;

    TRY(emit_constant(c->e, &p->kernel, &kernel, err));
    TRY(emit_cast(c->e, kernel, c->dtype, &kernel, err));
    TRY(eighths(c, &p->scale, kernel, &q->kernel, err));
    TRY(eighths(c, &p->inputs, *x, x, err));
    if (!p->bias.data)
        return STATUS_OK;
    TRY(tensor_new(&rounded, DTYPE_BF16, &p->bias.shape, c->k->keep, err));
    TRY(tensor_cast(&p->bias, &rounded, err));
    p->bias = rounded;
    return STATUS_OK;
}

/* --- rounded inputs --- */

/* Without a configuration int8 rounds its inputs and int4 does not. */
enum status rounding_read(const struct call *c, struct rounding *r, struct error *err)
{
    const struct json *given = config_get(c, "quantization_config", NULL);
    const struct json *inputs = json_get(json_get(given, "config"), "activation_quantizer");
    const struct json *config = json_get(inputs, "config"), *range;
    bool stated = given && given->kind != JSON_NULL;
    struct bytes word;

    *r = (struct rounding){c->quantised.mode == QUANTISED_INT8, -127, 127, 1e-7};
    if (!stated)
        return STATUS_OK;
    r->rounds = inputs && inputs->kind != JSON_NULL && c->quantised.mode <= QUANTISED_INT4;
    if (!r->rounds)
        return STATUS_OK;
    if (!json_string(json_get(inputs, "class_name"), &word) || !bytes_is(word, "AbsMaxQuantizer"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'activation_quantizer' is not supported");
    range = json_get(config, "value_range");
    json_f64(json_get(config, "epsilon"), &r->epsilon);
    if (range && (range->kind != JSON_ARRAY || range->count != 2 ||
                  !json_f64(&range->items[0], &r->low) || !json_f64(&range->items[1], &r->high)))
        return error_set(err, STATUS_UNSUPPORTED, "its 'value_range' is no pair of numbers");
    if (json_string(json_get(config, "output_dtype"), &word) && !bytes_is(word, "int8"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'output_dtype' is not int8");
    return STATUS_OK;
}

enum status rounding_emit(struct call *c, const struct rounding *r, const int64_t *axes,
                          size_t axis_count, value_id *x, value_id *scale, struct error *err)
{
    value_id number, largest;

    TRY(emit_1(c->e, "Abs", *x, &largest, err));
    TRY(emit_reduce(c->e, "ReduceMax", largest, axes, axis_count, true, &largest, err));
    TRY(emit_number(c->e, c->dtype, r->epsilon, &number, err));
    TRY(emit_2(c->e, "Add", largest, number, &largest, err));
    TRY(emit_number(c->e, c->dtype, r->high, &number, err));
    TRY(emit_2(c->e, "Div", number, largest, scale, err));
    TRY(emit_2(c->e, "Mul", *x, *scale, x, err));
    TRY(emit_1(c->e, "Round", *x, x, err));
    return emit_clip(c->e, *x, r->low, r->high, x, err);
}

/* --- the whole --- */

static enum status matrix_read(struct call *c, const struct parts *p, size_t rows, size_t columns,
                               struct tensor *matrix, struct error *err)
{
    struct shape shape = SHAPE((int64_t)rows, (int64_t)columns);

    TRY(tensor_new(matrix, c->dtype, &shape, c->k->keep, err));
    if (c->quantised.mode == QUANTISED_INT4)
        return from_int4(p, rows, columns, matrix, err);
    if (c->quantised.mode != QUANTISED_INT8)
        return from_transposed(p, c->quantised.mode == QUANTISED_AWQ ? 4 : c->quantised.bits, rows,
                               columns, matrix, err);
    if (p->kernel.dtype != DTYPE_I8 || tensor_count(&p->kernel) != rows * columns)
        return shapes_wrong(err);
    for (size_t i = 0; i < rows * columns; i++)
        tensor_set_f64(matrix, i, tensor_f64(&p->kernel, i));
    return STATUS_OK;
}

enum status quantised_read(struct call *c, const struct shape *shape, size_t rows, size_t columns,
                           bool biased, const int64_t *axes, size_t axis_count, value_id *x,
                           struct quantised_product *q, struct error *err)
{
    struct tensor matrix, bias;
    struct rounding rounding;
    struct parts p;
    size_t count;

    *q = (struct quantised_product){VALUE_NONE, VALUE_NONE, VALUE_NONE, VALUE_NONE};
    if (!checked_multiply(rows, columns, &count) || count > (size_t)1 << 34)
        return shapes_wrong(err);
    TRY(rounding_read(c, &rounding, err));
    TRY(parts_read(c, biased, &p, err));
    if (count / 2 > tensor_count(&p.kernel))
        return shapes_wrong(err);
    if (c->quantised.mode == QUANTISED_FLOAT8) {
        TRY(of_float8(c, &p, q, x, err));
    } else {
        TRY(matrix_read(c, &p, rows, columns, &matrix, err));
        matrix.shape = *shape;
        TRY(emit_constant(c->e, &matrix, &q->kernel, err));
    }
    if (c->quantised.mode == QUANTISED_INT8) { /* the product is divided */
        TRY(emit_constant(c->e, &p.scale, &q->scale, err));
        TRY(emit_cast(c->e, q->scale, c->dtype, &q->scale, err));
    }
    if (rounding.rounds)
        TRY(rounding_emit(c, &rounding, axes, axis_count, x, &q->inputs, err));
    if (!biased)
        return STATUS_OK;
    TRY(tensor_new(&bias, c->dtype, &p.bias.shape, c->k->keep, err));
    TRY(tensor_cast(&p.bias, &bias, err));
    return emit_constant(c->e, &bias, &q->bias, err);
}
