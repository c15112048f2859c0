// SPDX-License-Identifier: Apache-2.0
/* Chains of filters over fields of several types: the first line of the input says the field, the
 * lines up to an empty one what `filters` holds, and the rest is what a client gives: a file, a
 * text or numbers. */
#include <stdlib.h>

#include "base/text.h"
#include "engine/native.h"
#include "filters/filter.h"

enum { YAML_MAX = 2000, BATCH = 2 };

static const struct {
    enum dtype dtype;
    struct shape shape;
} FIELDS[] = {
    {DTYPE_F32, {4, {-1, 3, 8, 8}}}, {DTYPE_U8, {4, {-1, 6, 7, 3}}}, {DTYPE_F32, {3, {-1, 9, 9}}},
    {DTYPE_F64, {2, {-1, 12}}},      {DTYPE_I64, {2, {-1, 6}}},      {DTYPE_F16, {3, {5, 4, 3}}},
    {DTYPE_STRING, {1, {-1}}},       {DTYPE_I32, {1, {-1}}},         {DTYPE_F32, {2, {-1, -1}}},
};

/* A model whose output is its input, over `contract`. */
static struct servable *same_model(const struct contract *contract)
{
    const struct field *x = &contract->signatures[0].inputs[0];
    struct servable *servable = NULL;
    struct shape shape = x->shape;
    struct graph *graph;
    struct arena arena;
    struct error err;
    value_id in, out;

    arena_init(&arena, 64 << 20);
    if (graph_new(&graph, &arena, &err) || graph_input(graph, "x", x->dtype, &shape, &in, &err) ||
        graph_op(graph, "", "Identity", in, VALUE_NONE, VALUE_NONE, NULL, 0, &out, &err) ||
        graph_signature_add(graph, "predict", &in, 1, &out, 1, &err) || graph_finish(graph, &err))
        abort();
    if (native_servable(graph, contract, NULL, &arena, NULL, &servable, &err))
        return NULL;
    return servable;
}

/* What a client may give for this field, made of the bytes. */
static struct tensor given_of(const struct field *field, struct bytes bytes, struct arena *arena)
{
    struct tensor tensor = {.dtype = field->dtype, .shape = field->shape};
    struct error err;

    for (int i = 0; i < tensor.shape.rank; i++)
        if (tensor.shape.dims[i] < 0)
            tensor.shape.dims[i] = i ? 1 + (int64_t)(bytes.size % 9) : BATCH;
    if (tensor_new(&tensor, tensor.dtype, &tensor.shape, arena, &err))
        return (struct tensor){0};
    if (tensor.dtype == DTYPE_STRING)
        for (size_t i = 0; i < tensor_count(&tensor); i++)
            ((struct bytes *)tensor.data)[i] = bytes;
    else if (bytes.size)
        for (size_t i = 0; i < tensor_count(&tensor); i++)
            tensor_set_f64(&tensor, i, (double)bytes.data[i % bytes.size] - 20);
    return tensor;
}

static void run(struct servable *servable, struct bytes rest)
{
    struct session *session = servable_session(servable);
    const struct signature *signature = &servable->contract->signatures[0];
    struct tensor given, outputs[8] = {{0}};
    struct arena arena;
    struct error err;

    arena_init(&arena, 16 << 20);
    given = given_of(&signature->inputs[0], rest, &arena);
    if (session && given.dtype != DTYPE_NONE && signature->output_count <= 8)
        for (int again = 0; again < 2; again++)
            if (!session_run(session, 0, &given, outputs, &err))
                for (size_t i = 0; i < signature->output_count; i++)
                    if (outputs[i].dtype != signature->outputs[i].dtype ||
                        outputs[i].shape.rank != signature->outputs[i].shape.rank)
                        __builtin_trap(); /* another type than the contract has */
    if (session)
        session_free(session);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct field x = {.name = "x"}, y = {.name = "y"};
    struct signature signature = {
        .name = "predict", .inputs = &x, .input_count = 1, .outputs = &y, .output_count = 1};
    struct contract contract = {&signature, 1};
    struct filter_chains chains = {0};
    struct servable *model, *servable;
    struct manifest manifest;
    struct text yaml = {0};
    struct arena arena;
    struct error err;
    size_t end = 1;

    if (!size)
        return 0;
    x.dtype = y.dtype = FIELDS[data[0] % ARRAY_COUNT(FIELDS)].dtype;
    x.shape = y.shape = FIELDS[data[0] % ARRAY_COUNT(FIELDS)].shape;
    while (end < size && end < YAML_MAX && !(data[end] == '\n' && data[end - 1] == '\n'))
        end++;
    text_append(&yaml, "kind: Model\nfilters:\n");
    text_append_bytes(&yaml, (struct bytes){data + 1, end - 1});
    text_append(&yaml, "\n");
    arena_init(&arena, 32 << 20);
    if (!manifest_parse(text_bytes(&yaml), "m.yaml", &manifest, &arena, &err) &&
        manifest.chain_count &&
        !filter_chains_compile(&manifest, "m.yaml", NULL, &contract, &chains, &err)) {
        model = same_model(&contract);
        if (model && !filtered_servable(model, &chains, NULL, &servable, &err)) {
            run(servable, (struct bytes){data + end, size - end});
            servable_free(servable);
        }
    }
    filter_chains_release(&chains);
    arena_release(&arena);
    text_release(&yaml);
    return 0;
}
