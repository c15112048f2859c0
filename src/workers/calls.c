// SPDX-License-Identifier: Apache-2.0
#include "workers/calls.h"

#include <stdlib.h>

#include "base/checked.h"
#include "workers/copy.h"

enum { DIMENSION_NAMES_MAX = 64 };

/* --- inputs --- */

/* `size` rounded up; false when it does not fit. */
static bool align(size_t size, size_t *aligned)
{
    if (!checked_add(size, FRAME_ALIGNMENT - 1, aligned))
        return false;
    *aligned &= ~(size_t)(FRAME_ALIGNMENT - 1);
    return true;
}

enum status call_measure(const struct signature *signature, const struct tensor *inputs,
                         size_t *size, struct error *err)
{
    char name[TEXT_QUOTE_SIZE];

    *size = 0;
    for (size_t i = 0; i < signature->input_count; i++) {
        uint64_t one;

        if (!frame_tensor_size(&inputs[i], &one))
            return error_set(err, STATUS_UNSUPPORTED,
                             "input \"%s\": %s of rank %d does not go to a worker",
                             text_quote(bytes_of(signature->inputs[i].name), name, sizeof name),
                             dtype_name(inputs[i].dtype), inputs[i].shape.rank);
        if (!checked_add(*size, one, size) || !align(*size, size))
            return error_set(err, STATUS_TOO_LARGE, "inputs for a worker");
    }
    return STATUS_OK;
}

static void tensor_put(const struct tensor *tensor, uint8_t *place, struct team *team)
{
    if (tensor->dtype == DTYPE_STRING || tensor->dtype == DTYPE_NONE)
        frame_tensor_put(tensor, place);
    else if (tensor_bytes(tensor))
        copy_large(team, place, tensor->data, tensor_bytes(tensor));
}

enum status call_send(struct process *process, size_t index, const struct signature *signature,
                      const struct tensor *inputs, bool again, struct team *team, size_t *results,
                      struct error *err)
{
    struct frame_tensor tensors[FRAME_TENSORS_MAX];
    struct frame frame = {
        .type = FRAME_INFER, .signature = (uint32_t)index, .tensor_count = signature->input_count};
    size_t offset = 0;

    if (signature->input_count > FRAME_TENSORS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "a worker takes at most %d inputs",
                         FRAME_TENSORS_MAX);
    for (size_t i = 0; i < signature->input_count; i++) {
        uint64_t size;

        if (!frame_tensor_size(&inputs[i], &size))
            return error_set(err, STATUS_UNSUPPORTED, "input %zu does not go to a worker", i);
        tensors[i] = (struct frame_tensor){inputs[i].dtype, inputs[i].shape, offset, size};
        if (inputs[i].dtype == DTYPE_NONE)
            tensors[i].shape = (struct shape){0};
        tensor_put(&inputs[i], process->memory.data + offset, team);
        offset = (offset + size + FRAME_ALIGNMENT - 1) & ~(size_t)(FRAME_ALIGNMENT - 1);
    }
    *results = offset;
    frame.offset = offset;
    frame.space = process->memory.size - offset;
    return process_send(process, &frame, tensors, -1, again, err);
}

/* --- results --- */

/* What the names of dimensions stand for in this call. */
struct dimensions {
    const char *names[DIMENSION_NAMES_MAX];
    int64_t sizes[DIMENSION_NAMES_MAX];
    size_t count;
};

/* False when `name` stood for another size before. */
static bool dimension_agrees(struct dimensions *dimensions, const char *name, int64_t size,
                             int64_t *expected)
{
    for (size_t i = 0; i < dimensions->count; i++)
        if (!strcmp(dimensions->names[i], name)) {
            *expected = dimensions->sizes[i];
            return dimensions->sizes[i] == size;
        }
    if (dimensions->count < DIMENSION_NAMES_MAX) {
        dimensions->names[dimensions->count] = name;
        dimensions->sizes[dimensions->count++] = size;
    }
    return true;
}

static void dimensions_of_inputs(struct dimensions *dimensions, const struct signature *signature,
                                 const struct tensor *inputs)
{
    dimensions->count = 0;
    for (size_t i = 0; i < signature->input_count; i++) {
        const struct field *field = &signature->inputs[i];
        int64_t expected;

        for (int d = 0; field->dim_names && d < field->shape.rank && d < inputs[i].shape.rank; d++)
            if (field->dim_names[d])
                (void)dimension_agrees(dimensions, field->dim_names[d], inputs[i].shape.dims[d],
                                       &expected);
    }
}

static enum status wrong(struct error *err)
{
    error_fix(err, "correct the model's code, or the contract that it was declared with");
    return err->status;
}

static enum status shape_fits(const struct field *field, const struct shape *shape,
                              struct dimensions *dimensions, const char *name, struct error *err)
{
    char got[SHAPE_PRINT_SIZE], wanted[SHAPE_PRINT_SIZE];
    int64_t expected = 0;
    bool same = field->shape.rank == RANK_UNKNOWN || field->shape.rank == shape->rank;

    for (int d = 0; same && field->shape.rank > 0 && d < shape->rank; d++)
        same = field->shape.dims[d] < 0 || field->shape.dims[d] == shape->dims[d];
    if (!same && error_set(err, STATUS_INTERNAL,
                           "output \"%s\" came with shape %s, but the contract says %s", name,
                           shape_print(shape, got, sizeof got),
                           shape_print(&field->shape, wanted, sizeof wanted)))
        return wrong(err);
    for (int d = 0; field->dim_names && d < field->shape.rank; d++)
        if (field->dim_names[d] &&
            !dimension_agrees(dimensions, field->dim_names[d], shape->dims[d], &expected) &&
            error_set(err, STATUS_INTERNAL,
                      "output \"%s\" came with shape %s, but \"%.64s\" is %lld in this request",
                      name, shape_print(shape, got, sizeof got), field->dim_names[d],
                      (long long)expected))
            return wrong(err);
    return STATUS_OK;
}

static enum status field_fits(const struct field *field, const struct frame_tensor *tensor,
                              struct dimensions *dimensions, struct error *err)
{
    char name[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(field->name), name, sizeof name);
    if (tensor->dtype == DTYPE_NONE) {
        if (error_set(err, STATUS_INTERNAL, "output \"%s\" did not come", name))
            return wrong(err);
    }
    if (field->dtype != DTYPE_NONE && field->dtype != tensor->dtype) {
        if (error_set(err, STATUS_INTERNAL, "output \"%s\" came as %s, but the contract says %s",
                      name, dtype_name(tensor->dtype), dtype_name(field->dtype)))
            return wrong(err);
    }
    return shape_fits(field, &tensor->shape, dimensions, name, err);
}

/* Bytes that our copy takes: strings become `struct bytes` in front of their text. */
static bool copy_size(const struct frame_tensor *tensor, size_t *size)
{
    size_t count;

    if (tensor->dtype != DTYPE_STRING) {
        *size = tensor->bytes;
        return true;
    }
    count = shape_count(&tensor->shape);
    return checked_multiply(count, sizeof(struct bytes) + sizeof(uint64_t), size) &&
           checked_add(*size, tensor->bytes, size);
}

static enum status room(struct results *memory, size_t size, struct error *err)
{
    if (size <= memory->capacity)
        return STATUS_OK;
    free(memory->data);
    memory->data = aligned_alloc(FRAME_ALIGNMENT, size);
    memory->capacity = memory->data ? size : 0;
    return memory->data ? STATUS_OK : error_no_memory(err, "results of a worker");
}

/* The table and the text are copied, then looked at. */
static enum status strings_copy(const struct frame_tensor *tensor, const uint8_t *from, uint8_t *to,
                                struct error *err)
{
    size_t count = shape_count(&tensor->shape), table = count * sizeof(uint64_t);
    struct bytes *strings = (struct bytes *)to;
    uint64_t *ends = (uint64_t *)(strings + count), start = 0;
    uint8_t *text = (uint8_t *)(ends + count);

    memcpy(ends, from, table);
    memcpy(text, from + table, tensor->bytes - table);
    TRY(frame_strings_check(ends, count, tensor->bytes - table, err));
    for (size_t i = 0; i < count; i++) {
        uint64_t end = ends[i] & ~(UINT64_C(1) << FRAME_STRING_MISSING_BIT);

        strings[i] = end == ends[i] ? (struct bytes){text + start, end - start} : (struct bytes){0};
        start = end;
    }
    return STATUS_OK;
}

static enum status bools_check(const uint8_t *values, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] > 1)
            return error_set(err, STATUS_INVALID_INPUT, "element %zu of a bool tensor is %u", i,
                             values[i]);
    return STATUS_OK;
}

static enum status tensor_copy(const struct frame_tensor *tensor, const uint8_t *from, uint8_t *to,
                               struct team *team, struct tensor *result, struct error *err)
{
    *result = (struct tensor){.dtype = tensor->dtype, .shape = tensor->shape, .data = to};
    if (tensor->dtype == DTYPE_STRING)
        return strings_copy(tensor, from, to, err);
    copy_large(team, to, from, tensor->bytes);
    return tensor->dtype == DTYPE_BOOL ? bools_check(to, tensor->bytes, err) : STATUS_OK;
}

/* What the frame says, checked; the size of our copy of it. */
static enum status results_check(const struct frame *frame, const struct process *process,
                                 const struct signature *signature, struct dimensions *dimensions,
                                 size_t results, struct frame_tensor *tensors, size_t *size,
                                 struct error *err)
{
    *size = 0;
    for (size_t i = 0; i < frame->tensor_count; i++) {
        struct frame_tensor *tensor = &tensors[i];
        size_t one;

        if (frame_tensor_read(frame, i, tensor, err))
            return error_within(err, "result %zu", i);
        if (!tensor->bytes)
            tensor->offset = results; /* nothing lies anywhere */
        if (tensor->offset < results ||
            !checked_range(tensor->offset, tensor->bytes, process->memory.size))
            return error_set(err, STATUS_INVALID_INPUT, "result %zu lies outside its space", i);
        TRY(field_fits(&signature->outputs[i], tensor, dimensions, err));
        if (!copy_size(tensor, &one) || !checked_add(*size, one, size) || !align(*size, size))
            return error_set(err, STATUS_TOO_LARGE, "results of a worker");
    }
    return STATUS_OK;
}

enum status call_receive(const struct process *process, const struct frame *frame,
                         const struct signature *signature, const struct tensor *inputs,
                         size_t results, struct team *team, struct results *memory,
                         struct tensor *outputs, struct error *err)
{
    struct frame_tensor tensors[FRAME_TENSORS_MAX];
    struct dimensions dimensions;
    size_t size, place = 0;

    if (frame->tensor_count != signature->output_count) {
        if (error_set(err, STATUS_INTERNAL, "%zu outputs came, but the contract says %zu",
                      frame->tensor_count, signature->output_count))
            return wrong(err);
    }
    dimensions_of_inputs(&dimensions, signature, inputs);
    TRY(results_check(frame, process, signature, &dimensions, results, tensors, &size, err));
    TRY(room(memory, size + FRAME_ALIGNMENT, err));
    for (size_t i = 0; i < frame->tensor_count; i++) {
        if (tensor_copy(&tensors[i], process->memory.data + tensors[i].offset, memory->data + place,
                        team, &outputs[i], err))
            return error_within(err, "result %zu", i);
        (void)!copy_size(&tensors[i], &size);
        place = (place + size + FRAME_ALIGNMENT - 1) & ~(size_t)(FRAME_ALIGNMENT - 1);
    }
    return STATUS_OK;
}
