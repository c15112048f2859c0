// SPDX-License-Identifier: Apache-2.0
/* Tensors with other elements where indices say. */
#include "importers/tensorflow/internal.h"

/* Indices out of bounds are an error everywhere but where the node says otherwise. */
static enum status bad_indices(const struct tf_call *c, struct error *err)
{
    struct bytes policy;

    TRY(tf_string(c->node, "bad_indices_policy", "", &policy, err));
    if (policy.size && !bytes_is(policy, "ERROR") && !bytes_is(policy, "DEFAULT"))
        return error_set(err, STATUS_UNSUPPORTED, "its bad_indices_policy ignores bad indices");
    return STATUS_OK;
}

/* Indices below zero as far out of range as those above: ONNX would count them from the end. */
static enum status indices_checked(struct tf_call *c, value_id *indices, struct error *err)
{
    value_id zero, far, below;

    TRY(emit_cast(c->e, *indices, DTYPE_I64, indices, err));
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)((int64_t)1 << 52), &far, err));
    TRY(emit_2(c->e, "Less", *indices, zero, &below, err));
    return emit_where(c->e, below, far, *indices, indices, err);
}

enum status tf_scatter_nd(struct tf_call *c, value_id x, value_id indices, value_id updates,
                          const char *reduction, bool negate, value_id *y, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, x);
    bool flags = dtype == DTYPE_BOOL && strcmp(reduction, "none"); /* added: or */
    bool complex = dtype_kind(dtype) == KIND_COMPLEX;
    enum dtype part = tf_complex_part(dtype);
    value_id zero;

    TRY(bad_indices(c, err));
    TRY(indices_checked(c, &indices, err));
    if (complex) {
        TRY(tf_bitcast(c->e, x, part, &x, err));
        TRY(tf_bitcast(c->e, updates, part, &updates, err));
    }
    if (flags) {
        TRY(emit_cast(c->e, x, DTYPE_U8, &x, err));
        TRY(emit_cast(c->e, updates, DTYPE_U8, &updates, err));
        reduction = "max";
    }
    if (negate) {
        TRY(emit_number(c->e, part, 0, &zero, err));
        TRY(emit_2(c->e, "Sub", zero, updates, &updates, err));
    }
    TRY(emit_node(c->e, "", "ScatterND", EMIT(x, indices, updates),
                  EMIT_ATTRIBUTES(attribute_of_text("reduction", reduction)), y, err));
    if (complex)
        return tf_bitcast(c->e, *y, dtype, y, err);
    return flags ? emit_cast(c->e, *y, DTYPE_BOOL, y, err) : STATUS_OK;
}

static enum status scatter(struct tf_call *c, const char *reduction, bool negate, struct error *err)
{
    value_id y;

    TRY(tf_scatter_nd(c, c->in[0], c->in[1], c->in[2], reduction, negate, &y, err));
    return tf_give(c, y);
}

#define SCATTER(name, reduction, negate)                                                           \
    static enum status name(struct tf_call *c, struct error *err)                                  \
    {                                                                                              \
        return scatter(c, reduction, negate, err);                                                 \
    }
SCATTER(update, "none", false)
SCATTER(add, "add", false)
SCATTER(subtract, "add", true)
SCATTER(least, "min", false)
SCATTER(most, "max", false)

/* indices, updates, shape: into zeros. */
static enum status scatter_nd(struct tf_call *c, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[1]);
    value_id dims, zeros, y;
    struct tensor zero;

    if (dtype == DTYPE_STRING) /* those of the same place are joined */
        return error_set(err, STATUS_UNSUPPORTED, "of strings");
    TRY(tf_index(c, 2, &dims, err));
    TRY(tensor_new(&zero, dtype, &(struct shape){.rank = 0}, c->l->keep, err));
    TRY(emit_constant(c->e, &zero, &zeros, err));
    TRY(emit_2(c->e, "Expand", zeros, dims, &zeros, err));
    TRY(tf_scatter_nd(c, zeros, c->in[0], c->in[1], "add", false, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_scatter =
    TF_OP_SET({.name = "ScatterNd", .lower = scatter_nd, .inputs = 3},
              {.name = "TensorScatterUpdate", .lower = update, .inputs = 3},
              {.name = "TensorScatterAdd", .lower = add, .inputs = 3},
              {.name = "TensorScatterSub", .lower = subtract, .inputs = 3},
              {.name = "TensorScatterMin", .lower = least, .inputs = 3},
              {.name = "TensorScatterMax", .lower = most, .inputs = 3},
              {.name = "ScatterNdNonAliasingAdd", .lower = add, .inputs = 3}, );
