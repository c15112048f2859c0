// SPDX-License-Identifier: Apache-2.0
/* Recursive descent over a subset of Python's expressions:
 *
 *   choice   = or ["if" or "else" choice]
 *   or       = and {"or" and}          and = not {"and" not}       not = "not" not | compare
 *   compare  = sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum]
 *   sum      = product {("+" | "-") product}
 *   product  = unary {("*" | "/" | "%") unary}
 *   unary    = ("-" | "+") unary | power          power = atom ["**" unary]
 *   atom     = number | string | "True" | "False" | "(" choice ")" | X index | function "(" choice
 * ")" index    = "[" ["-"] digits "]" | "[:," digits "]" | "[" string "]"
 *
 * Values are columns (n, 1): numbers and flags as F64 or BOOL, text as (n,) STRING. */
#include "importers/sklearn/lowering/parser.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

enum { DEPTH_MAX = 64, NAME_MAX = 64 };

static enum status unary(struct parser *p, struct operand *out, struct error *err);

enum status parser_fault(const struct parser *p, const char *what, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    return error_set(
        err, STATUS_UNSUPPORTED, "%s at character %zu of the expression '%s'", what,
        (size_t)(p->at - p->start),
        text_quote((struct bytes){p->start, (size_t)(p->end - p->start)}, quoted, sizeof quoted));
}

/* --- words --- */

void parser_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t'))
        p->at++;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Take `word` when it is next. A word of letters must end there. */
bool parser_take(struct parser *p, const char *word)
{
    size_t size = strlen(word);

    parser_blanks(p);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0)
        return false;
    if (is_letter((uint8_t)word[size - 1]) && p->at + size < p->end &&
        (is_letter(p->at[size]) || is_digit(p->at[size])))
        return false;
    p->at += size;
    return true;
}

/* --- values --- */

/* Constants become columns by broadcasting; only text must be a whole column for its operators. */
static enum status as_number(struct parser *p, struct operand *x, struct error *err)
{
    if (x->dtype == DTYPE_STRING)
        return parser_fault(p, "text where a number is needed", err);
    if (x->constant && x->value == VALUE_NONE)
        TRY(emit_scalar(p->l, x->number, &x->value, err));
    TRY(emit_cast(&p->l->e, x->value, DTYPE_F64, &x->value, err));
    x->dtype = DTYPE_F64;
    return STATUS_OK;
}

static enum status as_flag(struct parser *p, const struct operand *x, struct error *err)
{
    return x->dtype == DTYPE_BOOL && x->value != VALUE_NONE
               ? STATUS_OK
               : parser_fault(p, "something that is no comparison where a truth is needed", err);
}

/* A constant text as a column of as many rows as the input has. */
static enum status as_text(struct parser *p, struct operand *x, struct error *err)
{
    struct shape shape = SHAPE(1);
    struct tensor *tensor;
    struct bytes *element;
    value_id constant, first, zero;

    if (x->dtype != DTYPE_STRING)
        return parser_fault(p, "a number where text is needed", err);
    if (!x->constant)
        return STATUS_OK;
    tensor = arena_new(p->l->keep, struct tensor, 1);
    element = arena_new(p->l->keep, struct bytes, 1);
    if (!tensor || !element)
        return error_no_memory(err, "text");
    *element = x->text;
    *tensor = (struct tensor){DTYPE_STRING, shape, element};
    /* Gather with an index of 0 for each row: the first column tells how many there are. */
    TRY(emit_constant(&p->l->e, tensor, &constant, err));
    TRY(table_vector(p->l, &p->in, 0, DTYPE_NONE, &first, err));
    TRY(emit_row_zeros(p->l, first, &zero, err));
    TRY(emit_2(&p->l->e, "Gather", constant, zero, &x->value, err));
    x->constant = false;
    return STATUS_OK;
}

static enum status column(struct parser *p, size_t index, struct operand *out, struct error *err)
{
    struct table single;

    *out = (struct operand){.value = VALUE_NONE};
    if (index >= p->in.count)
        return parser_fault(p, "a column that is not there", err);
    TRY(table_pick(p->l, &p->in, &index, 1, &single, err));
    out->integral = single.columns[0].integral;
    if (column_dtype(p->l, &single.columns[0]) == DTYPE_STRING) {
        out->dtype = DTYPE_STRING;
        return table_vector(p->l, &single, 0, DTYPE_STRING, &out->value, err);
    }
    out->dtype = DTYPE_F64;
    return table_matrix(p->l, &single, CHECK_NONE, &out->value, err);
}

/* --- atoms --- */

static enum status quoted(struct parser *p, struct bytes *text, struct error *err)
{
    uint8_t quote = *p->at++;
    const uint8_t *start = p->at;

    while (p->at < p->end && *p->at != quote && *p->at != '\\')
        p->at++;
    if (p->at == p->end || *p->at != quote)
        return parser_fault(p, "a text with escapes or without an end", err);
    *text = (struct bytes){start, (size_t)(p->at++ - start)};
    return STATUS_OK;
}

static enum status subscript(struct parser *p, struct operand *out, struct error *err)
{
    size_t index = 0;
    bool negative;

    if (!parser_take(p, "[")) {
        if (p->in.count == 1)
            return column(p, 0, out, err);
        return parser_fault(p, "X without an index", err);
    }
    if (parser_take(p, ":") && !parser_take(p, ","))
        return parser_fault(p, "a slice", err);
    parser_blanks(p);
    if (p->at < p->end && (*p->at == '\'' || *p->at == '"')) {
        struct bytes name;

        TRY(quoted(p, &name, err));
        TRY(table_find(p->l, &p->in, name, &index, err));
    } else {
        negative = parser_take(p, "-");
        parser_blanks(p);
        if (p->at == p->end || !is_digit(*p->at))
            return parser_fault(p, "an index that is no number", err);
        while (p->at < p->end && is_digit(*p->at) && index < 1 << 24)
            index = index * 10 + (size_t)(*p->at++ - '0');
        if (negative && (index == 0 || index > p->in.count))
            return parser_fault(p, "a column that is not there", err);
        index = negative ? p->in.count - index : index;
    }
    if (!parser_take(p, "]"))
        return parser_fault(p, "an index without an end", err);
    return column(p, index, out, err);
}

static enum status number(struct parser *p, struct operand *out, struct error *err)
{
    const uint8_t *start = p->at;

    *out = (struct operand){
        .value = VALUE_NONE, .dtype = DTYPE_F64, .constant = true, .integral = true};
    while (p->at < p->end && (is_digit(*p->at) || *p->at == '.' || *p->at == 'e' ||
                              ((*p->at == '-' || *p->at == '+') && p->at[-1] == 'e'))) {
        out->integral = out->integral && is_digit(*p->at);
        p->at++;
    }
    if (!number_from_text((struct bytes){start, (size_t)(p->at - start)}, &out->number))
        return parser_fault(p, "something that is no number", err);
    return STATUS_OK;
}

/* pandas.isnull(x), numpy.log(x), math.sqrt(x) ... */
static enum status call(struct parser *p, struct operand *out, struct error *err)
{
    static const char *const MODULES[] = {"numpy.", "np.", "math.", "pandas.", "pd."};
    const uint8_t *start = p->at;
    char name[NAME_MAX];
    size_t size, skip = 0;

    while (p->at < p->end && (is_letter(*p->at) || is_digit(*p->at) || *p->at == '.'))
        p->at++;
    size = (size_t)(p->at - start);
    for (size_t i = 0; i < p->parameters; i++)
        if (bytes_equal(p->names[i], (struct bytes){start, size})) {
            *out = p->values[i];
            return STATUS_OK;
        }
    if (function_known(p, (struct bytes){start, size}) && parser_take(p, "("))
        return function_call(p, (struct bytes){start, size}, out, err);
    for (size_t i = 0; i < ARRAY_COUNT(MODULES); i++)
        if (size > strlen(MODULES[i]) && memcmp(start, MODULES[i], strlen(MODULES[i])) == 0)
            skip = strlen(MODULES[i]);
    if (size - skip >= NAME_MAX || !parser_take(p, "("))
        return parser_fault(p, "a name that is not known", err);
    memcpy(name, start + skip, size - skip);
    name[size - skip] = 0;
    TRY(parser_choice(p, out, err));
    if (!parser_take(p, ")"))
        return parser_fault(p, "a call with several arguments", err);
    if (skip == 0 && strcmp(name, "abs") != 0)
        return parser_fault(p, "a function that is not known", err);
    TRY(as_number(p, out, err));
    out->integral = out->constant = false;
    if (strcmp(name, "isnull") == 0 || strcmp(name, "isna") == 0 || strcmp(name, "isnan") == 0) {
        out->dtype = DTYPE_BOOL;
        return emit_1(&p->l->e, "IsNaN", out->value, &out->value, err);
    }
    if (strcmp(name, "notnull") == 0 || strcmp(name, "notna") == 0) {
        out->dtype = DTYPE_BOOL;
        TRY(emit_1(&p->l->e, "IsNaN", out->value, &out->value, err));
        return emit_1(&p->l->e, "Not", out->value, &out->value, err);
    }
    if (emit_math(&p->l->e, name, out->value, &out->value, err))
        return parser_fault(p, "a function that is not known", err);
    return STATUS_OK;
}

static enum status atom(struct parser *p, struct operand *out, struct error *err)
{
    parser_blanks(p);
    if (p->at == p->end)
        return parser_fault(p, "nothing", err);
    if (parser_take(p, "(")) {
        TRY(parser_choice(p, out, err));
        return parser_take(p, ")") ? STATUS_OK : parser_fault(p, "a bracket without an end", err);
    }
    if (parser_take(p, "X"))
        return subscript(p, out, err);
    if (is_digit(*p->at) || *p->at == '.')
        return number(p, out, err);
    *out = (struct operand){.value = VALUE_NONE, .constant = true};
    if (*p->at == '\'' || *p->at == '"') {
        out->dtype = DTYPE_STRING;
        return quoted(p, &out->text, err);
    }
    return is_letter(*p->at) ? call(p, out, err) : parser_fault(p, "something unexpected", err);
}

/* --- operators --- */

/* As Python's float.__mod__: C's remainder, moved to the divisor's sign. */
static enum status remainder_of(struct lowering *l, value_id a, value_id b, value_id *out,
                                struct error *err)
{
    struct attribute fmod = attribute_of_int("fmod", 1);
    value_id zero, rest, moved, below, divisor_below, is_zero, differs;

    TRY(emit_scalar(l, 0, &zero, err));
    TRY(emit(&l->e, "", "Mod", (value_id[]){a, b}, 2, &fmod, 1, &rest, 1, err));
    TRY(emit_2(&l->e, "Less", rest, zero, &below, err));
    TRY(emit_2(&l->e, "Less", b, zero, &divisor_below, err));
    TRY(emit_2(&l->e, "Xor", below, divisor_below, &differs, err));
    TRY(emit_2(&l->e, "Equal", rest, zero, &is_zero, err));
    TRY(emit_1(&l->e, "Not", is_zero, &is_zero, err));
    TRY(emit_2(&l->e, "And", differs, is_zero, &differs, err));
    TRY(emit_2(&l->e, "Add", rest, b, &moved, err));
    return emit_where(&l->e, differs, moved, rest, out, err);
}

static enum status arithmetic(struct parser *p, const char *op, struct operand *a,
                              struct operand *b, struct error *err)
{
    bool integral = a->integral && b->integral, mod = strcmp(op, "Mod") == 0;
    bool divides = mod || strcmp(op, "Div") == 0;

    if (a->dtype == DTYPE_BOOL && b->dtype == DTYPE_BOOL)
        return parser_fault(p, "arithmetic of two truths", err);
    divides = divides && !(b->constant && b->number != 0);
    TRY(as_number(p, a, err));
    TRY(as_number(p, b, err));
    a->constant = false;
    a->integral = integral && strcmp(op, "Div") != 0;
    if (divides)
        TRY(emit(&p->l->e, "firn", "Divisor", &b->value, 1, NULL, 0, &b->value, 1, err));
    return mod ? remainder_of(p->l, a->value, b->value, &a->value, err)
               : emit_2(&p->l->e, op, a->value, b->value, &a->value, err);
}

static enum status power(struct parser *p, struct operand *out, struct error *err)
{
    struct operand exponent;

    TRY(atom(p, out, err));
    if (!parser_take(p, "**"))
        return STATUS_OK;
    TRY(unary(p, &exponent, err));
    return arithmetic(p, "Pow", out, &exponent, err);
}

static enum status unary(struct parser *p, struct operand *out, struct error *err)
{
    if (++p->depth > DEPTH_MAX)
        return parser_fault(p, "too deep an expression", err);
    if (parser_take(p, "-")) {
        TRY(unary(p, out, err));
        if (out->constant && out->dtype == DTYPE_F64) {
            out->number = -out->number;
        } else {
            TRY(as_number(p, out, err));
            TRY(emit_1(&p->l->e, "Neg", out->value, &out->value, err));
        }
    } else if (parser_take(p, "+")) {
        TRY(unary(p, out, err));
    } else {
        TRY(power(p, out, err));
    }
    p->depth--;
    return STATUS_OK;
}

static bool take_product(struct parser *p)
{
    parser_blanks(p);
    return !(p->end - p->at > 1 && p->at[0] == '*' && p->at[1] == '*') && parser_take(p, "*");
}

static enum status product(struct parser *p, struct operand *out, struct error *err)
{
    TRY(unary(p, out, err));
    for (;;) {
        struct operand right;
        const char *op = take_product(p) ? "Mul" : parser_take(p, "%") ? "Mod" : NULL;

        parser_blanks(p);
        if (!op && p->end - p->at > 1 && p->at[0] == '/' && p->at[1] == '/')
            return parser_fault(p, "a whole division", err);
        if (!op && !parser_take(p, "/"))
            return STATUS_OK;
        TRY(unary(p, &right, err));
        TRY(arithmetic(p, op ? op : "Div", out, &right, err));
    }
}

static enum status join(struct parser *p, struct operand *a, struct operand *b, struct error *err)
{
    struct attribute function = attribute_of_text("function", "concat");

    TRY(as_text(p, a, err));
    TRY(as_text(p, b, err));
    return emit(&p->l->e, "firn", "Text", (value_id[]){a->value, b->value}, 2, &function, 1,
                &a->value, 1, err);
}

static enum status sum(struct parser *p, struct operand *out, struct error *err)
{
    TRY(product(p, out, err));
    for (;;) {
        struct operand right;
        bool minus = parser_take(p, "-");

        if (!minus && !parser_take(p, "+"))
            return STATUS_OK;
        TRY(product(p, &right, err));
        if (!minus && (out->dtype == DTYPE_STRING || right.dtype == DTYPE_STRING))
            TRY(join(p, out, &right, err));
        else
            TRY(arithmetic(p, minus ? "Sub" : "Add", out, &right, err));
    }
}

/* column == 'text'. */
static enum status compare_text(struct parser *p, struct operand *a, const struct operand *b,
                                bool negated, struct error *err)
{
    struct shape keys_shape = SHAPE(1), rows_shape = SHAPE(2, 1);
    struct tensor *tensors = arena_new(p->l->keep, struct tensor, 2);
    struct attribute attributes[3];

    if (!b->constant || b->dtype != DTYPE_STRING || a->dtype != DTYPE_STRING || a->constant)
        return parser_fault(p, "a comparison of text with something else", err);
    if (!tensors)
        return error_no_memory(err, "text");
    TRY(tensor_new(&tensors[0], DTYPE_STRING, &keys_shape, p->l->keep, err));
    *(struct bytes *)tensors[0].data = b->text;
    TRY(tensor_new(&tensors[1], DTYPE_F64, &rows_shape, p->l->keep, err));
    tensor_set_f64(&tensors[1], negated ? 1 : 0, 1);
    attributes[0] = attribute_of_tensor("keys", &tensors[0]);
    attributes[1] = attribute_of_tensor("rows", &tensors[1]);
    attributes[2] = attribute_of_int("unknown", 1);
    TRY(emit(&p->l->e, "firn", "Lookup", &a->value, 1, attributes, 3, &a->value, 1, err));
    a->dtype = DTYPE_BOOL;
    return emit_cast(&p->l->e, a->value, DTYPE_BOOL, &a->value, err);
}

static enum status compare(struct parser *p, struct operand *out, struct error *err)
{
    static const struct {
        const char *word, *op;
    } OPERATORS[] = {{"==", "Equal"},          {"!=", "Equal"}, {"<=", "LessOrEqual"},
                     {">=", "GreaterOrEqual"}, {"<", "Less"},   {">", "Greater"}};
    struct operand right;
    size_t i = 0;
    bool negated;

    TRY(sum(p, out, err));
    while (i < ARRAY_COUNT(OPERATORS) && !parser_take(p, OPERATORS[i].word))
        i++;
    if (i == ARRAY_COUNT(OPERATORS))
        return STATUS_OK;
    negated = OPERATORS[i].word[0] == '!';
    TRY(sum(p, &right, err));
    if (out->dtype == DTYPE_STRING || right.dtype == DTYPE_STRING)
        return i < 2 ? compare_text(p, out, &right, negated, err)
                     : parser_fault(p, "an order of texts", err);
    TRY(as_number(p, out, err));
    TRY(as_number(p, &right, err));
    TRY(emit_2(&p->l->e, OPERATORS[i].op, out->value, right.value, &out->value, err));
    if (negated)
        TRY(emit_1(&p->l->e, "Not", out->value, &out->value, err));
    *out = (struct operand){.value = out->value, .dtype = DTYPE_BOOL, .integral = true};
    return STATUS_OK;
}

static enum status negation(struct parser *p, struct operand *out, struct error *err)
{
    if (!parser_take(p, "not"))
        return compare(p, out, err);
    if (++p->depth > DEPTH_MAX)
        return parser_fault(p, "too deep an expression", err);
    TRY(negation(p, out, err));
    p->depth--;
    TRY(as_flag(p, out, err));
    return emit_1(&p->l->e, "Not", out->value, &out->value, err);
}

static enum status both(struct parser *p, struct operand *out, struct error *err)
{
    TRY(negation(p, out, err));
    while (parser_take(p, "and")) {
        struct operand right;

        TRY(negation(p, &right, err));
        TRY(as_flag(p, out, err));
        TRY(as_flag(p, &right, err));
        TRY(emit_2(&p->l->e, "And", out->value, right.value, &out->value, err));
    }
    return STATUS_OK;
}

static enum status either(struct parser *p, struct operand *out, struct error *err)
{
    TRY(both(p, out, err));
    while (parser_take(p, "or")) {
        struct operand right;

        TRY(both(p, &right, err));
        TRY(as_flag(p, out, err));
        TRY(as_flag(p, &right, err));
        TRY(emit_2(&p->l->e, "Or", out->value, right.value, &out->value, err));
    }
    return STATUS_OK;
}

enum status parser_choose(struct parser *p, const struct operand *condition, struct operand *a,
                          struct operand *b, struct error *err)
{
    TRY(as_flag(p, condition, err));
    TRY(as_number(p, a, err));
    TRY(as_number(p, b, err));
    TRY(emit_where(&p->l->e, condition->value, a->value, b->value, &a->value, err));
    *a = (struct operand){
        .value = a->value, .dtype = DTYPE_F64, .integral = a->integral && b->integral};
    return STATUS_OK;
}

enum status parser_choice(struct parser *p, struct operand *out, struct error *err)
{
    struct operand condition, otherwise;

    if (++p->depth > DEPTH_MAX)
        return parser_fault(p, "too deep an expression", err);
    TRY(either(p, out, err));
    if (parser_take(p, "if")) {
        TRY(either(p, &condition, err));
        if (!parser_take(p, "else"))
            return parser_fault(p, "an if without an else", err);
        TRY(parser_choice(p, &otherwise, err));
        TRY(parser_choose(p, &condition, out, &otherwise, err));
    }
    p->depth--;
    return STATUS_OK;
}

enum status expression_with_functions(struct lowering *l, struct bytes text,
                                      const struct pickle_object *functions, const struct table *in,
                                      struct table *out, struct error *err)
{
    struct parser p = {.l = l,
                       .in = *in,
                       .functions = functions,
                       .start = text.data,
                       .at = text.data,
                       .end = text.data + text.size};
    struct operand result;

    if (pickle_length(functions) > FUNCTIONS_MAX)
        return parser_fault(&p, "an expression of too many functions", err);
    TRY(parser_choice(&p, &result, err));
    parser_blanks(&p);
    if (p.at != p.end)
        return parser_fault(&p, "something unexpected", err);
    if (result.constant)
        return parser_fault(&p, "an expression without a column", err);
    if (result.dtype == DTYPE_STRING) {
        TRY(table_of_vector(l, result.value, out, err));
    } else if (l->e.graph->values[result.value].shape.rank != 2) {
        return parser_fault(&p, "an expression without a column", err);
    } else {
        TRY(table_of_matrix(l, result.value, 1, out, err));
    }
    ((struct column *)out->columns)->integral = result.integral;
    return STATUS_OK;
}

enum status expression_lower(struct lowering *l, struct bytes text, const struct table *in,
                             struct table *out, struct error *err)
{
    return expression_with_functions(l, text, NULL, in, out, err);
}
