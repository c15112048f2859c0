// SPDX-License-Identifier: Apache-2.0
/* Dense, Embedding, Masking, shapes, and what does nothing in inference. */
#include "importers/keras/internal.h"

static enum status same(struct call *c, struct error *err)
{
    for (size_t i = 0; i < c->in_count; i++)
        TRY(call_add(c, c->in[i].value, c->in[i].mask, err));
    return STATUS_OK;
}

static enum status dense(struct call *c, struct error *err)
{
    bool biased = config_bool_or(c, "use_bias", "bias", true);
    value_id x, kernel, y, bias;

    TRY(call_wants(c, 1, err));
    TRY(config_refuse(c, "lora_rank", err));
    TRY(config_refuse(c, "quantization_mode", err));
    TRY(weight_constant(c, "kernel", 2, &kernel, err));
    TRY(emit_cast(c->e, c->in[0].value, c->dtype, &x, err));
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

static enum status embedding(struct call *c, struct error *err)
{
    value_id x = c->in[0].value, table, index, zero, mask = VALUE_NONE, y;

    TRY(call_wants(c, 1, err));
    TRY(config_refuse(c, "lora_rank", err));
    TRY(config_refuse(c, "quantization_mode", err));
    TRY(weight_constant(c, "table", 2, &table, err));
    TRY(emit_cast(c->e, x, DTYPE_I64, &index, err));
    if (config_bool_or(c, "mask_zero", NULL, false)) {
        TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
        TRY(emit_2(c->e, "Equal", index, zero, &mask, err));
        TRY(emit_1(c->e, "Not", mask, &mask, err));
    }
    TRY(emit_2(c->e, "Gather", table, index, &y, err));
    return call_add(c, y, mask, err);
}

const struct layer_set layers_core = LAYER_SET(
    {.name = "Dense", .lower = dense, .masks = true},
    {.name = "TimeDistributedDense", .lower = dense, .masks = true},
    {.name = "Activation", .lower = activation, .masks = true},
    {.name = "Flatten", .lower = flatten}, {.name = "Reshape", .lower = reshape},
    {.name = "Permute", .lower = permute}, {.name = "RepeatVector", .lower = repeat_vector},
    {.name = "Masking", .lower = masking}, {.name = "Embedding", .lower = embedding},
    {.name = "Identity", .lower = same}, {.name = "Dropout", .lower = same},
    {.name = "SpatialDropout1D", .lower = same}, {.name = "SpatialDropout2D", .lower = same},
    {.name = "SpatialDropout3D", .lower = same}, {.name = "GaussianNoise", .lower = same},
    {.name = "GaussianDropout", .lower = same}, {.name = "AlphaDropout", .lower = same},
    {.name = "ActivityRegularization", .lower = same}, {.name = "RandomFlip", .lower = same},
    {.name = "RandomRotation", .lower = same}, {.name = "RandomZoom", .lower = same},
    {.name = "RandomTranslation", .lower = same}, {.name = "RandomContrast", .lower = same},
    {.name = "RandomBrightness", .lower = same}, );
