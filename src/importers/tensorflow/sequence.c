// SPDX-License-Identifier: Apache-2.0
/* Serialized tf.train.SequenceExample into the features of its context (parsing.c) and its feature
 * lists. */
#include "importers/tensorflow/text/parsing.h"

enum { KEYS_MAX = OP_OUTPUTS_MAX / 3, LISTS_MAX = 1 << 12 };

struct lists {
    value_id serialized;
    struct bytes *dense_keys, *sparse_keys, *ragged_keys;
    size_t dense_count, sparse_count, ragged_count;
    struct shape *dense_shapes;
    int64_t *dense_missing; /* (dense_count,): 1: one that is not there is empty */
    enum dtype *dense_types, *sparse_types, *ragged_types, *split_types;
    bool lengths; /* are given, of dense ones */
};

/* --- nodes --- */

static size_t chunk_of(size_t count, size_t done)
{
    return count - done < KEYS_MAX ? count - done : KEYS_MAX;
}

static enum status dense_emit(struct tf_call *c, const struct lists *p, size_t from, size_t count,
                              value_id *outputs, struct error *err)
{
    int64_t ranks[KEYS_MAX], *dims = arena_new(c->l->keep, int64_t, count * RANK_MAX);
    struct attribute attributes[5];
    size_t used = 0;

    if (!dims)
        return error_no_memory(err, "a node");
    for (size_t k = 0; k < count; k++) {
        const struct shape *shape = &p->dense_shapes[from + k];

        if (!shape_is_known(shape))
            return error_set(err, STATUS_UNSUPPORTED, "dense feature list %zu has no fixed shape",
                             from + k);
        ranks[k] = shape->rank;
        for (int d = 0; d < shape->rank; d++)
            dims[used++] = shape->dims[d];
    }
    attributes[0] = tf_attribute_of_strings("keys", p->dense_keys + from, count);
    attributes[1] = attribute_of_ints("ranks", ranks, count);
    attributes[2] = attribute_of_ints("dims", dims, used);
    attributes[3] = attribute_of_ints("missing", p->dense_missing + from, count);
    TRY(tf_attribute_of_types(c, "types", p->dense_types + from, count, &attributes[4], err));
    return emit(c->e, "firn", "SequenceDense", &p->serialized, 1, attributes, 5, outputs + 2 * from,
                2 * count, err);
}

static enum status sparse_emit(struct tf_call *c, const struct lists *p, size_t from, size_t count,
                               value_id *outputs, struct error *err)
{
    struct attribute attributes[2];

    attributes[0] = tf_attribute_of_strings("keys", p->sparse_keys + from, count);
    TRY(tf_attribute_of_types(c, "types", p->sparse_types + from, count, &attributes[1], err));
    return emit(c->e, "firn", "SequenceSparse", &p->serialized, 1, attributes, 2,
                outputs + 3 * from, 3 * count, err);
}

static enum status ragged_emit(struct tf_call *c, const struct lists *p, size_t from, size_t count,
                               value_id *outputs, struct error *err)
{
    struct attribute attributes[3];

    attributes[0] = tf_attribute_of_strings("keys", p->ragged_keys + from, count);
    TRY(tf_attribute_of_types(c, "types", p->ragged_types + from, count, &attributes[1], err));
    TRY(tf_attribute_of_types(c, "splits", p->split_types + from, count, &attributes[2], err));
    return emit(c->e, "firn", "SequenceRagged", &p->serialized, 1, attributes, 3,
                outputs + 3 * from, 3 * count, err);
}

static enum status lists_emit(struct tf_call *c, const struct lists *p, struct error *err)
{
    value_id *dense = arena_new(c->l->keep, value_id, 2 * p->dense_count);
    value_id *sparse = arena_new(c->l->keep, value_id, 3 * p->sparse_count);
    value_id *ragged = arena_new(c->l->keep, value_id, 3 * p->ragged_count);

    if (!dense || !sparse || !ragged)
        return error_no_memory(err, "a node");
    for (size_t k = 0; k < p->dense_count; k += KEYS_MAX)
        TRY(dense_emit(c, p, k, chunk_of(p->dense_count, k), dense, err));
    for (size_t k = 0; k < p->sparse_count; k += KEYS_MAX)
        TRY(sparse_emit(c, p, k, chunk_of(p->sparse_count, k), sparse, err));
    for (size_t k = 0; k < p->ragged_count; k += KEYS_MAX)
        TRY(ragged_emit(c, p, k, chunk_of(p->ragged_count, k), ragged, err));
    for (size_t part = 0; part < 3; part++)
        TRY(tf_give_each(c, sparse, p->sparse_count, 3, part, err));
    for (size_t part = 0; part < (p->lengths ? 2 : 1); part++)
        TRY(tf_give_each(c, dense, p->dense_count, 2, part, err));
    for (size_t part = 0; part < 3; part++)
        TRY(tf_give_each(c, ragged, p->ragged_count, 3, part, err));
    return STATUS_OK;
}

/* --- reading --- */

/* Shapes and types, as many as there are keys. */
static enum status kinds_read(struct tf_call *c, struct tf_parse *context, struct lists *lists,
                              struct error *err)
{
    struct arena *keep = c->l->keep;
    size_t counts[6];

    TRY(tf_shapes(c->node, "context_dense_shapes", &context->dense_shapes, &counts[0], keep, err));
    TRY(tf_types(c->node, "Tcontext_dense", &context->dense_types, &counts[1], keep, err));
    TRY(tf_types(c->node, "context_sparse_types", &context->sparse_types, &counts[2], keep, err));
    TRY(tf_shapes(c->node, "feature_list_dense_shapes", &lists->dense_shapes, &counts[3], keep,
                  err));
    TRY(tf_types(c->node, "feature_list_dense_types", &lists->dense_types, &counts[4], keep, err));
    TRY(tf_types(c->node, "feature_list_sparse_types", &lists->sparse_types, &counts[5], keep,
                 err));
    if (counts[0] != context->dense_count || counts[1] != context->dense_count ||
        counts[2] != context->sparse_count || counts[3] != lists->dense_count ||
        counts[4] != lists->dense_count || counts[5] != lists->sparse_count)
        return error_set(err, STATUS_INVALID_INPUT, "keys, types and shapes differ in number");
    return STATUS_OK;
}

static enum status ragged_kinds_read(struct tf_call *c, struct tf_parse *context,
                                     struct lists *lists, struct error *err)
{
    struct arena *keep = c->l->keep;
    size_t counts[4];

    TRY(tf_types(c->node, "context_ragged_value_types", &context->ragged_types, &counts[0], keep,
                 err));
    TRY(tf_types(c->node, "context_ragged_split_types", &context->split_types, &counts[1], keep,
                 err));
    TRY(tf_types(c->node, "feature_list_ragged_value_types", &lists->ragged_types, &counts[2], keep,
                 err));
    TRY(tf_types(c->node, "feature_list_ragged_split_types", &lists->split_types, &counts[3], keep,
                 err));
    if (counts[0] != context->ragged_count || counts[1] != context->ragged_count ||
        counts[2] != lists->ragged_count || counts[3] != lists->ragged_count)
        return error_set(err, STATUS_INVALID_INPUT, "ragged keys and types differ in number");
    return STATUS_OK;
}

/* Which dense lists may be missing: by name. */
static enum status missing_by_name(struct tf_call *c, const struct bytes *names, size_t count,
                                   struct lists *lists, struct error *err)
{
    lists->dense_missing = arena_new(c->l->keep, int64_t, lists->dense_count);
    if (!lists->dense_missing)
        return error_no_memory(err, "a node");
    for (size_t k = 0; k < lists->dense_count; k++)
        for (size_t i = 0; i < count; i++)
            lists->dense_missing[k] |= bytes_equal(names[i], lists->dense_keys[k]);
    return STATUS_OK;
}

/* serialized, debug_name, context_dense_defaults*; keys are attributes */
static enum status parse(struct tf_call *c, struct error *err)
{
    struct tf_parse context = {.serialized = c->in[0], .dense_defaults = c->in + 2};
    struct lists lists = {.serialized = c->in[0], .lengths = true};
    struct arena *keep = c->l->keep;
    struct bytes *names;
    size_t count;

    TRY(tf_strings(c->node, "context_sparse_keys", &context.sparse_keys, &context.sparse_count,
                   keep, err));
    TRY(tf_strings(c->node, "context_dense_keys", &context.dense_keys, &context.dense_count, keep,
                   err));
    TRY(tf_strings(c->node, "feature_list_sparse_keys", &lists.sparse_keys, &lists.sparse_count,
                   keep, err));
    TRY(tf_strings(c->node, "feature_list_dense_keys", &lists.dense_keys, &lists.dense_count, keep,
                   err));
    TRY(tf_strings(c->node, "feature_list_dense_missing_assumed_empty", &names, &count, keep, err));
    if (c->in_count != 2 + context.dense_count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(missing_by_name(c, names, count, &lists, err));
    TRY(kinds_read(c, &context, &lists, err));
    TRY(tf_parse_emit(c, &context, err));
    return lists_emit(c, &lists, err);
}

/* serialized, debug_name, six lists of keys, which dense lists may be missing, defaults* */
static enum status parse_v2(struct tf_call *c, struct error *err)
{
    struct tf_parse context = {.serialized = c->in_count ? c->in[0] : VALUE_NONE,
                               .dense_defaults = c->in + 9};
    struct lists lists = {.serialized = context.serialized, .lengths = true};
    const struct tensor *missing = tf_constant(c, 8);

    if (c->in_count < 9)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_parse_keys(c, 2, &context.sparse_keys, &context.sparse_count, err));
    TRY(tf_parse_keys(c, 3, &context.dense_keys, &context.dense_count, err));
    TRY(tf_parse_keys(c, 4, &context.ragged_keys, &context.ragged_count, err));
    TRY(tf_parse_keys(c, 5, &lists.sparse_keys, &lists.sparse_count, err));
    TRY(tf_parse_keys(c, 6, &lists.dense_keys, &lists.dense_count, err));
    TRY(tf_parse_keys(c, 7, &lists.ragged_keys, &lists.ragged_count, err));
    if (!missing || missing->dtype != DTYPE_BOOL || tensor_count(missing) != lists.dense_count ||
        c->in_count != 9 + context.dense_count)
        return error_set(err, STATUS_UNSUPPORTED, "which lists may be missing is not known");
    lists.dense_missing = arena_new(c->l->keep, int64_t, lists.dense_count);
    if (!lists.dense_missing)
        return error_no_memory(err, "a node");
    for (size_t k = 0; k < lists.dense_count; k++)
        lists.dense_missing[k] = ((const uint8_t *)missing->data)[k];
    TRY(kinds_read(c, &context, &lists, err));
    TRY(ragged_kinds_read(c, &context, &lists, err));
    TRY(tf_parse_emit(c, &context, err));
    return lists_emit(c, &lists, err);
}

static enum status count_of(const struct tf_call *c, const char *name, size_t *count,
                            struct error *err)
{
    int64_t value;

    TRY(tf_int(c->node, name, 0, &value, err));
    if (value < 0 || value > LISTS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "attribute '%s' is %lld", name,
                         (long long)value);
    *count = (size_t)value;
    return STATUS_OK;
}

/* serialized, names of lists that may be missing, keys one by one, defaults*, debug_name */
static enum status parse_single(struct tf_call *c, struct error *err)
{
    struct tf_parse context = {.serialized = c->in[0]};
    struct lists lists = {.serialized = c->in[0]};
    struct bytes *names;
    size_t count, at = 2;

    TRY(count_of(c, "Ncontext_sparse", &context.sparse_count, err));
    TRY(count_of(c, "Ncontext_dense", &context.dense_count, err));
    TRY(count_of(c, "Nfeature_list_sparse", &lists.sparse_count, err));
    TRY(count_of(c, "Nfeature_list_dense", &lists.dense_count, err));
    if (c->in_count !=
        3 + context.sparse_count + 2 * context.dense_count + lists.sparse_count + lists.dense_count)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_parse_keys(c, 1, &names, &count, err));
    TRY(tf_parse_keys_each(c, at, context.sparse_count, &context.sparse_keys, err));
    at += context.sparse_count;
    TRY(tf_parse_keys_each(c, at, context.dense_count, &context.dense_keys, err));
    at += context.dense_count;
    TRY(tf_parse_keys_each(c, at, lists.sparse_count, &lists.sparse_keys, err));
    at += lists.sparse_count;
    TRY(tf_parse_keys_each(c, at, lists.dense_count, &lists.dense_keys, err));
    context.dense_defaults = c->in + at + lists.dense_count;
    TRY(missing_by_name(c, names, count, &lists, err));
    TRY(kinds_read(c, &context, &lists, err));
    TRY(tf_parse_emit(c, &context, err));
    return lists_emit(c, &lists, err);
}

const struct tf_op_set tf_ops_sequence =
    TF_OP_SET({.name = "ParseSequenceExample", .lower = parse},
              {.name = "ParseSequenceExampleV2", .lower = parse_v2},
              {.name = "ParseSingleSequenceExample", .lower = parse_single}, );
