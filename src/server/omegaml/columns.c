// SPDX-License-Identifier: Apache-2.0
#include "server/omegaml/columns.h"

static const struct field *input_named(const struct signature *signature, const char *name)
{
    for (size_t i = 0; i < signature->input_count; i++)
        if (strcmp(signature->inputs[i].name, name) == 0)
            return &signature->inputs[i];
    return NULL;
}

/* Several columns of one input are its columns: [rows] each, side by side. */
static enum status join(const struct omegaml_columns *from, const struct tensor *columns,
                        struct tensor *matrix, struct arena *arena, struct error *err)
{
    size_t rows = (size_t)columns[0].shape.dims[0], size = dtype_size(columns[0].dtype), bytes;
    struct shape shape = SHAPE((int64_t)rows, (int64_t)from->count);

    for (size_t c = 0; c < from->count; c++)
        if (columns[c].shape.rank != 1)
            return error_set(err, STATUS_INVALID_INPUT,
                             "column '%.64s' holds arrays, and is one of %zu columns",
                             from->names[c], from->count);
    TRY(shape_check(&shape, columns[0].dtype, SIZE_MAX / 2, &bytes, err));
    *matrix = (struct tensor){.dtype = columns[0].dtype, .shape = shape};
    matrix->data = arena_alloc(arena, bytes ? bytes : 1, 1);
    if (!matrix->data)
        return error_no_memory(err, "a request");
    for (size_t c = 0; c < from->count; c++)
        for (size_t row = 0; row < rows; row++)
            memcpy((uint8_t *)matrix->data + (row * from->count + c) * size,
                   (const uint8_t *)columns[c].data + row * size, size);
    return STATUS_OK;
}

static enum status give(struct prediction *p, const struct omegaml_columns *from, bool by_name,
                        const struct tensor *columns, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct given *given = arena_new(arena, struct given, from->count);

    if (!given)
        return error_no_memory(err, "a request");
    p->given = given;
    p->given_count = by_name ? from->count : 1;
    for (size_t c = 0; by_name && c < from->count; c++)
        given[c] = (struct given){from->names[c], columns[c]};
    if (by_name)
        return STATUS_OK;
    given->name = p->signature->input_count == 1 ? p->signature->inputs[0].name : NULL;
    given->tensor = columns[0];
    if (from->count == 1 && columns[0].shape.rank > 1)
        return STATUS_OK;
    return join(from, columns, &given->tensor, arena, err);
}

enum status omegaml_give(struct prediction *p, const struct omegaml_columns *from,
                         struct error *err)
{
    struct arena *arena = request_arena(p->request);
    enum dtype *dtypes = arena_new(arena, enum dtype, from->count);
    struct tensor *columns = arena_new(arena, struct tensor, from->count);
    bool by_name = true;

    if (!dtypes || !columns)
        return error_no_memory(err, "a request");
    if (from->count == 0)
        return error_set(err, STATUS_INVALID_INPUT, "there are no columns");
    for (size_t c = 0; c < from->count; c++)
        by_name &= input_named(p->signature, from->names[c]) != NULL;
    if (!by_name && p->signature->input_count != 1 && !p->signature->columns)
        for (size_t c = 0; c < from->count; c++)
            if (!input_named(p->signature, from->names[c]))
                return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no input '%.64s'",
                                 p->signature->name, from->names[c]);
    for (size_t c = 0; c < from->count; c++)
        dtypes[c] = by_name ? input_named(p->signature, from->names[c])->dtype
                            : p->signature->inputs[0].dtype;
    TRY(from->read(from->context, dtypes, columns, arena, err));
    return give(p, from, by_name, columns, err);
}
