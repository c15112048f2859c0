// SPDX-License-Identifier: Apache-2.0
/* LabelIndex: the place of each text in a list; one that is not there is an error.
 *
 * x (...) string -> (...) int64. Attribute labels: tensor (k,); of equal ones the last counts. */
#include "base/text.h"
#include "ops/kernels/call.h"
#include "ops/kernels/ml/categories.h"

static enum status infer(struct op_call *call, struct error *err)
{
    const struct tensor *labels = attribute_tensor(call->attributes, "labels");

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    if (!labels || labels->dtype != DTYPE_STRING || labels->shape.rank != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "labels are no list of texts");
    op_give(call, 0, DTYPE_I64, &call->in[0].shape);
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct categories *categories = arena_new(keep, struct categories, 1);

    call->state = categories;
    if (!categories)
        return error_no_memory(err, "labels");
    return categories_new(categories, attribute_tensor(call->attributes, "labels"), keep, err);
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->in[0]);
    int64_t *y = call->out[0].data;
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < count; i++) {
        y[i] = categories_find(call->state, &call->in[0], i);
        if (y[i] < 0)
            return error_set(
                err, STATUS_INVALID_INPUT, "\"%s\" is none of the labels, at element %zu",
                text_quote(((const struct bytes *)call->in[0].data)[i], quoted, sizeof quoted), i);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_label_index = OP_SET({.name = "LabelIndex",
                                                   .summary = "places of texts in a list",
                                                   .flags = OP_ROWS,
                                                   .in_min = 1,
                                                   .in_max = 1,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer,
                                                   .prepare = prepare,
                                                   .run = run});
