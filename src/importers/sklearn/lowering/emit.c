// SPDX-License-Identifier: Apache-2.0
/* Appending nodes, in short forms. */
#include "importers/sklearn/internal.h"

enum status emit(struct lowering *l, const char *domain, const char *op, const value_id *inputs,
                 size_t input_count, const struct attribute *attributes, size_t attribute_count,
                 value_id *outputs, size_t output_count, struct error *err)
{
    struct node_description node = {.domain = domain,
                                    .op = op,
                                    .name = l->where,
                                    .inputs = inputs,
                                    .input_count = input_count,
                                    .output_count = output_count,
                                    .attributes = attributes,
                                    .attribute_count = attribute_count};

    return graph_node(l->graph, &node, outputs, err);
}

enum status emit_1(struct lowering *l, const char *op, value_id a, value_id *out, struct error *err)
{
    return emit(l, "", op, &a, 1, NULL, 0, out, 1, err);
}

enum status emit_2(struct lowering *l, const char *op, value_id a, value_id b, value_id *out,
                   struct error *err)
{
    return emit(l, "", op, (value_id[]){a, b}, 2, NULL, 0, out, 1, err);
}

enum status emit_constant(struct lowering *l, const struct tensor *tensor, value_id *out,
                          struct error *err)
{
    return graph_constant(l->graph, "", tensor, out, err);
}

enum status emit_scalar(struct lowering *l, double number, value_id *out, struct error *err)
{
    struct shape shape = shape_scalar();

    return graph_constant_f64(l->graph, &number, &shape, out, err);
}

enum status emit_cast(struct lowering *l, value_id a, enum dtype dtype, value_id *out,
                      struct error *err)
{
    struct attribute to = attribute_of_int("to", dtype_to_onnx(dtype));

    if (l->graph->values[a].dtype == dtype) {
        *out = a;
        return STATUS_OK;
    }
    return emit(l, "", "Cast", &a, 1, &to, 1, out, 1, err);
}

enum status emit_clip(struct lowering *l, value_id x, double low, double high, value_id *out,
                      struct error *err)
{
    value_id inputs[3] = {x, VALUE_NONE, VALUE_NONE};

    TRY(emit_scalar(l, low, &inputs[1], err));
    TRY(emit_scalar(l, high, &inputs[2], err));
    return emit(l, "", "Clip", inputs, 3, NULL, 0, out, 1, err);
}

enum status emit_linear(struct lowering *l, value_id x, const struct tensor *weights,
                        const struct tensor *bias, value_id *out, struct error *err)
{
    struct attribute transposed = attribute_of_int("transB", 1);
    value_id inputs[3] = {x, VALUE_NONE, VALUE_NONE};

    TRY(emit_constant(l, weights, &inputs[1], err));
    if (bias)
        TRY(emit_constant(l, bias, &inputs[2], err));
    return emit(l, "", "Gemm", inputs, bias ? 3 : 2, &transposed, 1, out, 1, err);
}

struct attribute attribute_of_int(const char *name, int64_t value)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_INT, .count = 1, .i = value};
}

struct attribute attribute_of_text(const char *name, const char *value)
{
    return (struct attribute){
        .name = name, .kind = ATTRIBUTE_STRING, .count = 1, .s = bytes_of(value)};
}

struct attribute attribute_of_ints(const char *name, const int64_t *values, size_t count)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_INTS, .count = count, .ints = values};
}

struct attribute attribute_of_tensor(const char *name, const struct tensor *value)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_TENSOR, .count = 1, .t = value};
}
