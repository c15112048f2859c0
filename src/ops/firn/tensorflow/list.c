// SPDX-License-Identifier: Apache-2.0
/* Arrays of tensors: a tensor whose first dimension counts the elements, which all have the same
 * shape. Elements that were never written are zeros. As long as none was, their shape may be open:
 * some of its dimensions are 0 then, or it is [0], and the first write decides. Writing changes the
 * array in place where nobody else has it.
 * Source: tensorflow/core/kernels/{list_kernels,tensor_array_ops}.cc. */
#include "base/checked.h"
#include "ops/kernels/call.h"
#include "tensor/sequence.h"

static enum status wants_index(const struct op_call *call, size_t input, struct error *err)
{
    TRY(op_wants(call, input, DTYPES_INDEX, err));
    return op_wants_rank(call, input, 0, 1, err);
}

/* --- shapes --- */

/* No element was written, as far as the shape tells. */
static bool is_open(const struct shape *list)
{
    for (int i = 1; i < list->rank; i++)
        if (list->dims[i] == 0)
            return true;
    return false;
}

/* Elements that have no shape yet, or may have none: [0]. */
static bool is_blank(const struct shape *element)
{
    return element->rank == 1 && (element->dims[0] == 0 || !dim_is_known(element->dims[0]));
}

static struct shape element_of(const struct shape *list)
{
    return shape_without_axis(list, 0);
}

static enum status list_of(const struct op_call *call, int64_t length, const struct shape *element,
                           struct shape *list, struct error *err)
{
    *list = shape_unknown();
    if (element->rank < 0)
        return STATUS_OK;
    if (element->rank >= RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "more than %d dimensions", RANK_MAX);
    *list = shape_with_axis(element, 0, length);
    return STATUS_OK;
}

static int64_t length_of(const struct shape *list)
{
    return list->rank < 1 ? DIM_UNKNOWN : list->dims[0];
}

/* The shape of the elements once one of shape `item` was written. */
static enum status element_join(const struct op_call *call, const struct shape *list,
                                const struct shape *item, struct shape *element, struct error *err)
{
    struct shape was = element_of(list);
    char old[SHAPE_PRINT_SIZE], new[SHAPE_PRINT_SIZE];
    bool open = is_open(list), fits = was.rank == item->rank;

    *element = *item;
    if (was.rank < 0)
        return STATUS_OK;
    if (item->rank < 0) {
        *element = open ? shape_unknown() : was;
        return STATUS_OK;
    }
    for (int i = 0; fits && i < was.rank; i++) {
        if (!dim_is_known(item->dims[i]) && was.dims[i] > 0)
            element->dims[i] = was.dims[i];
        fits = !dim_is_known(item->dims[i]) || !dim_is_known(was.dims[i]) ||
               was.dims[i] == item->dims[i] || (open && was.dims[i] == 0);
    }
    if (fits || (is_blank(&was) && was.rank != item->rank))
        return STATUS_OK;
    return op_error(call, err, STATUS_UNSUPPORTED, "elements of shapes %s and %s in one array",
                    shape_print(&was, old, sizeof old), shape_print(item, new, sizeof new));
}

/* --- bytes --- */

static void clear(const struct tensor *list, size_t from)
{
    size_t bytes = tensor_bytes(list);
    struct bytes *text = list->data;

    if (list->dtype != DTYPE_STRING) {
        if (bytes > from)
            memset((char *)list->data + from, 0, bytes - from);
        return;
    }
    for (size_t i = from / sizeof *text; i < bytes / sizeof *text; i++)
        text[i] = (struct bytes){(const uint8_t *)"", 0};
}

static size_t element_bytes(const struct tensor *list)
{
    return shape_span(&list->shape, 1, list->shape.rank) * dtype_size(list->dtype);
}

/* The elements of input 0 that the output has too; the others are zeros. */
static void carry(const struct op_call *call)
{
    const struct tensor *in = &call->in[0], *out = &call->out[0];
    size_t bytes = tensor_bytes(in), room = tensor_bytes(out);

    if (out->data == in->data)
        return;
    bytes = bytes < room ? bytes : room;
    if (bytes)
        memcpy(out->data, in->data, bytes);
    clear(out, bytes);
}

static enum status place(const struct op_call *call, int64_t index, const void *item,
                         struct error *err)
{
    const struct tensor *out = &call->out[0];
    size_t bytes = element_bytes(out);

    if (index < 0 || index >= out->shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "index %lld of an array of %lld",
                        (long long)index, (long long)out->shape.dims[0]);
    if (bytes)
        memcpy((char *)out->data + (size_t)index * bytes, item, bytes);
    return STATUS_OK;
}

/* --- ListReserve: length, element shape -> zeros --- */

static enum status reserve_infer(struct op_call *call, struct error *err)
{
    struct shape element = SHAPE(0), list;
    int64_t length = DIM_UNKNOWN;

    TRY(wants_index(call, 0, err));
    if (op_is_known(call, 0))
        TRY(op_input_i64(call, 0, &length, err));
    if (op_is_known(call, 0) && length < 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld elements", (long long)length);
    if (op_has(call, 1)) {
        TRY(op_wants_rank(call, 1, 1, 1, err));
        TRY(op_input_shape(call, 1, INT64_MIN, &element, err));
        for (int i = 0; i < element.rank && op_is_known(call, 1); i++)
            element.dims[i] = element.dims[i] < 0 ? 0 : element.dims[i];
    }
    TRY(list_of(call, length, &element, &list, err));
    op_give(call, 0, dtype_from_onnx(attribute_int(call->attributes, "dtype", 0)), &list);
    return call->out[0].dtype != DTYPE_NONE
               ? STATUS_OK
               : op_error(call, err, STATUS_INVALID_INPUT, "attribute dtype is missing");
}

static enum status reserve_run(const struct op_call *call, struct error *err)
{
    (void)err;
    clear(&call->out[0], 0);
    return STATUS_OK;
}

/* --- ListFit: an open array gets this shape of elements; of others it is checked --- */

static enum status fit_infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape was = element_of(in), element, list;
    char old[SHAPE_PRINT_SIZE], new[SHAPE_PRINT_SIZE];
    size_t rank;
    const int64_t *dims = attribute_ints(call->attributes, "element_shape", &rank);
    bool open = is_open(in), fits;

    if (rank >= RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "more than %d dimensions", RANK_MAX);
    element = shape_of((int)rank, dims);
    fits = open || was.rank < 0 || was.rank == element.rank || is_blank(&was);
    for (int i = 0; fits && i < element.rank; i++)
        if (element.dims[i] < 0)
            element.dims[i] = was.rank == element.rank ? was.dims[i] : open ? 0 : DIM_UNKNOWN;
        else
            fits = open || was.rank != element.rank || !dim_is_known(was.dims[i]) ||
                   was.dims[i] == element.dims[i];
    if (!fits)
        return op_error(call, err, STATUS_INVALID_INPUT, "elements of shape %s, not %s",
                        shape_print(&was, old, sizeof old), shape_print(&element, new, sizeof new));
    TRY(list_of(call, length_of(in), &element, &list, err));
    op_give(call, 0, call->in[0].dtype, &list);
    return STATUS_OK;
}

static enum status fit_run(const struct op_call *call, struct error *err)
{
    (void)err;
    carry(call);
    return STATUS_OK;
}

/* --- ListSet: array, index, item; with `grow` the array may become longer --- */

static enum status set_infer(struct op_call *call, struct error *err)
{
    int64_t length = length_of(&call->in[0].shape), index;
    struct shape element, list;

    TRY(wants_index(call, 1, err));
    TRY(op_wants_same(call, 0, 2, err));
    TRY(element_join(call, &call->in[0].shape, &call->in[2].shape, &element, err));
    if (attribute_int(call->attributes, "grow", 0)) {
        if (op_is_known(call, 1) && length >= 0) {
            TRY(op_input_i64(call, 1, &index, err));
            length = index >= length && index < INT64_MAX ? index + 1 : length;
        } else {
            length = DIM_UNKNOWN;
        }
    }
    TRY(list_of(call, length, &element, &list, err));
    op_give(call, 0, call->in[0].dtype, &list);
    return STATUS_OK;
}

static enum status set_run(const struct op_call *call, struct error *err)
{
    int64_t index;

    TRY(op_input_i64(call, 1, &index, err));
    carry(call);
    return place(call, index, call->in[2].data, err);
}

/* --- ListPush: array, item --- */

static enum status push_infer(struct op_call *call, struct error *err)
{
    int64_t length = length_of(&call->in[0].shape);
    struct shape element, list;

    TRY(op_wants_same(call, 0, 1, err));
    TRY(element_join(call, &call->in[0].shape, &call->in[1].shape, &element, err));
    TRY(list_of(call, length < 0 ? DIM_UNKNOWN : length + 1, &element, &list, err));
    op_give(call, 0, call->in[0].dtype, &list);
    return STATUS_OK;
}

static enum status push_run(const struct op_call *call, struct error *err)
{
    carry(call);
    return place(call, call->out[0].shape.dims[0] - 1, call->in[1].data, err);
}

/* --- ListScatter: array, indices, items --- */

static enum status scatter_length(const struct op_call *call, int64_t *length, struct error *err)
{
    const struct tensor *indices = &call->in[1];

    if (!attribute_int(call->attributes, "grow", 0))
        return STATUS_OK;
    if (!op_is_known(call, 1) || *length < 0) {
        *length = DIM_UNKNOWN;
        return STATUS_OK;
    }
    for (size_t i = 0; i < tensor_count(indices); i++) {
        int64_t index = tensor_i64(indices, i);

        if (index == INT64_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "index %lld", (long long)index);
        *length = index >= *length ? index + 1 : *length;
    }
    return STATUS_OK;
}

static enum status scatter_infer(struct op_call *call, struct error *err)
{
    int64_t length = length_of(&call->in[0].shape);
    struct shape element, list, item = element_of(&call->in[2].shape);

    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    TRY(op_wants_same(call, 0, 2, err));
    TRY(op_wants_rank(call, 2, 1, RANK_MAX, err));
    if (call->in[1].shape.rank == 1 && call->in[2].shape.rank > 0 &&
        dim_is_known(call->in[1].shape.dims[0]) && dim_is_known(call->in[2].shape.dims[0]) &&
        call->in[1].shape.dims[0] != call->in[2].shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld indices for %lld elements",
                        (long long)call->in[1].shape.dims[0], (long long)call->in[2].shape.dims[0]);
    TRY(element_join(call, &call->in[0].shape, &item, &element, err));
    TRY(scatter_length(call, &length, err));
    TRY(list_of(call, length, &element, &list, err));
    op_give(call, 0, call->in[0].dtype, &list);
    return STATUS_OK;
}

static enum status scatter_run(const struct op_call *call, struct error *err)
{
    const char *items = call->in[2].data;
    size_t bytes = element_bytes(&call->out[0]);

    carry(call);
    for (size_t i = 0; i < tensor_count(&call->in[1]); i++)
        TRY(place(call, tensor_i64(&call->in[1], i), items + i * bytes, err));
    return STATUS_OK;
}

/* --- ListGet: array, index --- */

static enum status get_infer(struct op_call *call, struct error *err)
{
    struct shape element = element_of(&call->in[0].shape);

    TRY(wants_index(call, 1, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    op_give(call, 0, call->in[0].dtype, &element);
    return STATUS_OK;
}

static enum status get_run(const struct op_call *call, struct error *err)
{
    const struct tensor *list = &call->in[0];
    size_t bytes = element_bytes(list);
    int64_t index;

    TRY(op_input_i64(call, 1, &index, err));
    if (index < 0 || index >= list->shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "index %lld of an array of %lld",
                        (long long)index, (long long)list->shape.dims[0]);
    if (bytes)
        memcpy(call->out[0].data, (const char *)list->data + (size_t)index * bytes, bytes);
    return STATUS_OK;
}

/* --- ListResize: array, length --- */

static enum status resize_infer(struct op_call *call, struct error *err)
{
    struct shape element = element_of(&call->in[0].shape), list;
    int64_t length = DIM_UNKNOWN;

    TRY(wants_index(call, 1, err));
    if (op_is_known(call, 1)) {
        TRY(op_input_i64(call, 1, &length, err));
        if (length < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld elements", (long long)length);
    }
    TRY(list_of(call, length, &element, &list, err));
    op_give(call, 0, call->in[0].dtype, &list);
    return STATUS_OK;
}

/* --- ListSplit: a tensor, the lengths of its parts -> an array of them, which are of one length
 * ---
 */

static enum status split_infer(struct op_call *call, struct error *err)
{
    const struct tensor *lengths = &call->in[1];
    struct shape element = call->in[0].shape, list;
    int64_t count = lengths->shape.rank == 1 ? lengths->shape.dims[0] : DIM_UNKNOWN;
    int64_t whole = length_of(&element), length = DIM_UNKNOWN, total;

    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX - 1, err));
    for (size_t i = 0; op_is_known(call, 1) && i < tensor_count(lengths); i++) {
        if (i && tensor_i64(lengths, i) != length)
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "elements of lengths %lld and %lld in one array", (long long)length,
                            (long long)tensor_i64(lengths, i));
        length = tensor_i64(lengths, i);
        if (length < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "length %lld", (long long)length);
    }
    if (op_is_known(call, 1) && !tensor_count(lengths))
        length = 0;
    if (element.rank < 0) {
        op_give(call, 0, call->in[0].dtype, &element);
        return STATUS_OK;
    }
    if (length >= 0 && count >= 0 && whole >= 0 &&
        (__builtin_mul_overflow(length, count, &total) || total != whole))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld parts of %lld of a tensor of %lld",
                        (long long)count, (long long)length, (long long)whole);
    element.dims[0] = length;
    TRY(list_of(call, count, &element, &list, err));
    op_give(call, 0, call->in[0].dtype, &list);
    return STATUS_OK;
}

static enum status split_run(const struct op_call *call, struct error *err)
{
    const struct tensor *lengths = &call->in[1];

    for (size_t i = 0; i < tensor_count(lengths); i++)
        if (tensor_i64(lengths, i) != call->out[0].shape.dims[1])
            return op_error(call, err, STATUS_UNSUPPORTED, "elements of several lengths");
    carry(call);
    return STATUS_OK;
}

/* --- ListLengths: the first dimension of each tensor of a sequence --- */

static enum status lengths_infer(struct op_call *call, struct error *err)
{
    const struct sequence *known = call->in[0].data ? tensor_sequence(&call->in[0]) : NULL;
    struct shape shape = SHAPE(known ? (int64_t)known->count : DIM_UNKNOWN);

    if (call->in[0].dtype != DTYPE_SEQUENCE)
        return op_error(call, err, STATUS_INVALID_INPUT, "input 0 is no sequence");
    op_give(call, 0, DTYPE_I64, &shape);
    return STATUS_OK;
}

static enum status lengths_run(const struct op_call *call, struct error *err)
{
    const struct sequence *list = tensor_sequence(&call->in[0]);
    int64_t *lengths = call->out[0].data;

    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].shape.rank < 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is a scalar", i);
        lengths[i] = list->items[i].shape.dims[0];
    }
    return STATUS_OK;
}

#define ROW(op, what, flag, low, high, of)                                                         \
    {                                                                                              \
        .name = op, .summary = what, .flags = flag, .in_min = low, .in_max = high, .out_min = 1,   \
        .out_max = 1, .infer = of##_infer, .run = of##_run                                         \
    }
static const struct op ROWS[] = {
    ROW("ListReserve", "an array of tensors, all zeros", 0, 1, 2, reserve),
    ROW("ListFit", "an array with this shape of elements", OP_VIEW, 1, 1, fit),
    ROW("ListSet", "an array with another element", OP_INPLACE, 3, 3, set),
    ROW("ListPush", "an array with an element more", 0, 2, 2, push),
    ROW("ListScatter", "an array with other elements", OP_INPLACE, 3, 3, scatter),
    ROW("ListGet", "an element of an array", 0, 2, 2, get),
    {.name = "ListResize",
     .summary = "an array of another length",
     .in_min = 2,
     .in_max = 2,
     .out_min = 1,
     .out_max = 1,
     .infer = resize_infer,
     .run = fit_run},
    ROW("ListLengths", "how long each tensor of a sequence is", OP_CONTAINERS, 1, 1, lengths),
    ROW("ListSplit", "an array of the parts of a tensor", OP_VIEW, 2, 2, split),
};

const struct op_set ops_firn_list = {ROWS, ARRAY_COUNT(ROWS)};
