// SPDX-License-Identifier: Apache-2.0
/* Assert: fails the run unless a condition holds. After: a value that is there when others are, so
 * that what is computed only because it may fail is computed. */
#include "base/text.h"
#include "ops/op.h"

static enum status infer_assert(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_BOOL), err));
    call->out[0] = call->in[0];
    call->out[0].data = NULL;
    return STATUS_OK;
}

/* All of them must hold, as of none. */
static enum status run_assert(const struct op_call *call, struct error *err)
{
    const bool *x = call->in[0].data;
    struct bytes message = attribute_string(call->attributes, "message", "");
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++)
        if (!x[i])
            return error_set(err, STATUS_INVALID_INPUT, "assertion failed: %s",
                             text_quote(message, quoted, sizeof quoted));
    if (call->out[0].data != call->in[0].data)
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    return STATUS_OK;
}

static enum status infer_after(struct op_call *call, struct error *err)
{
    (void)err;
    call->out[0] = call->in[0];
    call->out[0].data = NULL;
    return STATUS_OK;
}

static enum status run_after(const struct op_call *call, struct error *err)
{
    (void)err;
    if (call->out[0].data != call->in[0].data)
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
    return STATUS_OK;
}

const struct op_set ops_firn_assert = OP_SET(
    {
        .name = "Assert",
        .summary = "fails the run unless all of x hold; y = x",
        .flags = OP_RANDOM,
        .in_min = 1,
        .in_max = 1,
        .out_min = 1,
        .out_max = 1,
        .infer = infer_assert,
        .run = run_assert,
    },
    {
        .name = "After",
        .summary = "y = x, when the other inputs are computed",
        .flags = OP_VIEW | OP_RANDOM | OP_CONTAINERS,
        .in_min = 2,
        .in_max = OP_INPUTS_ANY,
        .out_min = 1,
        .out_max = 1,
        .infer = infer_after,
        .run = run_after,
    }, );
