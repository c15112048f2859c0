// SPDX-License-Identifier: Apache-2.0
/* Arithmetic on dimensions, as exporters write it for models with free ones: what comes to a number
 * becomes a constant, and the shape that a Reshape asks for, put together from dimensions that its
 * input has in the same place, says "as it is" there. Then inference knows what comes out. */
#include "graph/match.h"

enum { DEPTH_MAX = 12, ELEMENTS_MAX = RANK_MAX };

enum kind { UNKNOWN, NUMBER, SYMBOL, DIMENSION };

/* One element of a list of integers. */
struct element {
    enum kind kind;
    int64_t number; /* or the symbol, as a dimension; or which dimension */
    value_id value; /* of which it is a dimension */
};

static struct element trace(const struct graph *graph, value_id value, int64_t index, int depth);

static struct element number(int64_t n)
{
    return (struct element){NUMBER, n, VALUE_NONE};
}

static struct element from_shape(const struct graph *graph, const struct node *node, int64_t index)
{
    const struct value *of = &graph->values[node->inputs[0]];
    int64_t start = attribute_int(&node->attributes, "start", 0), dim;

    if (of->shape.rank < 0 || start < -RANK_MAX || start > RANK_MAX)
        return (struct element){0};
    start += start < 0 ? of->shape.rank : 0;
    index += start < 0 ? 0 : start;
    if (index < 0 || index >= of->shape.rank)
        return (struct element){0};
    dim = of->shape.dims[index];
    if (of->declared || dim == DIM_UNKNOWN)
        return (struct element){DIMENSION, index, node->inputs[0]};
    return dim >= 0 ? number(dim) : (struct element){SYMBOL, dim, VALUE_NONE};
}

/* The one element of a constant list or scalar. */
static bool constant_int(const struct graph *graph, const struct node *node, size_t input,
                         int64_t *value)
{
    const struct tensor *constant = node_constant(graph, node, input);

    if (!constant || constant->shape.rank > 1 || tensor_count(constant) != 1 ||
        (constant->dtype != DTYPE_I64 && constant->dtype != DTYPE_I32))
        return false;
    *value = tensor_i64(constant, 0);
    return true;
}

static int64_t length_of(const struct graph *graph, value_id value)
{
    const struct shape *shape = &graph->values[value].shape;

    return shape->rank == 0 ? 1 : shape->rank == 1 ? shape->dims[0] : DIM_UNKNOWN;
}

static struct element from_gather(const struct graph *graph, const struct node *node, int depth)
{
    int64_t at, length = length_of(graph, node->inputs[0]);

    if (length < 0 || graph->values[node->inputs[0]].shape.rank != 1 ||
        !constant_int(graph, node, 1, &at) || at < -length || at >= length)
        return (struct element){0};
    return trace(graph, node->inputs[0], at < 0 ? at + length : at, depth);
}

static struct element from_slice(const struct graph *graph, const struct node *node, int64_t index,
                                 int depth)
{
    int64_t start, step = 1, length = length_of(graph, node->inputs[0]);

    if (length < 0 || node->opset < 10 || !constant_int(graph, node, 1, &start) ||
        !node_constant(graph, node, 2) ||
        (node->input_count > 4 && node->inputs[4] != VALUE_NONE &&
         !constant_int(graph, node, 4, &step)) ||
        step != 1)
        return (struct element){0};
    start += start < 0 ? length : 0;
    start = start < 0 ? 0 : start;
    return start > length - index ? (struct element){0}
                                  : trace(graph, node->inputs[0], start + index, depth);
}

static struct element from_concat(const struct graph *graph, const struct node *node, int64_t index,
                                  int depth)
{
    for (size_t i = 0; i < node->input_count; i++) {
        int64_t length = length_of(graph, node->inputs[i]);

        if (length < 0 || graph->values[node->inputs[i]].shape.rank != 1)
            break;
        if (index < length)
            return trace(graph, node->inputs[i], index, depth);
        index -= length;
    }
    return (struct element){0};
}

static struct element combine(const struct node *node, int64_t a, int64_t b)
{
    int64_t y;

    if (node_is(node, "Add")   ? __builtin_add_overflow(a, b, &y)
        : node_is(node, "Sub") ? __builtin_sub_overflow(a, b, &y)
                               : __builtin_mul_overflow(a, b, &y))
        return (struct element){0};
    return number(y);
}

/* Both inputs as long as the output, or of one element. */
static struct element from_arithmetic(const struct graph *graph, const struct node *node,
                                      int64_t index, int depth)
{
    struct element sides[2];

    for (int i = 0; i < 2; i++) {
        int64_t length = length_of(graph, node->inputs[i]);

        if (length < 0)
            return (struct element){0};
        sides[i] = trace(graph, node->inputs[i], length == 1 ? 0 : index, depth);
    }
    if (sides[0].kind == NUMBER && sides[1].kind == NUMBER) {
        if (!node_is(node, "Div"))
            return combine(node, sides[0].number, sides[1].number);
        return sides[0].number >= 0 && sides[1].number > 0
                   ? number(sides[0].number / sides[1].number)
                   : (struct element){0};
    }
    if (node_is(node, "Mul") || node_is(node, "Div"))
        for (int i = 0; i < 2; i++)
            if (sides[1 - i].kind == NUMBER && sides[1 - i].number == 1 &&
                (i == 0 || node_is(node, "Mul")))
                return sides[i];
    return (struct element){0};
}

/* Element `index` of a list, or the scalar (0). */
static struct element trace(const struct graph *graph, value_id value, int64_t index, int depth)
{
    const struct node *node = value_producer(graph, value);
    const struct tensor *constant = value_constant(graph, value);

    if (constant)
        return constant->dtype == DTYPE_I64 && constant->shape.rank <= 1 && index >= 0 &&
                       (size_t)index < tensor_count(constant)
                   ? number(((const int64_t *)constant->data)[index])
                   : (struct element){0};
    if (!node || *node->domain || ++depth > DEPTH_MAX || graph->values[value].dtype != DTYPE_I64 ||
        length_of(graph, value) < 0)
        return (struct element){0};
    if (node_is(node, "Shape"))
        return from_shape(graph, node, index);
    if (node_is(node, "Gather"))
        return from_gather(graph, node, depth);
    if (node_is(node, "Slice"))
        return from_slice(graph, node, index, depth);
    if (node_is(node, "Concat"))
        return from_concat(graph, node, index, depth);
    if (node_is(node, "Squeeze") || node_is(node, "Unsqueeze") || node_is(node, "Reshape") ||
        node_is(node, "Identity") || node_is(node, "Cast"))
        return graph->values[node->inputs[0]].dtype == DTYPE_I64 &&
                       length_of(graph, node->inputs[0]) >= 0
                   ? trace(graph, node->inputs[0], index, depth)
                   : (struct element){0};
    if ((node_is(node, "Add") || node_is(node, "Sub") || node_is(node, "Mul") ||
         node_is(node, "Div")) &&
        node->input_count == 2 && !attribute_find(&node->attributes, "axis"))
        return from_arithmetic(graph, node, index, depth);
    return (struct element){0};
}

/* All of a short list of integers as numbers. */
static bool numbers_of(const struct graph *graph, value_id value, int64_t *numbers, int64_t *length)
{
    *length = length_of(graph, value);
    if (graph->values[value].dtype != DTYPE_I64 || graph->values[value].declared || *length < 1 ||
        *length > ELEMENTS_MAX)
        return false;
    for (int64_t i = 0; i < *length; i++) {
        struct element element = trace(graph, value, i, 0);

        if (element.kind != NUMBER)
            return false;
        numbers[i] = element.number;
    }
    return true;
}

static bool is_arithmetic(const struct node *node)
{
    static const char *const OPS[] = {"Gather", "Slice",   "Concat",    "Add",  "Sub",    "Mul",
                                      "Div",    "Squeeze", "Unsqueeze", "Cast", "Reshape"};

    for (size_t i = 0; i < ARRAY_COUNT(OPS); i++)
        if (node_is(node, OPS[i]))
            return true;
    return false;
}

static enum status constant_make(struct edit *edit, size_t index, bool *made, struct error *err)
{
    struct graph *graph = edit->graph;
    const struct node *node = &graph->nodes[index];
    int64_t numbers[ELEMENTS_MAX], length;
    struct shape shape;
    value_id value;

    *made = is_arithmetic(node) && node->output_count == 1 &&
            numbers_of(graph, node->outputs[0], numbers, &length);
    if (!*made)
        return STATUS_OK;
    shape = graph->values[node->outputs[0]].shape;
    TRY(graph_constant_i64(graph, numbers, &shape, &value, err));
    edit_replace(edit, node->outputs[0], value);
    edit_remove(edit, index);
    return STATUS_OK;
}

/* --- Reshape --- */

/* What to ask for instead, of the same meaning: numbers, and 0 for a dimension of x in its place.
 */
static bool target_of(const struct graph *graph, const struct node *node, int64_t *target,
                      int64_t *length)
{
    const struct value *x = &graph->values[node->inputs[0]];

    *length = length_of(graph, node->inputs[1]);
    if (graph->values[node->inputs[1]].shape.rank != 1 || *length < 1 || *length > ELEMENTS_MAX ||
        x->shape.rank < 0 || attribute_int(&node->attributes, "allowzero", 0))
        return false;
    for (int64_t i = 0; i < *length; i++) {
        struct element e = trace(graph, node->inputs[1], i, 0);
        bool in_place = i < x->shape.rank &&
                        ((e.kind == SYMBOL && !x->declared && x->shape.dims[i] == e.number) ||
                         (e.kind == DIMENSION && e.value == node->inputs[0] && e.number == i));

        if (e.kind == NUMBER) {
            if (e.number == 0 || e.number < -1)
                return false;
            target[i] = e.number;
        } else if (in_place) {
            target[i] = 0;
        } else {
            return false;
        }
    }
    return true;
}

static enum status reshape_turn(struct graph *graph, size_t index, struct error *err)
{
    const struct node node = graph->nodes[index];
    value_id inputs[] = {node.input_count ? node.inputs[0] : VALUE_NONE, VALUE_NONE};
    int64_t target[ELEMENTS_MAX], length;
    struct shape shape;

    if (!node_is(&node, "Reshape") || node.input_count != 2 || node_constant(graph, &node, 1) ||
        !target_of(graph, &node, target, &length))
        return STATUS_OK;
    shape = SHAPE(length);
    TRY(graph_constant_i64(graph, target, &shape, &inputs[1], err));
    return graph_node_rewrite(graph, index,
                              &(struct node_description){
                                  .op = "Reshape",
                                  .opset = node.opset,
                                  .inputs = inputs,
                                  .input_count = 2,
                              },
                              err);
}

/* A shape that was stated is one that is known when inference alone now comes to it. */
static enum status confirm(struct graph *graph, const struct node *node, struct error *err)
{
    struct op_call call;
    bool declared = false;

    for (size_t i = 0; i < node->output_count; i++)
        declared = declared || graph->values[node->outputs[i]].declared;
    if (!declared || graph_is_declared(graph, node))
        return STATUS_OK;
    TRY(graph_infer(graph, node, &call, err));
    for (size_t i = 0; i < node->output_count; i++) {
        struct value *out = &graph->values[node->outputs[i]];

        if (shape_equal(&out->shape, &call.out[i].shape) && out->dtype == call.out[i].dtype)
            out->declared = false;
    }
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct edit edit;
    bool made;

    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t n = 0; n < edit.node_count; n++) {
        edit_visit(&edit, n);
        TRY(constant_make(&edit, n, &made, err));
        if (made)
            continue;
        TRY(reshape_turn(graph, n, err));
        TRY(confirm(graph, &graph->nodes[n], err));
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_dimensions = {
    .name = "dimensions",
    .summary = "arithmetic on dimensions that comes to numbers, or to what is there already",
    .order = 25,
    .run = run,
};
