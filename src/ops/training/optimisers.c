// SPDX-License-Identifier: Apache-2.0
/* Adagrad, Adam, Momentum: one step of training for any number of tensors.
 *
 * Inputs: learning rate, step count, then for each role (tensor, gradient, state ...) the `count`
 * tensors; outputs: the new tensors, then the new states. Computed in double, rounded once. */
#include <math.h>

#include "ops/kernels/call.h"

enum { RATE, STEP, FIRST, STATES_MAX = 2 };

struct point { /* one element of one tensor */
    double x, gradient, state[STATES_MAX];
};

struct step {
    double rate, count;
    const struct op_call *call;
};

static double number(const struct step *step, const char *name, double otherwise)
{
    return attribute_float(step->call->attributes, name, otherwise);
}

/* --- shapes --- */

static enum status infer_states(struct op_call *call, size_t states, struct error *err)
{
    size_t count = (call->in_count - FIRST) / (2 + states);

    if (call->in_count < FIRST || call->in_count != FIRST + count * (2 + states) ||
        call->out_count > count * (1 + states))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu inputs and %zu outputs",
                        call->in_count, call->out_count);
    TRY(op_wants(call, RATE, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants(call, STEP, DTYPE_BIT(DTYPE_I64), err));
    for (size_t i = RATE; i <= STEP; i++)
        if (shape_is_known(&call->in[i].shape) && shape_count(&call->in[i].shape) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is not one number", i);
    for (size_t i = FIRST; i < call->in_count; i++) {
        size_t tensor = FIRST + (i - FIRST) % count;

        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
        TRY(op_wants_same(call, tensor, i, err));
        if (shape_is_known(&call->in[i].shape) && shape_is_known(&call->in[tensor].shape) &&
            !shape_equal(&call->in[i].shape, &call->in[tensor].shape))
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "input %zu is not of the shape of input %zu", i, tensor);
    }
    for (size_t i = 0; i < call->out_count; i++)
        op_give(call, i, call->in[FIRST + i % count].dtype, &call->in[FIRST + i % count].shape);
    return STATUS_OK;
}

static enum status infer_one_state(struct op_call *call, struct error *err)
{
    return infer_states(call, 1, err);
}

static enum status infer_two_states(struct op_call *call, struct error *err)
{
    return infer_states(call, 2, err);
}

static enum status infer_momentum(struct op_call *call, struct error *err)
{
    static const char *const NEEDED[] = {"alpha", "beta", "mode", "norm_coefficient"};

    for (size_t i = 0; i < ARRAY_COUNT(NEEDED); i++)
        if (!attribute_find(call->attributes, NEEDED[i]))
            return op_error(call, err, STATUS_INVALID_INPUT, "attribute %s is missing", NEEDED[i]);
    if (!attribute_is(call->attributes, "mode", "standard") &&
        !attribute_is(call->attributes, "mode", "nesterov"))
        return op_error(call, err, STATUS_INVALID_INPUT, "mode is neither standard nor nesterov");
    return infer_states(call, 1, err);
}

/* --- the rules --- */

static void adagrad(const struct step *step, struct point *p)
{
    double rate = step->rate / (1 + step->count * number(step, "decay_factor", 0));
    double gradient = number(step, "norm_coefficient", 0) * p->x + p->gradient;

    p->state[0] += gradient * gradient;
    p->x -= rate * gradient / (sqrt(p->state[0]) + number(step, "epsilon", 1e-6f));
}

static void adam(const struct step *step, struct point *p)
{
    double alpha = number(step, "alpha", 0.9f), beta = number(step, "beta", 0.999f);
    double gradient = number(step, "norm_coefficient", 0) * p->x + p->gradient;
    double rate = step->rate;

    p->state[0] = alpha * p->state[0] + (1 - alpha) * gradient;
    p->state[1] = beta * p->state[1] + (1 - beta) * gradient * gradient;
    if (step->count > 0)
        rate *= sqrt(1 - pow(beta, step->count)) / (1 - pow(alpha, step->count));
    p->x -= rate * p->state[0] / (sqrt(p->state[1]) + number(step, "epsilon", 1e-6f));
    p->x *= 1 - number(step, "norm_coefficient_post", 0);
}

static void momentum(const struct step *step, struct point *p)
{
    double alpha = number(step, "alpha", 0);
    double beta = step->count > 0 ? number(step, "beta", 0) : 1;
    double gradient = number(step, "norm_coefficient", 0) * p->x + p->gradient;
    bool ahead = attribute_is(step->call->attributes, "mode", "nesterov");

    p->state[0] = alpha * p->state[0] + beta * gradient;
    p->x -= step->rate * (ahead ? gradient + alpha * p->state[0] : p->state[0]);
}

static void run_states(const struct op_call *call, size_t states,
                       void (*rule)(const struct step *step, struct point *point))
{
    struct step step = {tensor_f64(&call->in[RATE], 0), tensor_f64(&call->in[STEP], 0), call};
    size_t count = (call->in_count - FIRST) / (2 + states);

    for (size_t t = 0; t < count; t++) {
        const struct tensor *in = call->in + FIRST + t;
        size_t elements = tensor_count(in);

        for (size_t i = 0; i < elements; i++) {
            struct point p = {tensor_f64(&in[0], i), tensor_f64(&in[count], i), {0}};

            for (size_t s = 0; s < states; s++)
                p.state[s] = tensor_f64(&in[(2 + s) * count], i);
            rule(&step, &p);
            if (t < call->out_count)
                tensor_set_f64(&call->out[t], i, p.x);
            for (size_t s = 0; s < states; s++)
                if ((1 + s) * count + t < call->out_count)
                    tensor_set_f64(&call->out[(1 + s) * count + t], i, p.state[s]);
        }
    }
}

static enum status run_adagrad(const struct op_call *call, struct error *err)
{
    (void)err;
    run_states(call, 1, adagrad);
    return STATUS_OK;
}

static enum status run_adam(const struct op_call *call, struct error *err)
{
    (void)err;
    run_states(call, 2, adam);
    return STATUS_OK;
}

static enum status run_momentum(const struct op_call *call, struct error *err)
{
    (void)err;
    run_states(call, 1, momentum);
    return STATUS_OK;
}

#define ROW(op, text, infer_it, run_it)                                                            \
    {                                                                                              \
        .name = op, .summary = text, .in_min = 3, .in_max = OP_INPUTS_ANY, .out_min = 1,           \
        .out_max = OP_OUTPUTS_MAX, .infer = infer_it, .run = run_it                                \
    }

const struct op_set ops_training_optimisers = OP_SET(
    ROW("Adagrad", "a step of training: by the sum of squares", infer_one_state, run_adagrad),
    ROW("Adam", "a step of training: by two moments", infer_two_states, run_adam),
    ROW("Momentum", "a step of training: by momentum", infer_momentum, run_momentum));
