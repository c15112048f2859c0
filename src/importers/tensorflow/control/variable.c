// SPDX-License-Identifier: Apache-2.0
/* Variables: what restoring and initialising assign to them, and reading them. Those that are
 * written while serving are state: hidden inputs and outputs of the signatures (assign.c). */
#include "base/text.h"
#include "importers/tensorflow/control/control.h"

/* The shared name of a variable that is nobody else's. */
static const char ANONYMOUS[] = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

static enum status variable_get(const struct tf_call *c, struct tf_resource **variable,
                                struct error *err)
{
    struct bytes shared;
    const char *name;

    TRY(tf_string(c->node, "shared_name", "", &shared, err));
    name = shared.size && !bytes_is(shared, ANONYMOUS) ? arena_text(c->l->keep, shared)
                                                       : c->node->name;
    if (!name)
        return error_no_memory(err, "a variable");
    return tf_resource_get(c->l, TF_VARIABLE, name, c->node, variable, err);
}

enum status tf_variable_stored(const struct tf_lowering *l, const struct tf_resource *variable,
                               struct tensor *stored, struct error *err)
{
    if (variable->tensor) {
        *stored = *variable->tensor;
        return STATUS_OK;
    }
    if (variable->key.size && l->bundle)
        return bundle_slice(l->bundle, variable->key, variable->slice, stored, err);
    return error_set(err, STATUS_UNSUPPORTED, "the file does not hold variable '%.64s'",
                     variable->name);
}

/* The first time that a signature has to do with a variable that is written. */
enum status tf_variable_touch(struct tf_lowering *l, struct tf_resource *variable,
                              struct error *err)
{
    if (variable->signature == l->signature)
        return STATUS_OK;
    if (!ARENA_GROW(l->keep, l->touched, l->touched_count, l->touched_capacity))
        return error_no_memory(err, "the variables");
    l->touched[l->touched_count++] = variable;
    variable->signature = l->signature;
    variable->taken = VALUE_NONE;
    variable->assigned = false;
    variable->graph = NULL;
    return STATUS_OK;
}

bool tf_shapes_differ(const struct shape *a, const struct shape *b)
{
    if (a->rank < 0 || b->rank < 0)
        return false;
    for (int d = 0; d < a->rank && a->rank == b->rank; d++)
        if (dim_is_known(a->dims[d]) && dim_is_known(b->dims[d]) && a->dims[d] != b->dims[d])
            return true;
    return a->rank != b->rank;
}

/* The hidden input of a variable. */
static enum status variable_take(struct tf_lowering *l, struct tf_resource *variable,
                                 struct error *err)
{
    struct tensor stored;
    struct shape shape;

    TRY(tf_variable_stored(l, variable, &stored, err));
    TRY(tf_shape(variable->node, "shape", &shape, l->keep, err));
    if (tf_shapes_differ(&stored.shape, &shape))
        return error_set(err, STATUS_INVALID_INPUT, "variable '%.64s' is stored in another shape",
                         variable->name);
    if (variable->temporary) {
        TRY(emit_constant(&(struct emitter){.graph = l->serving, .where = ""}, &stored,
                          &variable->value, err));
    } else {
        TRY(graph_input(l->serving, variable->name, stored.dtype, &shape, &variable->taken, err));
        variable->value = variable->taken;
    }
    variable->graph = l->serving;
    return STATUS_OK;
}

static struct tf_write *write_of(const struct tf_body *body, const struct tf_resource *variable)
{
    struct tf_write *write = body->writes;

    while (write && write->variable != variable)
        write = write->next;
    return write;
}

enum status tf_variable_now(struct tf_lowering *l, const struct graph *graph,
                            struct tf_resource *variable, value_id *value, struct error *err)
{
    const struct graph *from = graph;
    struct tf_body *body = NULL;

    TRY(tf_variable_touch(l, variable, err));
    while (from != l->serving) { /* outwards, to whoever wrote it last */
        const struct tf_write *write;

        body = tf_body_of(l, from);
        if (!body)
            return error_set(err, STATUS_UNSUPPORTED, "reads variable '%.64s', which is written",
                             variable->name);
        write = write_of(body, variable);
        if (write) {
            *value = write->value;
            break;
        }
        from = body->outer;
    }
    if (from == l->serving) {
        if (variable->graph != l->serving)
            TRY(variable_take(l, variable, err));
        *value = variable->value;
    }
    return from == graph ? STATUS_OK
                         : tf_body_capture(tf_body_of(l, graph), from, *value, value, err);
}

enum status tf_variable_set(struct tf_lowering *l, const struct graph *graph,
                            struct tf_resource *variable, value_id value, struct error *err)
{
    struct tf_body *body = tf_body_of(l, graph);
    struct tf_write *write = body ? write_of(body, variable) : NULL;

    TRY(tf_variable_touch(l, variable, err));
    if (graph == l->serving) {
        variable->value = value;
        variable->graph = graph;
        variable->assigned = !variable->temporary;
        return STATUS_OK;
    }
    if (!body)
        return error_set(err, STATUS_UNSUPPORTED, "writes variable '%.64s' where none is",
                         variable->name);
    if (!write) {
        write = arena_new(l->keep, struct tf_write, 1);
        if (!write)
            return error_no_memory(err, "the variables");
        *write = (struct tf_write){body->writes, variable, value};
        body->writes = write;
    }
    write->value = value;
    return STATUS_OK;
}

enum status tf_variable_value(const struct tf_scope *scope, struct tf_resource *variable,
                              value_id *value, struct error *err)
{
    struct graph *graph = scope->e->graph;
    struct tensor stored;

    if (variable->written) {
        TRY(tf_place_note(scope, false, err));
        return tf_variable_now(scope->l, graph, variable, value, err);
    }
    if (variable->graph != graph) {
        TRY(tf_variable_stored(scope->l, variable, &stored, err));
        TRY(emit_constant(scope->e, &stored, &variable->value, err));
        variable->graph = graph;
    }
    *value = variable->value;
    return STATUS_OK;
}

/* Something has the memory of a reference: who writes it now changes that too. In a loop the write
 * may come first. */
static enum status reference_share(const struct tf_scope *scope, struct tf_resource *variable,
                                   struct error *err)
{
    const size_t signature = scope->l->signature;

    variable->shared = signature;
    if (!tf_is_in_loop(scope))
        return STATUS_OK;
    variable->shared_in_loop = signature;
    return variable->written_in_loop == signature && scope->l->writes
               ? error_set(err, STATUS_UNSUPPORTED,
                           "a loop writes variable '%.64s' in place, and shares its memory",
                           variable->name)
               : STATUS_OK;
}

enum status tf_variable_dereference(const struct tf_scope *scope, const char *reader,
                                    value_id *value, struct error *err)
{
    struct tf_resource *variable = tf_resource_at(scope->l, scope->e->graph, *value);

    if (!variable || variable->kind != TF_VARIABLE || !variable->reference)
        return STATUS_OK;
    if (scope->l->phase != TF_SERVING && !variable->tensor && !variable->key.size)
        return STATUS_OK;
    if (tf_may_share(reader))
        TRY(reference_share(scope, variable, err));
    return tf_variable_value(scope, variable, value, err);
}

static enum status reference(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;

    TRY(tf_resource_get(c->l, TF_VARIABLE, c->node->name, c->node, &variable, err));
    variable->reference = true;
    return tf_resource_give(c, variable, err);
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
    TRY(tf_variable_value(c->scope, variable, &value, err));
    return tf_give(c, value);
}

/* Rows of a variable: as GatherV2 along the axis behind the batch. */
static enum status gather(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id in[3] = {0, c->in[1]};
    int64_t batch;

    TRY(tf_resource_of(c, 0, TF_VARIABLE, &variable, err));
    TRY(tf_variable_value(c->scope, variable, &in[0], err));
    TRY(tf_int(c->node, "batch_dims", 0, &batch, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)batch, &in[2], err));
    return tf_lower_as(c, "GatherV2", in, 3, err);
}

static enum status gather_nd(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id in[2] = {0, c->in[1]};

    TRY(tf_resource_of(c, 0, TF_VARIABLE, &variable, err));
    TRY(tf_variable_value(c->scope, variable, &in[0], err));
    return tf_lower_as(c, "GatherNd", in, 2, err);
}

static enum status shape(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id value;

    TRY(tf_resource_of(c, 0, TF_VARIABLE, &variable, err));
    TRY(tf_variable_value(c->scope, variable, &value, err));
    return tf_lower_as(c, "Shape", &value, 1, err);
}

static enum status is_initialised(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id y;

    TRY(tf_resource_of(c, 0, TF_VARIABLE, &variable, err));
    if (variable->written)
        return error_set(err, STATUS_UNSUPPORTED, "asks for a variable that is written");
    TRY(emit_number(c->e, DTYPE_BOOL, variable->tensor || variable->key.size, &y, err));
    return tf_give(c, y);
}

/* index, references: one of them. Which one must be known where something is written, for who
 * writes to the result writes to it. */
static enum status select_reference(struct tf_call *c, struct error *err)
{
    const size_t count = c->in_count ? c->in_count - 1 : 0;
    value_id index, parts[TF_SIDES_MAX], y;
    const struct tensor *known;

    if (!count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    index = c->in[0];
    TRY(tf_variable_dereference(c->scope, "RefSelect", &index, err));
    known = value_constant(c->e->graph, index);
    if (known && dtype_is_integer(known->dtype) && known->shape.rank == 0) {
        int64_t i = tensor_i64(known, 0);

        return i >= 0 && (size_t)i < count
                   ? tf_give(c, c->in[1 + i])
                   : error_set(err, STATUS_INVALID_INPUT, "number %lld of %zu references",
                               (long long)i, count);
    }
    if (c->l->writes || c->l->phase != TF_SERVING || count > TF_SIDES_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "which reference it takes is not known");
    for (size_t i = 0; i < count; i++) {
        const struct shape *first, *shape;

        parts[i] = c->in[1 + i];
        TRY(tf_variable_dereference(c->scope, "RefSelect", &parts[i], err));
        first = emit_shape(c->e, parts[0]);
        shape = emit_shape(c->e, parts[i]);
        if (first->rank < 0 || shape->rank < 0 || tf_shapes_differ(first, shape))
            return error_set(err, STATUS_UNSUPPORTED, "references to variables of several shapes");
    }
    TRY(tf_lower_as(c, "Pack", parts, count, err));
    y = c->out[0];
    TRY(emit_node(c->e, "", "Gather", EMIT(y, index),
                  EMIT_ATTRIBUTES(attribute_of_int("from_start", 1)), &y, err));
    return tf_give(c, y);
}

/* Does the handle count who has it? So do those of resources without a name. */
static bool is_counted(const struct tf_resource *resource)
{
    struct error ignored;
    struct bytes shared;

    if (!strncmp(resource->node->op, "Anonymous", 9))
        return true;
    return !strcmp(resource->node->op, "VarHandleOp") &&
           !tf_string(resource->node, "shared_name", "", &shared, &ignored) &&
           bytes_is(shared, ANONYMOUS);
}

static enum status resource_of(const struct tf_call *c, struct tf_resource **resource,
                               struct error *err)
{
    *resource = tf_resource_at(c->l, c->e->graph, c->in[0]);
    return *resource ? STATUS_OK
                     : error_set(err, STATUS_UNSUPPORTED, "which resource it is, is not known");
}

static enum status counts(struct tf_call *c, struct error *err)
{
    struct tf_resource *resource;
    value_id y;

    TRY(resource_of(c, &resource, err));
    TRY(emit_number(c->e, DTYPE_BOOL, is_counted(resource), &y, err));
    return tf_give(c, y);
}

/* What is counted stays while somebody has it, and an array ends with the run. What the next
 * request needs is not destroyed. */
static enum status destroy(struct tf_call *c, struct error *err)
{
    struct tf_resource *resource;

    TRY(resource_of(c, &resource, err));
    c->out_count = 0;
    return is_counted(resource) || resource->kind == TF_TENSOR_ARRAY
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED,
                           "destroys '%.64s', which the next request needs", resource->name);
}

/* --- variables of one run --- */

enum { TEMPORARY_MAX = 1 << 24 }; /* elements */

static enum status temporary(struct tf_call *c, struct error *err)
{
    const struct tf_function *function = c->scope->function;
    struct tensor *zeros = arena_new(c->l->keep, struct tensor, 1);
    const char *name =
        arena_printf(c->l->keep, "%s/%s/temporary", function ? function->name : "", c->node->name);
    struct tf_resource *variable;
    struct shape shape;
    int64_t count = 1;
    enum dtype dtype;

    if (!name || !zeros)
        return error_no_memory(err, "a variable");
    TRY(tf_type(c->node, "dtype", &dtype, err));
    TRY(tf_shape(c->node, "shape", &shape, c->l->keep, err));
    if (c->l->phase != TF_SERVING || !shape_is_known(&shape))
        return error_set(err, STATUS_UNSUPPORTED, "its shape is not known");
    for (int d = 0; d < shape.rank; d++)
        if (shape.dims[d] > TEMPORARY_MAX || (count *= shape.dims[d]) > TEMPORARY_MAX)
            return error_set(err, STATUS_TOO_LARGE, "has more than %d elements", TEMPORARY_MAX);
    TRY(tf_resource_get(c->l, TF_VARIABLE, name, c->node, &variable, err));
    if (!variable->tensor) { /* TensorFlow leaves open what it holds before the first write */
        TRY(tensor_new(zeros, dtype, &shape, c->l->keep, err));
        variable->tensor = zeros;
    }
    variable->reference = variable->temporary = true;
    return tf_resource_give(c, variable, err);
}

static enum status take_last(struct tf_call *c, struct error *err)
{
    struct tf_resource *variable;
    value_id y;

    TRY(tf_resource_of(c, 0, TF_VARIABLE, &variable, err));
    if (!variable->temporary)
        return error_set(err, STATUS_INVALID_INPUT, "'%.64s' is no temporary variable",
                         variable->name);
    TRY(tf_variable_value(c->scope, variable, &y, err));
    return tf_give(c, y);
}

/* --- restoring --- */

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

    TRY(strings_of(c, 0, &prefix, &prefixes, err));
    TRY(strings_of(c, 1, &names, &count, err));
    if (c->in_count > 2)
        TRY(strings_of(c, 2, &slices, &slice_count, err));
    if (c->l->phase == TF_SERVING || prefixes != 1 || !bytes_equal(*prefix, c->l->prefix))
        return error_set(err, STATUS_UNSUPPORTED, "it reads a file other than the model's");
    for (size_t i = 0; i < count; i++) {
        TRY(tf_resource_get(c->l, TF_SAVED_TENSOR, "", c->node, &saved, err));
        saved->key = names[i];
        if (i < slice_count)
            saved->slice = slices[i];
        TRY(tf_resource_give(c, saved, err));
    }
    return STATUS_OK;
}

const struct tf_op_set tf_ops_variable =
    TF_OP_SET({.name = "VariableV2", .lower = reference}, {.name = "Variable", .lower = reference},
              {.name = "VarHandleOp", .lower = handle},
              {.name = "ReadVariableOp", .lower = read, .inputs = 1},
              {.name = "ResourceGather", .lower = gather, .inputs = 2},
              {.name = "ResourceGatherNd", .lower = gather_nd, .inputs = 2},
              {.name = "VariableShape", .lower = shape, .inputs = 1},
              {.name = "VarIsInitializedOp", .lower = is_initialised, .inputs = 1},
              {.name = "IsVariableInitialized", .lower = is_initialised, .inputs = 1},
              {.name = "RefSelect", .lower = select_reference},
              {.name = "IsResourceHandleRefCounting", .lower = counts, .inputs = 1},
              {.name = "DestroyResourceOp", .lower = destroy, .inputs = 1},
              {.name = "TemporaryVariable", .lower = temporary},
              {.name = "DestroyTemporaryVariable", .lower = take_last, .inputs = 1},
              {.name = "RestoreV2", .lower = restore, .inputs = 3},
              {.name = "RestoreSlice", .lower = restore, .inputs = 3},
              {.name = "Restore", .lower = restore, .inputs = 2}, );
