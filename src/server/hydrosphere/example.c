// SPDX-License-Identifier: Apache-2.0
/* Examples of requests: one value, repeated. */
#include "contract/maps.h"
#include "server/hydrosphere/view.h"

enum { VALUES_MAX = 1 << 20 };

/* As it is printed: what is no text, bool or fraction is a whole number. */
static enum dtype example_dtype(enum dtype dtype)
{
    switch (dtype_kind(dtype)) {
    case KIND_STRING:
    case KIND_BOOL:
        return dtype;
    case KIND_FLOAT:
        return DTYPE_F64;
    case KIND_COMPLEX:
        return DTYPE_C128;
    default:
        return DTYPE_I64;
    }
}

static void example_fill(const struct field *field, struct tensor *tensor)
{
    size_t count = tensor_count(tensor);
    struct bytes word = bytes_of("foo");

    if (field->classes && field->classes->dtype == DTYPE_STRING && tensor_count(field->classes))
        word = ((const struct bytes *)field->classes->data)[0];
    for (size_t i = 0; i < count; i++)
        switch (tensor->dtype) {
        case DTYPE_STRING:
            ((struct bytes *)tensor->data)[i] = word;
            break;
        case DTYPE_BOOL:
            ((uint8_t *)tensor->data)[i] = true;
            break;
        case DTYPE_F64:
            ((double *)tensor->data)[i] = 1;
            break;
        case DTYPE_C128:
            ((double *)tensor->data)[2 * i] = 1;
            break;
        default:
            ((int64_t *)tensor->data)[i] = 1;
        }
}

static enum status example_make(const struct field *field, struct tensor *tensor,
                                struct arena *arena, struct error *err)
{
    struct shape shape = field->shape.rank < 0 ? shape_scalar() : field->shape;
    int64_t count = 1;

    for (int d = 0; d < shape.rank; d++) {
        shape.dims[d] = shape.dims[d] < 1 ? 1 : shape.dims[d];
        if (shape.dims[d] > VALUES_MAX / count)
            return error_set(err, STATUS_TOO_LARGE, "an example of '%.64s' has more than %d values",
                             field->name, VALUES_MAX);
        count *= shape.dims[d];
    }
    TRY(tensor_new(tensor, example_dtype(field->dtype), &shape, arena, err));
    example_fill(field, tensor);
    return STATUS_OK;
}

enum status view_example(const struct view *view, const struct signature *signature,
                         struct error *err)
{
    struct tensor *tensors = arena_new(view->arena, struct tensor, signature->input_count);

    if (!tensors)
        return error_no_memory(err, "an example");
    for (size_t i = 0; i < signature->input_count; i++)
        TRY(example_make(&signature->inputs[i], &tensors[i], view->arena, err));
    return maps_print_json(signature->inputs, signature->input_count, tensors, view->text, err);
}
