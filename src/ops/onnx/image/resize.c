// SPDX-License-Identifier: Apache-2.0
/* Resize and Upsample: nearest, linear and cubic interpolation, axis by axis. Every output index of
 * an axis has `taps` weights for neighbouring inputs; indices outside are those of the edge. */
#include <math.h>

#include "base/text.h"
#include "ops/fast/image/resize.h"
#include "ops/kernels/call.h"
#include "ops/kernels/spatial/resize_axis.h"
#include "ops/kernels/strided.h"

struct resize {
    struct resize_rule rule;
    bool known; /* are all sizes known? */
    double extrapolation;
    struct resize_axis axes[RANK_MAX];
};

static enum status read_word(const struct op_call *call, const char *name, const char *otherwise,
                             const char *const *words, size_t count, int *which, struct error *err)
{
    struct bytes value = attribute_string(call->attributes, name, otherwise);
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < count; i++)
        if (bytes_is(value, words[i])) {
            *which = (int)i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_UNSUPPORTED, "%s is \"%s\"", name,
                    text_quote(value, quoted, sizeof quoted));
}

static bool is_upsample(const struct op_call *call)
{
    return !strcmp(call->op->name, "Upsample");
}

static enum status read_rule(const struct op_call *call, struct resize_rule *rule,
                             struct error *err)
{
    static const char *const MODES[] = {"nearest", "linear", "cubic", "bilinear"};
    static const char *const PLACES[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
        "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
    static const char *const NEAREST[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil"};
    bool old = is_upsample(call) || op_before(call, 11);
    int mode, place, nearest;

    TRY(read_word(call, "mode", "nearest", MODES, ARRAY_COUNT(MODES), &mode, err));
    TRY(read_word(call, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel", PLACES,
                  ARRAY_COUNT(PLACES), &place, err));
    TRY(read_word(call, "nearest_mode", old ? "floor" : "round_prefer_floor", NEAREST,
                  ARRAY_COUNT(NEAREST), &nearest, err));
    *rule = (struct resize_rule){
        .mode = mode == 3 ? RESIZE_LINEAR : (enum resize_mode)mode,
        .place = (enum resize_place)place,
        .nearest = old ? RESIZE_OLD : (enum resize_nearest)nearest,
        .cubic = attribute_float(call->attributes, "cubic_coeff_a", -0.75),
        .exclude_outside = attribute_int(call->attributes, "exclude_outside", 0),
        .antialias = attribute_int(call->attributes, "antialias", 0),
    };
    if (rule->antialias && rule->mode == RESIZE_NEAREST)
        return op_error(call, err, STATUS_INVALID_INPUT, "antialias of nearest");
    return STATUS_OK;
}

/* The axes that scales, sizes and roi speak of. */
static enum status read_axes(const struct op_call *call, int rank, int axes[RANK_MAX], int *count,
                             struct error *err)
{
    bool mask[RANK_MAX];
    struct axes list;

    TRY(op_axes_list(call, call->in_count, "axes", &list, err));
    *count = rank;
    for (int i = 0; i < rank; i++)
        axes[i] = i;
    if (!list.given)
        return STATUS_OK;
    TRY(op_axes_mask(call, &list, rank, mask, err));
    *count = (int)list.count;
    for (int i = 0; i < *count; i++)
        axes[i] = (int)(list.values[i] < 0 ? list.values[i] + rank : list.values[i]);
    return STATUS_OK;
}

/* Scales of the axes, from wherever this version has them; NULL data: not known. */
struct scales {
    bool given, known;
    int count;
    double values[RANK_MAX];
};

static enum status read_scales(const struct op_call *call, int rank, struct scales *scales,
                               struct error *err)
{
    size_t input = is_upsample(call) || op_before(call, 11) ? 1 : 2, count;
    const double *floats = attribute_floats(call->attributes, "scales", &count);

    *scales = (struct scales){.known = true};
    if (is_upsample(call) && attribute_find(call->attributes, "height_scale") && rank == 4) {
        scales->given = true;
        scales->count = 4;
        scales->values[0] = scales->values[1] = 1;
        scales->values[2] = attribute_float(call->attributes, "height_scale", 1);
        scales->values[3] = attribute_float(call->attributes, "width_scale", 1);
        return STATUS_OK;
    }
    if (!floats && op_has(call, input)) {
        TRY(op_wants(call, input, DTYPE_BIT(DTYPE_F32), err));
        scales->known = op_is_known(call, input);
        if (!scales->known)
            return STATUS_OK;
        count = tensor_count(&call->in[input]);
    }
    if (count > RANK_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu scales", count);
    scales->given = count > 0;
    scales->count = (int)count;
    for (size_t i = 0; i < count; i++)
        scales->values[i] = floats ? floats[i] : tensor_f64(&call->in[input], i);
    return STATUS_OK;
}

/* Output sizes from wanted sizes: as they are, or with one scale for all axes. */
static enum status apply_sizes(const struct op_call *call, struct resize *r, const int *axes,
                               int count, struct error *err)
{
    static const char *const POLICIES[] = {"stretch", "not_larger", "not_smaller"};
    int64_t sizes[RANK_MAX];
    double one = 0;
    size_t n;
    int policy;

    TRY(read_word(call, "keep_aspect_ratio_policy", "stretch", POLICIES, 3, &policy, err));
    TRY(op_input_ints(call, 3, sizes, RANK_MAX, &n, err));
    if (n != (size_t)count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu sizes for %d axes", n, count);
    for (int i = 0; i < count; i++) {
        struct resize_axis *axis = &r->axes[axes[i]];

        if (sizes[i] < 0 || sizes[i] > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "size %d is %lld", i,
                            (long long)sizes[i]);
        axis->out = sizes[i];
        if (axis->in <= 0)
            continue;
        axis->scale = (double)sizes[i] / (double)axis->in;
        if (i == 0 || (policy == 1 ? axis->scale < one : axis->scale > one))
            one = axis->scale;
    }
    for (int i = 0; policy && i < count; i++) {
        struct resize_axis *axis = &r->axes[axes[i]];

        if (axis->in >= 0 && !(one * (double)axis->in <= INT32_MAX))
            return op_error(call, err, STATUS_TOO_LARGE, "axis %d would have %g elements", axes[i],
                            one * (double)axis->in);
        axis->scale = one;
        axis->out = axis->in < 0 ? DIM_UNKNOWN : (int64_t)(one * (double)axis->in + 0.5);
    }
    /* one unknown dimension makes the common scale unknown */
    for (int i = 0; policy && i < count; i++)
        if (r->axes[axes[i]].in < 0)
            for (int k = 0; k < count; k++)
                r->axes[axes[k]].out = DIM_UNKNOWN;
    return STATUS_OK;
}

static enum status apply_scales(const struct op_call *call, struct resize *r, const int *axes,
                                int count, const struct scales *scales, struct error *err)
{
    if (scales->count != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%d scales for %d axes", scales->count,
                        count);
    for (int i = 0; i < count; i++) {
        struct resize_axis *axis = &r->axes[axes[i]];
        double out;

        axis->scale = scales->values[i];
        if (!(axis->scale > 0) || axis->scale > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "scale %d is %g", i, axis->scale);
        if (axis->in < 0) {
            axis->out = axis->scale == 1 ? axis->in : DIM_UNKNOWN;
            continue;
        }
        out = (double)floorf((float)axis->in * (float)axis->scale);
        if (out > INT32_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "axis %d would have %g elements", axes[i],
                            out);
        axis->out = (int64_t)out;
    }
    return STATUS_OK;
}

static enum status read_regions(const struct op_call *call, struct resize *r, const int *axes,
                                int count, struct error *err)
{
    const struct tensor *roi = &call->in[1];

    if (r->rule.place != RESIZE_CROP)
        return STATUS_OK;
    if (!op_has(call, 1))
        return op_error(call, err, STATUS_INVALID_INPUT, "roi is missing");
    TRY(op_wants(call, 1, DTYPES_FLOAT, err));
    if (!op_is_known(call, 1)) /* does not change the shape */
        return STATUS_OK;
    if (tensor_count(roi) != 2 * (size_t)count)
        return op_error(call, err, STATUS_INVALID_INPUT, "roi has %zu numbers for %d axes",
                        tensor_count(roi), count);
    for (int i = 0; i < count; i++) {
        r->axes[axes[i]].start = tensor_f64(roi, (size_t)i);
        r->axes[axes[i]].end = tensor_f64(roi, (size_t)(i + count));
    }
    return STATUS_OK;
}

static enum status resize_of(const struct op_call *call, struct resize *r, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct scales scales;
    int axes[RANK_MAX], count;

    *r = (struct resize){.known = true,
                         .extrapolation =
                             attribute_float(call->attributes, "extrapolation_value", 0)};
    TRY(read_rule(call, &r->rule, err));
    TRY(read_axes(call, in->rank, axes, &count, err));
    TRY(read_scales(call, in->rank, &scales, err));
    for (int i = 0; i < in->rank; i++)
        r->axes[i] = (struct resize_axis){in->dims[i], in->dims[i], 1, 0, 1};
    TRY(read_regions(call, r, axes, count, err));
    if (op_has(call, 3)) {
        TRY(op_wants(call, 3, DTYPE_BIT(DTYPE_I64), err));
        r->known = op_is_known(call, 3);
        if (r->known && tensor_count(&call->in[3]) > 0)
            return apply_sizes(call, r, axes, count, err);
    }
    if (scales.given)
        return apply_scales(call, r, axes, count, &scales, err);
    if (scales.known && r->known)
        return op_error(call, err, STATUS_INVALID_INPUT, "neither scales nor sizes are given");
    r->known = false;
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    struct resize r;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    if (out.rank >= 0) {
        TRY(resize_of(call, &r, err));
        if (r.rule.mode != RESIZE_NEAREST)
            TRY(op_wants(call, 0, DTYPES_NUMBER, err));
        for (int i = 0; i < out.rank; i++) {
            out.dims[i] = r.known ? r.axes[i].out : DIM_UNKNOWN;
            if (out.dims[i] > 0 && r.axes[i].in == 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "axis %d has no element", i);
            if (out.dims[i] >= 0 && r.axes[i].in >= 0 &&
                resize_table_size(&r.rule, &r.axes[i]) > RESIZE_TABLE_MAX)
                return op_error(call, err, STATUS_TOO_LARGE, "the filter of axis %d", i);
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static size_t scratch_size(const struct op_call *call)
{
    struct error ignored;
    struct resize r;
    size_t size = 0;

    if (resize_of(call, &r, &ignored))
        return 0;
    for (int i = 0; i < call->in[0].shape.rank; i++)
        size += resize_table_size(&r.rule, &r.axes[i]);
    return size;
}

static void put(struct tensor *y, size_t i, double value)
{
    double low, high;

    if (dtype_is_integer(y->dtype)) {
        unsigned bits = 8 * (unsigned)dtype_size(y->dtype);
        bool is_signed = dtype_kind(y->dtype) == KIND_INT;

        low = is_signed ? -ldexp(1, (int)bits - 1) : 0;
        high = ldexp(1, (int)bits - is_signed) - 1;
        value = rint(value);
        value = value < low ? low : value > high ? high : value;
    }
    tensor_set_f64(y, i, value);
}

/* The sum over all taps of all axes at output index `at`. */
static double interpolate(const struct tensor *x, const struct resize_table *tables,
                          const int64_t *at, const int64_t *strides, int rank)
{
    int64_t tap[RANK_MAX] = {0};
    double sum = 0;

    for (;;) {
        double weight = 1;
        size_t offset = 0;
        int d = rank - 1;

        for (int i = 0; i < rank; i++) {
            weight *= tables[i].weights[at[i] * tables[i].taps + tap[i]];
            offset += (size_t)(resize_index(&tables[i], at[i], tap[i]) * strides[i]);
        }
        sum += weight * tensor_f64(x, offset);
        for (; d >= 0; d--) {
            if (++tap[d] < tables[d].taps)
                break;
            tap[d] = 0;
        }
        if (d < 0)
            return sum;
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct tensor *y = &call->out[0];
    struct resize_table tables[RANK_MAX];
    int64_t strides[RANK_MAX], at[RANK_MAX] = {0};
    size_t count = tensor_count(y), size = dtype_size(x->dtype);
    char *room = call->scratch;
    int rank = x->shape.rank;
    struct resize r;

    TRY(resize_of(call, &r, err));
    shape_strides(&x->shape, strides);
    for (int i = 0; i < rank; i++) {
        resize_table_fill(&r.rule, &r.axes[i], room, &tables[i]);
        room += resize_table_size(&r.rule, &r.axes[i]);
    }
    if (!op_wants_reference(call) && count > 0) {
        struct image_resize fast = {x, y, tables, r.rule.mode == RESIZE_NEAREST};

        if (image_resize_fits(&fast)) {
            image_resize_run(&fast, call->team);
            return STATUS_OK;
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool outside = false;
        size_t offset = 0;

        for (int d = 0; d < rank; d++) {
            outside = outside || tables[d].first[at[d]] == RESIZE_OUTSIDE;
            if (!outside)
                offset += (size_t)(resize_index(&tables[d], at[d], 0) * strides[d]);
        }
        if (outside)
            put(y, i, r.extrapolation);
        else if (r.rule.mode == RESIZE_NEAREST)
            memcpy((char *)y->data + i * size, (const char *)x->data + offset * size, size);
        else
            put(y, i, interpolate(x, tables, at, strides, rank));
        (void)index_next(at, y->shape.dims, rank);
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_resize = OP_SET({.name = "Resize",
                                              .summary = "images to another size",
                                              .flags = OP_OPTIONAL_GAPS,
                                              .in_min = 1,
                                              .in_max = 4,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .prepare = op_prepare_reference,
                                              .scratch_size = scratch_size,
                                              .run = run},
                                             {.name = "Upsample",
                                              .summary = "images to another size",
                                              .in_min = 1,
                                              .in_max = 2,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer,
                                              .prepare = op_prepare_reference,
                                              .scratch_size = scratch_size,
                                              .run = run});
