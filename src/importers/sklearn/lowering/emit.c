// SPDX-License-Identifier: Apache-2.0
/* Appending nodes, in short forms. */
#include "importers/sklearn/internal.h"

enum status emit_scalar(struct lowering *l, double number, value_id *out, struct error *err)
{
    struct shape shape = shape_scalar();

    return graph_constant_f64(l->e.graph, &number, &shape, out, err);
}

enum status emit_linear(struct lowering *l, value_id x, const struct tensor *weights,
                        const struct tensor *bias, value_id *out, struct error *err)
{
    struct attribute transposed = attribute_of_int("transB", 1);
    value_id inputs[3] = {x, VALUE_NONE, VALUE_NONE};

    TRY(emit_constant(&l->e, weights, &inputs[1], err));
    if (bias)
        TRY(emit_constant(&l->e, bias, &inputs[2], err));
    return emit(&l->e, "", "Gemm", inputs, bias ? 3 : 2, &transposed, 1, out, 1, err);
}
