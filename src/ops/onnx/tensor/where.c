// SPDX-License-Identifier: Apache-2.0
/* Where: x where the condition holds, else y; all three broadcast. */
#include "ops/kernels/call.h"
#include "ops/kernels/strided.h"

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape both, out;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_BOOL), err));
    TRY(op_wants_same(call, 1, 2, err));
    TRY(shape_broadcast(&call->in[1].shape, &call->in[2].shape, &both, call, err));
    TRY(shape_broadcast(&call->in[0].shape, &both, &out, call, err));
    op_give(call, 0, call->in[1].dtype, &out);
    return STATUS_OK;
}

struct element16 {
    uint64_t half[2];
};

/* Loops over all three, or with one side repeated, are what the compiler can make wide. */
#define CHOOSE(type)                                                                               \
    do {                                                                                           \
        const type *x = (const type *)call->in[1].data + walk.at[1];                               \
        const type *z = (const type *)call->in[2].data + walk.at[2];                               \
        type *y = (type *)call->out[0].data + walk.done;                                           \
        if (!walk.step[0] && walk.step[*condition ? 1 : 2])                                        \
            memcpy(y, *condition ? x : z, walk.count * sizeof *y);                                 \
        else if (!walk.step[0])                                                                    \
            for (size_t i = 0; i < walk.count; i++)                                                \
                y[i] = *condition ? *x : *z;                                                       \
        else if (walk.step[1] && walk.step[2])                                                     \
            SELECT(x[i], z[i])                                                                     \
        else if (walk.step[1])                                                                     \
            SELECT(x[i], *z)                                                                       \
        else                                                                                       \
            SELECT(*x, z[walk.step[2] ? i : 0])                                                    \
    } while (0)
#define SELECT(a, b)                                                                               \
    for (size_t i = 0; i < walk.count; i++) {                                                      \
        __typeof__(*x) left = a, right = b;                                                        \
        y[i] = condition[i] ? left : right;                                                        \
    }

static enum status run(const struct op_call *call, struct error *err)
{
    const struct shape *shapes[] = {&call->in[0].shape, &call->in[1].shape, &call->in[2].shape};
    size_t size = dtype_size(call->out[0].dtype);
    struct broadcast walk;

    (void)err;
    broadcast_start(&walk, &call->out[0].shape, shapes, 3);
    if (walk.count == 0)
        return STATUS_OK;
    do {
        const uint8_t *condition = (const uint8_t *)call->in[0].data + walk.at[0];

        switch (size) {
        case 1:
            CHOOSE(uint8_t);
            break;
        case 2:
            CHOOSE(uint16_t);
            break;
        case 4:
            CHOOSE(uint32_t);
            break;
        case 8:
            CHOOSE(uint64_t);
            break;
        default:
            CHOOSE(struct element16);
        }
    } while (broadcast_next(&walk));
    return STATUS_OK;
}

const struct op_set ops_onnx_where = OP_SET({.name = "Where",
                                             .summary = "x where the condition holds, else y",
                                             .flags = OP_ROWS,
                                             .in_min = 3,
                                             .in_max = 3,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer,
                                             .run = run});
