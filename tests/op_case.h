// SPDX-License-Identifier: Apache-2.0
/* Operator cases as text: what an operator is given and what it must give, or why it must refuse.
 *
 *     case softmax_old_axis            # a name, for messages
 *     op Softmax 12                    # operator (ai.onnx.ml:Scaler for another domain), opset
 *     attribute axis int 1             # int float string ints floats strings tensor
 *     in float [2,2] 1 2 3 4           # dtype, shape, elements; or: in none
 *     out float [2,2] 0.1 0.2 0.3 0.4
 *     near 1e-3 1e-7                   # relative and absolute; floats only; 0 0 when absent
 *     fails INVALID_INPUT axis         # instead of out: status, part of the text
 *
 * A blank line ends a case. Strings stand in double quotes, with \\, \", \n and \xNN. */
#pragma once

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "ops/op.h"

enum { CASE_TENSORS_MAX = 64, CASE_ATTRIBUTES_MAX = 32, CASE_NAME_SIZE = 96 };

struct op_case {
    char name[CASE_NAME_SIZE];
    const struct op *op; /* NULL when there is none of this name */
    char op_name[CASE_NAME_SIZE];
    int opset;
    struct attribute attributes[CASE_ATTRIBUTES_MAX];
    size_t attribute_count;
    struct tensor in[CASE_TENSORS_MAX], out[CASE_TENSORS_MAX];
    size_t in_count, out_count;
    double relative, absolute;
    enum status fails; /* STATUS_OK: it does not */
    char part[CASE_NAME_SIZE];
};

enum { COUNT_MAX = 1 << 16, CASE_BYTES_MAX = 1 << 22 };

struct reader {
    struct bytes text;
    size_t at, line;
    struct arena *keep;
    struct error *err;
};

static inline enum status fault(const struct reader *r, const char *what)
{
    return error_set(r->err, STATUS_INVALID_INPUT, "line %zu: %s", r->line, what);
}

static inline bool at_end_of_line(const struct reader *r)
{
    return r->at >= r->text.size || r->text.data[r->at] == '\n';
}

static inline void skip_blanks(struct reader *r)
{
    while (!at_end_of_line(r) && (r->text.data[r->at] == ' ' || r->text.data[r->at] == '\t'))
        r->at++;
    if (!at_end_of_line(r) && r->text.data[r->at] == '#')
        while (!at_end_of_line(r))
            r->at++;
}

/* The next word of the line; empty at its end. */
static inline struct bytes next_word(struct reader *r)
{
    struct bytes word;

    skip_blanks(r);
    word = (struct bytes){r->text.data + r->at, 0};
    while (!at_end_of_line(r) && word.data[word.size] != ' ' && word.data[word.size] != '\t') {
        word.size++;
        r->at++;
    }
    return word;
}

static inline void copy_word(struct bytes word, char *to, size_t size)
{
    snprintf(to, size, "%.*s", (int)(word.size < size ? word.size : size - 1),
             (const char *)word.data);
}

static inline int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline enum status read_string(struct reader *r, struct bytes *string)
{
    uint8_t *copy;
    size_t start, size = 0;

    skip_blanks(r);
    if (at_end_of_line(r) || r->text.data[r->at] != '"')
        return fault(r, "a string is missing");
    start = ++r->at;
    while (!at_end_of_line(r) && r->text.data[r->at] != '"')
        r->at += r->text.data[r->at] == '\\' && r->at + 1 < r->text.size ? 2 : 1;
    if (at_end_of_line(r))
        return fault(r, "a string does not end");
    copy = arena_alloc(r->keep, r->at - start + 1, 1);
    if (!copy)
        return error_no_memory(r->err, "a string");
    for (size_t i = start; i < r->at; i++) {
        uint8_t c = r->text.data[i];

        if (c == '\\' && i + 1 < r->at) {
            c = r->text.data[++i];
            if (c == 'n') {
                c = '\n';
            } else if (c == 'x') {
                int high = i + 2 < r->at ? hex_digit(r->text.data[i + 1]) : -1;
                int low = i + 2 < r->at ? hex_digit(r->text.data[i + 2]) : -1;

                if (high < 0 || low < 0)
                    return fault(r, "\\x without two digits");
                c = (uint8_t)(high * 16 + low);
                i += 2;
            }
        }
        copy[size++] = c;
    }
    r->at++;
    *string = (struct bytes){copy, size};
    return STATUS_OK;
}

static inline enum status read_f64(struct reader *r, double *value)
{
    if (!number_from_text(next_word(r), value))
        return fault(r, "a number is missing");
    return STATUS_OK;
}

static inline enum status read_i64(struct reader *r, int64_t *value)
{
    if (!number_i64_from_text(next_word(r), value))
        return fault(r, "a whole number is missing");
    return STATUS_OK;
}

static inline bool has_more(struct reader *r)
{
    skip_blanks(r);
    return !at_end_of_line(r);
}

/* Words left on the line, as a bound on the elements of a list. */
static inline size_t words_left(const struct reader *r)
{
    size_t count = 1;

    for (size_t i = r->at; i < r->text.size && r->text.data[i] != '\n'; i++)
        count += r->text.data[i] == ' ' || r->text.data[i] == '\t';
    return count < COUNT_MAX ? count : COUNT_MAX;
}

/* "[2,?,3]": ? is a free dimension */
static inline enum status read_shape(struct reader *r, struct shape *shape)
{
    struct bytes word = next_word(r);
    size_t i = 1;

    *shape = shape_scalar();
    if (word.size < 2 || word.data[0] != '[' || word.data[word.size - 1] != ']')
        return fault(r, "a shape is missing");
    while (i < word.size - 1) {
        int64_t dim = 0;

        if (shape->rank == RANK_MAX)
            return fault(r, "too many dimensions");
        if (word.data[i] < '0' || word.data[i] > '9')
            return fault(r, "a dimension is no number");
        for (; word.data[i] >= '0' && word.data[i] <= '9'; i++)
            if (__builtin_mul_overflow(dim, 10, &dim) ||
                __builtin_add_overflow(dim, word.data[i] - '0', &dim))
                return fault(r, "a dimension does not fit");
        shape->dims[shape->rank++] = dim;
        if (word.data[i] == ',')
            i++;
        else if (i != word.size - 1)
            return fault(r, "a comma is missing");
    }
    return STATUS_OK;
}

static inline enum status read_element(struct reader *r, struct tensor *tensor, size_t i)
{
    int64_t whole;
    double value;

    if (tensor->dtype == DTYPE_STRING)
        return read_string(r, &((struct bytes *)tensor->data)[i]);
    if (tensor->dtype == DTYPE_I64 || tensor->dtype == DTYPE_U64) {
        struct bytes word = next_word(r);

        if (number_i64_from_text(word, &whole))
            ((int64_t *)tensor->data)[i] = whole;
        else if (!number_parse_u64((const char *)word.data, (const char *)word.data + word.size,
                                   &((uint64_t *)tensor->data)[i]))
            return fault(r, "an element is no whole number");
        return STATUS_OK;
    }
    TRY(read_f64(r, &value));
    tensor_set_f64(tensor, i, value);
    return STATUS_OK;
}

static inline enum status read_tensor(struct reader *r, struct tensor *tensor)
{
    char name[32];
    struct shape shape;
    enum dtype dtype;
    size_t bytes;

    copy_word(next_word(r), name, sizeof name);
    if (!strcmp(name, "none")) {
        *tensor = (struct tensor){.dtype = DTYPE_NONE};
        return STATUS_OK;
    }
    dtype = dtype_parse(name);
    if (!dtype || dtype_kind(dtype) == KIND_OTHER || dtype_kind(dtype) == KIND_COMPLEX)
        return fault(r, "a dtype is missing");
    TRY(read_shape(r, &shape));
    TRY(shape_check(&shape, dtype, CASE_BYTES_MAX, &bytes, r->err));
    if (bytes / dtype_size(dtype) > words_left(r) + 1)
        return fault(r, "there are fewer elements than the shape has");
    TRY(tensor_new(tensor, dtype, &shape, r->keep, r->err));
    for (size_t i = 0; i < tensor_count(tensor); i++)
        TRY(read_element(r, tensor, i));
    return STATUS_OK;
}

static inline enum status read_ints(struct reader *r, struct attribute *attribute)
{
    size_t most = words_left(r);
    int64_t *ints = arena_new(r->keep, int64_t, most);

    if (!ints)
        return error_no_memory(r->err, "a list");
    for (; has_more(r) && attribute->count < most; attribute->count++)
        TRY(read_i64(r, &ints[attribute->count]));
    attribute->ints = ints;
    return STATUS_OK;
}

static inline enum status read_floats(struct reader *r, struct attribute *attribute)
{
    size_t most = words_left(r);
    double *floats = arena_new(r->keep, double, most);

    if (!floats)
        return error_no_memory(r->err, "a list");
    for (; has_more(r) && attribute->count < most; attribute->count++)
        TRY(read_f64(r, &floats[attribute->count]));
    attribute->floats = floats;
    return STATUS_OK;
}

static inline enum status read_strings(struct reader *r, struct attribute *attribute)
{
    size_t most = words_left(r);
    struct bytes *strings = arena_new(r->keep, struct bytes, most);

    if (!strings)
        return error_no_memory(r->err, "a list");
    for (; has_more(r) && attribute->count < most; attribute->count++)
        TRY(read_string(r, &strings[attribute->count]));
    attribute->strings = strings;
    return STATUS_OK;
}

static inline enum status read_attribute(struct reader *r, struct attribute *attribute)
{
    static const char *const KINDS[] = {
        [ATTRIBUTE_INT] = "int",        [ATTRIBUTE_FLOAT] = "float", [ATTRIBUTE_STRING] = "string",
        [ATTRIBUTE_TENSOR] = "tensor",  [ATTRIBUTE_INTS] = "ints",   [ATTRIBUTE_FLOATS] = "floats",
        [ATTRIBUTE_STRINGS] = "strings"};
    struct tensor *tensor;
    struct bytes kind;

    *attribute = (struct attribute){.name = arena_text(r->keep, next_word(r))};
    if (!attribute->name)
        return error_no_memory(r->err, "a name");
    kind = next_word(r);
    for (size_t i = ATTRIBUTE_INT; i < ARRAY_COUNT(KINDS); i++)
        if (bytes_is(kind, KINDS[i]))
            attribute->kind = (enum attribute_kind)i;
    switch (attribute->kind) {
    case ATTRIBUTE_INT:
        return read_i64(r, &attribute->i);
    case ATTRIBUTE_FLOAT:
        return read_f64(r, &attribute->f);
    case ATTRIBUTE_STRING:
        return read_string(r, &attribute->s);
    case ATTRIBUTE_TENSOR:
        tensor = arena_new(r->keep, struct tensor, 1);
        if (!tensor)
            return error_no_memory(r->err, "an attribute");
        TRY(read_tensor(r, tensor));
        attribute->t = tensor;
        return tensor->dtype ? STATUS_OK : fault(r, "the tensor is none");
    case ATTRIBUTE_INTS:
        return read_ints(r, attribute);
    case ATTRIBUTE_FLOATS:
        return read_floats(r, attribute);
    case ATTRIBUTE_STRINGS:
        return read_strings(r, attribute);
    default:
        return fault(r, "an attribute of no kind");
    }
}

static inline enum status read_op(struct reader *r, struct op_case *c)
{
    struct bytes word = next_word(r), domain = {word.data, 0}, name = word;
    const uint8_t *colon = word.size ? memchr(word.data, ':', word.size) : NULL;
    int64_t opset;

    if (colon) {
        domain.size = (size_t)(colon - word.data);
        name = (struct bytes){colon + 1, word.size - domain.size - 1};
    }
    copy_word(name, c->op_name, sizeof c->op_name);
    c->op = op_find(domain, name);
    TRY(read_i64(r, &opset));
    if (opset < 0 || opset > 1000)
        return fault(r, "an opset is missing");
    c->opset = (int)opset;
    return STATUS_OK;
}

static inline enum status read_failure(struct reader *r, struct op_case *c)
{
    struct bytes word = next_word(r);
    size_t start;

    for (int i = 1; i <= STATUS_INTERNAL; i++)
        if (bytes_is(word, status_name((enum status)i)))
            c->fails = (enum status)i;
    if (!c->fails)
        return fault(r, "a status is missing");
    skip_blanks(r);
    start = r->at;
    while (!at_end_of_line(r))
        r->at++;
    copy_word((struct bytes){r->text.data + start, r->at - start}, c->part, sizeof c->part);
    return STATUS_OK;
}

static inline enum status read_line(struct reader *r, struct bytes key, struct op_case *c)
{
    if (bytes_is(key, "case")) {
        copy_word(next_word(r), c->name, sizeof c->name);
        return STATUS_OK;
    }
    if (bytes_is(key, "op"))
        return read_op(r, c);
    if (bytes_is(key, "attribute")) {
        if (c->attribute_count == CASE_ATTRIBUTES_MAX)
            return fault(r, "too many attributes");
        return read_attribute(r, &c->attributes[c->attribute_count++]);
    }
    if (bytes_is(key, "in") || bytes_is(key, "out")) {
        size_t *count = key.size == 2 ? &c->in_count : &c->out_count;

        if (*count == CASE_TENSORS_MAX)
            return fault(r, "too many tensors");
        return read_tensor(r, key.size == 2 ? &c->in[(*count)++] : &c->out[(*count)++]);
    }
    if (bytes_is(key, "near")) {
        TRY(read_f64(r, &c->relative));
        return read_f64(r, &c->absolute);
    }
    if (bytes_is(key, "fails"))
        return read_failure(r, c);
    return fault(r, "a line that begins with none of its words");
}

/* The next case of a text, from *at on, which moves. INVALID_INPUT names line and fault; *found is
 * false at the end. What the case needs is kept. */
static inline enum status case_read(struct bytes text, size_t *at, struct op_case *c, bool *found,
                                    struct arena *keep, struct error *err)
{
    struct reader r = {.text = text, .at = *at, .line = 1, .keep = keep, .err = err};

    *c = (struct op_case){.opset = 0};
    *found = false;
    for (size_t i = 0; i < *at; i++)
        r.line += text.data[i] == '\n';
    for (; r.at < text.size; r.at++, r.line++) {
        size_t start = r.at;
        struct bytes key = next_word(&r);

        if (key.size == 0) {
            bool is_comment = r.at > start;

            if (*found && !is_comment)
                break;
            continue;
        }
        *found = true;
        TRY(read_line(&r, key, c));
        if (has_more(&r))
            return fault(&r, "there is more on the line");
    }
    *at = r.at < text.size ? r.at : text.size;
    while (c->in_count && !c->in[c->in_count - 1].dtype)
        c->in_count--;
    return STATUS_OK;
}

/* --- running --- */

enum { TENSOR_BYTES_MAX = 1 << 22, SCRATCH_BYTES_MAX = 1 << 26 };

/* Exactly as many bytes as the tensor has, so that the sanitizer sees every step beyond. */
static inline enum status exact_bytes(struct tensor *tensor, const void *from, struct error *err)
{
    size_t bytes;

    TRY(shape_check(&tensor->shape, tensor->dtype, TENSOR_BYTES_MAX, &bytes, err));
    tensor->data = malloc(bytes ? bytes : 1);
    if (!tensor->data)
        return error_no_memory(err, "a tensor");
    if (from && bytes)
        memcpy(tensor->data, from, bytes);
    else
        memset(tensor->data, 0xA5, bytes);
    return STATUS_OK;
}

struct stage {
    struct op_call call;
    struct attributes attributes;
    struct tensor in[CASE_TENSORS_MAX], out[CASE_TENSORS_MAX];
    struct arena memory;
};

/* Level 0: nothing but dtypes; 1: ranks; 2: shapes; 3: all. */
static inline enum status infer_at(const struct op_case *c, struct stage *s, int level,
                                   struct error *err)
{
    for (size_t i = 0; i < c->in_count; i++) {
        struct shape *shape = &s->in[i].shape;

        *shape = c->in[i].shape;
        s->call.in[i].data = NULL;
        if (level == 0)
            *shape = shape_unknown();
        for (int d = 0; level == 1 && d < shape->rank; d++)
            shape->dims[d] = d % 2 ? DIM_UNKNOWN : DIM_UNKNOWN - 1 - d;
    }
    for (size_t i = 0; i < c->out_count; i++)
        s->out[i] = (struct tensor){.dtype = DTYPE_NONE};
    return s->call.op->infer(&s->call, err);
}

/* What was inferred with less must agree with what is inferred with more. */
static inline enum status check_level(const struct tensor *less, const struct tensor *more,
                                      int level, size_t output, struct error *err)
{
    bool agree = less->dtype == more->dtype;

    if (less->shape.rank >= 0)
        agree = agree && less->shape.rank == more->shape.rank;
    for (int i = 0; agree && i < less->shape.rank; i++)
        agree = less->shape.dims[i] < 0 || less->shape.dims[i] == more->shape.dims[i];
    if (!agree)
        return error_set(err, STATUS_INTERNAL, "output %zu inferred at level %d is another", output,
                         level);
    return STATUS_OK;
}

static inline enum status infer_levels(const struct op_case *c, struct stage *s, bool *refused,
                                       struct error *err)
{
    struct tensor guesses[3][CASE_TENSORS_MAX];
    enum status status, at[3];

    for (int level = 0; level < 3; level++) {
        at[level] = infer_at(c, s, level, err);
        memcpy(guesses[level], s->out, sizeof s->out);
    }
    for (size_t i = 0; i < c->in_count; i++) {
        s->in[i] = c->in[i];
        if (c->in[i].dtype)
            TRY(exact_bytes(&s->in[i], c->in[i].data, err));
    }
    for (size_t i = 0; i < c->out_count; i++)
        s->out[i] = (struct tensor){.dtype = DTYPE_NONE};
    status = s->call.op->infer(&s->call, err);
    *refused = status != STATUS_OK;
    for (int level = 0; level < 3 && !status; level++)
        for (size_t i = 0; i < c->out_count && !at[level] && !status; i++)
            status = check_level(&guesses[level][i], &s->out[i], level, i, err);
    /* less knowledge is no reason to refuse, unless the operator says that it needs it */
    for (int level = 0; level < 3 && !status; level++)
        if (at[level] && at[level] != STATUS_UNSUPPORTED)
            return error_set(err, STATUS_INTERNAL, "refused at level %d only", level);
    return status;
}

static inline bool is_near(const struct op_case *c, double got, double want)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    return got == want || fabs(got - want) <= c->absolute + c->relative * fabs(want);
}

static inline enum status compare(const struct op_case *c, const struct tensor *got,
                                  const struct tensor *want, size_t output, struct error *err)
{
    char text[SHAPE_PRINT_SIZE];
    size_t size = dtype_size(want->dtype);

    if (got->dtype != want->dtype || !shape_equal(&got->shape, &want->shape))
        return error_set(err, STATUS_INTERNAL, "output %zu is %s %s", output,
                         dtype_name(got->dtype), shape_print(&got->shape, text, sizeof text));
    for (size_t i = 0; i < tensor_count(want); i++) {
        bool same;

        if (want->dtype == DTYPE_STRING)
            same = bytes_equal(((struct bytes *)got->data)[i], ((struct bytes *)want->data)[i]);
        else if (dtype_is_float(want->dtype))
            same = is_near(c, tensor_f64(got, i), tensor_f64(want, i));
        else
            same = !memcmp((char *)got->data + i * size, (char *)want->data + i * size, size);
        if (!same)
            return error_set(err, STATUS_INTERNAL, "output %zu, element %zu is %.9g, not %.9g",
                             output, i, tensor_f64(got, i), tensor_f64(want, i));
    }
    return STATUS_OK;
}

static inline enum status run_once(const struct op_case *c, struct stage *s, bool *refused,
                                   struct error *err)
{
    size_t scratch = s->call.op->scratch_size ? s->call.op->scratch_size(&s->call) : 0;
    enum status status;

    if (scratch > SCRATCH_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%zu bytes of scratch", scratch);
    s->call.scratch = aligned_alloc(64, (scratch + 127) / 64 * 64);
    if (!s->call.scratch)
        return error_no_memory(err, "scratch");
    memset(s->call.scratch, 0xA5, (scratch + 127) / 64 * 64);
    status = s->call.op->run(&s->call, err);
    *refused = status != STATUS_OK;
    free(s->call.scratch);
    for (size_t i = 0; i < c->out_count && !status && c->out[i].dtype; i++)
        status = compare(c, &s->out[i], &c->out[i], i, err);
    return status;
}

/* Over the bytes of input 0, where the operator allows it. */
static inline enum status run_in_place(const struct op_case *c, struct stage *s, bool *refused,
                                       struct error *err)
{
    void *before = s->out[0].data;
    enum status status;

    if (!c->in_count || !c->in[0].data || s->out[0].dtype != c->in[0].dtype ||
        (s->call.op->flags & OP_VIEW ? tensor_bytes(&s->out[0]) != tensor_bytes(&c->in[0])
                                     : !shape_equal(&s->out[0].shape, &c->in[0].shape)))
        return STATUS_OK;
    s->out[0].data = s->in[0].data;
    status = run_once(c, s, refused, err);
    s->out[0].data = before;
    return status ? error_within(err, "in place") : STATUS_OK;
}

static inline enum status run_stages(const struct op_case *c, struct stage *s, bool *refused,
                                     struct error *err)
{
    TRY(infer_levels(c, s, refused, err));
    for (size_t i = 0; i < c->out_count; i++) {
        if (!s->out[i].dtype || !shape_is_known(&s->out[i].shape))
            return error_set(err, STATUS_INTERNAL, "output %zu is not known", i);
        TRY(exact_bytes(&s->out[i], NULL, err));
    }
    if (s->call.op->prepare) {
        enum status status = s->call.op->prepare(&s->call, &s->memory, err);

        *refused = status != STATUS_OK;
        TRY(status);
    }
    TRY(run_once(c, s, refused, err));
    if (s->call.op->flags & (OP_INPLACE | OP_VIEW))
        TRY(run_in_place(c, s, refused, err));
    return STATUS_OK;
}

/* Infer with nothing known, then more and more; prepare, run, run in place where that is allowed.
 * INVALID_INPUT says what is not as it should be; an error of the operator itself is in *err with
 * its status, and *refused is true. Outputs are compared only when the case has any. */
static inline enum status case_run(const struct op_case *c, bool *refused, struct error *err)
{
    struct stage *s = calloc(1, sizeof *s);
    const struct op *op = c->op;
    enum status status;
    bool gap = false;

    *refused = false;
    *err = (struct error){.status = STATUS_OK};
    if (!s)
        return error_no_memory(err, "a case");
    s->attributes = (struct attributes){c->attributes, c->attribute_count};
    s->call = (struct op_call){.op = op,
                               .opset = c->opset,
                               .attributes = &s->attributes,
                               .in_count = c->in_count,
                               .out_count = c->out_count,
                               .in = s->in,
                               .out = s->out,
                               .memory = &s->memory};
    arena_init(&s->memory, 256 << 20);
    for (size_t i = 0; i < c->in_count; i++) {
        s->in[i] = c->in[i];
        gap = gap || !c->in[i].dtype;
    }
    *refused = true;
    if (c->in_count < op->in_min || c->in_count > op->in_max || c->out_count < op->out_min ||
        c->out_count > op->out_max || (gap && !(op->flags & OP_OPTIONAL_GAPS)))
        status = error_set(err, STATUS_INVALID_INPUT, "%zu inputs, %zu outputs", c->in_count,
                           c->out_count);
    else
        status = run_stages(c, s, refused, err);
    for (size_t i = 0; i < c->in_count; i++)
        if (s->in[i].data != c->in[i].data)
            free(s->in[i].data);
    for (size_t i = 0; i < c->out_count; i++)
        free(s->out[i].data);
    arena_release(&s->memory);
    free(s);
    return status;
}
