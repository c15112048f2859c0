// SPDX-License-Identifier: Apache-2.0
/* Lookup tables: filled while the model is initialised or restored, constant while it serves. */
#include "base/text.h"
#include "importers/tensorflow/text/table.h"

const struct tensor *tf_restored_tensor(const struct tf_call *c, size_t input, struct error *err)
{
    struct tf_resource *saved;
    struct tensor *tensor;

    if (!tf_is_resource(c, input, TF_SAVED_TENSOR)) {
        const struct tensor *known = tf_constant(c, input);

        if (!known)
            (void)!error_set(err, STATUS_UNSUPPORTED, "input %zu, which fills it, is unknown",
                             input);
        return known;
    }
    tensor = arena_new(c->l->keep, struct tensor, 1);
    if (!tensor) {
        (void)!error_no_memory(err, "a table");
        return NULL;
    }
    if (tf_resource_of(c, input, TF_SAVED_TENSOR, &saved, err))
        return NULL;
    if (!c->l->bundle) {
        (void)!error_set(err, STATUS_UNSUPPORTED, "there is no checkpoint");
        return NULL;
    }
    return bundle_tensor(c->l->bundle, saved->key, tensor, err) ? NULL : tensor;
}

/* --- handles --- */

/* Tables are shared by their names; one without is that of its node. */
static enum status handle_named(struct tf_call *c, const char *name, struct tf_resource **resource,
                                struct error *err)
{
    struct tf_table *table;

    TRY(tf_resource_get(c->l, TF_TABLE, name, c->node, resource, err));
    if ((*resource)->state)
        return STATUS_OK;
    table = (*resource)->state = arena_new(c->l->keep, struct tf_table, 1);
    if (!table)
        return error_no_memory(err, "a table");
    TRY(tf_type(c->node, "key_dtype", &table->key_dtype, err));
    return tf_type(c->node, "value_dtype", &table->value_dtype, err);
}

static enum status handle_make(struct tf_call *c, struct tf_resource **resource, struct error *err)
{
    const struct tf_function *function = c->scope->function;
    struct bytes shared, container;
    const char *name;

    TRY(tf_string(c->node, "shared_name", "", &shared, err));
    TRY(tf_string(c->node, "container", "", &container, err));
    if (shared.size)
        name =
            arena_printf(c->l->keep, "%.*s/%.*s", (int)container.size, (const char *)container.data,
                         (int)shared.size, (const char *)shared.data);
    else
        name = arena_printf(c->l->keep, "%s//%s", function ? function->name : "", c->node->name);
    if (!name)
        return error_no_memory(err, "a table");
    return handle_named(c, name, resource, err);
}

static enum status handle(struct tf_call *c, struct error *err)
{
    struct tf_resource *resource;

    TRY(handle_make(c, &resource, err));
    ((struct tf_table *)resource->state)->fixed = strstr(c->node->op, "Mutable") == NULL;
    return tf_resource_give(c, resource, err);
}

/* empty_key, deleted_key: keys that cannot be in it. */
static enum status handle_dense(struct tf_call *c, struct error *err)
{
    struct tf_resource *resource;
    struct tf_table *table;

    TRY(handle_make(c, &resource, err));
    table = resource->state;
    table->reserved[0] = c->in_count > 0 ? tf_constant(c, 0) : NULL;
    table->reserved[1] = c->in_count > 1 ? tf_constant(c, 1) : NULL;
    if (!table->reserved[0])
        return error_set(err, STATUS_UNSUPPORTED, "its empty key is not known");
    return tf_resource_give(c, resource, err);
}

/* Each run of the node makes a new one, with what is put into it then: nothing while it serves. */
static enum status handle_anonymous(struct tf_call *c, struct error *err)
{
    return strstr(c->node->op, "Dense") ? handle_dense(c, err) : handle(c, err);
}

static enum status table_of(const struct tf_call *c, struct tf_table **table, struct error *err)
{
    struct tf_resource *resource;

    TRY(tf_resource_of(c, 0, TF_TABLE, &resource, err));
    *table = resource->state;
    return STATUS_OK;
}

/* One that is read must be filled: TensorFlow fails for a table of constants that is not. */
static enum status table_filled(const struct tf_call *c, struct tf_table **table, struct error *err)
{
    TRY(table_of(c, table, err));
    if ((*table)->keys)
        return STATUS_OK;
    if ((*table)->fixed)
        return error_set(err, STATUS_UNSUPPORTED, "its table is not initialised%s%.160s",
                         c->l->uninitialised ? ": " : "",
                         c->l->uninitialised ? c->l->uninitialised : "");
    return tf_table_empty(*table, c->l->keep, err);
}

/* --- filling --- */

static enum status filling_check(const struct tf_call *c, struct error *err)
{
    return c->l->phase == TF_SERVING
               ? error_set(err, STATUS_UNSUPPORTED, "it writes a table while it serves")
               : STATUS_OK;
}

/* handle, keys, values: given to tf_table_fill or tf_table_add. */
static enum status fill_by(struct tf_call *c,
                           enum status (*fill)(struct tf_table *table, const struct tensor *keys,
                                               const struct tensor *values, struct arena *keep,
                                               struct error *err),
                           struct error *err)
{
    const struct tensor *keys, *values;
    struct tf_table *table;

    TRY(filling_check(c, err));
    TRY(table_of(c, &table, err));
    keys = tf_restored_tensor(c, 1, err);
    values = keys ? tf_restored_tensor(c, 2, err) : NULL;
    if (!values)
        return err->status;
    c->out_count = 0;
    return fill(table, keys, values, c->l->keep, err);
}

/* In the place of all that was there. */
static enum status import(struct tf_call *c, struct error *err)
{
    return fill_by(c, tf_table_fill, err);
}

/* Beside what is there. */
static enum status insert(struct tf_call *c, struct error *err)
{
    return fill_by(c, tf_table_add, err);
}

/* handle, keys */
static enum status take_out(struct tf_call *c, struct error *err)
{
    const struct tensor *keys;
    struct tf_table *table;

    TRY(filling_check(c, err));
    TRY(table_of(c, &table, err));
    if (table->fixed || table->reserved[0])
        return error_set(err, STATUS_UNSUPPORTED, "removes keys from a table that is %s",
                         table->fixed ? "constant" : "dense");
    keys = tf_restored_tensor(c, 1, err);
    if (!keys)
        return err->status;
    c->out_count = 0;
    return tf_table_remove(table, keys, c->l->keep, err);
}

static enum status from_file(struct tf_call *c, struct error *err)
{
    struct tf_table_file file = {.vocabulary = -1};
    const struct tensor *name;
    struct tf_table *table;

    TRY(filling_check(c, err));
    TRY(table_of(c, &table, err));
    name = tf_constant(c, 1);
    if (!name || name->dtype != DTYPE_STRING || tensor_count(name) != 1)
        return error_set(err, STATUS_UNSUPPORTED, "the name of its file is not known");
    TRY(tf_int(c->node, "key_index", 0, &file.key_index, err));
    TRY(tf_int(c->node, "value_index", 0, &file.value_index, err));
    TRY(tf_int(c->node, "vocab_size", -1, &file.vocabulary, err));
    TRY(tf_int(c->node, "offset", 0, &file.offset, err));
    TRY(tf_string(c->node, "delimiter", "\t", &file.delimiter, err));
    TRY(tf_asset_read(c->l, ((const struct bytes *)name->data)[0], &file.text, err));
    c->out_count = 0;
    return tf_table_read(table, &file, c->l->keep, err);
}

/* --- reading --- */

/* The empty and the deleted key of a dense table, as one list; NULL: none. */
static enum status reserved_of(const struct tf_table *table, const struct tensor **list,
                               struct arena *keep, struct error *err)
{
    size_t size = dtype_size(table->keys->dtype), count = 0;
    struct tensor *made = arena_new(keep, struct tensor, 1);
    struct shape shape = SHAPE(2);

    *list = NULL;
    if (!made)
        return error_no_memory(err, "a table");
    TRY(tensor_new(made, table->keys->dtype, &shape, keep, err));
    for (size_t i = 0; i < 2; i++) {
        const struct tensor *key = table->reserved[i];

        if (!key)
            continue;
        if (key->shape.rank != 0 || key->dtype != made->dtype)
            return error_set(err, STATUS_UNSUPPORTED, "its keys are vectors");
        memcpy((uint8_t *)made->data + count++ * size, key->data, size);
    }
    made->shape.dims[0] = (int64_t)count;
    *list = count ? made : NULL;
    return STATUS_OK;
}

static enum status find(struct tf_call *c, struct error *err)
{
    const struct tensor *reserved;
    struct attribute attributes[3];
    struct tf_table *table;
    value_id y;

    TRY(table_filled(c, &table, err));
    TRY(reserved_of(table, &reserved, c->l->keep, err));
    attributes[0] = attribute_of_tensor("keys", table->keys);
    attributes[1] = attribute_of_tensor("values", table->values);
    attributes[2] = attribute_of_tensor("forbidden", reserved);
    TRY(emit_node(c->e, "firn", "TableFind", EMIT(c->in[1], c->in[2]),
                  (struct emit_attributes){attributes, reserved ? 3 : 2}, &y, err));
    return tf_give(c, y);
}

static enum status size(struct tf_call *c, struct error *err)
{
    struct tf_table *table;
    size_t count;
    value_id y;

    TRY(table_filled(c, &table, err));
    TRY(tf_table_distinct(table, &count, c->l->scratch, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)count, &y, err));
    return tf_give(c, y);
}

/* The order of the rows is nobody's promise; ours is that in which they were put in. */
static enum status export(struct tf_call *c, struct error *err) {
    struct tf_table *table; size_t count; value_id y;

    TRY(table_filled(c, &table, err));
    TRY(tf_table_distinct(table, &count, c->l->scratch, err));
    if (count != tensor_count(table->keys)) return error_set(err, STATUS_UNSUPPORTED,
                                                             "its table has equal keys");
    TRY(emit_constant(c->e, table->keys, &y, err));
    TRY(tf_add(c, y, err));
    TRY(emit_constant(c->e, table->values, &y, err));
    return tf_add(c, y, err);
}

const struct tf_op_set tf_ops_table = TF_OP_SET(
    {.name = "HashTable", .lower = handle}, {.name = "HashTableV2", .lower = handle},
    {.name = "MutableHashTable", .lower = handle}, {.name = "MutableHashTableV2", .lower = handle},
    {.name = "MutableHashTableOfTensors", .lower = handle},
    {.name = "MutableHashTableOfTensorsV2", .lower = handle},
    {.name = "MutableDenseHashTable", .lower = handle_dense},
    {.name = "MutableDenseHashTableV2", .lower = handle_dense},
    {.name = "AnonymousHashTable", .lower = handle_anonymous},
    {.name = "AnonymousMutableHashTable", .lower = handle_anonymous},
    {.name = "AnonymousMutableHashTableOfTensors", .lower = handle_anonymous},
    {.name = "AnonymousMutableDenseHashTable", .lower = handle_anonymous},
    {.name = "InitializeTable", .lower = import, .inputs = 3},
    {.name = "InitializeTableV2", .lower = import, .inputs = 3},
    {.name = "LookupTableImport", .lower = import, .inputs = 3},
    {.name = "LookupTableImportV2", .lower = import, .inputs = 3},
    {.name = "LookupTableInsert", .lower = insert, .inputs = 3},
    {.name = "LookupTableInsertV2", .lower = insert, .inputs = 3},
    {.name = "LookupTableRemoveV2", .lower = take_out, .inputs = 2},
    {.name = "InitializeTableFromTextFile", .lower = from_file, .inputs = 2},
    {.name = "InitializeTableFromTextFileV2", .lower = from_file, .inputs = 2},
    {.name = "LookupTableFind", .lower = find, .inputs = 3},
    {.name = "LookupTableFindV2", .lower = find, .inputs = 3},
    {.name = "LookupTableSize", .lower = size, .inputs = 1},
    {.name = "LookupTableSizeV2", .lower = size, .inputs = 1},
    {.name = "LookupTableExport", .lower = export, .inputs = 1},
    {.name = "LookupTableExportV2", .lower = export, .inputs = 1}, );
