// SPDX-License-Identifier: Apache-2.0
#include "engine/internal.h"

#include <stdlib.h>

#include "model.h"
#include "test.h"

enum { ROWS = 1003, COLUMNS = 8 };

/* y = softmax(x + w, axis), z = sum of relu(x) over the columns */
static void make(struct model *m, int64_t axis, size_t whole_max)
{
    static const float W[COLUMNS] = {-1, 1, 0, 2, 3, -2, 0.5f, 0.25f};
    static const int64_t AXES[] = {1};
    struct attribute attribute = {.name = "axis", .kind = ATTRIBUTE_INT, .i = axis};
    struct native_options options = {.poison = true, .passes_off = "all", .whole_max = whole_max};
    value_id x, out[2], axes;
    int64_t n;

    model_init(m);
    MODEL_OK(m, graph_symbol(m->graph, "N", &n, &m->err));
    x = model_input(m, "x", DTYPE_F32, SHAPE(n, COLUMNS));
    axes = model_constant(m, DTYPE_I64, SHAPE(1), AXES);
    MODEL_OK(m, graph_op(m->graph, "", "Softmax",
                         model_op(m, "Add", x, model_constant(m, DTYPE_F32, SHAPE(COLUMNS), W),
                                  VALUE_NONE),
                         VALUE_NONE, VALUE_NONE, &attribute, 1, &out[0], &m->err));
    out[1] =
        model_op(m, "ReduceSum", model_op(m, "Relu", x, VALUE_NONE, VALUE_NONE), axes, VALUE_NONE);
    model_signature(m, "predict", &x, 1, out, 2);
    model_load(m, &options);
}

static void check(int64_t axis, bool sliced)
{
    struct model whole, parts;
    float *data = calloc(ROWS * COLUMNS, sizeof *data);
    struct tensor x = {DTYPE_F32, SHAPE(ROWS, COLUMNS), data}, a[2], b[2];
    struct error err;

    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        data[i] = (float)(i * 7919 % 101) / 50 - 1;
    make(&whole, axis, SIZE_MAX);
    make(&parts, axis, 16 << 10);
    CHECK(((struct native *)parts.servable)->by_rows[0] == sliced);
    for (int round = 0; round < 2; round++) {
        CHECK_OK(session_run(whole.session, 0, &x, a, &err), err);
        CHECK_OK(session_run(parts.session, 0, &x, b, &err), err);
        for (int i = 0; i < 2; i++) {
            CHECK(shape_equal(&a[i].shape, &b[i].shape));
            CHECK(!memcmp(a[i].data, b[i].data, tensor_bytes(&a[i])));
        }
    }
    CHECK((servable_account(parts.servable).arena < servable_account(whole.servable).arena / 4) ==
          sliced);
    CHECK(session_estimate_us(parts.session, 0, &x) >= 0);
    model_release(&whole);
    model_release(&parts);
    free(data);
}

TEST(large_batches_run_in_slices)
{
    check(1, true);
}

TEST(a_batch_whose_rows_meet_is_run_at_once)
{
    check(0, false);
}
