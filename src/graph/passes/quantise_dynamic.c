// SPDX-License-Identifier: Apache-2.0
/* Integer kernels for dynamic quantisation:
 *
 *     MatMulInteger, Cast to float, Mul by (scale of a) * (scale of b), [Add a bias]
 *
 * is one product, whose left side was quantised by DynamicQuantizeLinear. b and its scale are
 * constants. */
#include <math.h>

#include "graph/internal.h"

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, INPUTS, SHIFT = 9 };

static bool is_one_element(const struct graph *graph, value_id value, enum dtype dtype)
{
    const struct value *v = value == VALUE_NONE ? NULL : &graph->values[value];

    return v && v->dtype == dtype && shape_is_known(&v->shape) && shape_count(&v->shape) == 1;
}

/* A constant of one number, or of n in a row. */
static const struct tensor *constant_row(const struct graph *graph, value_id value,
                                         enum dtype dtype, int64_t n, bool or_one)
{
    const struct tensor *row = value == VALUE_NONE ? NULL : value_constant(graph, value);

    if (!row || row->dtype != dtype)
        return NULL;
    if (or_one && tensor_count(row) == 1 && row->shape.rank <= 1)
        return row;
    return row->shape.rank == 1 && row->shape.dims[0] == n ? row : NULL;
}

static bool is_scale(const struct tensor *scale)
{
    for (size_t i = 0; i < tensor_count(scale); i++)
        if (!(tensor_f64(scale, i) > 0) || !isfinite(tensor_f64(scale, i)))
            return false;
    return true;
}

/* The MatMulInteger behind a Cast that only this value's reader reads. */
static const struct node *product_behind(const struct graph *graph, const struct uses *uses,
                                         value_id value)
{
    const struct node *cast = value_producer(graph, value), *product;

    if (!cast || !node_is(cast, "Cast") || !uses_is_private(uses, value) ||
        graph->values[value].dtype != DTYPE_F32)
        return NULL;
    product = value_producer(graph, cast->inputs[0]);
    return product && node_is(product, "MatMulInteger") && uses_is_private(uses, cast->inputs[0])
               ? product
               : NULL;
}

/* The two factors of `scale`: one of a's, known at run, and the constant of b. */
static bool scales_of(const struct graph *graph, value_id scale, int64_t n, value_id *inputs)
{
    const struct node *mul = value_producer(graph, scale);

    if (!mul || !node_is(mul, "Mul") || mul->opset < 7)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const struct tensor *row = constant_row(graph, mul->inputs[i], DTYPE_F32, n, true);

        if (row && is_scale(row) && is_one_element(graph, mul->inputs[1 - i], DTYPE_F32) &&
            graph->values[mul->inputs[1 - i]].shape.rank <= 1) {
            inputs[B_SCALE] = mul->inputs[i];
            inputs[A_SCALE] = mul->inputs[1 - i];
            return true;
        }
    }
    return false;
}

static enum status zero_of(struct graph *graph, enum dtype dtype, value_id *zero, struct error *err)
{
    struct shape shape = shape_scalar();
    struct tensor tensor;

    TRY(tensor_new(&tensor, dtype, &shape, graph->keep, err));
    return graph_constant(graph, "", &tensor, zero, err);
}

static value_id input_of(const struct node *node, size_t input)
{
    return input < node->input_count ? node->inputs[input] : VALUE_NONE;
}

/* The inputs of the integer operator; false: this is another thing. */
static bool inputs_of(const struct graph *graph, const struct node *product, value_id scale,
                      value_id *inputs)
{
    const struct value *a = &graph->values[product->inputs[0]];
    const struct value *b = &graph->values[product->inputs[1]];
    int64_t n = b->shape.rank == 2 ? b->shape.dims[1] : 0;

    inputs[A] = product->inputs[0];
    inputs[A_ZERO] = input_of(product, 2);
    inputs[B] = product->inputs[1];
    inputs[B_ZERO] = input_of(product, 3);
    return b->constant && b->shape.rank == 2 && a->shape.rank >= 1 && n > 0 &&
           (inputs[A_ZERO] == VALUE_NONE || is_one_element(graph, inputs[A_ZERO], a->dtype)) &&
           (inputs[B_ZERO] == VALUE_NONE ||
            constant_row(graph, inputs[B_ZERO], b->dtype, n, true)) &&
           scales_of(graph, scale, n, inputs);
}

static enum status fuse_product(struct graph *graph, const struct uses *uses, size_t index,
                                struct error *err)
{
    value_id inputs[INPUTS], sides[2];

    memcpy(sides, graph->nodes[index].inputs, sizeof sides);
    for (size_t i = 0; i < 2; i++) {
        const struct node *product = product_behind(graph, uses, sides[i]);

        if (!product || !inputs_of(graph, product, sides[1 - i], inputs))
            continue;
        if (inputs[A_ZERO] == VALUE_NONE)
            TRY(zero_of(graph, graph->values[inputs[A]].dtype, &inputs[A_ZERO], err));
        if (inputs[B_ZERO] == VALUE_NONE)
            TRY(zero_of(graph, graph->values[inputs[B]].dtype, &inputs[B_ZERO], err));
        return graph_node_rewrite(graph, index,
                                  &(struct node_description){
                                      .domain = "firn",
                                      .op = "QLinearProduct",
                                      .name = product->name,
                                      .inputs = inputs,
                                      .input_count = INPUTS,
                                  },
                                  err);
    }
    return STATUS_OK;
}

/* Is the value a product that is a float and has no shift yet? */
static const struct node *float_product(const struct graph *graph, const struct uses *uses,
                                        value_id value)
{
    const struct node *product = value_producer(graph, value);

    return product && !strcmp(product->domain, "firn") &&
                   !strcmp(product->op->name, "QLinearProduct") &&
                   graph->values[value].dtype == DTYPE_F32 && product->input_count <= SHIFT &&
                   uses_is_private(uses, value)
               ? product
               : NULL;
}

static enum status fuse_bias(struct graph *graph, const struct uses *uses, size_t index,
                             struct error *err)
{
    value_id inputs[SHIFT + 1], sides[2];

    memcpy(sides, graph->nodes[index].inputs, sizeof sides);
    for (size_t i = 0; i < 2; i++) {
        const struct node *product = float_product(graph, uses, sides[i]);
        const struct shape *shape = &graph->values[sides[i]].shape;

        if (!product || shape->rank < 1 ||
            !constant_row(graph, sides[1 - i], DTYPE_F32, shape->dims[shape->rank - 1], false))
            continue;
        for (size_t k = 0; k < SHIFT; k++)
            inputs[k] = input_of(product, k);
        inputs[SHIFT] = sides[1 - i];
        return graph_node_rewrite(graph, index,
                                  &(struct node_description){
                                      .domain = "firn",
                                      .op = "QLinearProduct",
                                      .name = product->name,
                                      .inputs = inputs,
                                      .input_count = SHIFT + 1,
                                      .attributes = product->attributes.items,
                                      .attribute_count = product->attributes.count,
                                  },
                                  err);
    }
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    size_t count = graph->value_count;
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        bool is_mul = node_is(node, "Mul");

        if ((!is_mul && !node_is(node, "Add")) || node->opset < 7 ||
            (size_t)node->inputs[0] >= count || (size_t)node->inputs[1] >= count)
            continue;
        TRY(is_mul ? fuse_product(graph, &uses, n, err) : fuse_bias(graph, &uses, n, err));
    }
    return STATUS_OK;
}

const struct pass pass_quantise_dynamic = {
    .name = "quantise_dynamic",
    .summary = "dynamic quantisation in one product",
    .order = 205,
    .run = run,
};
