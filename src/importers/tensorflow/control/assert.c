// SPDX-License-Identifier: Apache-2.0
/* Assertions fail the request, as in TensorFlow. What prints or writes a log does nothing. */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

/* The first text among what would be printed. */
static const char *message_of(const struct tf_call *c)
{
    for (size_t i = 1; i < c->in_count; i++) {
        const struct tensor *tensor = tf_constant(c, i);

        if (tensor && tensor->dtype == DTYPE_STRING && tensor_count(tensor)) {
            const struct bytes *text = tensor->data;

            return arena_printf(c->l->keep, "%.*s", (int)(text->size < 200 ? text->size : 200),
                                (const char *)text->data);
        }
    }
    return c->node->name;
}

static bool holds(const struct tensor *condition)
{
    const bool *x = condition->data;

    for (size_t i = 0; i < tensor_count(condition); i++)
        if (!x[i])
            return false;
    return true;
}

static enum status assertion(struct tf_call *c, struct error *err)
{
    const struct tensor *condition = tf_constant(c, 0);
    const char *message;
    value_id value;

    c->out_count = 0;
    if (c->in_count < 1)
        return error_set(err, STATUS_INVALID_INPUT, "has no condition");
    if (c->l->phase != TF_SERVING ||
        (condition && condition->dtype == DTYPE_BOOL && holds(condition)))
        return STATUS_OK;
    message = message_of(c);
    if (!message)
        return error_no_memory(err, "a message");
    TRY(emit_assert(c->e, c->in[0], message, &value, err));
    return tf_guard_add(c->l, c->e->graph, value, err);
}

static enum status silent(struct tf_call *c, struct error *err)
{
    (void)err;
    c->out_count = 0;
    return STATUS_OK;
}

/* Its first input, which it prints the others beside. */
static enum status print(struct tf_call *c, struct error *err)
{
    if (c->in_count < 1)
        return error_set(err, STATUS_INVALID_INPUT, "has no input");
    return tf_give(c, c->in[0]);
}

/* The input, once it is known to hold no NaN and no infinity. */
static enum status check_numerics(struct tf_call *c, struct error *err)
{
    const char *text;
    struct bytes message;
    value_id nan, infinite, bad, good, y = c->in[0];

    if (c->l->phase != TF_SERVING)
        return tf_give(c, c->in[0]);
    TRY(tf_string(c->node, "message", "", &message, err));
    text = arena_printf(c->l->keep, "%.*s: the tensor had NaN or Inf values",
                        (int)(message.size < 200 ? message.size : 200), (const char *)message.data);
    if (!text)
        return error_no_memory(err, "a message");
    TRY(emit_1(c->e, "IsNaN", c->in[0], &nan, err));
    TRY(emit_1(c->e, "IsInf", c->in[0], &infinite, err));
    TRY(emit_2(c->e, "Or", nan, infinite, &bad, err));
    TRY(emit_1(c->e, "Not", bad, &good, err));
    TRY(emit_require(c->e, good, text, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_assert =
    TF_OP_SET({.name = "Assert", .lower = assertion},
              {.name = "CheckNumerics", .lower = check_numerics, .inputs = 1},
              {.name = "CheckNumericsV2", .lower = check_numerics, .inputs = 1},
              {.name = "Print", .lower = print}, {.name = "PrintV2", .lower = silent},
              {.name = "NoOp", .lower = silent}, {.name = "WriteSummary", .lower = silent},
              {.name = "WriteScalarSummary", .lower = silent},
              {.name = "WriteHistogramSummary", .lower = silent},
              {.name = "WriteImageSummary", .lower = silent}, );
