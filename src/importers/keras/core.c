// SPDX-License-Identifier: Apache-2.0
/* Dense, Embedding, Masking, shapes, and what does nothing in inference. */
#include "importers/keras/internal.h"

static enum status same(struct call *c, struct error *err)
{
    for (size_t i = 0; i < c->in_count; i++)
        TRY(call_add(c, c->in[i].value, c->in[i].mask, err));
    return STATUS_OK;
}

/* AbsMaxQuantizer: x of each row times 127 / its largest, rounded; *scale is that factor. */
static enum status rows_to_int8(struct call *c, value_id x, value_id *quantised, value_id *scale,
                                struct error *err)
{
    int64_t last = -1;
    value_id epsilon, largest, top;

    TRY(emit_1(c->e, "Abs", x, &largest, err));
    TRY(emit_reduce(c->e, "ReduceMax", largest, &last, 1, true, &largest, err));
    TRY(emit_number(c->e, c->dtype, 1e-7, &epsilon, err));
    TRY(emit_2(c->e, "Add", largest, epsilon, &largest, err));
    TRY(emit_number(c->e, c->dtype, 127, &top, err));
    TRY(emit_2(c->e, "Div", top, largest, scale, err));
    TRY(emit_2(c->e, "Mul", x, *scale, quantised, err));
    TRY(emit_1(c->e, "Round", *quantised, quantised, err));
    TRY(emit_clip(c->e, *quantised, -127, 127, quantised, err));
    return emit_cast(c->e, *quantised, DTYPE_I8, quantised, err);
}

/* Kernel, bias and scales, in this order; products are of integers unless inputs stay as they are.
 */
static enum status dense_int8(struct call *c, value_id x, bool biased, value_id *y,
                              struct error *err)
{
    const struct json *inputs = json_get(
        json_get(json_get(c->config, "quantization_config"), "config"), "activation_quantizer");
    bool rounds = !json_get(c->config, "quantization_config") ||
                  json_get(c->config, "quantization_config")->kind == JSON_NULL ||
                  (inputs && inputs->kind != JSON_NULL);
    struct bytes kind = bytes_of("AbsMaxQuantizer");
    struct tensor stored;
    value_id kernel, bias, scales, own;

    json_string(json_get(inputs, "class_name"), &kind);
    if (!bytes_is(kind, "AbsMaxQuantizer"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'activation_quantizer' is not supported");
    TRY(weight_take_any(c, "kernel", DTYPE_I8, &stored, err));
    TRY(emit_constant(c->e, &stored, &kernel, err));
    if (biased)
        TRY(weight_constant(c, "bias", 1, &bias, err));
    TRY(weight_constant(c, "scales", 1, &scales, err));
    if (rounds) {
        TRY(rows_to_int8(c, x, &x, &own, err));
        TRY(emit_2(c->e, "MatMulInteger", x, kernel, y, err));
        TRY(emit_cast(c->e, *y, c->dtype, y, err));
        TRY(emit_2(c->e, "Mul", scales, own, &scales, err));
    } else {
        TRY(emit_cast(c->e, kernel, c->dtype, &kernel, err));
        TRY(emit_2(c->e, "MatMul", x, kernel, y, err));
    }
    TRY(emit_2(c->e, "Div", *y, scales, y, err));
    return biased ? emit_2(c->e, "Add", *y, bias, y, err) : STATUS_OK;
}

static enum status dense(struct call *c, struct error *err)
{
    bool biased = config_bool_or(c, "use_bias", "bias", true);
    value_id x, kernel, y, bias;

    TRY(call_wants(c, 1, err));
    TRY(config_lora(c, err));
    TRY(emit_cast(c->e, c->in[0].value, c->dtype, &x, err));
    if (c->int8) {
        TRY(dense_int8(c, x, biased, &y, err));
        TRY(activation_of(c, y, &y, err));
        return call_give(c, y);
    }
    TRY(weight_constant(c, "kernel", 2, &kernel, err));
    TRY(emit_2(c->e, "MatMul", x, kernel, &y, err));
    if (biased) {
        TRY(weight_constant(c, "bias", 1, &bias, err));
        TRY(emit_2(c->e, "Add", y, bias, &y, err));
    }
    TRY(activation_of(c, y, &y, err));
    return call_give(c, y);
}

static enum status activation(struct call *c, struct error *err)
{
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(activation_of(c, c->in[0].value, &y, err));
    return call_give(c, y);
}

/* Channels go last before they are flattened, so that both formats give the same order. */
static enum status flatten(struct call *c, struct error *err)
{
    static const int64_t ROWS[] = {0, -1}, COLUMN[] = {-1, 1};
    int64_t perm[RANK_MAX];
    value_id x = c->in[0].value, y;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    if (json_get(c->config, "data_format") && config_channels_first(c, rank - 2) && rank > 2) {
        perm[0] = 0;
        for (int i = 1; i < rank - 1; i++)
            perm[i] = i + 1;
        perm[rank - 1] = 1;
        TRY(emit_transpose(c->e, x, perm, (size_t)rank, &x, err));
    }
    TRY(emit_reshape(c->e, x, rank > 1 ? ROWS : COLUMN, 2, &y, err));
    return call_give(c, y);
}

static enum status reshape(struct call *c, struct error *err)
{
    const struct json *target = json_get(c->config, "target_shape");
    int64_t dims[RANK_MAX] = {0};
    value_id y;

    TRY(call_wants(c, 1, err));
    if (!target || target->kind != JSON_ARRAY || target->count >= RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "has no target_shape");
    for (size_t i = 0; i < target->count; i++)
        if (!json_i64(&target->items[i], &dims[i + 1]) || dims[i + 1] == 0 || dims[i + 1] < -1)
            return error_set(err, STATUS_UNSUPPORTED, "has no fixed target_shape");
    TRY(emit_reshape(c->e, c->in[0].value, dims, target->count + 1, &y, err));
    return call_give(c, y);
}

static enum status permute(struct call *c, struct error *err)
{
    const struct json *dims = json_get(c->config, "dims");
    int64_t perm[RANK_MAX] = {0};
    value_id y;

    TRY(call_wants(c, 1, err));
    if (!dims || dims->kind != JSON_ARRAY || dims->count >= RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "has no dims");
    for (size_t i = 0; i < dims->count; i++)
        if (!json_i64(&dims->items[i], &perm[i + 1]))
            return error_set(err, STATUS_INVALID_INPUT, "its dims are no integers");
    TRY(emit_transpose(c->e, c->in[0].value, perm, dims->count + 1, &y, err));
    return call_give(c, y);
}

static enum status repeat_vector(struct call *c, struct error *err)
{
    value_id x, repeats, y;
    int64_t n;

    TRY(call_wants(c, 1, err));
    TRY(config_int(c, "n", NULL, &n, err));
    TRY(emit_unsqueeze(c->e, c->in[0].value, 1, &x, err));
    TRY(EMIT_INTS(c->e, &repeats, err, 1, n, 1));
    TRY(emit_2(c->e, "Tile", x, repeats, &y, err));
    return call_give(c, y);
}

/* A step counts when any of its values is another than mask_value; those that do not are zero. */
static enum status masking(struct call *c, struct error *err)
{
    value_id x = c->in[0].value, skipped, equal, differs, any, wide, zero, y;
    int64_t last = -1;

    TRY(call_wants(c, 1, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), config_number_or(c, "mask_value", 0), &skipped,
                    err));
    TRY(emit_2(c->e, "Equal", x, skipped, &equal, err));
    TRY(emit_1(c->e, "Not", equal, &differs, err));
    TRY(emit_cast(c->e, differs, DTYPE_F32, &differs, err));
    TRY(emit_reduce(c->e, "ReduceMax", differs, &last, 1, true, &wide, err));
    TRY(emit_cast(c->e, wide, DTYPE_BOOL, &wide, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), 0, &zero, err));
    TRY(emit_node(c->e, "", "Where", EMIT(wide, x, zero), EMIT_PLAIN, &y, err));
    TRY(emit_squeeze(c->e, wide, -1, &any, err));
    return call_add(c, y, any, err);
}

/* --- Embedding --- */

/* (words, width) of int8 and a scale for each word: a word's row divided by its scale. */
static enum status table_of_int8(struct call *c, value_id *table, struct error *err)
{
    struct tensor stored, scales, wide;
    size_t width;

    TRY(weight_take_any(c, "table", DTYPE_I8, &stored, err));
    TRY(weight_take(c, "scales", 1, &scales, err));
    if (stored.shape.rank != 2 || scales.shape.dims[0] != stored.shape.dims[0])
        return error_set(err, STATUS_INVALID_INPUT, "its table and its scales do not match");
    TRY(tensor_new(&wide, c->dtype, &stored.shape, c->k->keep, err));
    width = (size_t)stored.shape.dims[1];
    for (size_t i = 0; i < tensor_count(&stored); i++)
        tensor_set_f64(&wide, i, tensor_f64(&stored, i) / tensor_f64(&scales, i / width));
    return emit_constant(c->e, &wide, table, err);
}

static enum status rows_of(struct call *c, value_id table, struct error *err)
{
    value_id index, zero, mask = VALUE_NONE, y;

    TRY(emit_cast(c->e, c->in[0].value, DTYPE_I64, &index, err));
    if (config_bool_or(c, "mask_zero", NULL, false)) {
        TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
        TRY(emit_2(c->e, "Equal", index, zero, &mask, err));
        TRY(emit_1(c->e, "Not", mask, &mask, err));
    }
    TRY(emit_2(c->e, "Gather", table, index, &y, err));
    return call_add(c, y, mask, err);
}

static enum status embedding(struct call *c, struct error *err)
{
    value_id table;

    TRY(call_wants(c, 1, err));
    TRY(config_lora(c, err));
    if (c->int8)
        TRY(table_of_int8(c, &table, err));
    else
        TRY(weight_constant(c, "table", 2, &table, err));
    return rows_of(c, table, err);
}

/* The same table, or one of its own, as the kernel of a Dense: called with reverse=True. */
static enum status reversible_embedding(struct call *c, struct error *err)
{
    const struct json *cap = json_get(c->config, "logit_soft_cap");
    bool reverse = false, tied = config_bool_or(c, "tie_weights", NULL, true);
    value_id table, kernel, limit, y;
    double number;

    TRY(call_wants(c, 1, err));
    json_bool(call_keyword(c, "reverse"), &reverse);
    TRY(weight_constant(c, "table", 2, &table, err));
    if (!reverse)
        return rows_of(c, table, err);
    if (tied)
        TRY(emit_transpose(c->e, table, (const int64_t[]){1, 0}, 2, &kernel, err));
    else
        TRY(weight_constant(c, "reverse table", 2, &kernel, err));
    TRY(emit_2(c->e, "MatMul", c->in[0].value, kernel, &y, err));
    if (json_f64(cap, &number)) {
        TRY(emit_number(c->e, c->dtype, number, &limit, err));
        TRY(emit_2(c->e, "Div", y, limit, &y, err));
        TRY(emit_1(c->e, "Tanh", y, &y, err));
        TRY(emit_2(c->e, "Mul", y, limit, &y, err));
    }
    return call_give(c, y);
}

const struct layer_set layers_core = LAYER_SET(
    {.name = "Dense", .lower = dense, .masks = true, .int8 = true},
    {.name = "TimeDistributedDense", .lower = dense, .masks = true},
    {.name = "Activation", .lower = activation, .masks = true},
    {.name = "Flatten", .lower = flatten}, {.name = "Reshape", .lower = reshape},
    {.name = "Permute", .lower = permute}, {.name = "RepeatVector", .lower = repeat_vector},
    {.name = "Masking", .lower = masking}, {.name = "Embedding", .lower = embedding, .int8 = true},
    {.name = "ReversibleEmbedding", .lower = reversible_embedding, .keywords = true},
    {.name = "Identity", .lower = same, .alias = "TFDIdentity"},
    {.name = "StochasticDepth", .lower = same}, {.name = "Dropout", .lower = same},
    {.name = "SpatialDropout1D", .lower = same}, {.name = "SpatialDropout2D", .lower = same},
    {.name = "SpatialDropout3D", .lower = same}, {.name = "GaussianNoise", .lower = same},
    {.name = "GaussianDropout", .lower = same}, {.name = "AlphaDropout", .lower = same},
    {.name = "ActivityRegularization", .lower = same}, );
