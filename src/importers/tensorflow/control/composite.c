// SPDX-License-Identifier: Apache-2.0
/* Composite tensors as variants: their components as they are. What they were and what they are
 * taken for are of one class. Source: tensorflow/core/kernels/composite_tensor_ops.cc,
 * core/protobuf/composite_tensor_variant.proto. */
#include "importers/tensorflow/internal.h"

static enum status pack(struct tf_call *c, struct error *err)
{
    struct tf_compound composite = {.kind = TF_COMPOSITE, .count = c->in_count};

    composite.parts = arena_new(c->l->keep, value_id, c->in_count + 1);
    if (!composite.parts)
        return error_no_memory(err, "a variant");
    for (size_t i = 0; i < c->in_count; i++)
        composite.parts[i] = c->in[i];
    TRY(tf_string(c->node, "metadata", "", &composite.about, err));
    return tf_compound_give(c, &composite, err);
}

/* TypeSpecProto.type_spec_class of CompositeTensorVariantMetadata.type_spec_proto; 0: not stated.
 */
static enum status class_of(struct bytes metadata, int64_t *number, struct error *err)
{
    struct protobuf message = protobuf_over(metadata), inner;
    struct protobuf_field field, in;

    *number = 0;
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        for (;;) {
            TRY(protobuf_next(&inner, &in, err));
            if (!in.number)
                break;
            if (in.number == 1)
                TRY(protobuf_i64(&in, number, err));
        }
    }
}

static enum status unpack(struct tf_call *c, struct error *err)
{
    struct tf_compound composite;
    int64_t was, wanted;
    struct bytes about;
    enum dtype *dtypes;
    size_t count;

    TRY(tf_compound_of(c, 0, TF_COMPOSITE, &composite, err));
    TRY(tf_string(c->node, "metadata", "", &about, err));
    TRY(class_of(composite.about, &was, err));
    TRY(class_of(about, &wanted, err));
    if (was != wanted)
        return error_set(err, STATUS_INVALID_INPUT, "a composite tensor of class %lld, not %lld",
                         (long long)was, (long long)wanted);
    TRY(tf_types(c->node, "Tcomponents", &dtypes, &count, c->l->keep, err));
    if (count != composite.count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu components, not %zu", composite.count,
                         count);
    for (size_t i = 0; i < count; i++) {
        enum dtype dtype = emit_dtype(c->e, composite.parts[i]);

        if (dtype != dtypes[i] && dtypes[i] != DTYPE_VARIANT && dtypes[i] != DTYPE_RESOURCE)
            return error_set(err, STATUS_INVALID_INPUT, "component %zu is of %s, not %s", i,
                             dtype_name(dtype), dtype_name(dtypes[i]));
        TRY(tf_add(c, composite.parts[i], err));
    }
    return STATUS_OK;
}

const struct tf_op_set tf_ops_composite =
    TF_OP_SET({.name = "CompositeTensorVariantFromComponents", .lower = pack},
              {.name = "CompositeTensorVariantToComponents", .lower = unpack, .inputs = 1}, );
