// SPDX-License-Identifier: Apache-2.0
#include "ops/op.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/map.h"
#include "gen/ops_firn.h"
#include "gen/ops_ml.h"
#include "gen/ops_onnx.h"
#include "gen/ops_training.h"

enum { SLOTS = 2048 }; /* a power of two, more than twice the operators there are */

static const struct {
    const char *name;
    const struct op_set *const *sets; /* ends with NULL */
} DOMAINS[] = {
    {"", OPS_ONNX},
    {"ai.onnx.ml", OPS_ML},
    {"ai.onnx.preview.training", OPS_TRAINING},
    {"firn", OPS_FIRN},
};

static struct {
    size_t domain;
    const struct op *op;
} slots[SLOTS];
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;
static _Thread_local bool reference_only;

static size_t slot_of(size_t domain, struct bytes name)
{
    size_t i = (size_t)(bytes_hash(name) + domain) & (SLOTS - 1);

    while (slots[i].op && !(slots[i].domain == domain && bytes_is(name, slots[i].op->name)))
        i = (i + 1) & (SLOTS - 1);
    return i;
}

static void slots_fill(void)
{
    size_t count = 0;

    for (size_t d = 0; d < ARRAY_COUNT(DOMAINS); d++)
        for (size_t s = 0; DOMAINS[d].sets[s]; s++)
            for (size_t i = 0; i < DOMAINS[d].sets[s]->count; i++) {
                const struct op *op = &DOMAINS[d].sets[s]->ops[i];
                size_t slot = slot_of(d, bytes_of(op->name));

                assert(!slots[slot].op && "two operators of one name");
                assert(count < SLOTS / 2);
                count++;
                slots[slot].domain = d;
                slots[slot].op = op;
            }
    (void)count;
}

const struct op *op_find(struct bytes domain, struct bytes name)
{
    pthread_once(&slots_once, slots_fill);
    if (bytes_is(domain, "ai.onnx"))
        domain.size = 0;
    for (size_t d = 0; d < ARRAY_COUNT(DOMAINS); d++)
        if (bytes_is(domain, DOMAINS[d].name))
            return slots[slot_of(d, name)].op;
    return NULL;
}

void op_each(void (*visit)(const char *domain, const struct op *op, void *context), void *context)
{
    for (size_t d = 0; d < ARRAY_COUNT(DOMAINS); d++)
        for (size_t s = 0; DOMAINS[d].sets[s]; s++)
            for (size_t i = 0; i < DOMAINS[d].sets[s]->count; i++)
                visit(DOMAINS[d].name, &DOMAINS[d].sets[s]->ops[i], context);
}

bool op_reference_only(bool on)
{
    bool before = reference_only;

    reference_only = on;
    return before;
}

bool op_is_reference_only(void)
{
    return reference_only;
}

bool dim_is_known(int64_t dim)
{
    return dim >= 0;
}

enum status dim_broadcast(int64_t a, int64_t b, int64_t *out, const struct op_call *call,
                          struct error *err)
{
    if (a == b || b == 1)
        *out = a;
    else if (a == 1)
        *out = b;
    else if (dim_is_known(a) && dim_is_known(b))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "dimensions %lld and %lld do not broadcast", (long long)a, (long long)b);
    else if (dim_is_known(a) || dim_is_known(b))
        *out = dim_is_known(a) ? a : b; /* the other one is the same or 1 */
    else
        *out = DIM_UNKNOWN;
    return STATUS_OK;
}

enum status shape_broadcast(const struct shape *a, const struct shape *b, struct shape *out,
                            const struct op_call *call, struct error *err)
{
    struct shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
    char print_a[SHAPE_PRINT_SIZE], print_b[SHAPE_PRINT_SIZE];

    if (a->rank < 0 || b->rank < 0) {
        *out = shape_unknown();
        return STATUS_OK;
    }
    for (int i = 1; i <= result.rank; i++) {
        int64_t of_a = i <= a->rank ? a->dims[a->rank - i] : 1;
        int64_t of_b = i <= b->rank ? b->dims[b->rank - i] : 1;

        if (dim_broadcast(of_a, of_b, &result.dims[result.rank - i], call, err))
            return op_error(call, err, STATUS_INVALID_INPUT, "shapes %s and %s do not broadcast",
                            shape_print(a, print_a, sizeof print_a),
                            shape_print(b, print_b, sizeof print_b));
    }
    *out = result;
    return STATUS_OK;
}

enum status op_axis(const struct op_call *call, int64_t axis, int rank, int *out, struct error *err)
{
    if (axis < -(int64_t)rank || axis >= rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "axis %lld is not one of rank %d",
                        (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return STATUS_OK;
}

static enum status op_has_input(const struct op_call *call, size_t input, struct error *err)
{
    if (input >= call->in_count || call->in[input].dtype == DTYPE_NONE)
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is missing", input);
    return STATUS_OK;
}

enum status op_wants(const struct op_call *call, size_t input, uint64_t dtypes, struct error *err)
{
    TRY(op_has_input(call, input, err));
    if (!(dtypes & DTYPE_BIT(call->in[input].dtype)))
        return error_set(err, STATUS_UNSUPPORTED, "%s does not take %s as input %zu",
                         call->op->name, dtype_name(call->in[input].dtype), input);
    return STATUS_OK;
}

enum status op_wants_same(const struct op_call *call, size_t a, size_t b, struct error *err)
{
    TRY(op_has_input(call, a, err));
    TRY(op_has_input(call, b, err));
    if (call->in[a].dtype != call->in[b].dtype)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "input %zu is %s, but input %zu is %s: they must be the same", a,
                        dtype_name(call->in[a].dtype), b, dtype_name(call->in[b].dtype));
    return STATUS_OK;
}

enum status op_error(const struct op_call *call, struct error *err, enum status status,
                     const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, status, "%s: %s", call->op->name, text);
}
