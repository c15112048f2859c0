// SPDX-License-Identifier: Apache-2.0
/* Layouts by name, indices of elements, rows written in place. */
#include "importers/tensorflow/internal.h"

enum { LETTERS_MAX = 5 };

static enum status formats(const struct tf_call *c, struct bytes *from, struct bytes *to,
                           struct error *err)
{
    TRY(tf_string(c->node, "src_format", "NHWC", from, err));
    TRY(tf_string(c->node, "dst_format", "NCHW", to, err));
    if (from->size != to->size || from->size < 2 || from->size > LETTERS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "its formats have %zu and %zu letters",
                         from->size, to->size);
    return STATUS_OK;
}

/* Where each letter of `of` is in `in`. */
static enum status places(struct bytes of, struct bytes in, int64_t place[LETTERS_MAX],
                          struct error *err)
{
    for (size_t i = 0; i < of.size; i++) {
        const uint8_t *found = memchr(in.data, of.data[i], in.size);

        if (!found)
            return error_set(err, STATUS_INVALID_INPUT, "its formats have different letters");
        place[i] = found - in.data;
    }
    return STATUS_OK;
}

/* Numbers of dimensions of one layout as those of the other; negative ones from the end. */
static enum status dim_map(struct tf_call *c, struct error *err)
{
    int64_t place[LETTERS_MAX];
    struct bytes from, to;
    value_id table, index, y;

    TRY(formats(c, &from, &to, err));
    TRY(places(from, to, place, err));
    TRY(emit_ints(c->e, place, from.size, &table, err));
    TRY(tf_index(c, 0, &index, err));
    TRY(emit_2(c->e, "Gather", table, index, &y, err));
    TRY(emit_cast(c->e, y, emit_dtype(c->e, c->in[0]), &y, err));
    return tf_give(c, y);
}

/* What belongs to the dimensions of one layout (or to those that are not N and C), in the order of
 * the other. */
static enum status permute(struct tf_call *c, struct error *err)
{
    const struct shape *shape = emit_shape(c->e, c->in[0]);
    int64_t place[LETTERS_MAX];
    struct bytes names[2];
    uint8_t spatial[2][LETTERS_MAX];
    value_id order, y;

    TRY(formats(c, &names[0], &names[1], err));
    if (shape->rank < 1 || !dim_is_known(shape->dims[0]))
        return error_set(err, STATUS_UNSUPPORTED, "the number of elements is not known");
    if (shape->dims[0] == (int64_t)names[0].size - 2)
        for (int k = 0; k < 2; k++) {
            size_t kept = 0;

            for (size_t i = 0; i < names[k].size && kept < LETTERS_MAX; i++)
                if (names[k].data[i] != 'N' && names[k].data[i] != 'C')
                    spatial[k][kept++] = names[k].data[i];
            names[k] = (struct bytes){spatial[k], kept};
        }
    if (shape->dims[0] != (int64_t)names[0].size || names[0].size != names[1].size)
        return error_set(err, STATUS_INVALID_INPUT, "%lld elements", (long long)shape->dims[0]);
    TRY(places(names[1], names[0], place, err));
    TRY(emit_ints(c->e, place, names[1].size, &order, err));
    TRY(emit_node(c->e, "", "Gather", EMIT(c->in[0], order),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", 0)), &y, err));
    return tf_give(c, y);
}

static enum status conjugate_transpose(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "Permute", EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y, err));
    TRY(tf_conjugate(c->e, &y, err));
    return tf_give(c, y);
}

static enum status unravel_index(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "UnravelIndex", EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

/* x, numbers of rows, rows */
static enum status rows_written(struct tf_call *c, const char *reduction, bool negate,
                                struct error *err)
{
    value_id index, y;

    TRY(emit_unsqueeze(c->e, c->in[1], -1, &index, err));
    TRY(tf_scatter_nd(c, c->in[0], index, c->in[2], reduction, negate, &y, err));
    return tf_give(c, y);
}

static enum status rows_update(struct tf_call *c, struct error *err)
{
    return rows_written(c, "none", false, err);
}

static enum status rows_add(struct tf_call *c, struct error *err)
{
    return rows_written(c, "add", false, err);
}

static enum status rows_subtract(struct tf_call *c, struct error *err)
{
    return rows_written(c, "add", true, err);
}

const struct tf_op_set tf_ops_layout =
    TF_OP_SET({.name = "DataFormatDimMap", .lower = dim_map, .inputs = 1},
              {.name = "DataFormatVecPermute", .lower = permute, .inputs = 1},
              {.name = "ConjugateTranspose", .lower = conjugate_transpose, .inputs = 2},
              {.name = "UnravelIndex", .lower = unravel_index, .inputs = 2},
              {.name = "InplaceUpdate", .lower = rows_update, .inputs = 3},
              {.name = "InplaceAdd", .lower = rows_add, .inputs = 3},
              {.name = "InplaceSub", .lower = rows_subtract, .inputs = 3}, );
