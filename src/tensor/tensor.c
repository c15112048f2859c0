// SPDX-License-Identifier: Apache-2.0
#include "tensor/tensor.h"

#include <stdio.h>

#include "base/checked.h"
#include "tensor/convert.h"

static const struct {
    size_t size;
    enum dtype_kind kind;
    const char *contract, *oip, *numpy;
    int onnx, tf;
} DTYPES[] = {
    {0, KIND_NONE, "none", "", "", 0, 0},
#define DTYPE(name, size, kind, contract, oip, numpy, onnx, tf)                                    \
    {size, KIND_##kind, contract, oip, numpy, onnx, tf},
#include "tensor/dtype.def"
#undef DTYPE
};

static const struct {
    const char *name;
    enum dtype dtype;
} ALIASES[] = {
    {"float16", DTYPE_F16},  {"float32", DTYPE_F32},   {"float64", DTYPE_F64},
    {"single", DTYPE_F32},   {"int", DTYPE_I64},       {"int_", DTYPE_I64},
    {"integer", DTYPE_I64},  {"long", DTYPE_I64},      {"uint", DTYPE_U64},
    {"bool_", DTYPE_BOOL},   {"boolean", DTYPE_BOOL},  {"?", DTYPE_BOOL},
    {"str", DTYPE_STRING},   {"str_", DTYPE_STRING},   {"object", DTYPE_STRING},
    {"bytes", DTYPE_STRING}, {"bytes_", DTYPE_STRING}, {"O", DTYPE_STRING},
    {"U", DTYPE_STRING},     {"S", DTYPE_STRING},
};

size_t dtype_size(enum dtype dtype)
{
    return DTYPES[dtype].size;
}

int dtype_bits(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_U2:
    case DTYPE_I2:
        return 2;
    case DTYPE_U4:
    case DTYPE_I4:
    case DTYPE_F4E2M1:
        return 4;
    case DTYPE_F6E2M3:
    case DTYPE_F6E3M2:
        return 6;
    default:
        return 8 * (int)dtype_size(dtype);
    }
}

enum dtype_kind dtype_kind(enum dtype dtype)
{
    return DTYPES[dtype].kind;
}

bool dtype_is_float(enum dtype dtype)
{
    return DTYPES[dtype].kind == KIND_FLOAT;
}

bool dtype_is_integer(enum dtype dtype)
{
    return DTYPES[dtype].kind == KIND_INT || DTYPES[dtype].kind == KIND_UINT;
}

const char *dtype_name(enum dtype dtype)
{
    return DTYPES[dtype].contract;
}

const char *dtype_oip(enum dtype dtype)
{
    return DTYPES[dtype].oip;
}

enum dtype dtype_parse(const char *name)
{
    const char *bare = name;

    for (int i = 1; i < DTYPE_COUNT; i++)
        if (!strcmp(DTYPES[i].contract, name))
            return (enum dtype)i;
    for (int i = 1; i < DTYPE_COUNT; i++)
        if (DTYPES[i].oip[0] && !strcmp(DTYPES[i].oip, name))
            return (enum dtype)i;
    for (size_t i = 0; i < ARRAY_COUNT(ALIASES); i++)
        if (!strcmp(ALIASES[i].name, name))
            return ALIASES[i].dtype;
    if (*bare == '<' || *bare == '>' || *bare == '|' || *bare == '=')
        bare++;
    for (int i = 1; i < DTYPE_COUNT; i++)
        if (DTYPES[i].numpy[0] && !strcmp(DTYPES[i].numpy, bare))
            return (enum dtype)i;
    if ((*bare == 'U' || *bare == 'S') && bare[1] >= '0' && bare[1] <= '9')
        return DTYPE_STRING;
    return DTYPE_NONE;
}

enum dtype dtype_from_oip(struct bytes name)
{
    for (int i = 1; i < DTYPE_COUNT; i++)
        if (DTYPES[i].oip[0] && bytes_is(name, DTYPES[i].oip))
            return (enum dtype)i;
    return DTYPE_NONE;
}

enum dtype dtype_from_onnx(int64_t code)
{
    for (int i = 1; code && i < DTYPE_COUNT; i++)
        if (DTYPES[i].onnx == code)
            return (enum dtype)i;
    return DTYPE_NONE;
}

int dtype_to_onnx(enum dtype dtype)
{
    return DTYPES[dtype].onnx;
}

enum dtype dtype_from_tf(int64_t code)
{
    for (int i = 1; code && i < DTYPE_COUNT; i++)
        if (DTYPES[i].tf == code)
            return (enum dtype)i;
    return DTYPE_NONE;
}

int dtype_to_tf(enum dtype dtype)
{
    return DTYPES[dtype].tf;
}

struct shape shape_of(int rank, const int64_t *dims)
{
    struct shape shape = {.rank = rank};

    for (int i = 0; i < rank && i < RANK_MAX; i++)
        shape.dims[i] = dims[i];
    return shape;
}

struct shape shape_scalar(void)
{
    return (struct shape){.rank = 0};
}

struct shape shape_unknown(void)
{
    return (struct shape){.rank = RANK_UNKNOWN};
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

struct shape shape_with_axis(const struct shape *shape, int axis, int64_t dim)
{
    struct shape made = *shape;

    if (made.rank < 0 || made.rank >= RANK_MAX)
        return shape_unknown();
    memmove(&made.dims[axis + 1], &made.dims[axis], (size_t)(made.rank - axis) * sizeof *made.dims);
    made.dims[axis] = dim;
    made.rank++;
    return made;
}

struct shape shape_without_axis(const struct shape *shape, int axis)
{
    struct shape made = *shape;

    if (made.rank <= axis)
        return shape_unknown();
    memmove(&made.dims[axis], &made.dims[axis + 1],
            (size_t)(made.rank - axis - 1) * sizeof *made.dims);
    made.rank--;
    return made;
}

void shape_forget_symbols(struct shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            shape->dims[i] = DIM_UNKNOWN;
}

bool shape_is_known(const struct shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            return false;
    return shape->rank >= 0;
}

size_t shape_count(const struct shape *shape)
{
    size_t count = 1;

    for (int i = 0; i < shape->rank; i++)
        count *= (size_t)shape->dims[i];
    return count;
}

enum status shape_check(const struct shape *shape, enum dtype dtype, size_t limit, size_t *bytes,
                        struct error *err)
{
    char printed[SHAPE_PRINT_SIZE];
    size_t total = dtype_size(dtype), dims = 1;
    bool empty = false, fits = true;

    if (shape->rank < 0 || shape->rank > RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "rank %d is not 0 to %d", shape->rank,
                         RANK_MAX);
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0)
            return error_set(err, STATUS_INVALID_INPUT, "dimension %d is negative: %lld", i,
                             (long long)shape->dims[i]);
        if (shape->dims[i] == 0)
            empty = true;
        else
            fits = fits && checked_multiply(dims, (size_t)shape->dims[i], &dims);
    }
    fits = fits && checked_multiply(total, dims, &total);
    if (!fits || (!empty && total > limit))
        return error_set(err, STATUS_TOO_LARGE, "a %s tensor of shape %s needs more than %zu bytes",
                         dtype_name(dtype), shape_print(shape, printed, sizeof printed), limit);
    if (bytes)
        *bytes = empty ? 0 : total;
    return STATUS_OK;
}

char *shape_print(const struct shape *shape, char *buffer, size_t size)
{
    size_t used;

    if (shape->rank < 0) {
        snprintf(buffer, size, "?");
        return buffer;
    }
    used = (size_t)snprintf(buffer, size, "[");
    for (int i = 0; i < shape->rank && used + 24 < size; i++) {
        const char *comma = i ? "," : "";
        if (shape->dims[i] < 0)
            used += (size_t)snprintf(buffer + used, size - used, "%s?", comma);
        else
            used += (size_t)snprintf(buffer + used, size - used, "%s%lld", comma,
                                     (long long)shape->dims[i]);
    }
    snprintf(buffer + used, size - used, "]");
    return buffer;
}

size_t tensor_count(const struct tensor *tensor)
{
    return shape_count(&tensor->shape);
}

size_t tensor_bytes(const struct tensor *tensor)
{
    return tensor_count(tensor) * dtype_size(tensor->dtype);
}

enum { TENSOR_BYTES_MAX_SHIFT = 40 };

enum status tensor_new(struct tensor *tensor, enum dtype dtype, const struct shape *shape,
                       struct arena *arena, struct error *err)
{
    size_t bytes;
    void *data;

    TRY(shape_check(shape, dtype, (size_t)1 << TENSOR_BYTES_MAX_SHIFT, &bytes, err));
    data = arena_alloc(arena, bytes, 1);
    if (!data)
        return error_no_memory(err, "a tensor");
    *tensor = (struct tensor){dtype, *shape, data};
    return STATUS_OK;
}

void stored_strides(const struct tensor *tensor, int64_t strides[RANK_MAX])
{
    const struct shape *shape = &tensor->shape;
    int64_t of_stored[RANK_MAX], stride = 1;
    int where[RANK_MAX];

    for (int i = 0; i < shape->rank; i++)
        where[tensor->stored ? tensor->stored->perm[i] : i] = i;
    for (int i = shape->rank - 1; i >= 0; i--) {
        of_stored[i] = stride;
        stride *= shape->dims[where[i]];
    }
    for (int i = 0; i < shape->rank; i++)
        strides[where[i]] = of_stored[i];
}
