// SPDX-License-Identifier: Apache-2.0
/* Colours, of pixels in the last dimension, which is 3: RgbToHsv, HsvToRgb (x), AdjustHue (x,
 * delta), AdjustSaturation (x, scale); delta and scale are one float. Sources:
 * tensorflow/core/kernels/image/{colorspace_op.h,adjust_hue_op.cc,adjust_saturation_op.cc}.
 */
#include <math.h>

#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    if (x->rank > 0 && dim_is_known(x->dims[x->rank - 1]) && x->dims[x->rank - 1] != 3)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld channels, not 3",
                        (long long)x->dims[x->rank - 1]);
    if (call->in_count > 1) {
        TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_F32), err));
        TRY(op_wants_rank(call, 1, 0, 0, err));
    }
    op_give(call, 0, call->in[0].dtype, x);
    return STATUS_OK;
}

/* Every pixel through `turn`. */
static enum status each_pixel(const struct op_call *call, float number,
                              void (*turn)(const double in[3], float number, double out[3]))
{
    size_t count = tensor_count(&call->in[0]) / 3;

    for (size_t i = 0; i < count; i++) {
        double in[3], out[3];

        for (size_t c = 0; c < 3; c++)
            in[c] = tensor_f64(&call->in[0], 3 * i + c);
        turn(in, number, out);
        for (size_t c = 0; c < 3; c++)
            tensor_set_f64(&call->out[0], 3 * i + c, out[c]);
    }
    return STATUS_OK;
}

/* --- RGB and HSV, in [0, 1] --- */

static void rgb_to_hsv(const double in[3], float number, double out[3])
{
    double r = in[0], g = in[1], b = in[2], most = fmax(fmax(r, g), b);
    double range = most - fmin(fmin(r, g), b), norm = 1 / range * (1.0 / 6), hue;

    (void)number;
    if (r == most)
        hue = norm * (g - b);
    else if (g == most)
        hue = norm * (b - r) + 2.0 / 6;
    else
        hue = norm * (r - g) + 4.0 / 6;
    hue = range > 0 ? hue : 0;
    out[0] = hue < 0 ? hue + 1 : hue;
    out[1] = most > 0 ? range / most : 0;
    out[2] = most;
}

static double between(double x)
{
    return fmin(fmax(x, 0), 1);
}

static void hsv_to_rgb(const double in[3], float number, double out[3])
{
    double hue = in[0] * 6, rest = 1 - in[1];

    (void)number;
    out[0] = (rest + in[1] * between(fabs(hue - 3) - 1)) * in[2];
    out[1] = (rest + in[1] * between(2 - fabs(hue - 2))) * in[2];
    out[2] = (rest + in[1] * between(2 - fabs(hue - 4))) * in[2];
}

static enum status run_to_hsv(const struct op_call *call, struct error *err)
{
    (void)err;
    return each_pixel(call, 0, rgb_to_hsv);
}

static enum status run_to_rgb(const struct op_call *call, struct error *err)
{
    (void)err;
    return each_pixel(call, 0, hsv_to_rgb);
}

/* --- AdjustHue: in single precision, for its steps show at the edges of the six sectors --- */

/* The sector 0 to 5 and the part of it, as a number in [0, 6]. */
static float hue_of(const float rgb[3], float low, float middle, float high)
{
    int sector;
    float part;

    if (high == low)
        return 0;
    if (rgb[0] < rgb[1])
        sector = rgb[2] < rgb[0] ? 1 : rgb[2] > rgb[1] ? 3 : 2;
    else
        sector = rgb[2] < rgb[1] ? 0 : rgb[2] > rgb[0] ? 4 : 5;
    part = (middle - low) / (high - low);
    return (float)sector + (sector % 2 ? 1 - part : part);
}

static void turn_hue(const double in[3], float delta, double out[3])
{
    /* of each sector, which of low, middle and high is red, green, blue */
    static const int PLACES[6][3] = {{2, 1, 0}, {1, 2, 0}, {0, 2, 1},
                                     {0, 1, 2}, {1, 0, 2}, {2, 0, 1}};
    float rgb[3] = {(float)in[0], (float)in[1], (float)in[2]}, levels[3], hue, part;
    int sector;

    levels[0] = fminf(fminf(rgb[0], rgb[1]), rgb[2]);
    levels[2] = fmaxf(fmaxf(rgb[0], rgb[1]), rgb[2]);
    levels[1] = fmaxf(fminf(rgb[0], rgb[1]), fminf(fmaxf(rgb[0], rgb[1]), rgb[2]));
    hue = hue_of(rgb, levels[0], levels[1], levels[2]) + delta * 6;
    if (fabsf(hue) > 600)
        hue = fmodf(hue, 6);
    while (hue < 0)
        hue += 6;
    while (hue >= 6)
        hue -= 6;
    sector = hue >= 0 && hue < 6 ? (int)hue : 5;
    part = hue - (float)sector;
    levels[1] = levels[0] + (sector % 2 ? 1 - part : part) * (levels[2] - levels[0]);
    for (int c = 0; c < 3; c++)
        out[c] = (double)levels[PLACES[sector][c]];
}

static enum status run_hue(const struct op_call *call, struct error *err)
{
    float delta = *(const float *)call->in[1].data;

    if (!isfinite(delta))
        return op_error(call, err, STATUS_INVALID_INPUT, "a delta of %g", (double)delta);
    return each_pixel(call, delta, turn_hue);
}

/* --- AdjustSaturation, in single precision too --- */

static void scale_saturation(const double in[3], float scale, double out[3])
{
    float r = (float)in[0], g = (float)in[1], b = (float)in[2];
    float most = fmaxf(r, fmaxf(g, b)), range = most - fminf(r, fminf(g, b));
    float saturation = most > 0 ? range / most : 0, norm = 1.0f / (6.0f * range), hue, chroma, x;
    float rest;
    int sector;

    if (r == most)
        hue = norm * (g - b);
    else if (g == most)
        hue = (float)((double)(norm * (b - r)) + 2.0 / 6.0);
    else
        hue = (float)((double)(norm * (r - g)) + 4.0 / 6.0);
    if (range <= 0)
        hue = 0;
    if (hue < 0)
        hue += 1;
    saturation = fminf(1, fmaxf(0, saturation * scale));
    chroma = saturation * most;
    rest = most - chroma;
    hue *= 6;
    sector = hue >= 0 && hue < 6 ? (int)hue : 6;
    x = hue;
    while (x <= 0)
        x += 2;
    while (x >= 2)
        x -= 2;
    x = chroma * (1 - fabsf(x - 1));
    const float parts[7][3] = {{chroma, x, 0}, {x, chroma, 0}, {0, chroma, x}, {0, x, chroma},
                               {x, 0, chroma}, {chroma, 0, x}, {0, 0, 0}};
    for (int c = 0; c < 3; c++)
        out[c] = (double)(parts[sector][c] + rest);
}

static enum status run_saturation(const struct op_call *call, struct error *err)
{
    (void)err;
    return each_pixel(call, *(const float *)call->in[1].data, scale_saturation);
}

#define ROW(op, inputs, text, run_it)                                                              \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_INPLACE, .in_min = inputs, .in_max = inputs,      \
        .out_min = 1, .out_max = 1, .infer = infer, .run = run_it                                  \
    }

const struct op_set ops_firn_colour =
    OP_SET(ROW("RgbToHsv", 1, "red, green, blue to hue, saturation, value", run_to_hsv),
           ROW("HsvToRgb", 1, "hue, saturation, value to red, green, blue", run_to_rgb),
           ROW("AdjustHue", 2, "colours with another hue", run_hue),
           ROW("AdjustSaturation", 2, "colours with another saturation", run_saturation));
