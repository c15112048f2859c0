// SPDX-License-Identifier: Apache-2.0
/* TimeDistributed: a layer for each step, as one call on batch times steps. SpectralNormalization.
 */
#include "importers/keras/internal.h"

/* The first two dimensions of x, then those of y behind the first; as numbers, -1 for one of them.
 */
static enum status split_back(struct call *c, value_id y, value_id *out, struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[0].value), *made = emit_shape(c->e, y);
    int64_t dims[RANK_MAX] = {-1};
    value_id sizes, rest, shape;
    bool open = false;

    if (made->rank < 1 || made->rank + 1 > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of its output is not known");
    for (int d = 1; d < made->rank; d++) {
        dims[d + 1] = made->dims[d];
        open = open || made->dims[d] < 0;
    }
    if (x->dims[1] >= 0 && !open) {
        dims[1] = x->dims[1];
        return emit_reshape(c->e, y, dims, (size_t)made->rank + 1, out, err);
    }
    TRY(emit_1(c->e, "Shape", c->in[0].value, &sizes, err));
    TRY(emit_slice(c->e, sizes, 0, 0, 2, 1, &sizes, err));
    if (open) {
        TRY(emit_1(c->e, "Shape", y, &rest, err));
        TRY(emit_slice(c->e, rest, 0, 1, INT64_MAX, 1, &rest, err));
    } else {
        TRY(emit_ints(c->e, dims + 2, (size_t)made->rank - 1, &rest, err));
    }
    TRY(emit_concat(c->e, EMIT(sizes, rest), 0, &shape, err));
    return emit_2(c->e, "Reshape", y, shape, out, err);
}

/* Before Keras 3 a step counts in which any of its own steps does. */
static enum status outer_mask(struct call *c, value_id *mask, struct error *err)
{
    int64_t axis = 2;

    *mask = c->in[0].mask;
    if (*mask == VALUE_NONE || emit_shape(c->e, *mask)->rank == 2 || c->k->generation > 2)
        return STATUS_OK;
    TRY(emit_cast(c->e, *mask, DTYPE_I32, mask, err));
    TRY(emit_reduce(c->e, "ReduceMax", *mask, &axis, 1, false, mask, err));
    return emit_cast(c->e, *mask, DTYPE_BOOL, mask, err);
}

/* (batch, steps, ...) as (batch times steps, ...). */
static enum status steps_to_batch(struct call *c, int rank, value_id *y, struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[0].value);
    int64_t dims[RANK_MAX] = {-1};
    value_id all, rest, shape;
    bool open = false;

    for (int d = 2; d < rank; d++) {
        dims[d - 1] = x->dims[d];
        open = open || x->dims[d] < 0;
    }
    if (!open)
        return emit_reshape(c->e, c->in[0].value, dims, (size_t)rank - 1, y, err);
    TRY(EMIT_INTS(c->e, &all, err, -1));
    TRY(emit_1(c->e, "Shape", c->in[0].value, &rest, err));
    TRY(emit_slice(c->e, rest, 0, 2, INT64_MAX, 1, &rest, err));
    TRY(emit_concat(c->e, EMIT(all, rest), 0, &shape, err));
    return emit_2(c->e, "Reshape", c->in[0].value, shape, y, err);
}

static enum status time_distributed(struct call *c, struct error *err)
{
    struct keras_tensor in = {VALUE_NONE, VALUE_NONE}, out[LAYER_OUTPUTS_MAX];
    const struct shape *mask;
    size_t count, quantised = c->k->quantised;
    value_id y, steps;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    if (rank < 3)
        return error_set(err, STATUS_INVALID_INPUT, "its input has %d dimensions", rank);
    TRY(steps_to_batch(c, rank, &in.value, err));
    if (c->in[0].mask != VALUE_NONE) { /* of the steps of a step */
        mask = emit_shape(c->e, c->in[0].mask);
        if (mask->rank == 3 && mask->dims[2] >= 0)
            TRY(emit_reshape(c->e, c->in[0].mask, (const int64_t[]){-1, mask->dims[2]}, 2, &in.mask,
                             err));
        else if (mask->rank != 2)
            return error_set(err, STATUS_UNSUPPORTED, "a mask of %d dimensions", mask->rank);
    }
    TRY(call_inner(c, config_get(c, "layer", NULL), "layer", &in, 1, out, &count, err));
    if (c->k->quantised != quantised) /* Keras 3.15 computes something else there */
        return error_set(err, STATUS_UNSUPPORTED, "its layer is quantised");
    if (count != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its layer has %zu outputs", count);
    TRY(split_back(c, out[0].value, &y, err));
    TRY(outer_mask(c, &steps, err));
    return call_add(c, y, steps, err);
}

/* The kernel is stored as training normalised it. The wrapper lists it among its own weights, with
 * a vector. */
static enum status spectral_normalization(struct call *c, struct error *err)
{
    struct keras_tensor out[LAYER_OUTPUTS_MAX];
    size_t count;

    TRY(call_wants(c, 1, err));
    TRY(call_inner(c, config_get(c, "layer", NULL), "layer", c->in, 1, out, &count, err));
    return call_give(c, out[0].value);
}

const struct layer_set layers_wrapper =
    LAYER_SET({.name = "TimeDistributed", .lower = time_distributed},
              {.name = "SpectralNormalization", .lower = spectral_normalization}, );
