// SPDX-License-Identifier: Apache-2.0
/* Chain: elementwise operators one after the other, of floats, over one shape; made by the pass of
 * this name. Inputs have the shape of the output, or are one number, or its last dimensions.
 *
 *     ops        names of operators (ops/fast/elementwise/unary.def, Add Sub Mul Div Max Min)
 *     operands   two for each: inputs by number, then results of earlier ones; -1 where it has one
 *     parameters two for each: what unary.def calls p and q */
#include "ops/fast/elementwise/chain.h"

#include "ops/kernels/call.h"

static enum status read_step(const struct op_call *call, struct bytes name, const int64_t *operands,
                             const double *parameters, size_t known, struct chain_step *step,
                             struct error *err)
{
    char text[32] = "";

    if (name.size < sizeof text)
        memcpy(text, name.data, name.size);
    *step =
        (struct chain_step){.unary = {unary_find(text), (float)parameters[0], (float)parameters[1]},
                            .binary = chain_binary(text)};
    if (step->unary.function == UNARY_NONE && step->binary == BINARY_NONE)
        return op_error(call, err, STATUS_UNSUPPORTED, "has no operator '%s'", text);
    for (int i = 0; i < (step->binary == BINARY_NONE ? 1 : 2); i++)
        if (operands[i] < 0 || (size_t)operands[i] >= known)
            return op_error(call, err, STATUS_INVALID_INPUT, "operand %lld of '%s'",
                            (long long)operands[i], text);
    step->a = (size_t)operands[0];
    step->b = step->binary == BINARY_NONE ? 0 : (size_t)operands[1];
    return STATUS_OK;
}

static enum status read_chain(const struct op_call *call, struct chain *chain, struct error *err)
{
    size_t count, operand_count, parameter_count;
    const struct bytes *ops = attribute_strings(call->attributes, "ops", &count);
    const int64_t *operands = attribute_ints(call->attributes, "operands", &operand_count);
    const double *parameters = attribute_floats(call->attributes, "parameters", &parameter_count);

    *chain = (struct chain){call->in_count, count, {{{0}}}};
    if (call->in_count > CHAIN_INPUTS_MAX || !ops || !count || count > CHAIN_STEPS_MAX ||
        operand_count != 2 * count || parameter_count != 2 * count)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%zu inputs, %zu operators, %zu operands, %zu parameters", call->in_count,
                        count, operand_count, parameter_count);
    for (size_t i = 0; i < count; i++)
        TRY(read_step(call, ops[i], operands + 2 * i, parameters + 2 * i, call->in_count + i,
                      &chain->steps[i], err));
    chain_plan(chain);
    return STATUS_OK;
}

/* After how many elements an input repeats in the output; 0: that is not what a chain takes. */
static size_t period_of(const struct shape *in, const struct shape *out)
{
    int from = 0, missing = out->rank - in->rank;

    while (from < in->rank && in->dims[from] == 1)
        from++;
    for (int i = from; i < in->rank; i++)
        if (in->dims[i] != out->dims[i + missing])
            return 0;
    return shape_span(in, from, in->rank);
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;
    struct chain chain;

    TRY(read_chain(call, &chain, err));
    for (size_t i = 0; i < call->in_count; i++) {
        struct shape before = out;

        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
        TRY(shape_broadcast(&before, &call->in[i].shape, &out, call, err));
    }
    for (size_t i = 0; i < call->in_count && shape_is_known(&out); i++)
        if (shape_is_known(&call->in[i].shape) && !period_of(&call->in[i].shape, &out) &&
            shape_count(&out))
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "input %zu is neither whole nor the last dimensions", i);
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct chain *chain = arena_new(keep, struct chain, 1);

    if (!chain)
        return error_no_memory(err, "a chain");
    TRY(read_chain(call, chain, err));
    call->state = chain;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct chain_input inputs[CHAIN_INPUTS_MAX];
    const struct chain *chain = call->state;
    size_t count = tensor_count(&call->out[0]);
    struct chain read;

    if (!chain) {
        TRY(read_chain(call, &read, err));
        chain = &read;
    }
    if (!count)
        return STATUS_OK;
    for (size_t i = 0; i < call->in_count; i++)
        inputs[i] = (struct chain_input){call->in[i].data,
                                         period_of(&call->in[i].shape, &call->out[0].shape)};
    if (op_is_reference_only())
        chain_exact(chain, inputs, call->out[0].data, count);
    else
        chain_run(chain, inputs, call->out[0].data, count, call->team);
    return STATUS_OK;
}

const struct op_set ops_firn_chain = OP_SET({.name = "Chain",
                                             .summary = "elementwise operators in one pass",
                                             .flags = OP_INPLACE | OP_ROWS,
                                             .in_min = 1,
                                             .in_max = CHAIN_INPUTS_MAX,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer,
                                             .prepare = prepare,
                                             .run = run});
