// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/cast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/text.h"
#include "ops/fast/vector.h"
#include "ops/kernels/types.h"
#include "ops/op.h"

enum { BLOCK = 256 };
union block {
    double f[BLOCK];
    int64_t i[BLOCK];
    uint64_t u[BLOCK];
};

static int64_t saturated_i64(double value)
{
    if (!(value > -0x1p63))
        return isnan(value) ? 0 : INT64_MIN;
    return value >= 0x1p63 ? INT64_MAX : (int64_t)value;
}

static uint64_t saturated_u64(double value)
{
    if (value >= 0x1p63)
        return value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
    return (uint64_t)saturated_i64(value);
}

#define TEMPLATE "ops/kernels/cast.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

static void get_BOOL(const void *vx, union block *block, size_t count)
{
    const uint8_t *x = vx;

    for (size_t i = 0; i < count; i++)
        block->i[i] = x[i] != 0;
}

static void put_f64_BOOL(const union block *block, void *vy, size_t count)
{
    uint8_t *y = vy;

    for (size_t i = 0; i < count; i++)
        y[i] = block->f[i] != 0;
}

static void put_i64_BOOL(const union block *block, void *vy, size_t count)
{
    uint8_t *y = vy;

    for (size_t i = 0; i < count; i++)
        y[i] = block->i[i] != 0;
}
#define put_u64_BOOL put_i64_BOOL

typedef void (*get_kernel)(const void *x, union block *block, size_t count);
typedef void (*put_kernel)(const union block *block, void *y, size_t count);
#define FOR_PLAIN(X, f) FOR_NUMBER(X, f) X(BOOL, f)
static const get_kernel GET[DTYPE_COUNT] = {FOR_PLAIN(KERNEL, get)};
static const put_kernel PUT_F64[DTYPE_COUNT] = {FOR_PLAIN(KERNEL, put_f64)};
static const put_kernel PUT_I64[DTYPE_COUNT] = {FOR_PLAIN(KERNEL, put_i64)};
static const put_kernel PUT_U64[DTYPE_COUNT] = {FOR_PLAIN(KERNEL, put_u64)};

static void cast_plain(const struct tensor *from, struct tensor *to)
{
    size_t count = tensor_count(from), from_size = dtype_size(from->dtype),
           to_size = dtype_size(to->dtype);
    put_kernel put = dtype_is_float(from->dtype) ? PUT_F64[to->dtype]
                     : from->dtype == DTYPE_U64  ? PUT_U64[to->dtype]
                                                 : PUT_I64[to->dtype];
    union block block;

    for (size_t i = 0; i < count; i += BLOCK) {
        size_t n = count - i < BLOCK ? count - i : BLOCK;

        GET[from->dtype]((const char *)from->data + i * from_size, &block, n);
        put(&block, (char *)to->data + i * to_size, n);
    }
}

/* What an 8-bit float gives beyond its largest value when the cast does not saturate: `over` is
 * the first magnitude that does not round to the largest one. */
static const struct overflow {
    double over;
    bool at_itself; /* `over` itself overflows: the tie goes up */
    uint8_t bits;
    bool is_signed;
} OVERFLOWS[DTYPE_COUNT] = {
    [DTYPE_F8E4M3FN] = {464, false, 0x7F, true},
    [DTYPE_F8E4M3FNUZ] = {248, true, 0x80, false},
    [DTYPE_F8E5M2] = {61440, true, 0x7C, true},
    [DTYPE_F8E5M2FNUZ] = {61440, true, 0x80, false},
};

static bool is_small(enum dtype dtype)
{
    return dtype_is_float(dtype) && dtype_size(dtype) == 1;
}

static bool is_narrow_integer(enum dtype dtype)
{
    return dtype_is_integer(dtype) && dtype_bits(dtype) < 8;
}

static void cast_small(const struct tensor *from, struct tensor *to, bool saturate)
{
    const struct overflow *overflow = &OVERFLOWS[to->dtype];
    size_t count = tensor_count(from);
    uint8_t *bytes = to->data;

    for (size_t i = 0; i < count; i++) {
        double value = tensor_f64(from, i);

        tensor_set_f64(to, i, value);
        if (saturate || !overflow->over || isnan(value))
            continue;
        if (fabs(value) > overflow->over || (fabs(value) == overflow->over && overflow->at_itself))
            bytes[i] = overflow->bits | (overflow->is_signed && value < 0 ? 0x80 : 0);
    }
}

static uint8_t power_of(double value, bool saturate, enum cast_rounding rounding)
{
    int exponent;
    double fraction;

    if (!(value >= 0) || (!saturate && !(value >= 0x1p-127 && value <= 0x1p127)))
        return CAST_POWER_NAN;
    if (value <= 0x1p-127)
        return 0;
    if (value >= 0x1p127)
        return CAST_POWER_NAN - 1;
    fraction = 2 * frexp(value, &exponent); /* value = fraction * 2^(exponent - 1), 1 <= it < 2 */
    if (rounding == CAST_UP ? fraction > 1 : rounding == CAST_NEAREST && fraction >= 1.5)
        exponent++;
    return (uint8_t)(exponent - 1 + 127);
}

void cast_powers(const struct tensor *from, struct tensor *to, bool saturate,
                 enum cast_rounding rounding)
{
    size_t count = tensor_count(from);

    for (size_t i = 0; i < count; i++)
        ((uint8_t *)to->data)[i] = power_of(tensor_f64(from, i), saturate, rounding);
}

/* --- strings --- */

/* numpy's text of a float: shortest digits that read back; positional from 1e-4 to below 1e16. */
static size_t print_float(const struct tensor *from, size_t i, char *buffer, size_t size)
{
    double value = tensor_f64(from, i);
    int digits, exponent;
    char *mark;

    if (isnan(value))
        return (size_t)snprintf(buffer, size, "nan");
    if (isinf(value))
        return (size_t)snprintf(buffer, size, value < 0 ? "-inf" : "inf");
    for (digits = 0; digits < 17; digits++) {
        uint64_t room[2];
        struct tensor back = {from->dtype, shape_scalar(), room};

        snprintf(buffer, size, "%.*e", digits, value);
        tensor_set_f64(&back, 0, strtod(buffer, NULL));
        if (tensor_f64(&back, 0) == value)
            break;
    }
    mark = strchr(buffer, 'e');
    exponent = atoi(mark + 1);
    if (value == 0)
        return (size_t)snprintf(buffer, size, signbit(value) ? "-0.0" : "0.0");
    if (exponent >= -4 && exponent < 16) {
        int decimals = digits - exponent;
        return (size_t)snprintf(buffer, size, "%.*f", decimals > 0 ? decimals : 1,
                                strtod(buffer, NULL));
    }
    return strlen(buffer); /* %e writes at least two digits of exponent, as numpy */
}

static enum status cast_to_string(const struct tensor *from, struct tensor *to,
                                  struct arena *memory, struct error *err)
{
    struct bytes *y = to->data;
    size_t count = tensor_count(from);
    char buffer[64], *copy;

    for (size_t i = 0; i < count; i++) {
        size_t size;

        if (from->dtype == DTYPE_BOOL)
            size = (size_t)snprintf(buffer, sizeof buffer, tensor_i64(from, i) ? "True" : "False");
        else if (dtype_is_float(from->dtype))
            size = print_float(from, i, buffer, sizeof buffer);
        else if (from->dtype == DTYPE_U64)
            size = number_print_u64((uint64_t)tensor_i64(from, i), buffer);
        else
            size = number_print_i64(tensor_i64(from, i), buffer);
        copy = arena_alloc(memory, size, 1);
        if (!copy)
            return error_no_memory(err, "a string");
        memcpy(copy, buffer, size);
        y[i] = (struct bytes){(const uint8_t *)copy, size};
    }
    return STATUS_OK;
}

static enum status cast_from_string(const struct tensor *from, struct tensor *to, bool saturate,
                                    struct error *err)
{
    const struct bytes *x = from->data;
    size_t count = tensor_count(from);

    for (size_t i = 0; i < count; i++) {
        char quoted[TEXT_QUOTE_SIZE];
        struct tensor one = {DTYPE_F64, shape_scalar(), NULL};
        struct tensor to_one = {to->dtype, shape_scalar(),
                                (char *)to->data + i * dtype_size(to->dtype)};
        double value;
        int64_t whole;

        if (!dtype_is_float(to->dtype) && number_i64_from_text(x[i], &whole)) {
            one.dtype = DTYPE_I64;
            one.data = &whole;
        } else if (number_from_text(x[i], &value)) {
            one.data = &value;
        } else {
            return error_set(err, STATUS_INVALID_INPUT, "element %zu, \"%s\", is not a number", i,
                             text_quote(x[i], quoted, sizeof quoted));
        }
        TRY(cast_tensor(&one, &to_one, saturate, NULL, err));
    }
    return STATUS_OK;
}

bool cast_is_known(enum dtype from, enum dtype to)
{
    bool from_number = GET[from] || is_small(from) || is_narrow_integer(from),
         to_number = GET[to] || is_small(to) || is_narrow_integer(to);

    return (from_number || from == DTYPE_STRING) && (to_number || to == DTYPE_STRING);
}

static bool is_half(enum dtype dtype)
{
    return dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

/* Float to and from half and bfloat16, in vectors. */
static bool cast_fast(const struct tensor *from, struct tensor *to)
{
    if (op_is_reference_only())
        return false;
    if (from->dtype == DTYPE_F32 && is_half(to->dtype))
        vector_narrow(to->dtype, from->data, to->data, tensor_count(from));
    else if (is_half(from->dtype) && to->dtype == DTYPE_F32)
        vector_widen(from->dtype, from->data, to->data, tensor_count(from));
    else
        return false;
    return true;
}

enum status cast_tensor(const struct tensor *from, struct tensor *to, bool saturate,
                        struct arena *memory, struct error *err)
{
    if (from->dtype == to->dtype) {
        if (tensor_count(from) && from->data != to->data)
            memcpy(to->data, from->data, tensor_bytes(from));
        return STATUS_OK;
    }
    if (!cast_is_known(from->dtype, to->dtype))
        return error_set(err, STATUS_UNSUPPORTED, "no cast from %s to %s", dtype_name(from->dtype),
                         dtype_name(to->dtype));
    if (to->dtype == DTYPE_STRING)
        return cast_to_string(from, to, memory, err);
    if (from->dtype == DTYPE_STRING)
        return cast_from_string(from, to, saturate, err);
    if (cast_fast(from, to))
        return STATUS_OK;
    if (is_small(to->dtype))
        cast_small(from, to, saturate);
    else if (GET[from->dtype] && GET[to->dtype])
        cast_plain(from, to);
    else
        return tensor_cast(from, to, err);
    return STATUS_OK;
}
