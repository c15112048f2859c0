// SPDX-License-Identifier: Apache-2.0
/* Packing of weights: panel after panel; in each, step after step, the group of every column. */
#include "base/checked.h"
#include "ops/fast/int8/internal.h"

enum {
    GROUP_BYTES = 4, /* of every kernel: a lane of 32 bits */
    LINES = 16,      /* columns at once: a cache line of a panel */
    STEPS = 128,     /* groups at once */
    CHUNK_WEIGHTS = 1 << 18,
};

struct packing {
    struct int8_weights *weights;
    const struct int8_layout *layout;
    const uint8_t *w;
    size_t panels;  /* in a chunk */
    uint8_t flip;   /* of a byte, to add the shift */
    bool is_signed; /* as stored */
};

/* Weights [first, first + count) of a run, `from` its first one, as bytes. */
static void read_run(const struct int8_layout *layout, const uint8_t *from, size_t first,
                     size_t count, uint8_t *to)
{
    size_t inner = first % layout->inner;
    const uint8_t *outer = from + first / layout->inner * layout->outer_step;

    while (count) {
        size_t left = layout->inner - inner, part = left < count ? left : count;
        const uint8_t *at = outer + inner * layout->inner_step;

        if (layout->inner_step == 1)
            memcpy(to, at, part);
        else
            for (size_t i = 0; i < part; i++)
                to[i] = at[i * layout->inner_step];
        to += part;
        count -= part;
        outer += layout->outer_step;
        inner = 0;
    }
}

/* Groups [first, first + steps) of a column's run as the kernels read them, what lies behind the
 * run as 0. Returns the sum of the elements. */
static uint32_t line_fill(const struct packing *packing, const uint8_t *from, size_t first,
                          size_t steps, uint32_t *line)
{
    const struct int8_weights *weights = packing->weights;
    size_t group = weights->kernels->group, at = first * group, count = steps * group;
    size_t within = weights->run - at < count ? weights->run - at : count;
    uint8_t bytes[GROUP_BYTES * STEPS] = {0};
    uint32_t sum = 0;

    read_run(packing->layout, from, at, within, bytes);
    if (weights->kernels->element == 1) {
        int8_t *to = (int8_t *)line;

        for (size_t i = 0; i < within; i++)
            bytes[i] ^= packing->flip;
        memcpy(to, bytes, count);
        for (size_t i = 0; i < count; i++)
            sum += (uint32_t)(int32_t)to[i];
    } else {
        int16_t *to = (int16_t *)line;

        int8_widen(bytes, packing->is_signed, count, to);
        for (size_t i = 0; i < count; i++)
            sum += (uint32_t)(int32_t)to[i];
    }
    return sum;
}

/* LINES columns, or those that are left, of tap `t` from `column` on; `to`: their place in the
 * first step of the tap, in a panel `width` wide. */
static void pack_lines(const struct packing *packing, size_t t, size_t column, size_t count,
                       size_t width, uint32_t *to)
{
    const struct int8_layout *layout = packing->layout;
    const struct int8_weights *weights = packing->weights;
    size_t steps = int8_steps(weights), done;
    uint32_t lines[LINES][STEPS];

    for (size_t first = 0; first < steps; first += done) {
        done = steps - first < STEPS ? steps - first : STEPS;
        for (size_t j = 0; j < count; j++) {
            const uint8_t *from =
                packing->w + (column + j) * layout->column_step + t * layout->tap_step;
            uint32_t sum = line_fill(packing, from, first, done, lines[j]);

            weights->sums[column + j] = (int32_t)((uint32_t)weights->sums[column + j] + sum);
        }
        if (count == LINES)
            for (size_t s = 0; s < done; s++, to += width)
                for (size_t j = 0; j < LINES; j++)
                    to[j] = lines[j][s];
        else
            for (size_t s = 0; s < done; s++, to += width)
                for (size_t j = 0; j < count; j++)
                    to[j] = lines[j][s];
    }
}

static void pack_panel(const struct packing *packing, size_t first)
{
    const struct int8_weights *weights = packing->weights;
    size_t left = weights->columns - first, panel = weights->kernels->panel;
    size_t columns = left < panel ? left : panel, steps = int8_steps(weights);
    size_t width = int8_rounded_up(columns, weights->kernels->vector);
    uint32_t *to = (uint32_t *)(void *)((char *)weights->data +
                                        first / panel * int8_panel_bytes(weights, panel));

    for (size_t t = 0; t < weights->tap_count; t++, to += steps * width)
        for (size_t j = 0; j < columns; j += LINES)
            pack_lines(packing, t, first + j, columns - j < LINES ? columns - j : LINES, width,
                       to + j);
}

static void work(void *context, size_t chunk, size_t lane)
{
    const struct packing *packing = context;
    const struct int8_weights *weights = packing->weights;
    size_t panel = weights->kernels->panel, first = chunk * packing->panels * panel;
    size_t end = first + packing->panels * panel;

    (void)lane;
    for (; first < end && first < weights->columns; first += panel)
        pack_panel(packing, first);
}

static enum status allocate(struct int8_weights *weights, const struct int8_layout *layout,
                            struct arena *keep, struct error *err)
{
    const struct int8_kernels *kernels = weights->kernels;
    size_t depth, size;

    if (!checked_multiply(layout->run + kernels->group, layout->tap_count, &depth) ||
        !checked_multiply(depth, layout->columns + kernels->panel, &size) ||
        !checked_multiply(size, kernels->element, &size) || size > SIZE_MAX / 2)
        return error_set(err, STATUS_TOO_LARGE, "weights of %zu columns", layout->columns);
    size = int8_rounded_up(layout->run, kernels->group) * layout->tap_count * kernels->element *
           int8_rounded_up(layout->columns, kernels->vector);
    /* 4 KiB at least, so that the arena aligns it to 64 */
    weights->data = arena_alloc(keep, size < 4096 ? 4096 : size, 1);
    weights->sums = arena_new(keep, int32_t, layout->columns);
    return weights->data && weights->sums ? STATUS_OK : error_no_memory(err, "packed weights");
}

enum status int8_pack(struct int8_weights *weights, enum dtype dtype, const void *w,
                      const struct int8_layout *layout, struct team *team, struct arena *keep,
                      struct error *err)
{
    const struct int8_kernels *kernels = int8_kernels_of_machine();
    bool is_shifted = dtype == DTYPE_U8 && kernels->element == 1;
    struct packing packing = {weights, layout, w, 1, is_shifted ? 0x80 : 0, dtype == DTYPE_I8};
    size_t panels = (layout->columns + kernels->panel - 1) / kernels->panel, per_panel;

    *weights = (struct int8_weights){
        .kernels = kernels,
        .tap_count = layout->tap_count,
        .run = layout->run,
        .columns = layout->columns,
        .read = layout->has_slack ? int8_rounded_up(layout->run, kernels->group) : layout->run,
        .shift = is_shifted ? -128 : 0,
    };
    TRY(allocate(weights, layout, keep, err));
    per_panel = int8_panel_bytes(weights, kernels->panel);
    packing.panels = per_panel < CHUNK_WEIGHTS ? CHUNK_WEIGHTS / (per_panel + 1) + 1 : 1;
    if (layout->run)
        team_run(team, (panels + packing.panels - 1) / packing.panels, work, &packing);
    return STATUS_OK;
}
