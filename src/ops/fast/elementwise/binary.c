// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/elementwise/binary.h"

#include "base/cpu.h"
#include "ops/fast/elementwise/binary_kernels.h"
#include "ops/fast/spread.h"
#include "ops/kernels/strided.h"

static const double NS = 0.2;    /* for an element of a long tensor */
static const double RUN_NS = 15; /* to begin a run */

static int type_of(enum dtype dtype)
{
    return dtype == DTYPE_F32   ? BINARY_F32
           : dtype == DTYPE_F64 ? BINARY_F64
           : dtype == DTYPE_I32 ? BINARY_I32
           : dtype == DTYPE_I64 ? BINARY_I64
                                : -1;
}

static const binary_table *table_of_machine(void)
{
#if defined(__x86_64__)
    if (cpu_isa() == ISA_AVX512)
        return &binary_avx512;
    if (cpu_isa() == ISA_AVX2)
        return &binary_avx2;
#endif
    return &binary_portable;
}

bool binary_takes(enum binary_function function, enum dtype dtype)
{
    int type = type_of(dtype);

    return type >= 0 && (*table_of_machine())[function][type];
}

void binary_floats(enum binary_function function, const float *a, int a_step, const float *b,
                   int b_step, float *y, size_t n)
{
    (*table_of_machine())[function][BINARY_F32](a, a_step, b, b_step, y, n);
}

struct work {
    binary_loop loop;
    const char *a, *b;
    char *y;
    size_t size, y_size;
    const struct broadcast *start;
    size_t period;    /* elements after which a tiled operand begins again */
    const char *tile; /* the operand, repeated */
    size_t tile_rows;
    bool tile_is_a;
};

/* All one run: ranges of elements. */
static void run_elements(void *context, size_t from, size_t to)
{
    const struct work *w = context;
    const struct broadcast *walk = w->start;

    w->loop(w->a + (walk->step[0] ? from : 0) * w->size, walk->step[0],
            w->b + (walk->step[1] ? from : 0) * w->size, walk->step[1], w->y + from * w->y_size,
            to - from);
}

/* Ranges of runs. */
static void run_runs(void *context, size_t from, size_t to)
{
    const struct work *w = context;
    struct broadcast walk = *w->start;

    broadcast_seek(&walk, from);
    for (size_t i = from; i < to; i++, broadcast_next(&walk))
        w->loop(w->a + walk.at[0] * w->size, walk.step[0], w->b + walk.at[1] * w->size,
                walk.step[1], w->y + walk.done * w->y_size, walk.count);
}

/* Ranges of rows of the one operand, against the other one repeated in `tile`. */
static void run_tiled(void *context, size_t from, size_t to)
{
    const struct work *w = context;

    for (size_t i = from; i < to; i += w->tile_rows) {
        size_t rows = to - i < w->tile_rows ? to - i : w->tile_rows, at = i * w->period;
        const char *rest = (w->tile_is_a ? w->b : w->a) + at * w->size;

        w->loop(w->tile_is_a ? w->tile : rest, 1, w->tile_is_a ? rest : w->tile, 1,
                w->y + at * w->y_size, rows * w->period);
    }
}

enum { TILE_BYTES = 4096, TILED_BYTES_MAX = 1024 };

/* Short rows against one row: that one is repeated, and the loop is long. */
static bool run_rows(struct work *w, size_t rows, struct team *team)
{
    const struct broadcast *walk = w->start;
    size_t bytes = walk->count * w->size;
    _Alignas(64) char tile[TILE_BYTES];

    if (walk->rank != 1 || !walk->step[0] || !walk->step[1] || bytes > TILED_BYTES_MAX ||
        rows < 4 || (walk->strides[0][0] && walk->strides[1][0]))
        return false;
    w->tile_is_a = !walk->strides[0][0];
    w->period = walk->count;
    w->tile_rows = TILE_BYTES / bytes;
    w->tile = tile;
    for (size_t i = 0; i < w->tile_rows; i++)
        memcpy(tile + i * bytes, w->tile_is_a ? w->a : w->b, bytes);
    spread_run(team, rows, (double)walk->count * NS, w->tile_rows, run_tiled, w);
    return true;
}

void binary_tensors(enum binary_function function, const struct tensor *a,
                    const struct shape *a_shape, const struct tensor *b,
                    const struct shape *b_shape, struct tensor *y, struct team *team)
{
    const struct shape *shapes[] = {a_shape, b_shape};
    struct work work = {
        .loop = (*table_of_machine())[function][type_of(a->dtype)],
        .a = a->data,
        .b = b->data,
        .y = y->data,
        .size = dtype_size(a->dtype),
        .y_size = dtype_size(y->dtype),
    };
    struct broadcast walk;
    size_t runs;

    broadcast_start(&walk, &y->shape, shapes, 2);
    if (walk.count == 0)
        return;
    work.start = &walk;
    runs = tensor_count(y) / walk.count;
    if (runs == 1)
        spread_run(team, walk.count, NS, 1024, run_elements, &work);
    else if (!run_rows(&work, runs, team))
        spread_run(team, runs, (double)walk.count * NS + RUN_NS, 1, run_runs, &work);
}
