// SPDX-License-Identifier: Apache-2.0
/* What OP_ROWS promises, asked of a case: each row by itself gives that row of the answer. */
#pragma once

#include "op_case.h"

enum { ROWS_SYMBOL = -2, ROWS_INPUTS_MAX = 4 };

/* Do shapes say that dimension 0 of these inputs, made free, is dimension 0 of the outputs? */
static inline bool rows_are_promised(const struct op_case *c, unsigned rows)
{
    struct attributes attributes = {(struct attribute *)c->attributes, c->attribute_count};
    struct tensor in[CASE_TENSORS_MAX], out[CASE_TENSORS_MAX] = {{0}};
    struct arena memory;
    struct op_call call = {.op = c->op,
                           .opset = c->opset,
                           .attributes = &attributes,
                           .in_count = c->in_count,
                           .out_count = c->out_count,
                           .in = in,
                           .out = out,
                           .memory = &memory};
    struct error err;
    bool promised;

    arena_init(&memory, 1 << 20);
    for (size_t i = 0; i < c->in_count; i++) {
        in[i] = c->in[i];
        if (!(rows >> i & 1))
            continue;
        in[i].data = NULL;
        in[i].shape.dims[0] = ROWS_SYMBOL;
    }
    promised = !c->op->infer(&call, &err);
    for (size_t i = 0; promised && i < c->out_count; i++)
        promised = out[i].shape.rank == c->out[0].shape.rank && out[i].shape.dims[0] == ROWS_SYMBOL;
    arena_release(&memory);
    return promised;
}

static inline struct tensor row_of(const struct tensor *tensor, int64_t row)
{
    struct tensor one = *tensor;
    size_t bytes = tensor_bytes(tensor) / (size_t)tensor->shape.dims[0];

    one.shape.dims[0] = 1;
    one.data = (char *)tensor->data + (size_t)row * bytes;
    return one;
}

/* *refused: other inputs hold the number of rows fast, which shapes alone do not tell. */
static inline enum status row_check(const struct op_case *c, unsigned rows, int64_t row,
                                    bool *refused, struct error *err)
{
    struct op_case *one = malloc(sizeof *one);
    enum status status;

    if (!one)
        return error_no_memory(err, "a case");
    *one = *c;
    for (size_t i = 0; i < c->in_count; i++)
        if (rows >> i & 1)
            one->in[i] = row_of(&c->in[i], row);
    for (size_t i = 0; i < c->out_count; i++)
        one->out[i] = row_of(&c->out[i], row);
    one->relative = one->relative > 1e-6 ? one->relative : 1e-6;
    status = case_run(one, refused, err);
    free(one);
    if (*refused)
        return STATUS_OK;
    return status ? error_within(err, "row %lld alone", (long long)row) : STATUS_OK;
}

static inline bool has_rows(const struct tensor *tensor, const struct tensor *like)
{
    return tensor->dtype && tensor->shape.rank == like->shape.rank && tensor->shape.rank > 0 &&
           tensor->shape.dims[0] == like->shape.dims[0] && tensor->data;
}

/* Every set of inputs that could be the rows. *checked counts the sets that are. */
static inline enum status rows_check(const struct op_case *c, size_t *checked, struct error *err)
{
    int64_t count = c->out_count && c->out[0].shape.rank > 0 ? c->out[0].shape.dims[0] : 0;
    unsigned could = 0;
    bool refused;

    if (!(c->op->flags & OP_ROWS) || c->fails || count < 2 || !c->out[0].data)
        return STATUS_OK;
    for (size_t i = 0; i < c->out_count; i++)
        if (!has_rows(&c->out[i], &c->out[0]))
            return STATUS_OK;
    for (size_t i = 0; i < c->in_count && i < ROWS_INPUTS_MAX; i++)
        could |= (unsigned)has_rows(&c->in[i], &c->out[0]) << i;
    for (unsigned rows = 1; rows <= could; rows++) {
        if ((rows & could) != rows || !rows_are_promised(c, rows))
            continue;
        refused = false;
        for (int64_t row = 0; row < count && !refused; row++)
            TRY(row_check(c, rows, row, &refused, err));
        *checked += !refused;
    }
    return STATUS_OK;
}
