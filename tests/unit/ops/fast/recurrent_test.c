// SPDX-License-Identifier: Apache-2.0
/* RNN, GRU and LSTM: the fast way beside the reference, over all options. */
#include "ops/fast/recurrent/recurrent.h"

#include "unit/ops/fast/operator.h"

#include "test.h"

static const struct variant {
    const char *name;
    int gates;
    int64_t steps, batch, inputs, hidden;
    const char *direction, *activation;
    int layout, after, couple;
    double clip;
    bool bias, lengths, states, peepholes;
} VARIANTS[] = {
    {"LSTM", 4, 5, 1, 3, 7, "forward", 0, 0, 0, 0, 0, 1, 0, 0, 0},
    {"LSTM", 4, 70, 1, 8, 16, "forward", 0, 0, 0, 0, 0, 1, 0, 1, 1},
    {"LSTM", 4, 9, 3, 5, 33, "bidirectional", 0, 0, 0, 0, 0, 1, 1, 1, 1},
    {"LSTM", 4, 9, 3, 5, 33, "reverse", 0, 0, 0, 1, 0, 0, 1, 0, 0},
    {"LSTM", 4, 6, 4, 5, 20, "bidirectional", 0, 1, 0, 0, 0.5, 1, 1, 1, 1},
    {"LSTM", 4, 3, 70, 5, 9, "bidirectional", 0, 0, 0, 0, 0, 1, 1, 1, 0},
    {"LSTM", 4, 0, 2, 5, 9, "forward", 0, 0, 0, 0, 0, 1, 0, 1, 0},
    {"LSTM", 4, 3, 0, 5, 9, "forward", 0, 0, 0, 0, 0, 1, 0, 0, 0},
    {"LSTM", 4, 5, 1, 20, 300, "forward", 0, 0, 0, 0, 0, 1, 0, 1, 0},
    {"GRU", 3, 5, 2, 20, 300, "reverse", 0, 0, 0, 0, 0, 1, 0, 1, 0},
    {"GRU", 3, 5, 2, 20, 300, "forward", 0, 0, 1, 0, 0, 1, 0, 1, 0},
    {"GRU", 3, 5, 1, 3, 7, "forward", 0, 0, 0, 0, 0, 1, 0, 0, 0},
    {"GRU", 3, 9, 3, 5, 33, "bidirectional", 0, 0, 0, 0, 0, 1, 1, 1, 0},
    {"GRU", 3, 9, 3, 5, 33, "bidirectional", 0, 0, 1, 0, 0.3, 1, 1, 1, 0},
    {"GRU", 3, 70, 2, 5, 16, "reverse", 0, 1, 1, 0, 0, 1, 0, 1, 0},
    {"GRU", 3, 70, 40, 5, 16, "reverse", 0, 1, 0, 0, 0, 0, 1, 0, 0},
    {"RNN", 1, 5, 1, 3, 7, "forward", 0, 0, 0, 0, 0, 1, 0, 0, 0},
    {"RNN", 1, 9, 3, 5, 33, "bidirectional", "Relu", 0, 0, 0, 0, 1, 1, 1, 0},
    {"RNN", 1, 9, 35, 5, 33, "reverse", "Sigmoid", 1, 0, 0, 0.4, 1, 1, 1, 0},
    {"RNN", 1, 9, 2, 5, 8, "forward", "ScaledTanh", 0, 0, 0, 0, 1, 0, 0, 0},
};

static struct tensor lengths_of(const struct variant *v)
{
    struct tensor t = tensor_made(DTYPE_I32, 1, &v->batch, 1, 0, 1);

    for (int64_t i = 0; i < v->batch; i++)
        ((int32_t *)t.data)[i] = (int32_t)((i * 5 + 3) % (v->steps + 1));
    return t;
}

static void check_variant(const struct variant *v)
{
    int64_t directions = strcmp(v->direction, "bidirectional") ? 1 : 2, g = v->gates * v->hidden;
    struct bytes activations[2] = {bytes_of(v->activation ? v->activation : ""),
                                   bytes_of(v->activation ? v->activation : "")};
    struct attribute attributes[] = {
        {.name = "hidden_size", .kind = ATTRIBUTE_INT, .i = v->hidden},
        {.name = "direction", .kind = ATTRIBUTE_STRING, .s = bytes_of(v->direction)},
        {.name = "layout", .kind = ATTRIBUTE_INT, .i = v->layout},
        {.name = "linear_before_reset", .kind = ATTRIBUTE_INT, .i = v->after},
        {.name = "input_forget", .kind = ATTRIBUTE_INT, .i = v->couple},
        {.name = "clip", .kind = ATTRIBUTE_FLOAT, .f = v->clip},
        {.name = "activations",
         .kind = ATTRIBUTE_STRINGS,
         .strings = activations,
         .count = (size_t)directions},
    };
    int64_t x[] = {v->steps, v->batch, v->inputs}, state[] = {directions, v->batch, v->hidden};
    struct operator_call fast = {"",
                                 v->name,
                                 .attributes = attributes,
                                 .attribute_count = v->activation ? 7 : 6,
                                 .in_count = v->gates == 4 ? 8 : 6,
                                 .out_count = v->gates == 4 ? 3 : 2};
    struct operator_call reference;
    struct error err;

    if (v->layout) {
        x[0] = v->batch, x[1] = v->steps;
        state[0] = v->batch, state[1] = directions;
    }
    fast.in[0] = tensor_made(DTYPE_F32, 3, x, 1, -2, 2);
    fast.in[1] = tensor_made(DTYPE_F32, 3, (int64_t[]){directions, g, v->inputs}, 2, -1, 1);
    fast.in[2] = tensor_made(DTYPE_F32, 3, (int64_t[]){directions, g, v->hidden}, 3, -0.5, 0.5);
    if (v->bias)
        fast.in[3] = tensor_made(DTYPE_F32, 2, (int64_t[]){directions, 2 * g}, 4, -1, 1);
    if (v->lengths)
        fast.in[4] = lengths_of(v);
    if (v->states)
        fast.in[5] = tensor_made(DTYPE_F32, 3, state, 5, -1, 1);
    if (v->states && v->gates == 4)
        fast.in[6] = tensor_made(DTYPE_F32, 3, state, 6, -1, 1);
    if (v->peepholes)
        fast.in[7] = tensor_made(DTYPE_F32, 2, (int64_t[]){directions, 3 * v->hidden}, 7, -1, 1);
    reference = fast;
    CHECK_OK(operator_call_run(&fast, false, &err), err);
    CHECK_OK(operator_call_run(&reference, true, &err), err);
    for (size_t i = 0; i < fast.out_count; i++) {
        size_t at = tensor_differs(&fast.out[i], &reference.out[i], 1e-5, 1e-5);
        if (at != SIZE_MAX)
            fail_msg("%s, variant %d, output %zu, element %zu: %g, not %g", isa_name(cpu_isa()),
                     (int)(v - VARIANTS), i, at, tensor_f64(&fast.out[i], at),
                     tensor_f64(&reference.out[i], at));
    }
    operator_call_check_team(&fast);
    operator_call_free(&fast);
    operator_call_free(&reference);
    for (size_t i = 0; i < fast.in_count; i++)
        free(fast.in[i].data);
}

TEST(recurrent_fast_is_as_reference)
{
    static const char *const ISAS[] = {"portable", "avx2", "avx512"};
    struct error err;

    for (size_t i = 0; i < 3; i++) {
        if (cpu_isa_force(ISAS[i], &err)) {
            printf("SKIPPED %s: %s\n", ISAS[i], err.text);
            continue;
        }
        for (size_t k = 0; k < sizeof VARIANTS / sizeof *VARIANTS; k++)
            check_variant(&VARIANTS[k]);
    }
}
