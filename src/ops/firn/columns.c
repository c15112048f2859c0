// SPDX-License-Identifier: Apache-2.0
/* Columns: a matrix from columns of vectors and matrices.
 *
 * Inputs: (n,) or (n, w), numbers, or all strings. Attribute picks: two integers for each output
 * column: which input, which of its columns. Output: (n, columns) double, or string. */
#include "ops/op.h"

enum { ROWS_AT_ONCE = 256 }; /* so that the output stays in the cache while columns are written */

static enum status infer(struct op_call *call, struct error *err)
{
    const uint64_t numbers = DTYPES_INT | DTYPE_BIT(DTYPE_F64) | DTYPE_BIT(DTYPE_BOOL);
    size_t count;
    const int64_t *picks = attribute_ints(call->attributes, "picks", &count);
    bool text = call->in[0].dtype == DTYPE_STRING;
    int64_t rows = DIM_UNKNOWN;

    if (count == 0 || count % 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "picks are missing or no pairs");
    for (size_t i = 0; i < call->in_count; i++) {
        const struct shape *shape = &call->in[i].shape;

        TRY(op_wants(call, i, text ? DTYPE_BIT(DTYPE_STRING) : numbers, err));
        if (shape->rank == RANK_UNKNOWN)
            continue;
        if (shape->rank != 1 && shape->rank != 2)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %d dimensions", i,
                            shape->rank);
        if (dim_is_known(rows) && dim_is_known(shape->dims[0]) && rows != shape->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "input %zu has %lld rows, another has %lld", i,
                            (long long)shape->dims[0], (long long)rows);
        if (!dim_is_known(rows) && (rows == DIM_UNKNOWN || dim_is_known(shape->dims[0])))
            rows = shape->dims[0];
    }
    for (size_t i = 0; i < count; i += 2) {
        const struct shape *shape;

        if (picks[i] < 0 || (size_t)picks[i] >= call->in_count)
            return op_error(call, err, STATUS_INVALID_INPUT, "no input %lld", (long long)picks[i]);
        shape = &call->in[picks[i]].shape;
        if (picks[i + 1] < 0 || (shape->rank == 1 && picks[i + 1] > 0) ||
            (shape->rank == 2 && dim_is_known(shape->dims[1]) && picks[i + 1] >= shape->dims[1]))
            return op_error(call, err, STATUS_INVALID_INPUT, "input %lld has no column %lld",
                            (long long)picks[i], (long long)picks[i + 1]);
    }
    call->out[0].dtype = text ? DTYPE_STRING : DTYPE_F64;
    call->out[0].shape = SHAPE(rows, (int64_t)(count / 2));
    return STATUS_OK;
}

#define COPY(type)                                                                                 \
    do {                                                                                           \
        const type *from = in->data;                                                               \
        for (size_t r = first; r < last; r++)                                                      \
            y[r * width] = (double)from[r * stride + column];                                      \
    } while (0)

/* Rows first..last of one output column. */
static void copy_numbers(const struct tensor *in, size_t stride, size_t column, size_t first,
                         size_t last, double *y, size_t width)
{
    switch (in->dtype) {
    case DTYPE_F64:
        COPY(double);
        break;
    case DTYPE_I64:
        COPY(int64_t);
        break;
    case DTYPE_I32:
        COPY(int32_t);
        break;
    case DTYPE_I16:
        COPY(int16_t);
        break;
    case DTYPE_I8:
        COPY(int8_t);
        break;
    case DTYPE_U64:
        COPY(uint64_t);
        break;
    case DTYPE_U32:
        COPY(uint32_t);
        break;
    case DTYPE_U16:
        COPY(uint16_t);
        break;
    default: /* U8 and BOOL */
        COPY(uint8_t);
        break;
    }
}

static void copy_text(const struct tensor *in, size_t stride, size_t column, size_t first,
                      size_t last, struct bytes *y, size_t width)
{
    const struct bytes *from = in->data;

    for (size_t r = first; r < last; r++)
        y[r * width] = from[r * stride + column];
}

static enum status run(const struct op_call *call, struct error *err)
{
    size_t count;
    const int64_t *picks = attribute_ints(call->attributes, "picks", &count);
    size_t rows = (size_t)call->out[0].shape.dims[0], width = count / 2;
    bool text = call->out[0].dtype == DTYPE_STRING;

    (void)err;
    for (size_t first = 0; first < rows; first += ROWS_AT_ONCE) {
        size_t last = rows - first < ROWS_AT_ONCE ? rows : first + ROWS_AT_ONCE;

        for (size_t c = 0; c < width; c++) {
            const struct tensor *in = &call->in[picks[2 * c]];
            size_t stride = in->shape.rank == 2 ? (size_t)in->shape.dims[1] : 1;
            size_t column = (size_t)picks[2 * c + 1];

            if (text)
                copy_text(in, stride, column, first, last, (struct bytes *)call->out[0].data + c,
                          width);
            else
                copy_numbers(in, stride, column, first, last, (double *)call->out[0].data + c,
                             width);
        }
    }
    return STATUS_OK;
}

const struct op_set ops_firn_columns = OP_SET({.name = "Columns",
                                               .summary = "a matrix from columns of its inputs",
                                               .flags = OP_ROWS,
                                               .in_min = 1,
                                               .in_max = OP_INPUTS_ANY,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .run = run});
