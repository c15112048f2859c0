// SPDX-License-Identifier: Apache-2.0
/* Functions of a graph: bodies by name, put inline where they are called.
 * Source: tensorflow/core/framework/{function,op_def}.proto. */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

enum { ARGUMENTS_MAX = 1 << 16 };
enum { LIBRARY_FUNCTION = 1 };
enum { FUNCTION_SIGNATURE = 1, FUNCTION_NODE = 3, FUNCTION_RESULT = 4, FUNCTION_CONTROL = 6 };
enum { SIGNATURE_NAME = 1, SIGNATURE_INPUT = 2, SIGNATURE_OUTPUT = 3 };
enum { ARGUMENT_NAME = 1, ARGUMENT_NUMBER = 5, ARGUMENT_LIST = 6 };

/* --- reading --- */

static enum status argument_name(struct protobuf argument, struct bytes *name, struct error *err)
{
    struct protobuf_field field;

    *name = (struct bytes){(const uint8_t *)"", 0};
    for (;;) {
        TRY(protobuf_next(&argument, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == ARGUMENT_NAME)
            TRY(protobuf_bytes(&field, name, err));
        if ((field.number == ARGUMENT_NUMBER || field.number == ARGUMENT_LIST) && field.bytes.size)
            return error_set(err, STATUS_UNSUPPORTED, "it takes or gives a list of tensors");
    }
}

static enum status signature_read(const struct protobuf *signature, struct tf_function *function,
                                  struct bytes *arguments, struct error *err)
{
    struct protobuf reader = *signature, inner;
    struct protobuf_field field;
    size_t in = 0, out = 0;

    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != SIGNATURE_INPUT && field.number != SIGNATURE_OUTPUT)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(argument_name(inner,
                          field.number == SIGNATURE_INPUT ? &arguments[in++]
                                                          : &function->result_names[out++],
                          err));
    }
}

/* The arguments are nodes in front of those of the body. */
static enum status arguments_add(struct tf_function *function, const struct bytes *names,
                                 struct arena *keep, struct error *err)
{
    for (size_t i = 0; i < function->argument_count; i++) {
        struct tf_node *node = &function->body.nodes[i];

        *node = (struct tf_node){.name = arena_text(keep, names[i]), .op = "_Arg"};
        if (!node->name)
            return error_no_memory(err, "a function");
        if (map_find(&function->body.by_name, names[i]))
            return error_set(err, STATUS_INVALID_INPUT, "two of its nodes are called '%.64s'",
                             node->name);
        if (!map_set(&function->body.by_name, bytes_of(node->name), node))
            return error_no_memory(err, "a function");
    }
    return STATUS_OK;
}

static enum status result_set(struct tf_function *function, struct bytes name, struct bytes edge,
                              struct error *err)
{
    bool control;

    for (size_t i = 0; i < function->result_count; i++)
        if (bytes_equal(function->result_names[i], name))
            return tf_edge_read(edge, &function->results[i], &control, err);
    return STATUS_OK;
}

static enum status results_read(const struct protobuf *message, struct tf_function *function,
                                struct error *err)
{
    struct protobuf reader = *message, inner;
    struct protobuf_field field, name, made;
    struct bytes key, value;

    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number != FUNCTION_RESULT && field.number != FUNCTION_CONTROL)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(protobuf_entry(inner, &name, &made, err));
        TRY(protobuf_bytes(&name, &key, err));
        TRY(protobuf_bytes(&made, &value, err));
        if (field.number == FUNCTION_RESULT)
            TRY(result_set(function, key, value, err));
        else
            function->controls[function->control_count++] = (struct tf_edge){.node = value};
    }
    for (size_t i = 0; i < function->result_count; i++)
        if (!function->results[i].node.size)
            return error_set(err, STATUS_INVALID_INPUT, "its output %zu is made by no node", i);
    return STATUS_OK;
}

static enum status body_read(const struct protobuf *message, const struct protobuf *signature,
                             struct tf_function *function, struct arena *keep, struct error *err)
{
    struct bytes *arguments;
    size_t controls;

    TRY(protobuf_count(signature, SIGNATURE_INPUT, &function->argument_count, err));
    TRY(protobuf_count(signature, SIGNATURE_OUTPUT, &function->result_count, err));
    TRY(protobuf_count(message, FUNCTION_CONTROL, &controls, err));
    if (function->argument_count > ARGUMENTS_MAX || function->result_count > ARGUMENTS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "it has %zu arguments and %zu results",
                         function->argument_count, function->result_count);
    arguments = arena_new(keep, struct bytes, function->argument_count);
    function->results = arena_new(keep, struct tf_edge, function->result_count);
    function->result_names = arena_new(keep, struct bytes, function->result_count);
    function->controls = arena_new(keep, struct tf_edge, controls);
    if (!arguments || !function->results || !function->result_names || !function->controls)
        return error_no_memory(err, "a function");
    TRY(signature_read(signature, function, arguments, err));
    TRY(tf_nodes_read(message, FUNCTION_NODE, function->argument_count, &function->body, keep,
                      err));
    TRY(arguments_add(function, arguments, keep, err));
    return results_read(message, function, err);
}

static enum status name_of(const struct protobuf *message, struct protobuf *signature,
                           struct bytes *name, struct error *err)
{
    struct protobuf reader = *message, inner;
    struct protobuf_field field;

    *name = (struct bytes){(const uint8_t *)"", 0};
    *signature = protobuf_over(*name);
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            break;
        if (field.number == FUNCTION_SIGNATURE)
            TRY(protobuf_message(&field, signature, err));
    }
    inner = *signature;
    for (;;) {
        TRY(protobuf_next(&inner, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == SIGNATURE_NAME)
            TRY(protobuf_bytes(&field, name, err));
    }
}

/* --- by name --- */

struct entry { /* in lowering->functions */
    struct protobuf message, signature;
    struct tf_function *function; /* NULL: not read yet */
};

static enum status library_index(struct tf_lowering *l, struct error *err)
{
    struct protobuf reader = l->graph->library;
    struct protobuf_field field;
    struct bytes name;

    map_init(&l->functions, l->keep);
    for (;;) {
        struct entry *entry;

        TRY(protobuf_next(&reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != LIBRARY_FUNCTION)
            continue;
        entry = arena_new(l->keep, struct entry, 1);
        if (!entry)
            return error_no_memory(err, "the functions");
        TRY(protobuf_message(&field, &entry->message, err));
        TRY(name_of(&entry->message, &entry->signature, &name, err));
        if (!map_set(&l->functions, name, entry))
            return error_no_memory(err, "the functions");
    }
}

enum status tf_function_get(struct tf_lowering *l, struct bytes name,
                            const struct tf_function **function, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct entry *entry;
    struct tf_function *made;

    if (!l->functions.arena)
        TRY(library_index(l, err));
    entry = map_find(&l->functions, name);
    if (!entry)
        return error_set(err, STATUS_UNSUPPORTED, "there is no function '%s'",
                         text_quote(name, quoted, sizeof quoted));
    if (!entry->function) {
        made = arena_new(l->keep, struct tf_function, 1);
        if (!made)
            return error_no_memory(err, "a function");
        made->name = arena_text(l->keep, name);
        if (!made->name)
            return error_no_memory(err, "a function");
        if (body_read(&entry->message, &entry->signature, made, l->keep, err))
            return error_within(err, "function '%s'", text_quote(name, quoted, sizeof quoted));
        entry->function = made;
    }
    *function = entry->function;
    return STATUS_OK;
}

bool tf_is_function(struct tf_lowering *l, struct bytes name)
{
    struct error ignored;

    if (!l->functions.arena && library_index(l, &ignored))
        return false;
    return map_find(&l->functions, name);
}

/* --- lowering --- */

static enum status results_lower(struct tf_scope *scope, const value_id *arguments,
                                 value_id *results, struct error *err)
{
    const struct tf_function *function = scope->function;

    for (size_t i = 0; i < function->argument_count; i++)
        TRY(tf_feed(scope, &function->body.nodes[i], arguments[i], err));
    for (size_t i = 0; i < function->result_count; i++)
        TRY(tf_edge_want(scope, &function->results[i], err));
    TRY(tf_effects_lower(scope, err));
    for (size_t i = 0; i < function->result_count; i++)
        TRY(tf_edge_value(scope, &function->results[i], &results[i], err));
    return STATUS_OK;
}

enum status tf_function_lower(const struct tf_scope *caller, const struct tf_function *function,
                              struct emitter *e, const value_id *arguments, size_t argument_count,
                              value_id *results, struct error *err)
{
    struct tf_scope scope;
    const char *where = e->where;

    if (argument_count != function->argument_count)
        return error_set(err, STATUS_INVALID_INPUT, "function '%.64s' takes %zu arguments, not %zu",
                         function->name, function->argument_count, argument_count);
    for (const struct tf_scope *s = caller; s; s = s->caller)
        if (s->function == function)
            return error_set(err, STATUS_UNSUPPORTED, "function '%.64s' calls itself",
                             function->name);
    TRY(tf_scope_open(&scope, caller->l, function, caller, e, err));
    if (results_lower(&scope, arguments, results, err))
        return caller->depth ? err->status : error_within(err, "function '%.64s'", function->name);
    e->where = where;
    return STATUS_OK;
}
