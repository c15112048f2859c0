// SPDX-License-Identifier: Apache-2.0
#include "tensor/convert.h"

#include <math.h>

float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31,
             mantissa = half & 1023;
    uint32_t bits;
    float value;

    if (exponent == 31) {
        bits = sign | 0x7F800000u | mantissa << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else {
        value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t half_from_float(float value)
{
    uint32_t bits, sign, rounded;
    float magnitude = fabsf(value);

    memcpy(&bits, &value, sizeof bits);
    sign = bits >> 16 & 0x8000;
    bits &= 0x7FFFFFFF;
    if (bits > 0x7F800000)
        return (uint16_t)(sign | 0x7E00);
    if (bits >= 0x477FF000) /* rounds to 65536 or more */
        return (uint16_t)(sign | 0x7C00);
    if (bits < 0x38800000) /* below the smallest normal: in units of 2^-24 */
        return (uint16_t)(sign | (uint32_t)nearbyintf(magnitude * 0x1p24f));
    rounded = bits + 0xFFF + (bits >> 13 & 1);
    return (uint16_t)(sign | ((rounded - 0x38000000) >> 13));
}

float bfloat16_to_float(uint16_t value)
{
    uint32_t bits = (uint32_t)value << 16;
    float result;

    memcpy(&result, &bits, sizeof result);
    return result;
}

uint16_t bfloat16_from_float(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7FFFFFFF) > 0x7F800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

float float_to_odd(double value)
{
    float rounded = (float)value;
    uint32_t bits;

    if ((double)rounded == value || !isfinite(rounded))
        return rounded;
    memcpy(&bits, &rounded, sizeof bits);
    if (fabs((double)rounded) > fabs(value))
        bits--;
    bits |= 1;
    memcpy(&rounded, &bits, sizeof rounded);
    return rounded;
}

/* The small floats of ONNX: 1 sign, `exponent_bits`, the rest mantissa. FN: no infinities, all ones
 * is NaN; FNUZ: 0x80 is NaN, no minus zero. */
struct small_float {
    int exponent_bits, mantissa_bits, bias;
    bool infinities, finite_nan, unsigned_zero;
};

static const struct small_float *small_float_of(enum dtype dtype)
{
    static const struct small_float E4M3FN = {4, 3, 7, false, true, false};
    static const struct small_float E4M3FNUZ = {4, 3, 8, false, false, true};
    static const struct small_float E5M2 = {5, 2, 15, true, false, false};
    static const struct small_float E5M2FNUZ = {5, 2, 16, false, false, true};
    static const struct small_float E2M1 = {2, 1, 1, false, false, false};
    static const struct small_float E2M3 = {2, 3, 1, false, false, false};
    static const struct small_float E3M2 = {3, 2, 3, false, false, false};

    switch (dtype) {
    case DTYPE_F8E4M3FN:
        return &E4M3FN;
    case DTYPE_F8E4M3FNUZ:
        return &E4M3FNUZ;
    case DTYPE_F8E5M2:
        return &E5M2;
    case DTYPE_F8E5M2FNUZ:
        return &E5M2FNUZ;
    case DTYPE_F4E2M1:
        return &E2M1;
    case DTYPE_F6E2M3:
        return &E2M3;
    case DTYPE_F6E3M2:
        return &E3M2;
    default:
        return NULL;
    }
}

static double small_float_to_f64(const struct small_float *f, unsigned bits)
{
    unsigned sign = bits >> (f->exponent_bits + f->mantissa_bits) & 1;
    unsigned exponent = bits >> f->mantissa_bits & ((1u << f->exponent_bits) - 1);
    unsigned mantissa = bits & ((1u << f->mantissa_bits) - 1);
    double value;

    if (f->unsigned_zero && sign && !exponent && !mantissa)
        return NAN;
    if (exponent == (1u << f->exponent_bits) - 1) {
        if (f->infinities)
            return mantissa ? NAN : sign ? -INFINITY : INFINITY;
        if (f->finite_nan && mantissa == (1u << f->mantissa_bits) - 1)
            return NAN;
    }
    value = exponent ? ldexp(1.0 + ldexp(mantissa, -f->mantissa_bits), (int)exponent - f->bias)
                     : ldexp(mantissa, 1 - f->bias - f->mantissa_bits);
    return sign ? -value : value;
}

/* E8M0: a power of two, 2^(bits - 127); 255 is NaN. No sign, no zero. */
static double power_to_f64(uint8_t bits)
{
    return bits == 255 ? (double)NAN : ldexp(1, bits - 127);
}

double tensor_f64(const struct tensor *t, size_t i)
{
    const struct small_float *small;

    switch (t->dtype) {
    case DTYPE_F16:
        return (double)half_to_float(((const uint16_t *)t->data)[i]);
    case DTYPE_BF16:
        return (double)bfloat16_to_float(((const uint16_t *)t->data)[i]);
    case DTYPE_F32:
        return (double)((const float *)t->data)[i];
    case DTYPE_F64:
        return ((const double *)t->data)[i];
    case DTYPE_U64:
        return (double)((const uint64_t *)t->data)[i];
    case DTYPE_F8E8M0:
        return power_to_f64(((const uint8_t *)t->data)[i]);
    default:
        small = small_float_of(t->dtype);
        if (small)
            return small_float_to_f64(small, ((const uint8_t *)t->data)[i]);
        return (double)tensor_i64(t, i);
    }
}

static int64_t saturating_i64(double value)
{
    if (!(value > -0x1p63))
        return isnan(value) ? 0 : INT64_MIN;
    return value >= 0x1p63 ? INT64_MAX : (int64_t)value;
}

int64_t tensor_i64(const struct tensor *t, size_t i)
{
    switch (t->dtype) {
    case DTYPE_BOOL:
    case DTYPE_U8:
    case DTYPE_QU8:
    case DTYPE_U4:
    case DTYPE_U2:
        return ((const uint8_t *)t->data)[i];
    case DTYPE_I8:
    case DTYPE_QI8:
    case DTYPE_I4:
    case DTYPE_I2:
        return ((const int8_t *)t->data)[i];
    case DTYPE_U16:
    case DTYPE_QU16:
        return ((const uint16_t *)t->data)[i];
    case DTYPE_I16:
    case DTYPE_QI16:
        return ((const int16_t *)t->data)[i];
    case DTYPE_U32:
        return ((const uint32_t *)t->data)[i];
    case DTYPE_I32:
    case DTYPE_QI32:
        return ((const int32_t *)t->data)[i];
    case DTYPE_U64:
    case DTYPE_I64:
        return ((const int64_t *)t->data)[i];
    default:
        if (dtype_kind(t->dtype) == KIND_FLOAT)
            return saturating_i64(tensor_f64(t, i));
        return 0;
    }
}

/* The low bits of `value`, as the byte that an element is held in. */
static uint8_t byte_of(enum dtype dtype, int64_t value)
{
    int bits = dtype_bits(dtype), sign = 1 << (bits - 1), low = (int)value & (2 * sign - 1);

    if (dtype == DTYPE_BOOL)
        return value != 0;
    return (uint8_t)(dtype_kind(dtype) == KIND_INT ? (low ^ sign) - sign : low);
}

static void set_i64(const struct tensor *t, size_t i, int64_t value)
{
    switch (dtype_size(t->dtype)) {
    case 1:
        ((uint8_t *)t->data)[i] = byte_of(t->dtype, value);
        break;
    case 2:
        ((uint16_t *)t->data)[i] = (uint16_t)value;
        break;
    case 4:
        ((uint32_t *)t->data)[i] = (uint32_t)value;
        break;
    default:
        ((uint64_t *)t->data)[i] = (uint64_t)value;
    }
}

/* Nearest, ties to even; beyond the largest value: saturated, as ONNX's Cast does by default. */
static uint8_t small_float_from_f64(const struct small_float *f, double value)
{
    unsigned sign = signbit(value) ? 1u << (f->exponent_bits + f->mantissa_bits) : 0;
    unsigned top = (1u << (f->exponent_bits + f->mantissa_bits)) - 1;
    unsigned largest = f->infinities   ? top - (1u << f->mantissa_bits)
                       : f->finite_nan ? top - 1
                                       : top;
    double magnitude = fabs(value), scaled;
    unsigned bits;
    int exponent;

    if (isnan(value))
        return (uint8_t)(f->unsigned_zero ? 1u << (f->exponent_bits + f->mantissa_bits)
                         : f->infinities || f->finite_nan ? sign | top
                                                          : 0);
    if (magnitude >= small_float_to_f64(f, largest))
        return (uint8_t)(sign | largest);
    frexp(magnitude, &exponent);
    exponent -= 1;
    if (exponent < 1 - f->bias)
        exponent = 1 - f->bias;
    scaled = nearbyint(ldexp(magnitude, f->mantissa_bits - exponent));
    bits = (unsigned)scaled;
    if (bits >= 1u << f->mantissa_bits)
        bits += (unsigned)(exponent + f->bias - 1) << f->mantissa_bits;
    if (bits == 0 && f->unsigned_zero)
        sign = 0;
    return (uint8_t)(sign | bits);
}

/* Up to the next power of two, saturated; what has no answer (a negative value) is NaN. */
static uint8_t power_from_f64(double value)
{
    int exponent;
    double fraction;

    if (!(value >= 0))
        return 255;
    if (value >= 0x1p127)
        return 254;
    fraction = frexp(value, &exponent); /* value = fraction * 2^exponent, fraction in [0.5, 1) */
    exponent += 127 - (fraction <= 0.5);
    return value == 0 || exponent < 0 ? 0 : (uint8_t)exponent;
}

void tensor_set_f64(struct tensor *t, size_t i, double value)
{
    const struct small_float *small;

    switch (t->dtype) {
    case DTYPE_F16:
        ((uint16_t *)t->data)[i] = half_from_float(float_to_odd(value));
        break;
    case DTYPE_BF16:
        ((uint16_t *)t->data)[i] = bfloat16_from_float(float_to_odd(value));
        break;
    case DTYPE_F32:
        ((float *)t->data)[i] = (float)value;
        break;
    case DTYPE_F64:
        ((double *)t->data)[i] = value;
        break;
    case DTYPE_C64:
        ((float *)t->data)[2 * i] = (float)value;
        ((float *)t->data)[2 * i + 1] = 0;
        break;
    case DTYPE_C128:
        ((double *)t->data)[2 * i] = value;
        ((double *)t->data)[2 * i + 1] = 0;
        break;
    case DTYPE_BOOL:
        ((uint8_t *)t->data)[i] = value != 0;
        break;
    case DTYPE_U64:
        ((uint64_t *)t->data)[i] = value >= 0x1p64   ? UINT64_MAX
                                   : value >= 0x1p63 ? (uint64_t)value
                                                     : (uint64_t)saturating_i64(value);
        break;
    case DTYPE_F8E8M0:
        ((uint8_t *)t->data)[i] = power_from_f64(value);
        break;
    default:
        small = small_float_of(t->dtype);
        if (small)
            ((uint8_t *)t->data)[i] = small_float_from_f64(small, value);
        else
            set_i64(t, i, saturating_i64(value));
    }
}

static bool is_castable(enum dtype dtype)
{
    enum dtype_kind kind = dtype_kind(dtype);

    return kind == KIND_BOOL || kind == KIND_INT || kind == KIND_UINT || kind == KIND_FLOAT;
}

enum status tensor_cast(const struct tensor *from, struct tensor *to, struct error *err)
{
    size_t count = tensor_count(from);
    bool integers = !dtype_is_float(from->dtype) && !dtype_is_float(to->dtype);

    if (from->dtype == to->dtype) {
        if (count)
            memcpy(to->data, from->data, count * dtype_size(from->dtype));
        return STATUS_OK;
    }
    if (!is_castable(from->dtype) || !is_castable(to->dtype))
        return error_set(err, STATUS_INVALID_INPUT, "%s does not convert to %s",
                         dtype_name(from->dtype), dtype_name(to->dtype));
    for (size_t i = 0; i < count; i++)
        if (integers)
            set_i64(to, i, tensor_i64(from, i));
        else
            tensor_set_f64(to, i, tensor_f64(from, i));
    return STATUS_OK;
}

/* Did element i survive the cast? Rounding between floats is not a loss. */
static bool is_same(const struct tensor *from, const struct tensor *to, size_t i)
{
    bool from_float = dtype_is_float(from->dtype), to_float = dtype_is_float(to->dtype);
    double a, b;

    if (from_float && to_float) {
        a = tensor_f64(from, i);
        b = tensor_f64(to, i);
        return isnan(a) || isinf(a) || !isinf(b);
    }
    if (!from_float && !to_float) {
        bool from_large = from->dtype == DTYPE_U64 && tensor_i64(from, i) < 0;
        bool to_large = to->dtype == DTYPE_U64 && tensor_i64(to, i) < 0;
        return tensor_i64(from, i) == tensor_i64(to, i) && from_large == to_large;
    }
    a = tensor_f64(from, i);
    b = tensor_f64(to, i);
    if (a != b)
        return false;
    /* 2^53 + 1 as double equals its neighbour: ask the integers too */
    if (!from_float && from->dtype != DTYPE_U64)
        return b < 0x1p63 && (int64_t)b == tensor_i64(from, i);
    return fabs(a) < 0x1p63 || from->dtype == DTYPE_U64 || to->dtype == DTYPE_U64;
}

enum status tensor_convert(const struct tensor *from, struct tensor *to, struct error *err)
{
    size_t count = tensor_count(from);
    enum dtype_kind from_kind = dtype_kind(from->dtype), to_kind = dtype_kind(to->dtype);

    if (from->dtype == to->dtype)
        return tensor_cast(from, to, err);
    if (!is_castable(from->dtype) || !is_castable(to->dtype) ||
        (from_kind == KIND_BOOL) != (to_kind == KIND_BOOL))
        return error_set(err, STATUS_INVALID_INPUT, "%s does not convert to %s",
                         dtype_name(from->dtype), dtype_name(to->dtype));
    TRY(tensor_cast(from, to, err));
    for (size_t i = 0; i < count; i++)
        if (!is_same(from, to, i))
            return error_set(err, STATUS_INVALID_INPUT, "element %zu, %.17g, does not fit %s", i,
                             tensor_f64(from, i), dtype_name(to->dtype));
    return STATUS_OK;
}
