// SPDX-License-Identifier: Apache-2.0
/* The builder: values, symbols, signatures. Nodes are in node.c. */
#include "graph/graph.h"

#include "base/text.h"
#include "graph/internal.h"
#include "ops/kernels/strided.h"
#include "tensor/sequence.h"

enum { VALUES_MAX = 1 << 26, SYMBOLS_MAX = 1 << 20 };

#if defined(__SANITIZE_ADDRESS__)
enum { UNALIGNED_BYTES_MIN = 1 }; /* so that tests see who reads them all the same */
#else
enum { UNALIGNED_BYTES_MIN = 64 << 10 };
#endif

/* Larger tensors than this are an attack or a mistake: 2^46 bytes. */
static const size_t TENSOR_BYTES_MAX = (size_t)1 << 46;

enum status graph_new(struct graph **graph, struct arena *keep, struct error *err)
{
    struct graph *made = arena_new(keep, struct graph, 1);

    if (!made)
        return error_no_memory(err, "a graph");
    made->keep = keep;
    made->call_out = arena_new(keep, struct tensor, OP_OUTPUTS_MAX);
    if (!made->call_out)
        return error_no_memory(err, "a graph");
    *graph = made;
    return STATUS_OK;
}

enum status graph_symbol(struct graph *graph, const char *name, int64_t *dim, struct error *err)
{
    size_t k = 0;
    char *copy;

    while (k < graph->symbol_count && strcmp(graph->symbols[k], name))
        k++;
    if (k == graph->symbol_count) {
        if (k >= SYMBOLS_MAX)
            return error_set(err, STATUS_TOO_LARGE, "more than %d named dimensions", SYMBOLS_MAX);
        copy = arena_text(graph->keep, bytes_of(name));
        if (!copy || !ARENA_GROW(graph->keep, graph->symbols, k, graph->symbol_capacity))
            return error_no_memory(err, "a named dimension");
        graph->symbols[graph->symbol_count++] = copy;
    }
    *dim = -(int64_t)k - 2;
    return STATUS_OK;
}

bool graph_dim_is_valid(const struct graph *graph, int64_t dim)
{
    return dim >= DIM_UNKNOWN || -(dim + 2) < (int64_t)graph->symbol_count;
}

/* `what` and `name` say whose shape it is. */
static enum status shape_valid(const struct graph *graph, enum dtype dtype,
                               const struct shape *shape, const char *name, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    enum status status = STATUS_OK;

    if (shape->rank < RANK_UNKNOWN || shape->rank > RANK_MAX)
        status =
            error_set(err, STATUS_INVALID_INPUT, "rank %d is not 0 to %d", shape->rank, RANK_MAX);
    for (int i = 0; !status && i < shape->rank; i++)
        if (!graph_dim_is_valid(graph, shape->dims[i]))
            status = error_set(err, STATUS_INVALID_INPUT, "dimension %d is %lld", i,
                               (long long)shape->dims[i]);
    if (!status && shape_is_known(shape))
        status = shape_check(shape, dtype, TENSOR_BYTES_MAX, NULL, err);
    if (status)
        return error_within(err, "value '%s'", text_quote(bytes_of(name), quoted, sizeof quoted));
    return STATUS_OK;
}

static enum status value_add(struct graph *graph, const char *name, enum dtype dtype,
                             const struct shape *shape, value_id *value, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    char *copy;

    name = name ? name : "";
    if (dtype <= DTYPE_NONE || dtype >= DTYPE_COUNT)
        return error_set(err, STATUS_INVALID_INPUT, "value '%s' has no element type",
                         text_quote(bytes_of(name), quoted, sizeof quoted));
    TRY(shape_valid(graph, dtype, shape, name, err));
    if (dtype_is_container(dtype) && shape->rank != 0)
        return error_set(err, STATUS_INVALID_INPUT, "value '%s': a tensor of %s",
                         text_quote(bytes_of(name), quoted, sizeof quoted), dtype_name(dtype));
    if (graph->value_count >= VALUES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a graph of more than %d values", VALUES_MAX);
    copy = *name ? arena_text(graph->keep, bytes_of(name)) : "";
    if (!copy || !ARENA_GROW(graph->keep, graph->values, graph->value_count, graph->value_capacity))
        return error_no_memory(err, "a value of the graph");
    graph->values[graph->value_count] =
        (struct value){.name = copy, .dtype = dtype, .shape = *shape, .producer = -1};
    *value = (value_id)graph->value_count++;
    return STATUS_OK;
}

enum status graph_value(struct graph *graph, const char *name, enum dtype dtype,
                        const struct shape *shape, int32_t producer, value_id *value,
                        struct error *err)
{
    TRY(value_add(graph, name, dtype, shape, value, err));
    graph->values[*value].producer = producer;
    return STATUS_OK;
}

enum status graph_input(struct graph *graph, const char *name, enum dtype dtype,
                        const struct shape *shape, value_id *value, struct error *err)
{
    TRY(value_add(graph, name, dtype, shape, value, err));
    graph->values[*value].is_input = true;
    return STATUS_OK;
}

enum status graph_input_typed(struct graph *graph, const char *name, const struct tensor *type,
                              value_id *value, struct error *err)
{
    const struct tensor *element = type->element;

    TRY(graph_input(graph, name, type->dtype, &type->shape, value, err));
    if (!element || !dtype_is_container(type->dtype))
        return STATUS_OK;
    if (dtype_is_container(element->dtype) && element->element)
        element = element_new(
            element->dtype, &element->shape,
            element_new(element->element->dtype, &element->element->shape, NULL, graph->keep),
            graph->keep);
    else
        element = element_new(element->dtype, &element->shape, NULL, graph->keep);
    graph->values[*value].element = element;
    return element ? STATUS_OK : error_no_memory(err, "an input");
}

enum status graph_captures(struct graph *subgraph, size_t capture_count, struct error *err)
{
    if (subgraph->signature_count != 1 || capture_count > subgraph->signatures[0].input_count)
        return error_set(err, STATUS_INTERNAL, "a subgraph has one signature");
    subgraph->signatures[0].capture_count = capture_count;
    return STATUS_OK;
}

void graph_keep_in(struct graph *graph, struct arena *keep)
{
    graph->keep = keep;
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].attributes.count; i++)
            if (graph->nodes[n].attributes.items[i].kind == ATTRIBUTE_GRAPH)
                graph_keep_in(graph->nodes[n].attributes.items[i].g, keep);
}

/* Elements are read through pointers of their type: at least this alignment is needed. */
static size_t dtype_alignment(enum dtype dtype)
{
    return dtype_size(dtype) < 8 ? dtype_size(dtype) : 8;
}

bool tensor_is_aligned(const struct tensor *tensor)
{
    return !tensor->data || (uintptr_t)tensor->data % dtype_alignment(tensor->dtype) == 0;
}

bool tensor_may_be_stored(const struct tensor *tensor)
{
    return tensor->dtype == DTYPE_F32 && tensor_bytes(tensor) >= UNALIGNED_BYTES_MIN;
}

/* Turned and scaled, from floats that are aligned. */
static void read_stored(const struct tensor *tensor, const float *from, float *to)
{
    struct strided copy = {.rank = tensor->shape.rank};
    size_t count = tensor_count(tensor);
    size_t run = count ? count / (size_t)tensor->shape.dims[0] : 0;

    memcpy(copy.dims, tensor->shape.dims, sizeof copy.dims);
    stored_strides(tensor, copy.from);
    shape_strides(&tensor->shape, copy.to);
    strided_copy(&copy, from, to, sizeof *to);
    for (size_t i = 0; tensor->stored->factors && i < count; i++)
        to[i] = (float)(to[i] * tensor->stored->factors[i / run]);
}

static void *copy_aligned(const struct graph *graph, const struct tensor *tensor)
{
    size_t bytes = tensor_bytes(tensor);
    void *copy = arena_alloc(graph->keep, bytes, 1);

    if (copy && bytes)
        memcpy(copy, tensor->data, bytes);
    return copy;
}

static void *copy_stored(const struct graph *graph, const struct tensor *tensor)
{
    size_t bytes = tensor_bytes(tensor);
    void *copy = arena_alloc(graph->keep, bytes, 1), *from = tensor->data;

    if (!tensor_is_aligned(tensor))
        from = copy_aligned(graph, tensor);
    if (!copy || !from)
        return NULL;
    read_stored(tensor, from, copy);
    if (from != tensor->data)
        (void)arena_give_back(graph->keep, from, bytes, graph->keep);
    return copy;
}

/* Made what it says: aligned, turned and scaled. */
static bool align(const struct graph *graph, struct tensor *tensor)
{
    void *copy = tensor->stored ? copy_stored(graph, tensor) : copy_aligned(graph, tensor);

    if (!copy)
        return false;
    if (graph->forget)
        graph->forget(graph->forget_context, (struct bytes){tensor->data, tensor_bytes(tensor)});
    tensor->data = copy;
    tensor->stored = NULL;
    return true;
}

const struct tensor *value_constant(const struct graph *graph, value_id value)
{
    struct tensor *constant = (struct tensor *)(uintptr_t)graph->values[value].constant;

    if (!constant || (!constant->stored && tensor_is_aligned(constant)) || align(graph, constant))
        return constant;
    return NULL;
}

enum status graph_tensor_keep(struct graph *graph, const struct tensor *tensor, bool aligned,
                              const struct tensor **kept, struct error *err)
{
    struct tensor *copy = arena_new(graph->keep, struct tensor, 1);
    size_t bytes;

    if (!copy)
        return error_no_memory(err, "a constant");
    if (tensor->dtype <= DTYPE_NONE || tensor->dtype >= DTYPE_COUNT)
        return error_set(err, STATUS_INVALID_INPUT, "has no element type");
    TRY(shape_check(&tensor->shape, tensor->dtype, TENSOR_BYTES_MAX, &bytes, err));
    if (!tensor->data && bytes)
        return error_set(err, STATUS_INTERNAL, "has no data");
    *copy = *tensor;
    *kept = copy;
    if (tensor->data && !aligned && tensor_may_be_stored(tensor))
        return STATUS_OK;
    if (tensor->data && !tensor->stored && tensor_is_aligned(tensor))
        return STATUS_OK;
    return align(graph, copy) ? STATUS_OK : error_no_memory(err, "a constant");
}

enum status graph_constant(struct graph *graph, const char *name, const struct tensor *tensor,
                           value_id *value, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    const struct tensor *kept;

    if (graph_tensor_keep(graph, tensor, false, &kept, err))
        return error_within(err, "constant '%s'",
                            text_quote(bytes_of(name ? name : ""), quoted, sizeof quoted));
    TRY(value_add(graph, name, tensor->dtype, &tensor->shape, value, err));
    graph->values[*value].constant = kept;
    graph->values[*value].element = tensor->element;
    return STATUS_OK;
}

static enum status constant_copy(struct graph *graph, enum dtype dtype, const void *data,
                                 const struct shape *shape, value_id *value, struct error *err)
{
    struct tensor copy;

    TRY(tensor_new(&copy, dtype, shape, graph->keep, err));
    if (tensor_bytes(&copy))
        memcpy(copy.data, data, tensor_bytes(&copy));
    return graph_constant(graph, NULL, &copy, value, err);
}

enum status graph_constant_f64(struct graph *graph, const double *data, const struct shape *shape,
                               value_id *value, struct error *err)
{
    return constant_copy(graph, DTYPE_F64, data, shape, value, err);
}

enum status graph_constant_i64(struct graph *graph, const int64_t *data, const struct shape *shape,
                               value_id *value, struct error *err)
{
    return constant_copy(graph, DTYPE_I64, data, shape, value, err);
}

/* What both know of a dimension; false when they contradict. A number beats a symbol, a symbol
 * beats nothing. */
static bool dim_merge(int64_t *have, int64_t learned)
{
    if (dim_is_known(*have) && dim_is_known(learned))
        return *have == learned;
    if (dim_is_known(learned) || *have == DIM_UNKNOWN)
        *have = learned;
    return true;
}

enum status graph_learn(struct graph *graph, struct value *value, enum dtype dtype,
                        const struct shape *shape, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], have[SHAPE_PRINT_SIZE], told[SHAPE_PRINT_SIZE];
    struct shape merged = value->shape;
    bool agree = true;

    text_quote(bytes_of(value->name), quoted, sizeof quoted);
    if (dtype != DTYPE_NONE && dtype != value->dtype)
        return error_set(err, STATUS_INVALID_INPUT, "value '%s' is %s, but is said to be %s",
                         quoted, dtype_name(value->dtype), dtype_name(dtype));
    if (shape->rank == RANK_UNKNOWN)
        return STATUS_OK;
    TRY(shape_valid(graph, value->dtype, shape, value->name, err));
    if (merged.rank == RANK_UNKNOWN)
        merged = *shape;
    agree = merged.rank == shape->rank;
    for (int i = 0; agree && i < merged.rank; i++)
        agree = dim_merge(&merged.dims[i], shape->dims[i]);
    if (!agree)
        return error_set(
            err, STATUS_INVALID_INPUT, "value '%s' has shape %s, but is said to have %s", quoted,
            shape_print(&value->shape, have, sizeof have), shape_print(shape, told, sizeof told));
    if (shape_is_known(&merged))
        TRY(shape_valid(graph, value->dtype, &merged, value->name, err));
    value->shape = merged;
    return STATUS_OK;
}

static enum status value_is_valid(const struct graph *graph, value_id value, struct error *err)
{
    if (value < 0 || (size_t)value >= graph->value_count)
        return error_set(err, STATUS_INTERNAL, "value %d is not one of the graph's %zu", value,
                         graph->value_count);
    return STATUS_OK;
}

enum status graph_declare(struct graph *graph, value_id value, enum dtype dtype,
                          const struct shape *shape, struct error *err)
{
    struct shape before;

    TRY(value_is_valid(graph, value, err));
    before = graph->values[value].shape;
    TRY(graph_learn(graph, &graph->values[value], dtype, shape, err));
    if (graph->values[value].producer >= 0 && !shape_equal(&before, &graph->values[value].shape))
        graph->values[value].declared = true;
    return STATUS_OK;
}

static enum status values_copy(struct graph *graph, const value_id *values, size_t count,
                               const value_id **copy, struct error *err)
{
    value_id *made = arena_new(graph->keep, value_id, count);

    if (!made)
        return error_no_memory(err, "a signature");
    for (size_t i = 0; i < count; i++) {
        TRY(value_is_valid(graph, values[i], err));
        made[i] = values[i];
    }
    *copy = made;
    return STATUS_OK;
}

static enum status signature_fill(struct graph *graph, struct graph_signature *signature,
                                  const value_id *inputs, const value_id *outputs,
                                  struct error *err)
{
    TRY(values_copy(graph, inputs, signature->input_count, &signature->inputs, err));
    TRY(values_copy(graph, outputs, signature->output_count, &signature->outputs, err));
    for (size_t i = 0; i < signature->input_count; i++)
        if (!graph->values[inputs[i]].is_input)
            return error_set(err, STATUS_INVALID_INPUT, "input %zu is not an input of the graph",
                             i);
    return STATUS_OK;
}

enum status graph_signature_add(struct graph *graph, const char *name, const value_id *inputs,
                                size_t input_count, const value_id *outputs, size_t output_count,
                                struct error *err)
{
    struct graph_signature signature = {.input_count = input_count, .output_count = output_count};
    char quoted[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(name), quoted, sizeof quoted);
    for (size_t i = 0; i < graph->signature_count; i++)
        if (!strcmp(graph->signatures[i].name, name))
            return error_set(err, STATUS_INVALID_INPUT, "two signatures are named '%s'", quoted);
    if (signature_fill(graph, &signature, inputs, outputs, err))
        return error_within(err, "signature '%s'", quoted);
    signature.name = arena_text(graph->keep, bytes_of(name));
    if (!signature.name || !ARENA_GROW(graph->keep, graph->signatures, graph->signature_count,
                                       graph->signature_capacity))
        return error_no_memory(err, "a signature");
    graph->signatures[graph->signature_count++] = signature;
    return STATUS_OK;
}

enum status graph_state_add(struct graph *graph, const char *name, const struct tensor *initial,
                            const struct shape *shape, uint32_t *number, struct error *err)
{
    struct graph_state *state;

    if (!ARENA_GROW(graph->keep, graph->states, graph->state_count, graph->state_capacity))
        return error_no_memory(err, "a variable");
    state = &graph->states[graph->state_count];
    *state = (struct graph_state){
        .name = arena_text(graph->keep, bytes_of(name)), .initial = *initial, .shape = *shape};
    if (!state->name)
        return error_no_memory(err, "a variable");
    *number = (uint32_t)graph->state_count++;
    return STATUS_OK;
}

static enum status numbers_copy(struct graph *graph, const uint32_t *numbers, size_t count,
                                size_t limit, const uint32_t **copy, struct error *err)
{
    uint32_t *made = arena_new(graph->keep, uint32_t, count);

    if (!made)
        return error_no_memory(err, "a signature");
    if (count > limit)
        return error_set(err, STATUS_INTERNAL, "a signature of %zu with %zu states", limit, count);
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] >= graph->state_count)
            return error_set(err, STATUS_INTERNAL, "there is no state %u", (unsigned)numbers[i]);
        made[i] = numbers[i];
    }
    *copy = made;
    return STATUS_OK;
}

enum status graph_signature_states(struct graph *graph, const uint32_t *in, size_t in_count,
                                   const uint32_t *out, size_t out_count, struct error *err)
{
    struct graph_signature *signature = &graph->signatures[graph->signature_count - 1];

    TRY(numbers_copy(graph, in, in_count, signature->input_count, &signature->states_in, err));
    TRY(numbers_copy(graph, out, out_count, signature->output_count, &signature->states_out, err));
    signature->state_in_count = in_count;
    signature->state_out_count = out_count;
    return STATUS_OK;
}

/* Mark backwards from the outputs what they need; nodes are in order, so one walk does. */
static enum status signature_check(const struct graph *graph,
                                   const struct graph_signature *signature, bool *needed,
                                   struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    memset(needed, 0, graph->value_count * sizeof *needed);
    for (size_t i = 0; i < signature->output_count; i++)
        needed[signature->outputs[i]] = true;
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct node *node = &graph->nodes[n];
        bool wanted = false;

        for (size_t i = 0; i < node->output_count; i++)
            wanted = wanted || needed[node->outputs[i]];
        for (size_t i = 0; wanted && i < node->input_count; i++)
            if (node->inputs[i] != VALUE_NONE)
                needed[node->inputs[i]] = true;
    }
    for (size_t i = 0; i < signature->input_count; i++)
        needed[signature->inputs[i]] = false;
    for (size_t v = 0; v < graph->value_count; v++)
        if (needed[v] && graph->values[v].is_input)
            return error_set(err, STATUS_INVALID_INPUT,
                             "needs '%s', which is not one of its inputs",
                             text_quote(bytes_of(graph->values[v].name), quoted, sizeof quoted));
    return STATUS_OK;
}

enum status graph_finish(struct graph *graph, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    bool *needed = arena_new(graph->keep, bool, graph->value_count);

    if (!needed)
        return error_no_memory(err, "checking the graph");
    if (!graph->signature_count)
        return error_set(err, STATUS_INVALID_INPUT, "the graph has no signature");
    for (size_t i = 0; i < graph->signature_count; i++)
        if (signature_check(graph, &graph->signatures[i], needed, err))
            return error_within(
                err, "signature '%s'",
                text_quote(bytes_of(graph->signatures[i].name), quoted, sizeof quoted));
    return STATUS_OK;
}
