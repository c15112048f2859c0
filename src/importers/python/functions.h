// SPDX-License-Identifier: Apache-2.0
/* Functions of a Python module, read from its text: nothing is run. What only running would show
 * (a decorator's work, a name that is bound in a branch) is not guessed at. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct python_parameter {
    const char *name;
    bool optional; /* it has a default */
};

struct python_function { /* `def name(...)` at the top of the module */
    const char *name;
    size_t line;
    struct python_parameter *parameters; /* (parameter_count,), without *args and **kwargs */
    size_t parameter_count, positional_only;
    bool any;       /* **kwargs: takes any name */
    bool decorated; /* what is called may be something else */
};

struct python_module {
    struct python_function *functions; /* a name that is bound twice: the last one counts */
    size_t count;
    const char **others; /* names that are bound otherwise: assigned, imported, in a branch */
    size_t other_count;
    bool star; /* `from x import *`: any name may be there */
};

/* INVALID_INPUT with the line: a string or bracket that does not end, a `def` that is none. */
enum status python_module_read(struct bytes text, struct python_module *module, struct arena *keep,
                               struct error *err) must_check;

const struct python_function *python_function_find(const struct python_module *module,
                                                   const char *name);    /* or NULL */
bool python_binds(const struct python_module *module, const char *name); /* in whatever way */
