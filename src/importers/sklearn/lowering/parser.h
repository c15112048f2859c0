// SPDX-License-Identifier: Apache-2.0
/* The parser of Python's expressions, inside: expression.c, and functions.c for functions that
 * come with an expression as source. */
#pragma once

#include "importers/sklearn/packages/expression.h"

struct operand {
    value_id value;
    enum dtype dtype; /* F64, BOOL or STRING */
    bool integral;    /* a Python int */
    bool constant;    /* a scalar: number, or text */
    double number;
    struct bytes text;
};

enum { PARAMETERS_MAX = 16, CALLS_MAX = 8, FUNCTIONS_MAX = 256 };

struct parser {
    struct lowering *l;
    struct table in;
    const uint8_t *start, *at, *end;
    int depth;
    const struct pickle_object *functions; /* a list of their sources, or NULL */
    int calls;                             /* of functions in functions */
    struct bytes names[PARAMETERS_MAX];    /* the parameters of the function that this is in */
    struct operand values[PARAMETERS_MAX];
    size_t parameters;
};

enum status parser_fault(const struct parser *p, const char *what, struct error *err) must_check;
void parser_blanks(struct parser *p);
bool parser_take(struct parser *p, const char *word);
enum status parser_choice(struct parser *p, struct operand *out, struct error *err) must_check;
/* `condition` ? a : b, of numbers. */
enum status parser_choose(struct parser *p, const struct operand *condition, struct operand *a,
                          struct operand *b, struct error *err) must_check;

/* Whether one of the functions has this name; then the call whose bracket is open. */
bool function_known(const struct parser *p, struct bytes name);
enum status function_call(struct parser *p, struct bytes name, struct operand *out,
                          struct error *err) must_check;
