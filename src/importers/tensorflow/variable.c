// SPDX-License-Identifier: Apache-2.0
/* Variables: what restoring and initialising assign to them. */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

static enum status variable_get(const struct tf_call *c, struct tf_resource **variable,
                                struct error *err)
{
    struct bytes shared;
    const char *name;

    TRY(tf_string(c->node, "shared_name", "", &shared, err));
    name = shared.size && !bytes_is(shared, "cd2c89b7-88b7-44c8-ad83-06c2a9158347")
               ? arena_text(c->l->keep, shared)
               : c->node->name;
    if (!name)
        return error_no_memory(err, "a variable");
    return tf_resource_get(c->l, TF_VARIABLE, name, c->node, variable, err);
}

static enum status variable_read(struct tf_call *c, struct tf_resource *variable, value_id *value,
                                 struct error *err)
{
    struct tensor restored;

    if (variable->graph == c->e->graph) {
        *value = variable->value;
        return STATUS_OK;
    }
    if (variable->tensor)
        restored = *variable->tensor;
    else if (variable->key.size && c->l->bundle)
        TRY(bundle_tensor(c->l->bundle, variable->key, &restored, err));
    else
        return error_set(err, STATUS_UNSUPPORTED, "the file does not hold variable '%.64s'",
                         variable->name);
    TRY(emit_constant(c->e, &restored, value, err));
    variable->value = *value;
    variable->graph = c->e->graph;
    return STATUS_OK;
}

/* A reference variable: its value where it is read, a handle where it is assigned. */
static enum status reference(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id value;

    TRY(tf_resource_get(c->l, TF_VARIABLE, c->node->name, c->node, &variable, err));
    if (c->l->phase != TF_SERVING)
        return tf_resource_give(c, variable, err);
    TRY(variable_read(c, variable, &value, err));
    return tf_give(c, value);
}

static enum status handle(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;

    TRY(variable_get(c, &variable, err));
    return tf_resource_give(c, variable, err);
}

static enum status read(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id value;

    TRY(tf_resource_of(c, 0, TF_VARIABLE, &variable, err));
    TRY(variable_read(c, variable, &value, err));
    return tf_give(c, value);
}

static enum status assign(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable, *saved;

    if (c->l->phase == TF_SERVING)
        return error_set(err, STATUS_UNSUPPORTED, "it writes a variable while it serves");
    TRY(tf_resource_of(c, 0, TF_VARIABLE, &variable, err));
    if (tf_is_resource(c, 1, TF_SAVED_TENSOR)) {
        TRY(tf_resource_of(c, 1, TF_SAVED_TENSOR, &saved, err));
        variable->key = saved->key;
        variable->tensor = NULL;
    } else {
        variable->tensor = tf_constant(c, 1);
        if (!variable->tensor)
            return error_set(err, STATUS_UNSUPPORTED, "what it assigns is not known");
    }
    variable->graph = NULL;
    return tf_give(c, c->in[0]);
}

static enum status strings_of(const struct tf_call *c, size_t input, const struct bytes **strings,
                              size_t *count, struct error *err)
{
    const struct tensor *tensor = tf_constant(c, input);

    if (!tensor || tensor->dtype != DTYPE_STRING)
        return error_set(err, STATUS_UNSUPPORTED, "input %zu is no list of known strings", input);
    *strings = tensor->data;
    *count = tensor_count(tensor);
    return STATUS_OK;
}

/* prefix, names, slices: the tensors of our own checkpoint by name, fetched when they are read. */
static enum status restore(struct tf_call *c, struct error *err)
{
    const struct bytes *prefix = NULL, *names = NULL, *slices = NULL;
    size_t prefixes = 0, count = 0, slice_count = 0;
    struct tf_resource *saved;

    if (c->in_count != 3)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs, not 3", c->in_count);
    TRY(strings_of(c, 0, &prefix, &prefixes, err));
    TRY(strings_of(c, 1, &names, &count, err));
    TRY(strings_of(c, 2, &slices, &slice_count, err));
    if (c->l->phase == TF_SERVING || prefixes != 1 || !bytes_equal(*prefix, c->l->prefix))
        return error_set(err, STATUS_UNSUPPORTED, "it reads a file other than the model's");
    for (size_t i = 0; i < count; i++) {
        if (i < slice_count && slices[i].size)
            return error_set(err, STATUS_UNSUPPORTED, "it restores slices of tensors");
        TRY(tf_resource_get(c->l, TF_SAVED_TENSOR, "", c->node, &saved, err));
        saved->key = names[i];
        TRY(tf_resource_give(c, saved, err));
    }
    return STATUS_OK;
}

const struct tf_op_set tf_ops_variable =
    TF_OP_SET({.name = "VariableV2", .lower = reference}, {.name = "Variable", .lower = reference},
              {.name = "VarHandleOp", .lower = handle},
              {.name = "ReadVariableOp", .lower = read, .inputs = 1},
              {.name = "Assign", .lower = assign, .inputs = 2},
              {.name = "AssignVariableOp", .lower = assign, .inputs = 2},
              {.name = "RestoreV2", .lower = restore}, );
