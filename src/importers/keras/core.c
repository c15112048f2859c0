// SPDX-License-Identifier: Apache-2.0
/* Dense, Embedding, Masking, shapes, and what does nothing in inference. */
#include "importers/keras/internal.h"

static enum status same(struct call *c, struct error *err)
{
    for (size_t i = 0; i < c->in_count; i++)
        TRY(call_add(c, c->in[i].value, c->in[i].mask, err));
    return STATUS_OK;
}

/* Kernel, bias and scales, in this order; products are of integers unless inputs stay as they are.
 */
static enum status dense_int8(struct call *c, value_id x, bool biased, value_id *y,
                              struct error *err)
{
    static const int64_t LAST = -1;
    struct rounding rounding;
    struct tensor stored;
    value_id kernel, bias, scales, own;

    TRY(rounding_read(c, &rounding, err));
    TRY(weight_take_any(c, "kernel", DTYPE_I8, &stored, err));
    TRY(emit_constant(c->e, &stored, &kernel, err));
    if (biased)
        TRY(weight_constant(c, "bias", 1, &bias, err));
    TRY(weight_constant(c, "scales", 1, &scales, err));
    if (rounding.rounds) {
        TRY(rounding_emit(c, &rounding, &LAST, 1, &x, &own, err));
        TRY(emit_cast(c->e, x, DTYPE_I8, &x, err));
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

/* Of other modes: the kernel as floats. */
static enum status dense_quantised(struct call *c, value_id x, bool biased, value_id *y,
                                   struct error *err)
{
    static const int64_t LAST = -1;
    struct quantised_product q;
    int64_t rows, columns;
    struct shape shape;

    if (c->quantised.mode == QUANTISED_INT8)
        return dense_int8(c, x, biased, y, err);
    TRY(call_dim(c, 0, -1, &rows, err));
    TRY(config_int(c, "units", NULL, &columns, err));
    if (columns < 1)
        return error_set(err, STATUS_INVALID_INPUT, "has %lld units", (long long)columns);
    shape = SHAPE(rows, columns);
    TRY(quantised_read(c, &shape, (size_t)rows, (size_t)columns, biased, &LAST, 1, &x, &q, err));
    TRY(emit_2(c->e, "MatMul", x, q.kernel, y, err));
    if (q.inputs != VALUE_NONE)
        TRY(emit_2(c->e, "Div", *y, q.inputs, y, err));
    return biased ? emit_2(c->e, "Add", *y, q.bias, y, err) : STATUS_OK;
}

static enum status dense(struct call *c, struct error *err)
{
    bool biased = config_bool_or(c, "use_bias", "bias", true);
    value_id x, kernel, y, bias;

    TRY(call_wants(c, 1, err));
    TRY(lora_merge(c, "kernel", err));
    TRY(emit_cast(c->e, c->in[0].value, c->dtype, &x, err));
    if (c->quantised.mode) {
        TRY(dense_quantised(c, x, biased, &y, err));
        TRY(activation_of(c, y, &y, err));
        return call_give(c, y);
    }
    TRY(weight_constant(c, "kernel", 2, &kernel, err));
    TRY(config_expect(c, "units", "output_dim", emit_shape(c->e, kernel)->dims[1], err));
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
    if (config_get(c, "data_format", NULL) && config_channels_first(c, rank - 2) && rank > 2) {
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
    const struct json *target = config_get(c, "target_shape", NULL);
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
    const struct json *dims = config_get(c, "dims", NULL);
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
    TRY(emit_where(c->e, wide, x, zero, &y, err));
    TRY(emit_squeeze(c->e, wide, -1, &any, err));
    return call_add(c, y, any, err);
}

/* --- Embedding --- */

/* (words, width) of int8, or of int4 with two to a byte along the width, and a scale for each word:
 * a word's row divided by its scale. In groups along the width: less a zero point, times a scale.
 */
static enum status table_of_integers(struct call *c, value_id *table, struct error *err)
{
    bool packed = c->quantised.mode == QUANTISED_INT4, grouped;
    struct tensor stored, scales, zeros = {0}, group = {0}, wide;
    struct shape shape;
    int64_t width, groups;

    TRY(config_int(c, "output_dim", NULL, &width, err));
    TRY(weight_take_any(c, "table", DTYPE_I8, &stored, err));
    TRY(weight_take(c, "scales", -1, &scales, err));
    grouped = scales.shape.rank == 2;
    groups = grouped ? scales.shape.dims[1] : 1;
    if (grouped) {
        TRY(weight_take_any(c, "zero points", DTYPE_I8, &zeros, err));
        TRY(weight_take_any(c, "groups", DTYPE_F32, &group, err));
    }
    if (stored.shape.rank != 2 || width < 1 || groups < 1 ||
        stored.shape.dims[1] != (packed ? (width + 1) / 2 : width) ||
        (int64_t)tensor_count(&scales) != stored.shape.dims[0] * groups ||
        (grouped && (!shape_equal(&zeros.shape, &scales.shape) ||
                     (int64_t)tensor_count(&group) != width || !packed)))
        return error_set(err, STATUS_INVALID_INPUT, "its table and its scales do not match");
    shape = SHAPE(stored.shape.dims[0], width);
    TRY(tensor_new(&wide, c->dtype, &shape, c->k->keep, err));
    for (size_t i = 0; i < tensor_count(&wide); i++) {
        size_t row = i / (size_t)width, column = i % (size_t)width;
        double of = grouped ? tensor_f64(&group, column) : 0;
        size_t byte = packed ? row * (((size_t)width + 1) / 2) + column / 2 : i;
        double value = packed ? int4_at(&stored, byte, column) : tensor_f64(&stored, i);
        size_t at = row * (size_t)groups + (size_t)(of >= 0 && of < (double)groups ? of : 0);

        value = grouped ? (value - tensor_f64(&zeros, at)) * tensor_f64(&scales, at)
                        : value / tensor_f64(&scales, at);
        tensor_set_f64(&wide, i, value);
    }
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
    TRY(lora_merge(c, "embeddings", err));
    if (c->quantised.mode > QUANTISED_INT4)
        return error_set(err, STATUS_UNSUPPORTED, "its table is quantised to other than integers");
    if (c->quantised.mode)
        TRY(table_of_integers(c, &table, err));
    else
        TRY(weight_constant(c, "table", 2, &table, err));
    TRY(config_expect(c, "input_dim", NULL, emit_shape(c->e, table)->dims[0], err));
    TRY(config_expect(c, "output_dim", NULL, emit_shape(c->e, table)->dims[1], err));
    return rows_of(c, table, err);
}

/* The same table, or one of its own, as the kernel of a Dense: called with reverse=True. */
static enum status reversible_embedding(struct call *c, struct error *err)
{
    const struct json *cap = config_get(c, "logit_soft_cap", NULL);
    bool reverse = call_flag(c, 1, "reverse", false);
    bool tied = config_bool_or(c, "tie_weights", NULL, true);
    value_id table, kernel, limit, y;
    double number;

    TRY(call_wants(c, 1, err));
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
    {.name = "Dense", .lower = dense, .masks = true, .quantised = true},
    {.name = "TimeDistributedDense", .lower = dense, .masks = true},
    {.name = "Activation", .lower = activation, .masks = true},
    {.name = "Flatten", .lower = flatten}, {.name = "Reshape", .lower = reshape},
    {.name = "Permute", .lower = permute}, {.name = "RepeatVector", .lower = repeat_vector},
    {.name = "Masking", .lower = masking},
    {.name = "Embedding", .lower = embedding, .quantised = true},
    {.name = "ReversibleEmbedding", .lower = reversible_embedding, .keywords = true},
    {.name = "Identity", .lower = same, .alias = "TFDIdentity", .idle = true},
    {.name = "StochasticDepth", .lower = same, .idle = true},
    {.name = "Dropout", .lower = same, .idle = true},
    {.name = "SpatialDropout1D", .lower = same, .idle = true},
    {.name = "SpatialDropout2D", .lower = same, .idle = true},
    {.name = "SpatialDropout3D", .lower = same, .idle = true},
    {.name = "GaussianNoise", .lower = same, .idle = true},
    {.name = "GaussianDropout", .lower = same, .idle = true},
    {.name = "AlphaDropout", .lower = same, .idle = true},
    {.name = "ActivityRegularization", .lower = same, .idle = true}, );
