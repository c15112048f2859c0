// SPDX-License-Identifier: Apache-2.0
/* Hashing, HashedCrossing: values into buckets. Numbers are hashed as they are written. */
#include "importers/keras/internal.h"

/* A salt: one integer, or two. */
enum status hash_emit(struct call *c, value_id strings, int64_t buckets, const struct json *salt,
                      value_id *y, struct error *err)
{
    struct attribute attributes[3] = {attribute_of_int("buckets", buckets)};
    int64_t key[2];

    if (!salt || salt->kind == JSON_NULL) {
        attributes[1] = attribute_of_text("function", "farm");
        return emit(c->e, "firn", "HashBucket", &strings, 1, attributes, 2, y, 1, err);
    }
    if (json_i64(salt, &key[0]))
        key[1] = key[0];
    else if (salt->kind != JSON_ARRAY || salt->count != 2 || !json_i64(&salt->items[0], &key[0]) ||
             !json_i64(&salt->items[1], &key[1]))
        return error_set(err, STATUS_UNSUPPORTED, "its 'salt' is not one or two integers");
    attributes[1] = attribute_of_text("function", "sip");
    attributes[2] = attribute_of_ints("key", key, 2);
    return emit(c->e, "firn", "HashBucket", &strings, 1, attributes, 3, y, 1, err);
}

/* The value that has bucket 0 for itself, of the dtype of x. */
static enum status mask_of(struct call *c, const struct json *given, value_id x, value_id *value,
                           struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, x);
    struct shape shape = shape_scalar();
    struct tensor tensor;
    double number;

    TRY(tensor_new(&tensor, dtype, &shape, c->k->keep, err));
    if (dtype == DTYPE_STRING && json_string(given, tensor.data))
        return emit_constant(c->e, &tensor, value, err);
    if (dtype == DTYPE_STRING || !json_f64(given, &number))
        return error_set(err, STATUS_UNSUPPORTED, "its 'mask_value' is %s",
                         json_kind_name(given->kind));
    return emit_number(c->e, dtype, number, value, err);
}

/* Integers as they come; other numbers without what is behind the point. */
static enum status strings_of(struct call *c, value_id x, value_id *strings, struct error *err)
{
    if (emit_dtype(c->e, x) != DTYPE_STRING)
        TRY(emit_cast(c->e, x, DTYPE_I64, &x, err));
    return emit_cast(c->e, x, DTYPE_STRING, strings, err);
}

static enum dtype output_dtype(struct bytes mode)
{
    return bytes_is(mode, "int") ? DTYPE_I64 : DTYPE_F32;
}

static enum status hashing(struct call *c, struct error *err)
{
    struct bytes mode = config_text_or(c, "output_mode", NULL, "int");
    const struct json *mask = config_get(c, "mask_value", NULL);
    value_id x = c->in[0].value, is = VALUE_NONE, value, one, zero, y;
    int64_t buckets;

    TRY(call_wants(c, 1, err));
    TRY(config_int(c, "num_bins", NULL, &buckets, err));
    if (buckets < 1)
        return error_set(err, STATUS_INVALID_INPUT, "has %lld bins", (long long)buckets);
    if (mask && mask->kind != JSON_NULL && buckets > 1) {
        TRY(mask_of(c, mask, x, &value, err));
        TRY(emit_2(c->e, "Equal", x, value, &is, err));
    }
    TRY(strings_of(c, x, &x, err));
    TRY(hash_emit(c, x, buckets - (is != VALUE_NONE), config_get(c, "salt", NULL), &y, err));
    if (is != VALUE_NONE) {
        TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
        TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
        TRY(emit_2(c->e, "Add", y, one, &y, err));
        TRY(emit_where(c->e, is, zero, y, &y, err));
    }
    TRY(categories_encode(c, y, mode, buckets, VALUE_NONE, output_dtype(mode), &y, err));
    return call_give(c, y);
}

static enum status hashed_crossing(struct call *c, struct error *err)
{
    struct bytes mode = config_text_or(c, "output_mode", NULL, "int");
    value_id in[LAYER_INPUTS_MAX], y;
    struct attribute attribute;
    int64_t buckets;

    TRY(config_int(c, "num_bins", NULL, &buckets, err));
    for (size_t i = 0; i < c->in_count; i++) {
        in[i] = c->in[i].value;
        if (emit_dtype(c->e, in[i]) != DTYPE_STRING)
            TRY(emit_cast(c->e, in[i], DTYPE_I64, &in[i], err));
    }
    attribute = attribute_of_int("buckets", buckets);
    TRY(emit(c->e, "firn", "CrossHash", in, c->in_count, &attribute, 1, &y, 1, err));
    TRY(categories_encode(c, y, mode, buckets, VALUE_NONE, output_dtype(mode), &y, err));
    return call_give(c, y);
}

const struct layer_set layers_hashing =
    LAYER_SET({.name = "Hashing", .lower = hashing, .any_dtype = true},
              {.name = "HashedCrossing", .lower = hashed_crossing, .any_dtype = true}, );
