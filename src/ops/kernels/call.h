// SPDX-License-Identifier: Apache-2.0
/* What operators ask of a call, beyond ops/op.h: omitted inputs, constants that are part of the
 * shape rule (axes, pads, repeats), dimension arithmetic that cannot overflow. */
#pragma once

#include "base/text.h"
#include "ops/op.h"

/* Is the optional input given? And is its value known (always so in run)? */
static inline bool op_has(const struct op_call *call, size_t input)
{
    return input < call->in_count && call->in[input].dtype != DTYPE_NONE;
}

bool op_is_known(const struct op_call *call, size_t input);

/* Was the model written for a version of the domain before `opset`? (0 is the newest.) */
static inline bool op_before(const struct op_call *call, int opset)
{
    return call->opset > 0 && call->opset < opset;
}

/* Describe an output, when somebody has it. */
static inline void op_give(const struct op_call *call, size_t output, enum dtype dtype,
                           const struct shape *shape)
{
    if (output < call->out_count) {
        call->out[output].dtype = dtype;
        call->out[output].shape = *shape;
    }
}

/* infer of operators whose output is as input 0. */
enum status op_infer_same(struct op_call *call, struct error *err) must_check;

/* The values of a known int32 or int64 input, at most `max` of them. */
enum status op_input_ints(const struct op_call *call, size_t input, int64_t *values, size_t max,
                          size_t *count, struct error *err) must_check;

/* The shape whose dimensions are the elements of an int32 or int64 input: INVALID_INPUT where one
 * is below `least`; unknown dimensions, or an unknown rank, where the elements are not known. */
enum status op_input_shape(const struct op_call *call, size_t input, int64_t least,
                           struct shape *shape, struct error *err) must_check;

/* A list of axes: from `input` when it is given, else from the attribute. Absent: *given is false.
 * A given input of unknown value: *known is false and the rest is untouched. */
struct axes {
    bool given, known;
    size_t count;
    int64_t values[RANK_MAX]; /* as given, unchecked */
};
enum status op_axes_list(const struct op_call *call, size_t input, const char *attribute,
                         struct axes *axes, struct error *err) must_check;

/* The same as a mask over `rank` dimensions, checked, without repetition. */
enum status op_axes_mask(const struct op_call *call, const struct axes *axes, int rank,
                         bool mask[RANK_MAX], struct error *err) must_check;

/* One element of a known input as integer or double: scalars and one-element tensors. */
enum status op_input_i64(const struct op_call *call, size_t input, int64_t *value,
                         struct error *err) must_check;

/* prepare of operators that pack nothing: state remembers that the reference must serve. And in
 * run: must it, by state or by the calling thread? */
enum status op_prepare_reference(struct op_call *call, struct arena *keep, struct error *err)
    must_check;
bool op_wants_reference(const struct op_call *call);

/* run: what a text holds as a string of the call's memory. Releases the text, also when it fails.
 */
enum status op_text_take(const struct op_call *call, struct text *text, struct bytes *string,
                         struct error *err) must_check;

/* Both refuse a result that does not fit; unknown in, unknown out. */
enum status dim_multiply(const struct op_call *call, int64_t a, int64_t b, int64_t *out,
                         struct error *err) must_check;
enum status dim_add(const struct op_call *call, int64_t a, int64_t b, int64_t *out,
                    struct error *err) must_check;

/* The rank of an input must be `rank`, or at least / at most (unknown ranks pass). */
enum status op_wants_rank(const struct op_call *call, size_t input, int low, int high,
                          struct error *err) must_check;

/* Product of dims[from..to) of a known shape. */
static inline size_t shape_span(const struct shape *shape, int from, int to)
{
    size_t count = 1;

    for (int i = from; i < to; i++)
        count *= (size_t)shape->dims[i];
    return count;
}

/* dtypes as sets for op_wants, beyond ops/op.h */
#define DTYPES_SIGNED                                                                              \
    (DTYPE_BIT(DTYPE_I8) | DTYPE_BIT(DTYPE_I16) | DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64))
#define DTYPES_INDEX (DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64))
