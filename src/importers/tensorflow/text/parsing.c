// SPDX-License-Identifier: Apache-2.0
/* Serialized tf.train.Example into features. The three ways of reading them (dense, sparse,
 * ragged) become nodes of their own, of as many features as a node may have. */
#include "importers/tensorflow/text/parsing.h"

enum {
    DENSE_MAX = OP_OUTPUTS_MAX,
    SPARSE_MAX = OP_OUTPUTS_MAX / 3,
    RAGGED_MAX = OP_OUTPUTS_MAX / 2
};
enum { FEATURES_MAX = 1 << 12 };

/* --- nodes --- */

struct attribute tf_attribute_of_strings(const char *name, const struct bytes *values, size_t count)
{
    return (struct attribute){
        .name = name, .kind = ATTRIBUTE_STRINGS, .count = count, .strings = values};
}

static size_t chunk_of(size_t count, size_t done, size_t most)
{
    return count - done < most ? count - done : most;
}

enum status tf_attribute_of_types(struct tf_call *c, const char *name, const enum dtype *types,
                                  size_t count, struct attribute *attribute, struct error *err)
{
    int64_t *codes = arena_new(c->l->keep, int64_t, count);

    if (!codes)
        return error_no_memory(err, "a node");
    for (size_t i = 0; i < count; i++)
        codes[i] = dtype_to_onnx(types[i]);
    *attribute = attribute_of_ints(name, codes, count);
    return STATUS_OK;
}

static enum status dense_emit(struct tf_call *c, const struct tf_parse *p, size_t from,
                              size_t count, value_id *outputs, struct error *err)
{
    int64_t ranks[DENSE_MAX], *dims = arena_new(c->l->keep, int64_t, count * RANK_MAX);
    value_id inputs[DENSE_MAX + 1] = {p->serialized};
    struct attribute attributes[3];
    size_t used = 0;

    if (!dims)
        return error_no_memory(err, "a node");
    for (size_t k = 0; k < count; k++) {
        const struct shape *shape = &p->dense_shapes[from + k];

        inputs[k + 1] = p->dense_defaults[from + k];
        if (shape->rank < 0)
            return error_set(err, STATUS_UNSUPPORTED, "dense feature %zu has no shape", from + k);
        ranks[k] = shape->rank;
        for (int d = 0; d < shape->rank; d++)
            dims[used++] = shape->dims[d];
        if (emit_dtype(c->e, inputs[k + 1]) != p->dense_types[from + k])
            return error_set(err, STATUS_INVALID_INPUT, "the default of dense feature %zu is %s",
                             from + k, dtype_name(emit_dtype(c->e, inputs[k + 1])));
    }
    attributes[0] = tf_attribute_of_strings("keys", p->dense_keys + from, count);
    attributes[1] = attribute_of_ints("ranks", ranks, count);
    attributes[2] = attribute_of_ints("dims", dims, used);
    return emit(c->e, "firn", "ExampleDense", inputs, count + 1, attributes, 3, outputs + from,
                count, err);
}

/* indices, values, shape of each */
static enum status sparse_emit(struct tf_call *c, const struct tf_parse *p, size_t from,
                               size_t count, value_id *outputs, struct error *err)
{
    struct attribute attributes[2];

    attributes[0] = tf_attribute_of_strings("keys", p->sparse_keys + from, count);
    TRY(tf_attribute_of_types(c, "types", p->sparse_types + from, count, &attributes[1], err));
    return emit(c->e, "firn", "ExampleSparse", &p->serialized, 1, attributes, 2, outputs + 3 * from,
                3 * count, err);
}

/* values, splits of each */
static enum status ragged_emit(struct tf_call *c, const struct tf_parse *p, size_t from,
                               size_t count, value_id *outputs, struct error *err)
{
    struct attribute attributes[3];

    attributes[0] = tf_attribute_of_strings("keys", p->ragged_keys + from, count);
    TRY(tf_attribute_of_types(c, "types", p->ragged_types + from, count, &attributes[1], err));
    TRY(tf_attribute_of_types(c, "splits", p->split_types + from, count, &attributes[2], err));
    return emit(c->e, "firn", "ExampleRagged", &p->serialized, 1, attributes, 3, outputs + 2 * from,
                2 * count, err);
}

/* Every `step`-th of the values, from `first` on. */
enum status tf_give_each(struct tf_call *c, const value_id *values, size_t count, size_t step,
                         size_t first, struct error *err)
{
    for (size_t k = 0; k < count; k++)
        TRY(tf_add(c, values[k * step + first], err));
    return STATUS_OK;
}

enum status tf_parse_emit(struct tf_call *c, const struct tf_parse *p, struct error *err)
{
    value_id *dense = arena_new(c->l->keep, value_id, p->dense_count);
    value_id *sparse = arena_new(c->l->keep, value_id, 3 * p->sparse_count);
    value_id *ragged = arena_new(c->l->keep, value_id, 2 * p->ragged_count);
    size_t n;

    if (!dense || !sparse || !ragged)
        return error_no_memory(err, "a node");
    for (size_t k = 0; k < p->dense_count; k += n) {
        n = chunk_of(p->dense_count, k, DENSE_MAX);
        TRY(dense_emit(c, p, k, n, dense, err));
    }
    for (size_t k = 0; k < p->sparse_count; k += n) {
        n = chunk_of(p->sparse_count, k, SPARSE_MAX);
        TRY(sparse_emit(c, p, k, n, sparse, err));
    }
    for (size_t k = 0; k < p->ragged_count; k += n) {
        n = chunk_of(p->ragged_count, k, RAGGED_MAX);
        TRY(ragged_emit(c, p, k, n, ragged, err));
    }
    for (size_t part = 0; part < 3; part++)
        TRY(tf_give_each(c, sparse, p->sparse_count, 3, part, err));
    TRY(tf_give_each(c, dense, p->dense_count, 1, 0, err));
    for (size_t part = 0; part < 2; part++)
        TRY(tf_give_each(c, ragged, p->ragged_count, 2, part, err));
    return STATUS_OK;
}

/* --- reading --- */

/* The strings of an input that must be known. */
enum status tf_parse_keys(const struct tf_call *c, size_t input, struct bytes **keys, size_t *count,
                          struct error *err)
{
    const struct tensor *tensor = tf_constant(c, input);

    if (!tensor)
        return error_set(err, STATUS_UNSUPPORTED, "the names of its features are not constants");
    if (tensor->dtype != DTYPE_STRING)
        return error_set(err, STATUS_INVALID_INPUT, "the names of its features are %s",
                         dtype_name(tensor->dtype));
    *keys = tensor->data;
    *count = tensor_count(tensor);
    return STATUS_OK;
}

/* Scalars, one an input. */
enum status tf_parse_keys_each(const struct tf_call *c, size_t first, size_t count,
                               struct bytes **keys, struct error *err)
{
    struct bytes *one;
    size_t n;

    *keys = arena_new(c->l->keep, struct bytes, count);
    if (!*keys)
        return error_no_memory(err, "a node");
    for (size_t k = 0; k < count; k++) {
        TRY(tf_parse_keys(c, first + k, &one, &n, err));
        if (n != 1)
            return error_set(err, STATUS_INVALID_INPUT, "input %zu holds %zu names", first + k, n);
        (*keys)[k] = *one;
    }
    return STATUS_OK;
}

/* dense_shapes, Tdense, sparse_types: as many as there are keys. */
static enum status kinds_read(struct tf_call *c, struct tf_parse *p, struct error *err)
{
    size_t shapes, dense, sparse;
    struct arena *keep = c->l->keep;

    TRY(tf_shapes(c->node, "dense_shapes", &p->dense_shapes, &shapes, keep, err));
    TRY(tf_types(c->node, "Tdense", &p->dense_types, &dense, keep, err));
    TRY(tf_types(c->node, "sparse_types", &p->sparse_types, &sparse, keep, err));
    if (shapes != p->dense_count || dense != p->dense_count || sparse != p->sparse_count)
        return error_set(err, STATUS_INVALID_INPUT,
                         "%zu dense and %zu sparse keys, but %zu shapes, %zu and %zu types",
                         p->dense_count, p->sparse_count, shapes, dense, sparse);
    return STATUS_OK;
}

/* serialized, names, sparse_keys*, dense_keys*, dense_defaults* */
static enum status parse_example(struct tf_call *c, struct error *err)
{
    struct tf_parse p = {.serialized = c->in[0]};
    int64_t sparse, dense;

    TRY(tf_int(c->node, "Nsparse", 0, &sparse, err));
    TRY(tf_int(c->node, "Ndense", 0, &dense, err));
    if (sparse < 0 || dense < 0 || sparse > FEATURES_MAX || dense > FEATURES_MAX ||
        c->in_count != 2 + (size_t)sparse + 2 * (size_t)dense)
        return error_set(err, STATUS_INVALID_INPUT, "%zu inputs for %lld dense, %lld sparse keys",
                         c->in_count, (long long)dense, (long long)sparse);
    p.sparse_count = (size_t)sparse;
    p.dense_count = (size_t)dense;
    TRY(tf_parse_keys_each(c, 2, p.sparse_count, &p.sparse_keys, err));
    TRY(tf_parse_keys_each(c, 2 + p.sparse_count, p.dense_count, &p.dense_keys, err));
    p.dense_defaults = c->in + 2 + p.sparse_count + p.dense_count;
    TRY(kinds_read(c, &p, err));
    return tf_parse_emit(c, &p, err);
}

/* serialized, names, sparse_keys, dense_keys, ragged_keys, dense_defaults* */
static enum status parse_example_v2(struct tf_call *c, struct error *err)
{
    struct tf_parse p = {.serialized = c->in[0]};
    size_t values, splits;

    if (c->in_count < 5)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_parse_keys(c, 2, &p.sparse_keys, &p.sparse_count, err));
    TRY(tf_parse_keys(c, 3, &p.dense_keys, &p.dense_count, err));
    TRY(tf_parse_keys(c, 4, &p.ragged_keys, &p.ragged_count, err));
    if (c->in_count != 5 + p.dense_count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu defaults for %zu dense keys",
                         c->in_count - 5, p.dense_count);
    p.dense_defaults = c->in + 5;
    TRY(kinds_read(c, &p, err));
    TRY(tf_types(c->node, "ragged_value_types", &p.ragged_types, &values, c->l->keep, err));
    TRY(tf_types(c->node, "ragged_split_types", &p.split_types, &splits, c->l->keep, err));
    if (values != p.ragged_count || splits != p.ragged_count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu and %zu types for %zu ragged keys", values,
                         splits, p.ragged_count);
    return tf_parse_emit(c, &p, err);
}

/* serialized, dense_defaults*; keys are attributes */
static enum status parse_single(struct tf_call *c, struct error *err)
{
    struct tf_parse p = {.serialized = c->in[0], .dense_defaults = c->in + 1};
    struct arena *keep = c->l->keep;

    TRY(tf_strings(c->node, "sparse_keys", &p.sparse_keys, &p.sparse_count, keep, err));
    TRY(tf_strings(c->node, "dense_keys", &p.dense_keys, &p.dense_count, keep, err));
    if (c->in_count != 1 + p.dense_count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu defaults for %zu dense keys",
                         c->in_count - 1, p.dense_count);
    TRY(kinds_read(c, &p, err));
    return tf_parse_emit(c, &p, err);
}

static enum status from_json(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "JsonExample", EMIT(c->in[0]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_parsing =
    TF_OP_SET({.name = "ParseExample", .lower = parse_example},
              {.name = "ParseExampleV2", .lower = parse_example_v2},
              {.name = "ParseSingleExample", .lower = parse_single},
              {.name = "DecodeJSONExample", .lower = from_json, .inputs = 1}, );
