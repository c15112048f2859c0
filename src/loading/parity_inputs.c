// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "loading/parity.h"

enum { BYTES_MAX = 64 << 20 };

/* Rows, and what other free dimensions are. */
static const struct {
    int64_t rows, others;
} SIZES[PARITY_SIZES] = {{8, 6}, {8, 32}, {2, 64}, {1, 1}};

/* splitmix64: the same numbers on every machine. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double unit(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

static struct shape shape_made(const struct field *field, size_t size)
{
    struct shape shape = field->shape;

    if (shape.rank < 0)
        shape = SHAPE(SIZES[size].rows, SIZES[size].others);
    for (int d = 0; d < shape.rank; d++)
        if (shape.dims[d] < 0)
            shape.dims[d] = d ? SIZES[size].others : SIZES[size].rows;
    return shape;
}

static double number(const struct field *field, size_t round, uint64_t *state)
{
    bool whole = dtype_kind(field->dtype) == KIND_INT || dtype_kind(field->dtype) == KIND_UINT;

    if (field->classes && dtype_kind(field->classes->dtype) != KIND_STRING &&
        tensor_count(field->classes))
        return tensor_f64(field->classes, next(state) % tensor_count(field->classes));
    if (dtype_kind(field->dtype) == KIND_BOOL)
        return (double)(next(state) & 1);
    if (whole)
        return (double)(next(state) % (round == 0 ? 2 : round == 1 ? 10 : 100));
    switch (round) {
    case 0:
        return 4 * unit(state) - 2;
    case 1:
        return unit(state);
    case 2:
        return 200 * unit(state) - 100;
    default:
        return (double)(next(state) % 3); /* equal numbers, and zero */
    }
}

static struct bytes word(const struct field *field, uint64_t *state)
{
    static const char *const WORDS[] = {"a", "b", "yes", "no", "some longer text", ""};

    if (field->classes && field->classes->dtype == DTYPE_STRING && tensor_count(field->classes))
        return (
            (const struct bytes *)field->classes->data)[next(state) % tensor_count(field->classes)];
    return bytes_of(WORDS[next(state) % ARRAY_COUNT(WORDS)]);
}

static enum status input_made(const struct field *field, size_t round, size_t size, uint64_t *state,
                              struct tensor *input, struct arena *keep, struct error *err)
{
    struct shape shape = shape_made(field, size);
    enum dtype_kind kind = dtype_kind(field->dtype);

    if (kind != KIND_BOOL && kind != KIND_INT && kind != KIND_UINT && kind != KIND_FLOAT &&
        kind != KIND_STRING)
        return error_set(err, STATUS_UNSUPPORTED, "input \"%.64s\" is %s", field->name,
                         dtype_name(field->dtype));
    TRY(shape_check(&shape, field->dtype, BYTES_MAX, NULL, err));
    TRY(tensor_new(input, field->dtype, &shape, keep, err));
    for (size_t i = 0; i < tensor_count(input); i++)
        if (kind == KIND_STRING)
            ((struct bytes *)input->data)[i] = word(field, state);
        else
            tensor_set_f64(input, i, number(field, round, state));
    return STATUS_OK;
}

enum status parity_inputs(const struct signature *signature, size_t round, size_t size,
                          struct tensor *inputs, struct arena *keep, struct error *err)
{
    uint64_t state = round + 1;

    for (size_t i = 0; i < signature->input_count; i++)
        TRY(input_made(&signature->inputs[i], round, size, &state, &inputs[i], keep, err));
    return STATUS_OK;
}

/* --- comparing --- */

static double part_allowed(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F64:
        return 1e-6;
    case DTYPE_F32:
        return 1e-4;
    default:
        return 1e-2; /* half, bfloat16 */
    }
}

static double largest_of(const struct tensor *tensor)
{
    double largest = 0;

    for (size_t i = 0; i < tensor_count(tensor); i++) {
        double value = fabs(tensor_f64(tensor, i));
        if (isfinite(value) && value > largest)
            largest = value;
    }
    return largest;
}

static void show(const struct tensor *tensor, size_t i, char *text, size_t size)
{
    if (tensor->dtype == DTYPE_STRING) {
        char quoted[TEXT_QUOTE_SIZE];
        snprintf(text, size, "\"%.40s\"",
                 text_quote(((const struct bytes *)tensor->data)[i], quoted, sizeof quoted));
    } else {
        snprintf(text, size, "%.9g", tensor_f64(tensor, i));
    }
}

static void found(struct parity_difference *difference, size_t output, size_t element,
                  const struct tensor *ours, const struct tensor *theirs)
{
    difference->found = true;
    difference->output = output;
    difference->element = element;
    show(ours, element, difference->ours, sizeof difference->ours);
    show(theirs, element, difference->theirs, sizeof difference->theirs);
}

static bool same_words(const struct tensor *ours, const struct tensor *theirs, size_t i)
{
    struct bytes a = ((const struct bytes *)ours->data)[i];
    struct bytes b = ((const struct bytes *)theirs->data)[i];

    return a.size == b.size && !a.data == !b.data && (!a.size || !memcmp(a.data, b.data, a.size));
}

static void compare_output(size_t output, const struct tensor *ours, const struct tensor *theirs,
                           struct parity_difference *difference)
{
    bool floats = dtype_is_float(ours->dtype);
    double scale = floats ? fmax(1, largest_of(theirs)) : 0;
    double allowed = floats ? part_allowed(ours->dtype) * scale : 0;

    difference->allowed = fmax(difference->allowed, allowed);
    for (size_t i = 0; i < tensor_count(ours) && !difference->found; i++) {
        double a, b, apart;

        if (ours->dtype == DTYPE_STRING) {
            if (!same_words(ours, theirs, i))
                found(difference, output, i, ours, theirs);
            continue;
        }
        a = tensor_f64(ours, i);
        b = tensor_f64(theirs, i);
        apart = a == b || (isnan(a) && isnan(b)) ? 0 : fabs(a - b);
        if (apart > difference->largest || isnan(apart))
            difference->largest = apart;
        if (isnan(apart) || apart > allowed)
            found(difference, output, i, ours, theirs);
    }
}

void parity_compare(const struct signature *signature, const struct tensor *ours,
                    const struct tensor *theirs, struct parity_difference *difference)
{
    for (size_t o = 0; o < signature->output_count && !difference->found; o++) {
        char shape[SHAPE_PRINT_SIZE];

        if (shape_equal(&ours[o].shape, &theirs[o].shape) && ours[o].dtype == theirs[o].dtype) {
            compare_output(o, &ours[o], &theirs[o], difference);
            continue;
        }
        difference->found = true;
        difference->output = o;
        snprintf(difference->ours, sizeof difference->ours, "%s%.40s", dtype_name(ours[o].dtype),
                 shape_print(&ours[o].shape, shape, sizeof shape));
        snprintf(difference->theirs, sizeof difference->theirs, "%s%.40s",
                 dtype_name(theirs[o].dtype), shape_print(&theirs[o].shape, shape, sizeof shape));
    }
}
