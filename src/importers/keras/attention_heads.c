// SPDX-License-Identifier: Apache-2.0
/* MultiHeadAttention, GroupQueryAttention. Inputs are (batch, steps, width), or of higher rank
 * where all dimensions between count as steps. */
#include <math.h>

#include "importers/keras/internal.h"

struct heads {
    struct call *c;
    int64_t queries, keys; /* heads */
    int64_t key_dim, value_dim;
    bool biased, gated, scores, dropout;
    struct keras_tensor in[3]; /* query, value, key */
    int rank;
    struct attention_masks masks;
    struct shape output;    /* of what is behind the steps */
    bool partial;           /* attention along some of the dimensions, not all between */
    int64_t perm[RANK_MAX]; /* the others behind the batch, then those, then the width */
    int across;             /* how many others */
};

/* Archives call a part after the attribute, which may begin with an underscore. */
static enum status part_begin(struct heads *h, const char *part, struct weights *inner,
                              struct error *err)
{
    struct call *c = h->c;
    const char *hidden = arena_printf(c->k->keep, "_%s", part);

    TRY(weights_part(c->k, c->weights, part, inner, err));
    if (!inner->by_path || inner->group != UINT64_MAX)
        return STATUS_OK;
    return hidden ? weights_part(c->k, c->weights, hidden, inner, err)
                  : error_no_memory(err, "a layer");
}

/* x (batch, steps, width) times a kernel (width, heads, size), as (batch, heads, steps, size). */
static enum status project(struct heads *h, value_id x, const char *part, int64_t heads,
                           int64_t size, value_id *y, struct error *err)
{
    struct call *c = h->c;
    struct weights inner, *own = c->weights;
    struct tensor kernel, bias;
    value_id w, b;

    TRY(part_begin(h, part, &inner, err));
    c->weights = &inner;
    TRY(weight_take(c, part, 3, &kernel, err));
    if (h->biased)
        TRY(weight_take(c, part, 2, &bias, err));
    c->weights = own;
    weights_part_end(own, &inner);
    if (kernel.shape.dims[1] != heads || kernel.shape.dims[2] != size)
        return error_set(err, STATUS_INVALID_INPUT, "its %s is for %lld heads of %lld", part,
                         (long long)kernel.shape.dims[1], (long long)kernel.shape.dims[2]);
    kernel.shape = SHAPE(kernel.shape.dims[0], heads * size);
    TRY(emit_constant(c->e, &kernel, &w, err));
    TRY(emit_2(c->e, "MatMul", x, w, y, err));
    if (h->biased) {
        if (tensor_count(&bias) != (size_t)(heads * size))
            return error_set(err, STATUS_INVALID_INPUT, "the bias of its %s has another size",
                             part);
        bias.shape = SHAPE(heads * size);
        TRY(emit_constant(c->e, &bias, &b, err));
        TRY(emit_2(c->e, "Add", *y, b, y, err));
    }
    TRY(emit_reshape(c->e, *y, (const int64_t[]){0, 0, heads, size}, 4, y, err));
    return emit_transpose(c->e, *y, (const int64_t[]){0, 2, 1, 3}, 4, y, err);
}

/* (batch, heads, steps, value_dim) times a kernel (heads, value_dim, width). */
static enum status project_back(struct heads *h, value_id x, value_id *y, struct error *err)
{
    struct call *c = h->c;
    struct weights inner, *own = c->weights;
    struct tensor kernel, bias;
    value_id w, b;

    TRY(part_begin(h, "output_dense", &inner, err));
    c->weights = &inner;
    TRY(weight_take(c, "output kernel", -1, &kernel, err));
    if (kernel.shape.rank < 3 || kernel.shape.dims[0] != h->queries ||
        kernel.shape.dims[1] != h->value_dim)
        return error_set(err, STATUS_INVALID_INPUT, "its output kernel is of another shape");
    h->output = (struct shape){.rank = kernel.shape.rank - 2};
    for (int d = 0; d < h->output.rank; d++)
        h->output.dims[d] = kernel.shape.dims[d + 2];
    kernel.shape = SHAPE(h->queries * h->value_dim, (int64_t)shape_count(&h->output));
    TRY(emit_transpose(c->e, x, (const int64_t[]){0, 2, 1, 3}, 4, y, err));
    TRY(emit_reshape(c->e, *y, (const int64_t[]){0, 0, h->queries * h->value_dim}, 3, y, err));
    TRY(emit_constant(c->e, &kernel, &w, err));
    TRY(emit_2(c->e, "MatMul", *y, w, y, err));
    if (h->biased) {
        TRY(weight_take(c, "output bias", h->output.rank, &bias, err));
        bias.shape = SHAPE((int64_t)tensor_count(&bias));
        TRY(emit_constant(c->e, &bias, &b, err));
        TRY(emit_2(c->e, "Add", *y, b, y, err));
    }
    c->weights = own;
    weights_part_end(own, &inner);
    return STATUS_OK;
}

/* Each head of keys or values serves several heads of queries, one behind another. */
static enum status repeat_heads(const struct heads *h, int64_t size, value_id *x, struct error *err)
{
    int64_t times = h->queries / h->keys;
    value_id repeats;

    if (times == 1)
        return STATUS_OK;
    TRY(emit_unsqueeze(h->c->e, *x, 2, x, err));
    TRY(EMIT_INTS(h->c->e, &repeats, err, 1, 1, times, 1, 1));
    TRY(emit_2(h->c->e, "Tile", *x, repeats, x, err));
    /* (batch, keys, times, steps, size) -> (batch, queries, steps, size): the batch stays, the
     * steps are what is left */
    return emit_reshape(h->c->e, *x, (const int64_t[]){0, h->queries, -1, size}, 4, x, err);
}

/* --- the inputs --- */

/* By place, or by name. A tensor in the place of an argument that was left out counts as given. */
static enum status input_of(const struct call *c, size_t place, const char *name,
                            struct keras_tensor *in, bool *given, struct error *err)
{
    const struct argument *argument = call_argument(c, place, name);

    *given = argument && argument->count;
    if (!*given)
        return STATUS_OK;
    if (argument->count != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its %s is %zu tensors", name, argument->count);
    *in = c->tensors[argument->first];
    return STATUS_OK;
}

static value_id mask_of(const struct call *c, size_t place, const char *name, value_id otherwise)
{
    const struct keras_tensor *given = call_tensor(c, place, name, 0);

    return given ? given->value : otherwise;
}

/* Before Keras 2.10 the masks of inputs did not reach the layer. */
static enum status inputs_read(struct heads *h, struct error *err)
{
    static const char *const NAMES[] = {"query", "value", "key"};
    struct call *c = h->c;
    bool given[3];
    bool masks = c->k->generation > 2 || c->k->minor >= 10;
    struct keras_tensor mask;

    for (size_t i = 0; i < 3; i++)
        TRY(input_of(c, i, NAMES[i], &h->in[i], &given[i], err));
    if (!given[0] || !given[1])
        return error_set(err, STATUS_INVALID_INPUT, "has no query or no value");
    h->masks = (struct attention_masks){
        .query = mask_of(c, 3, "query_mask", masks ? h->in[0].mask : VALUE_NONE),
        .keys = {mask_of(c, 4, "value_mask", masks ? h->in[1].mask : VALUE_NONE),
                 given[2] ? mask_of(c, 5, "key_mask", masks ? h->in[2].mask : VALUE_NONE)
                          : VALUE_NONE},
        .given = VALUE_NONE,
    };
    if (!given[2])
        h->in[2] = h->in[1];
    TRY(input_of(c, c->k->generation > 2 ? 6 : 3, "attention_mask", &mask, &given[0], err));
    if (given[0])
        h->masks.given = mask.value;
    h->scores = call_flag(c, 7, "return_attention_scores", false);
    h->masks.causal = call_flag(c, 9, "use_causal_mask", false);
    h->rank = emit_shape(c->e, h->in[0].value)->rank;
    h->biased = config_bool_or(c, "use_bias", NULL, true);
    h->gated = config_bool_or(c, "use_gate", NULL, false);
    h->dropout = config_number_or(c, "dropout", 0) > 0;
    h->masks.window = config_int_or(c, "sliding_window", 0);
    return STATUS_OK;
}

/* (batch, ..., width) as (batch and others, attended, width); sizes are taken when it runs. */
static enum status others_to_batch(const struct heads *h, value_id *x, struct error *err)
{
    const struct emitter *e = h->c->e;
    int rank = emit_shape(e, *x)->rank;
    int64_t width = emit_shape(e, *x)->dims[rank - 1], first = 0;
    value_id all, attended, last, shape;

    TRY(emit_transpose(e, *x, h->perm, (size_t)rank, x, err));
    TRY(emit_1(e, "Shape", *x, &shape, err));
    TRY(emit_slice(e, shape, 0, 1 + h->across, rank - 1, 1, &attended, err));
    TRY(emit_reduce(e, "ReduceProd", attended, &first, 1, true, &attended, err));
    TRY(EMIT_INTS(e, &all, err, -1));
    TRY(EMIT_INTS(e, &last, err, width));
    TRY(emit_concat(e, EMIT(all, attended, last), 0, &shape, err));
    return emit_2(e, "Reshape", *x, shape, x, err);
}

/* Back to the places that the query's dimensions had. */
static enum status others_from_batch(const struct heads *h, value_id query, value_id *y,
                                     struct error *err)
{
    const struct emitter *e = h->c->e;
    int rank = emit_shape(e, query)->rank;
    int64_t back[RANK_MAX];
    value_id shape, width;

    for (int d = 0; d < rank; d++)
        back[h->perm[d]] = d;
    TRY(EMIT_INTS(e, &width, err, emit_shape(e, *y)->dims[2]));
    TRY(emit_transpose(e, query, h->perm, (size_t)rank, &query, err));
    TRY(emit_1(e, "Shape", query, &shape, err));
    TRY(emit_slice(e, shape, 0, 0, rank - 1, 1, &shape, err));
    TRY(emit_concat(e, EMIT(shape, width), 0, &shape, err));
    TRY(emit_2(e, "Reshape", *y, shape, y, err));
    return emit_transpose(e, *y, back, (size_t)rank, y, err);
}

/* All dimensions between batch and width as one. */
static enum status flatten(struct heads *h, struct error *err)
{
    const struct emitter *e = h->c->e;

    for (int i = 0; i < 3; i++) {
        const struct shape *shape = emit_shape(e, h->in[i].value);

        if (shape->rank != h->rank || shape->rank < 3 || shape->dims[shape->rank - 1] < 1)
            return error_set(err, STATUS_UNSUPPORTED, "an input has %d dimensions", shape->rank);
        if (h->rank == 3 && !h->partial)
            continue;
        if (h->masks.query != VALUE_NONE || h->masks.keys[0] != VALUE_NONE ||
            h->masks.keys[1] != VALUE_NONE || h->masks.given != VALUE_NONE || h->scores)
            return error_set(err, STATUS_UNSUPPORTED, "masks or scores of %d dimensions", h->rank);
        if (h->partial)
            TRY(others_to_batch(h, &h->in[i].value, err));
        else
            TRY(emit_reshape(e, h->in[i].value,
                             (const int64_t[]){0, -1, shape->dims[shape->rank - 1]}, 3,
                             &h->in[i].value, err));
    }
    return STATUS_OK;
}

/* y (batch, steps, width) with the dimensions that the query had. */
static enum status unflatten(struct heads *h, value_id query, value_id *y, struct error *err)
{
    const struct emitter *e = h->c->e;
    const struct shape *made = emit_shape(e, *y);
    value_id shape, width;

    if (h->partial)
        return others_from_batch(h, query, y, err);
    if (h->rank == 3)
        return STATUS_OK;
    TRY(emit_1(e, "Shape", query, &shape, err));
    TRY(emit_slice(e, shape, 0, 0, -1, 1, &shape, err));
    TRY(EMIT_INTS(e, &width, err, made->dims[2]));
    TRY(emit_concat(e, EMIT(shape, width), 0, &shape, err));
    return emit_2(e, "Reshape", *y, shape, y, err);
}

/* Which dimensions are attended: all between batch and width, or those of the option. */
static enum status axes_read(struct heads *h, struct error *err)
{
    const struct json *axes = config_get(h->c, "attention_axes", NULL);
    bool list = axes && axes->kind == JSON_ARRAY;
    size_t count = list ? axes->count : 1, at = 1;
    bool attended[RANK_MAX] = {false};

    if (!axes || axes->kind == JSON_NULL)
        return STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        int64_t axis;

        if (!json_i64(list ? &axes->items[i] : axes, &axis))
            return error_set(err, STATUS_INVALID_INPUT, "its 'attention_axes' are no integers");
        axis += axis < 0 ? h->rank : 0;
        if (axis < 1 || axis > h->rank - 2 || attended[axis])
            return error_set(err, STATUS_UNSUPPORTED, "its 'attention_axes' is not supported");
        attended[axis] = true;
    }
    h->partial = count + 2 < (size_t)h->rank;
    for (int turn = 0; turn < 2; turn++)
        for (int d = 1; d < h->rank - 1; d++)
            if (attended[d] == turn)
                h->perm[at++] = d;
    h->perm[h->rank - 1] = h->rank - 1;
    h->across = h->rank - 2 - (int)count;
    return STATUS_OK;
}

/* The width as the dimensions of the option output_shape. */
static enum status output_spread(const struct heads *h, value_id *y, struct error *err)
{
    int64_t dims[RANK_MAX] = {0};

    if (h->output.rank == 1)
        return STATUS_OK;
    if (h->rank - 1 + h->output.rank > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "an output of too many dimensions");
    for (int d = 0; d < h->output.rank; d++)
        dims[h->rank - 1 + d] = h->output.dims[d];
    return emit_reshape(h->c->e, *y, dims, (size_t)(h->rank - 1 + h->output.rank), y, err);
}

/* --- the layer --- */

static enum attention_style style_of(const struct heads *h)
{
    if (h->c->k->generation < 3)
        return MASK_SUBTRACTS;
    return h->dropout || h->scores ? MASK_REPLACES_AND_CLEARS : MASK_REPLACES;
}

static enum status attend(struct heads *h, struct error *err)
{
    struct call *c = h->c;
    value_id query = h->in[0].value, q, k, v, gate = VALUE_NONE, scale, scores, mask, y;
    double root = 1 / sqrt((double)h->key_dim);

    TRY(axes_read(h, err));
    TRY(flatten(h, err));
    TRY(project(h, h->in[0].value, "query_dense", h->queries, h->key_dim, &q, err));
    TRY(project(h, h->in[2].value, "key_dense", h->keys, h->key_dim, &k, err));
    if (h->gated) {
        TRY(project(h, h->in[0].value, "gate_dense", h->queries, h->value_dim, &gate, err));
        TRY(emit_1(c->e, "Sigmoid", gate, &gate, err));
    }
    TRY(project(h, h->in[1].value, "value_dense", h->keys, h->value_dim, &v, err));
    TRY(repeat_heads(h, h->key_dim, &k, err));
    TRY(repeat_heads(h, h->value_dim, &v, err));
    TRY(emit_number(c->e, c->dtype, c->k->generation > 2 ? number_single(root) : root, &scale,
                    err));
    TRY(emit_2(c->e, "Mul", q, scale, &q, err));
    TRY(emit_transpose(c->e, k, (const int64_t[]){0, 1, 3, 2}, 4, &k, err));
    TRY(emit_2(c->e, "MatMul", q, k, &scores, err));
    TRY(attention_mask(c, &h->masks, scores, &mask, err));
    TRY(attention_softmax(c, scores, mask, style_of(h), &scores, err));
    TRY(emit_2(c->e, "MatMul", scores, v, &y, err));
    if (h->gated)
        TRY(emit_2(c->e, "Mul", y, gate, &y, err));
    TRY(project_back(h, y, &y, err));
    TRY(unflatten(h, query, &y, err));
    TRY(output_spread(h, &y, err));
    TRY(call_add(c, y, c->k->generation > 2 ? h->in[0].mask : VALUE_NONE, err));
    return h->scores ? call_add(c, scores, VALUE_NONE, err) : STATUS_OK;
}

static enum status sizes_check(const struct heads *h, struct error *err)
{
    if (h->queries < 1 || h->keys < 1 || h->key_dim < 1 || h->value_dim < 1 ||
        h->queries > 1 << 20 || h->keys > h->queries || h->key_dim > 1 << 20 ||
        h->value_dim > 1 << 20 || h->queries % h->keys)
        return error_set(err, STATUS_INVALID_INPUT, "has %lld heads of %lld", (long long)h->queries,
                         (long long)h->key_dim);
    return STATUS_OK;
}

static enum status multi_head_attention(struct call *c, struct error *err)
{
    struct heads h = {.c = c};

    TRY(inputs_read(&h, err));
    TRY(config_int(c, "num_heads", NULL, &h.queries, err));
    TRY(config_int(c, "key_dim", NULL, &h.key_dim, err));
    h.keys = h.queries;
    h.value_dim = config_int_or(c, "value_dim", h.key_dim);
    TRY(sizes_check(&h, err));
    return attend(&h, err);
}

static enum status group_query_attention(struct call *c, struct error *err)
{
    struct heads h = {.c = c};

    TRY(inputs_read(&h, err));
    TRY(config_int(c, "num_query_heads", NULL, &h.queries, err));
    TRY(config_int(c, "num_key_value_heads", NULL, &h.keys, err));
    TRY(config_int(c, "head_dim", NULL, &h.key_dim, err));
    h.value_dim = h.key_dim;
    TRY(sizes_check(&h, err));
    return attend(&h, err);
}

const struct layer_set layers_attention_heads =
    LAYER_SET({.name = "MultiHeadAttention", .lower = multi_head_attention, .keywords = true},
              {.name = "GroupQueryAttention",
               "GroupedQueryAttention",
               group_query_attention,
               .keywords = true}, );
