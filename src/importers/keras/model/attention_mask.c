// SPDX-License-Identifier: Apache-2.0
/* Which keys a query sees: masks of the inputs, of the call, causal ones. */
#include <math.h>

#include "importers/keras/internal.h"

/* A query sees no key behind its own place; (queries, keys) of the last two dimensions of `like`.
 */
static enum status causal(struct call *c, value_id like, value_id *mask, struct error *err)
{
    value_id shape, ones;

    TRY(emit_1(c->e, "Shape", like, &shape, err));
    TRY(emit_slice(c->e, shape, 0, -2, INT64_MAX, 1, &shape, err));
    TRY(emit_number(c->e, DTYPE_F32, 1, &ones, err));
    TRY(emit_2(c->e, "Expand", ones, shape, &ones, err));
    TRY(emit_node(c->e, "", "Trilu", EMIT(ones), EMIT_ATTRIBUTES(attribute_of_int("upper", 0)),
                  mask, err));
    return emit_cast(c->e, *mask, DTYPE_BOOL, mask, err);
}

/* Keys less than `width` places away. */
static enum status window(struct call *c, value_id like, int64_t width, value_id *mask,
                          struct error *err)
{
    value_id shape, band, ends[2];

    TRY(emit_1(c->e, "Shape", like, &shape, err));
    TRY(emit_slice(c->e, shape, 0, -2, INT64_MAX, 1, &shape, err));
    TRY(emit_number(c->e, DTYPE_F32, 1, &band, err));
    TRY(emit_2(c->e, "Expand", band, shape, &band, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)(1 - width), &ends[0], err));
    TRY(emit_number(c->e, DTYPE_I64, (double)(width - 1), &ends[1], err));
    for (int upper = 1; upper >= 0; upper--)
        TRY(emit_node(c->e, "", "Trilu", EMIT(band, ends[1 - upper]),
                      EMIT_ATTRIBUTES(attribute_of_int("upper", upper)), &band, err));
    return emit_cast(c->e, band, DTYPE_BOOL, mask, err);
}

static enum status both(struct call *c, value_id *all, value_id mask, struct error *err)
{
    if (mask == VALUE_NONE)
        return STATUS_OK;
    if (*all == VALUE_NONE) {
        *all = mask;
        return STATUS_OK;
    }
    return emit_2(c->e, "And", *all, mask, all, err);
}

/* (batch, steps) as (batch, ones, steps), or (batch, ones, steps, 1) for queries. */
static enum status spread(struct call *c, value_id mask, int rank, bool of_queries, value_id *wide,
                          struct error *err)
{
    TRY(emit_cast(c->e, mask, DTYPE_BOOL, wide, err));
    if (of_queries)
        TRY(emit_unsqueeze(c->e, *wide, 2, wide, err));
    for (int d = of_queries ? 3 : 2; d < rank; d++)
        TRY(emit_unsqueeze(c->e, *wide, 1, wide, err));
    return STATUS_OK;
}

enum status attention_mask(struct call *c, const struct attention_masks *m, value_id scores,
                           value_id *mask, struct error *err)
{
    int rank = emit_shape(c->e, scores)->rank, own;
    value_id wide;

    *mask = VALUE_NONE;
    if (m->query != VALUE_NONE) {
        TRY(spread(c, m->query, rank, true, &wide, err));
        TRY(both(c, mask, wide, err));
    }
    for (int i = 0; i < 2; i++) {
        if (m->keys[i] == VALUE_NONE)
            continue;
        TRY(spread(c, m->keys[i], rank, false, &wide, err));
        TRY(both(c, mask, wide, err));
    }
    if (m->causal) {
        TRY(causal(c, scores, &wide, err));
        TRY(both(c, mask, wide, err));
    }
    if (m->window) {
        TRY(window(c, scores, m->window, &wide, err));
        TRY(both(c, mask, wide, err));
    }
    if (m->given == VALUE_NONE)
        return STATUS_OK;
    TRY(emit_cast(c->e, m->given, DTYPE_BOOL, &wide, err));
    own = emit_shape(c->e, wide)->rank;
    if (own < 2)
        return error_set(err, STATUS_UNSUPPORTED, "an attention mask of %d dimensions", own);
    for (; own < rank; own++)
        TRY(emit_unsqueeze(c->e, wide, own == 2 ? 0 : 1, &wide, err));
    return both(c, mask, wide, err);
}

/* --- softmax of scores --- */

enum status attention_softmax(struct call *c, value_id scores, value_id mask,
                              enum attention_style style, value_id *y, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, scores);
    value_id number, far;

    if (mask != VALUE_NONE && style == MASK_SUBTRACTS) {
        TRY(emit_number(c->e, dtype, 1e9, &number, err));
        TRY(emit_2(c->e, "Sub", scores, number, &far, err));
        TRY(emit_where(c->e, mask, scores, far, &scores, err));
    } else if (mask != VALUE_NONE) {
        TRY(emit_number(c->e, dtype, -1e9, &number, err));
        TRY(emit_where(c->e, mask, scores, number, &scores, err));
    }
    TRY(emit_node(c->e, "", "Softmax", EMIT(scores), EMIT_ATTRIBUTES(attribute_of_int("axis", -1)),
                  y, err));
    if (mask == VALUE_NONE || style != MASK_REPLACES_AND_CLEARS)
        return STATUS_OK;
    TRY(emit_number(c->e, dtype, 0, &number, err));
    return emit_where(c->e, mask, *y, number, y, err);
}
