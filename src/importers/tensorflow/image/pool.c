// SPDX-License-Identifier: Apache-2.0
/* Pools of images and volumes. */
#include "importers/tensorflow/image/window.h"

/* A maximum over runs of `size` channels. */
static enum status max_pool_depth(struct tf_call *c, int64_t size, struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[0]);
    int64_t channels = x->rank == 4 ? x->dims[3] : -1;
    value_id y;

    if (channels < 0)
        return error_set(err, STATUS_UNSUPPORTED, "its channels are not known");
    if (size < 1 || channels % size)
        return error_set(err, STATUS_INVALID_INPUT, "%lld channels do not divide into windows",
                         (long long)channels);
    TRY(emit_reshape(c->e, c->in[0], (const int64_t[]){0, 0, 0, channels / size, size}, 5, &y,
                     err));
    TRY(emit_reduce(c->e, "ReduceMax", y, (const int64_t[]){-1}, 1, false, &y, err));
    return tf_give(c, y);
}

static bool is_depth(const int64_t *ksize, const int64_t *strides, size_t count)
{
    if (count != 4 || ksize[3] != strides[3] || ksize[3] == 1)
        return false;
    for (int i = 0; i < 3; i++)
        if (ksize[i] != 1 || strides[i] != 1)
            return false;
    return true;
}

static enum status pool(struct tf_call *c, const char *op, int spatial, struct tf_window *w,
                        struct error *err)
{
    struct attribute attributes[4];
    size_t count = tf_window_attributes(w, attributes);
    value_id y;

    attributes[count++] = attribute_of_ints("kernel_shape", w->kernel, (size_t)spatial);
    TRY(tf_window_emit(c, w, op, EMIT(c->in[0]), (struct emit_attributes){attributes, count}, &y,
                       err));
    return tf_give(c, y);
}

static enum status pool_of_attributes(struct tf_call *c, const char *op, int spatial,
                                      struct error *err)
{
    int64_t ksize[TF_SPATIAL_MAX + 2], strides[TF_SPATIAL_MAX + 2];
    size_t count, stride_count;
    struct tf_window w;

    TRY(tf_ints(c->node, "ksize", ksize, TF_SPATIAL_MAX + 2, &count, c->l->keep, err));
    TRY(tf_ints(c->node, "strides", strides, TF_SPATIAL_MAX + 2, &stride_count, c->l->keep, err));
    if (count == stride_count && !strcmp(op, "MaxPool") && is_depth(ksize, strides, count))
        return max_pool_depth(c, ksize[3], err);
    TRY(tf_window_read(c, spatial, &w, err));
    if (!count)
        return error_set(err, STATUS_INVALID_INPUT, "has no ksize");
    TRY(tf_window_numbers("ksize", &w, ksize, count, w.kernel, err));
    return pool(c, op, spatial, &w, err);
}

#define POOL(verb, op, n)                                                                          \
    static enum status verb(struct tf_call *c, struct error *err)                                  \
    {                                                                                              \
        return pool_of_attributes(c, op, n, err);                                                  \
    }
POOL(max_pool, "MaxPool", 2)
POOL(max_pool_3d, "MaxPool", 3)
POOL(average_pool, "AveragePool", 2)
POOL(average_pool_3d, "AveragePool", 3)

/* ksize and strides are inputs. */
static enum status max_pool_v2(struct tf_call *c, struct error *err)
{
    int64_t ksize[4], strides[4];
    size_t count, stride_count;
    struct tf_window w;

    TRY(tf_known_ints(c, 1, ksize, 4, &count, err));
    TRY(tf_known_ints(c, 2, strides, 4, &stride_count, err));
    if (count == stride_count && is_depth(ksize, strides, count))
        return max_pool_depth(c, ksize[3], err);
    TRY(tf_window_read(c, 2, &w, err));
    TRY(tf_window_numbers("ksize", &w, ksize, count, w.kernel, err));
    TRY(tf_window_numbers("strides", &w, strides, stride_count, w.strides, err));
    return pool(c, "MaxPool", 2, &w, err);
}

/* Largest elements and where they are in the flattened (height, width, channels), of the batch too
 * when include_batch_in_index. */
static enum status max_pool_argmax(struct tf_call *c, struct error *err)
{
    struct attribute attributes[6];
    bool batch;
    enum dtype index;
    struct tf_window w;
    value_id y[2];
    size_t count;

    TRY(tf_window_read(c, 2, &w, err));
    TRY(tf_window_list(c, "ksize", &w, w.kernel, err));
    TRY(tf_bool(c->node, "include_batch_in_index", false, &batch, err));
    TRY(tf_type(c->node, "Targmax", &index, err));
    count = tf_window_attributes(&w, attributes);
    attributes[count++] = attribute_of_ints("kernel_shape", w.kernel, 2);
    attributes[count++] = attribute_of_int("batch", batch);
    TRY(emit(c->e, "firn", "MaxPoolArgmax", c->in, 1, attributes, count, y, 2, err));
    TRY(emit_cast(c->e, y[1], index == DTYPE_NONE ? DTYPE_I64 : index, &y[1], err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

/* --- gradients, of images with the channels last --- */

static enum status pool_grad(struct tf_call *c, const char *op, const value_id in[2],
                             struct error *err)
{
    struct attribute attributes[4];
    struct tf_window w;
    size_t count;
    value_id y;

    TRY(tf_window_read(c, 2, &w, err));
    if (w.first)
        return error_set(err, STATUS_UNSUPPORTED, "its data_format is not NHWC");
    TRY(tf_window_list(c, "ksize", &w, w.kernel, err));
    count = tf_window_attributes(&w, attributes);
    attributes[count++] = attribute_of_ints("kernel_shape", w.kernel, 2);
    TRY(emit(c->e, "firn", op, in, 2, attributes, count, &y, 1, err));
    return tf_give(c, y);
}

/* Of the input, the output and its gradient. */
static enum status max_pool_grad(struct tf_call *c, struct error *err)
{
    return pool_grad(c, "MaxPoolGrad", (const value_id[]){c->in[0], c->in[2]}, err);
}

static enum status average_pool_grad(struct tf_call *c, struct error *err)
{
    return pool_grad(c, "AveragePoolGrad", c->in, err);
}

const struct tf_op_set tf_ops_pool =
    TF_OP_SET({.name = "MaxPool", .lower = max_pool, .inputs = 1},
              {.name = "MaxPoolV2", .lower = max_pool_v2, .inputs = 3},
              {.name = "MaxPool3D", .lower = max_pool_3d, .inputs = 1},
              {.name = "AvgPool", .lower = average_pool, .inputs = 1},
              {.name = "AvgPool3D", .lower = average_pool_3d, .inputs = 1},
              {.name = "MaxPoolGrad", .lower = max_pool_grad, .inputs = 3},
              {.name = "AvgPoolGrad", .lower = average_pool_grad, .inputs = 2},
              {.name = "MaxPoolWithArgmax", .lower = max_pool_argmax, .inputs = 1}, );
