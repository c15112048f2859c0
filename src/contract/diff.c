// SPDX-License-Identifier: Apache-2.0
/* What a client of one contract would notice with another. The judgement is that of contract_bind:
 * a request that is still accepted with the same meaning is compatible, an answer that a client's
 * code may not expect is breaking. */
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "contract/contract.h"

struct diff {
    struct text *text;
    int worst;
    const char *signature;
    const char *direction; /* "input", "output" */
};

static void note(struct diff *diff, int grade, const char *field, const char *what, const char *why)
{
    char a[TEXT_QUOTE_SIZE], b[TEXT_QUOTE_SIZE];

    if (grade > diff->worst)
        diff->worst = grade;
    text_printf(diff->text, "%-10s  %s", grade == DIFF_BREAKING ? "breaking" : "compatible",
                text_quote(bytes_of(diff->signature), a, sizeof a));
    if (field)
        text_printf(diff->text, ": %s \"%s\"", diff->direction,
                    text_quote(bytes_of(field), b, sizeof b));
    text_printf(diff->text, " %s: %s\n", what, why);
}

static const struct field *find_field(const struct field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(fields[i].name, name))
            return &fields[i];
    return NULL;
}

/* Bits of mantissa, or of the integer's magnitude. */
static int precision(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F16:
        return 11;
    case DTYPE_BF16:
        return 8;
    case DTYPE_F32:
        return 24;
    case DTYPE_F64:
        return 53;
    default:
        return (int)dtype_size(dtype) * 8 - (dtype_kind(dtype) == KIND_INT);
    }
}

/* Does every value of dtype `a` bind to a field of dtype `b`? */
static bool is_accepted(enum dtype a, enum dtype b)
{
    enum dtype_kind from = dtype_kind(a), to = dtype_kind(b);

    if (a == b || b == DTYPE_NONE)
        return true;
    if (from == KIND_FLOAT && to == KIND_FLOAT)
        return precision(b) >= 24 || precision(b) >= precision(a);
    if ((from != KIND_INT && from != KIND_UINT) ||
        (to != KIND_INT && to != KIND_UINT && to != KIND_FLOAT))
        return false;
    if (from == KIND_INT && to == KIND_UINT)
        return false;
    return precision(b) >= precision(a);
}

static void diff_dtype(struct diff *diff, const struct field *old, const struct field *new,
                       bool input)
{
    char what[64];

    if (old->dtype == new->dtype)
        return;
    snprintf(what, sizeof what, "is %s, was %s", dtype_name(new->dtype), dtype_name(old->dtype));
    if (!input)
        note(diff, DIFF_BREAKING, new->name, what, "clients read the old type");
    else if (is_accepted(old->dtype, new->dtype))
        note(diff, DIFF_COMPATIBLE, new->name, what, "the old type's values are converted");
    else
        note(diff, DIFF_BREAKING, new->name, what, "values of the old type may be refused");
}

enum { SHAPE_EQUAL, SHAPE_WIDER, SHAPE_NARROWER, SHAPE_OTHER };

/* How the shapes of `new` stand to those of `old`; [n] and [n,1] bind to one another. */
static int compare_shapes(const struct shape *old, const struct shape *new, bool input)
{
    struct shape a = *old;
    bool wider = false, narrower = false;

    if (old->rank == new->rank && old->rank < 0)
        return SHAPE_EQUAL;
    if (new->rank < 0)
        return SHAPE_WIDER;
    if (old->rank < 0)
        return SHAPE_NARROWER;
    if (input && a.rank + new->rank == 3 && (a.rank == 2 ? a.dims[1] : new->dims[1]) == 1)
        a.rank = new->rank, a.dims[1] = 1;
    if (a.rank != new->rank)
        return SHAPE_OTHER;
    for (int i = 0; i < a.rank; i++) {
        bool was_free = a.dims[i] < 0, is_free = new->dims[i] < 0;
        if (!was_free && !is_free && a.dims[i] != new->dims[i])
            return SHAPE_OTHER;
        wider = wider || (is_free && !was_free);
        narrower = narrower || (was_free && !is_free);
    }
    return narrower ? SHAPE_NARROWER : wider ? SHAPE_WIDER : SHAPE_EQUAL;
}

static void diff_shape(struct diff *diff, const struct field *old, const struct field *new,
                       bool input)
{
    char before[SHAPE_PRINT_SIZE], after[SHAPE_PRINT_SIZE], what[2 * SHAPE_PRINT_SIZE + 32];
    int order = compare_shapes(&old->shape, &new->shape, input);

    if (order == SHAPE_EQUAL)
        return;
    snprintf(what, sizeof what, "has shape %s, was %s",
             shape_print(&new->shape, after, sizeof after),
             shape_print(&old->shape, before, sizeof before));
    if (order == SHAPE_OTHER)
        note(diff, DIFF_BREAKING, new->name, what,
             input ? "requests of the old shape are refused" : "clients read the old shape");
    else if ((order == SHAPE_WIDER) == input)
        note(diff, DIFF_COMPATIBLE, new->name, what,
             input ? "the old shape is still taken" : "every such answer fits the old shape");
    else
        note(diff, DIFF_BREAKING, new->name, what,
             input ? "some requests of the old shape are refused"
                   : "answers may have a size that the old contract ruled out");
}

static bool is_same_label(const struct tensor *a, size_t i, const struct tensor *b, size_t k)
{
    double x, y;

    if (a->dtype == DTYPE_STRING)
        return bytes_equal(((const struct bytes *)a->data)[i], ((const struct bytes *)b->data)[k]);
    x = tensor_f64(a, i);
    y = tensor_f64(b, k);
    return x == y || (isnan(x) && isnan(y));
}

static bool same_labels(const struct tensor *a, const struct tensor *b)
{
    if ((a->dtype == DTYPE_STRING) != (b->dtype == DTYPE_STRING) ||
        tensor_count(a) != tensor_count(b))
        return false;
    for (size_t i = 0; i < tensor_count(a); i++)
        if (!is_same_label(a, i, b, i))
            return false;
    return true;
}

/* Is every label of `a` among those of `b`? Bounded: lists of more than LABELS_MAX are not. */
static bool is_subset(const struct tensor *a, const struct tensor *b)
{
    enum { LABELS_MAX = 10000 };

    if ((a->dtype == DTYPE_STRING) != (b->dtype == DTYPE_STRING) || tensor_count(a) > LABELS_MAX ||
        tensor_count(b) > LABELS_MAX)
        return false;
    for (size_t i = 0; i < tensor_count(a); i++) {
        size_t k = 0;
        while (k < tensor_count(b) && !is_same_label(a, i, b, k))
            k++;
        if (k == tensor_count(b))
            return false;
    }
    return true;
}

static void diff_classes(struct diff *diff, const struct field *old, const struct field *new,
                         bool input)
{
    if (!old->classes || !new->classes) {
        if (old->classes && !new->classes)
            note(diff, DIFF_COMPATIBLE, new->name, "no longer lists its classes",
                 "requests and answers keep their form");
        return;
    }
    if (same_labels(old->classes, new->classes))
        return;
    if (!input)
        note(diff, DIFF_BREAKING, new->name, "has other classes or another order of them",
             "clients read answers by the old ones");
    else if (is_subset(old->classes, new->classes))
        note(diff, DIFF_COMPATIBLE, new->name, "knows other categories or another order of them",
             "all old ones are among them");
    else
        note(diff, DIFF_BREAKING, new->name, "knows other categories",
             "some of the old ones are not known any more");
}

static void diff_field(struct diff *diff, const struct field *old, const struct field *new,
                       bool input)
{
    char what[64];

    diff_dtype(diff, old, new, input);
    diff_shape(diff, old, new, input);
    diff_classes(diff, old, new, input);
    if (old->optional && !new->optional)
        note(diff, DIFF_BREAKING, new->name, "is required now", "requests without it are refused");
    if (!old->optional && new->optional)
        note(diff, DIFF_COMPATIBLE, new->name, "is optional now", "it may still be given");
    if (old->profile != new->profile) {
        snprintf(what, sizeof what, "has profile %s, was %s", profile_name(new->profile),
                 profile_name(old->profile));
        note(diff, DIFF_COMPATIBLE, new->name, what, "only monitoring sees it");
    }
}

static void diff_fields(struct diff *diff, const struct field *old, size_t old_count,
                        const struct field *new, size_t new_count, bool input)
{
    diff->direction = input ? "input" : "output";
    for (size_t i = 0; i < old_count; i++) {
        const struct field *found = find_field(new, new_count, old[i].name);
        if (found)
            diff_field(diff, &old[i], found, input);
        else
            note(diff, DIFF_BREAKING, old[i].name, "is gone",
                 input ? "requests that hold it are refused" : "clients that read it fail");
    }
    for (size_t i = 0; i < new_count; i++) {
        if (find_field(old, old_count, new[i].name))
            continue;
        if (!input)
            note(diff, DIFF_COMPATIBLE, new[i].name, "is new", "clients may ignore it");
        else if (new[i].optional)
            note(diff, DIFF_COMPATIBLE, new[i].name, "is new", "it may be left out");
        else
            note(diff, DIFF_BREAKING, new[i].name, "is new", "requests without it are refused");
    }
}

/* A table may be given as one matrix, so the order of its columns has a meaning. */
static void diff_columns(struct diff *diff, const struct signature *old,
                         const struct signature *new)
{
    bool same = old->input_count == new->input_count;

    if (!old->columns)
        return;
    if (!new->columns) {
        note(diff, DIFF_BREAKING, NULL, "is no table of columns any more",
             "requests with one matrix are refused");
        return;
    }
    for (size_t i = 0; same && i < old->input_count; i++)
        if (!find_field(new->inputs, new->input_count, old->inputs[i].name))
            return;
    for (size_t i = 0; same && i < old->input_count; i++)
        if (strcmp(old->inputs[i].name, new->inputs[i].name) != 0) {
            note(diff, DIFF_BREAKING, NULL, "has its columns in another order",
                 "a matrix in the old order would be misread");
            return;
        }
}

static const struct signature *find_signature(const struct contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->count; i++)
        if (!strcmp(contract->signatures[i].name, name))
            return &contract->signatures[i];
    return NULL;
}

int contract_diff(const struct contract *old, const struct contract *new, struct text *text)
{
    struct diff diff = {.text = text, .worst = DIFF_SAME};

    for (size_t i = 0; i < old->count; i++) {
        const struct signature *before = &old->signatures[i];
        const struct signature *after = find_signature(new, before->name);
        diff.signature = before->name;
        if (!after) {
            note(&diff, DIFF_BREAKING, NULL, "is gone", "requests for it are refused");
            continue;
        }
        diff_fields(&diff, before->inputs, before->input_count, after->inputs, after->input_count,
                    true);
        diff_fields(&diff, before->outputs, before->output_count, after->outputs,
                    after->output_count, false);
        diff_columns(&diff, before, after);
        if (!before->reason && after->reason)
            note(&diff, DIFF_BREAKING, NULL, "is not servable any more", after->reason);
    }
    for (size_t i = 0; i < new->count; i++) {
        diff.signature = new->signatures[i].name;
        if (!find_signature(old, diff.signature))
            note(&diff, DIFF_COMPATIBLE, NULL, "is new", "nobody calls it yet");
    }
    if (old->count && new->count && strcmp(old->signatures[0].name, new->signatures[0].name) != 0) {
        diff.signature = new->signatures[0].name;
        note(&diff, DIFF_BREAKING, NULL, "is now the first signature",
             "requests that name none get another one");
    }
    return diff.worst;
}
