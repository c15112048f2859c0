// SPDX-License-Identifier: Apache-2.0
/* DictVectorizer and CastMap. Their map comes as two tensors: keys (n,) and values (n,). The result
 * has one row, as ONNX Runtime gives it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "ops/kernels/call.h"
#include "ops/kernels/ml/categories.h"

static enum status pairs_check(const struct op_call *call, uint64_t keys, uint64_t values,
                               struct error *err)
{
    const struct shape *a = &call->in[0].shape, *b = &call->in[1].shape;

    TRY(op_wants(call, 0, keys, err));
    TRY(op_wants(call, 1, values, err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (a->rank == 1 && b->rank == 1 && a->dims[0] >= 0 && b->dims[0] >= 0 &&
        a->dims[0] != b->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld keys for %lld values",
                        (long long)a->dims[0], (long long)b->dims[0]);
    return STATUS_OK;
}

/* --- DictVectorizer --- */

static enum status vocabulary_of(const struct op_call *call, struct tensor *keys, struct error *err)
{
    bool strings = call->in[0].dtype == DTYPE_STRING;
    size_t count = 0;
    const void *data =
        strings ? (const void *)attribute_strings(call->attributes, "string_vocabulary", &count)
                : (const void *)attribute_ints(call->attributes, "int64_vocabulary", &count);

    if (!data)
        return op_error(call, err, STATUS_INVALID_INPUT, "there is no vocabulary of %s",
                        dtype_name(call->in[0].dtype));
    *keys = (struct tensor){
        call->in[0].dtype, {.rank = 1, .dims = {(int64_t)count}}, (void *)(uintptr_t)data};
    return STATUS_OK;
}

static enum status vectorizer_infer(struct op_call *call, struct error *err)
{
    struct shape shape = {.rank = 2, .dims = {1}};
    struct tensor keys;

    TRY(pairs_check(call, DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_I64),
                    DTYPE_BIT(DTYPE_STRING) | DTYPES_NUMBER, err));
    TRY(vocabulary_of(call, &keys, err));
    shape.dims[1] = keys.shape.dims[0];
    op_give(call, 0, call->in[1].dtype, &shape);
    return STATUS_OK;
}

static enum status vectorizer_prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct categories *vocabulary = arena_new(keep, struct categories, 1);
    struct tensor *keys = arena_new(keep, struct tensor, 1);

    if (!vocabulary || !keys)
        return error_no_memory(err, "a vocabulary");
    TRY(vocabulary_of(call, keys, err));
    call->state = vocabulary;
    return categories_new(vocabulary, keys, keep, err);
}

/* Zeros, or empty strings, where the map has no value. */
static enum status vectorizer_run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[1];
    size_t size = dtype_size(x->dtype), all = tensor_count(&call->out[0]);
    char *y = call->out[0].data, *seen = call->scratch;

    memset(seen, 0, all);
    if (x->dtype == DTYPE_STRING)
        for (size_t i = 0; i < all; i++)
            ((struct bytes *)call->out[0].data)[i] = (struct bytes){(const uint8_t *)"", 0};
    else
        memset(y, 0, all * size);
    for (size_t i = 0; i < tensor_count(x); i++) {
        int64_t at = categories_find(call->state, &call->in[0], i);

        if (at < 0)
            continue;
        if (seen[at]++)
            return op_error(call, err, STATUS_INVALID_INPUT, "key %zu is there twice", i);
        memcpy(y + (size_t)at * size, (const char *)x->data + i * size, size);
    }
    return STATUS_OK;
}

static size_t vectorizer_scratch(const struct op_call *call)
{
    return tensor_count(&call->out[0]);
}

/* --- CastMap --- */

struct cast {
    enum dtype to;
    bool sparse;
    int64_t size; /* of the sparse form */
};

static enum status cast_of(const struct op_call *call, struct cast *cast, struct error *err)
{
    struct bytes to = attribute_string(call->attributes, "cast_to", "TO_FLOAT");
    struct bytes form = attribute_string(call->attributes, "map_form", "DENSE");

    cast->to = bytes_is(to, "TO_FLOAT")    ? DTYPE_F32
               : bytes_is(to, "TO_STRING") ? DTYPE_STRING
               : bytes_is(to, "TO_INT64")  ? DTYPE_I64
                                           : DTYPE_NONE;
    cast->sparse = bytes_is(form, "SPARSE");
    cast->size = attribute_int(call->attributes, "max_map", 1);
    if (cast->to == DTYPE_NONE || (!cast->sparse && !bytes_is(form, "DENSE")) || cast->size < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "cast_to, map_form or max_map is unknown");
    return STATUS_OK;
}

static enum status cast_infer(struct op_call *call, struct error *err)
{
    struct shape shape = {.rank = 2, .dims = {1, DIM_UNKNOWN}};
    struct cast cast;

    TRY(pairs_check(call, DTYPE_BIT(DTYPE_I64), DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_F32),
                    err));
    TRY(cast_of(call, &cast, err));
    if (cast.sparse)
        shape.dims[1] = cast.size;
    else if (call->in[0].shape.rank == 1)
        shape.dims[1] = call->in[0].shape.dims[0];
    op_give(call, 0, cast.to, &shape);
    return STATUS_OK;
}

struct pair {
    int64_t key;
    size_t place;
};

static int by_key(const void *a, const void *b)
{
    int64_t x = ((const struct pair *)a)->key, y = ((const struct pair *)b)->key;

    return (x > y) - (x < y);
}

static size_t cast_scratch(const struct op_call *call)
{
    return tensor_count(&call->in[0]) * sizeof(struct pair);
}

static enum status text_cast(const struct op_call *call, struct bytes text, struct tensor *y,
                             size_t at, struct error *err)
{
    int64_t whole;
    double number;

    if (y->dtype == DTYPE_STRING)
        ((struct bytes *)y->data)[at] = text;
    else if (y->dtype == DTYPE_I64 && number_i64_from_text(text, &whole))
        ((int64_t *)y->data)[at] = whole;
    else if (y->dtype == DTYPE_F32 && number_from_text(text, &number))
        ((float *)y->data)[at] = (float)number;
    else
        return op_error(call, err, STATUS_INVALID_INPUT, "a value is no number");
    return STATUS_OK;
}

/* Numbers become text with six digits behind the point, as std::to_string writes them. */
static enum status number_cast(const struct op_call *call, float number, struct tensor *y,
                               size_t at, struct error *err)
{
    if (y->dtype == DTYPE_F32) {
        ((float *)y->data)[at] = number;
    } else if (y->dtype == DTYPE_I64) {
        if (!(number >= -9223372036854775808.0F && number < 9223372036854775808.0F))
            return op_error(call, err, STATUS_INVALID_INPUT, "a value is no int64");
        ((int64_t *)y->data)[at] = (int64_t)number;
    } else {
        char *text = arena_printf(call->memory, "%f", (double)number);

        if (!text)
            return error_no_memory(err, "text");
        ((struct bytes *)y->data)[at] = bytes_of(text);
    }
    return STATUS_OK;
}

/* What the sparse form gives where there is no key; the text is ONNX Runtime's. */
static void blank(struct tensor *y)
{
    for (size_t i = 0; i < tensor_count(y); i++)
        if (y->dtype == DTYPE_STRING)
            ((struct bytes *)y->data)[i] = bytes_of("0.f");
        else
            tensor_set_f64(y, i, 0);
}

static enum status cast_run(const struct op_call *call, struct error *err)
{
    const struct tensor *keys = &call->in[0], *values = &call->in[1];
    size_t count = tensor_count(keys);
    struct pair *pairs = call->scratch;
    struct cast cast;

    TRY(cast_of(call, &cast, err));
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct pair){((const int64_t *)keys->data)[i], i};
    qsort(pairs, count, sizeof *pairs, by_key);
    blank(&call->out[0]);
    for (size_t i = 0; i < count; i++) {
        size_t at = cast.sparse ? (size_t)pairs[i].key : i, from = pairs[i].place;

        if (i && pairs[i].key == pairs[i - 1].key)
            return op_error(call, err, STATUS_INVALID_INPUT, "key %lld is there twice",
                            (long long)pairs[i].key);
        if (cast.sparse && pairs[i].key < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "key %lld is negative",
                            (long long)pairs[i].key);
        if (cast.sparse && pairs[i].key >= cast.size)
            break;
        TRY(values->dtype == DTYPE_STRING
                ? text_cast(call, ((const struct bytes *)values->data)[from], &call->out[0], at,
                            err)
                : number_cast(call, ((const float *)values->data)[from], &call->out[0], at, err));
    }
    return STATUS_OK;
}

const struct op_set ops_ml_map = OP_SET(
    {
        .name = "DictVectorizer",
        .summary = "the values of a map by the places of its keys in a list",
        .in_min = 2,
        .in_max = 2,
        .out_min = 1,
        .out_max = 1,
        .infer = vectorizer_infer,
        .prepare = vectorizer_prepare,
        .scratch_size = vectorizer_scratch,
        .run = vectorizer_run,
    },
    {
        .name = "CastMap",
        .summary = "the values of a map in the order of its keys",
        .in_min = 2,
        .in_max = 2,
        .out_min = 1,
        .out_max = 1,
        .infer = cast_infer,
        .scratch_size = cast_scratch,
        .run = cast_run,
    }, );
