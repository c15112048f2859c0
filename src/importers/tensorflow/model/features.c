// SPDX-License-Identifier: Apache-2.0
/* What is asked of serialized tf.train.Examples: the real columns behind an input of bytes. */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

enum { LINE_MAX = 64 << 10 };

static void shape_say(struct text *text, const int64_t *dims, int64_t rank)
{
    for (int64_t d = 0; d < rank; d++)
        text_printf(text, "%s%lld", d ? "," : "[", (long long)dims[d]);
    if (rank)
        text_append(text, "]");
}

/* "age float, job string[2] (may be missing)" of an ExampleDense. */
static void dense_say(const struct graph *graph, const struct node *node, const struct bytes *keys,
                      size_t count, struct text *text)
{
    size_t ranks, dim_count, at = 0;
    const int64_t *rank = attribute_ints(&node->attributes, "ranks", &ranks);
    const int64_t *dims = attribute_ints(&node->attributes, "dims", &dim_count);
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t k = 0; k < count && k < ranks && k + 1 < node->input_count; k++) {
        const struct value *given = &graph->values[node->inputs[k + 1]];
        bool needed = given->constant && tensor_count(given->constant) == 0;

        if (rank[k] < 0 || at + (size_t)rank[k] > dim_count)
            return;
        text_printf(text, "%s%s %s", text->size ? ", " : "",
                    text_quote(keys[k], quoted, sizeof quoted), dtype_name(given->dtype));
        shape_say(text, dims + at, rank[k]);
        text_append(text, needed ? "" : " (may be missing)");
        at += (size_t)rank[k];
    }
}

/* Of a list of any length: ExampleSparse, ExampleRagged. */
static void list_say(const struct node *node, const struct bytes *keys, size_t count,
                     struct text *text)
{
    size_t types;
    const int64_t *type = attribute_ints(&node->attributes, "types", &types);
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t k = 0; k < count && k < types; k++)
        text_printf(text, "%s%s %s[-1] (may be missing)", text->size ? ", " : "",
                    text_quote(keys[k], quoted, sizeof quoted),
                    dtype_name(dtype_from_onnx(type[k])));
}

static void node_say(const struct graph *graph, const struct node *node, struct text *text)
{
    size_t count;
    const struct bytes *keys = attribute_strings(&node->attributes, "keys", &count);

    if (!strcmp(node->op->name, "ExampleDense"))
        dense_say(graph, node, keys, count, text);
    else if (!strcmp(node->op->name, "ExampleSparse") || !strcmp(node->op->name, "ExampleRagged"))
        list_say(node, keys, count, text);
}

static enum status input_say(const struct graph *graph, const struct field *field,
                             const struct signature *signature, value_id input,
                             struct description *description, struct arena *keep, struct error *err)
{
    struct text text = {.limit = LINE_MAX};
    enum status status = STATUS_OK;

    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].input_count && graph->nodes[n].inputs[0] == input &&
            !strcmp(graph->nodes[n].domain, "firn"))
            node_say(graph, &graph->nodes[n], &text);
    if (text.size && !text_check(&text, err))
        status = description_tell(description, keep, err,
                                  "features of tf.train.Example in %s of %s: %.*s", field->name,
                                  signature->name, (int)text.size, text.data);
    text_release(&text);
    return status;
}

enum status tf_features_describe(const struct graph *graph, struct description *description,
                                 struct arena *keep, struct error *err)
{
    const struct contract *contract = &description->contract;

    for (size_t s = 0; s < graph->signature_count; s++) {
        const struct graph_signature *built = &graph->signatures[s];

        for (size_t i = 0; i < contract->count; i++) {
            const struct signature *signature = &contract->signatures[i];

            if (strcmp(signature->name, built->name))
                continue;
            for (size_t k = 0; k < signature->input_count && k < built->input_count; k++)
                if (field_feed(&signature->inputs[k]) == DTYPE_STRING)
                    TRY(input_say(graph, &signature->inputs[k], signature, built->inputs[k],
                                  description, keep, err));
        }
    }
    return STATUS_OK;
}
