// SPDX-License-Identifier: Apache-2.0
#include "importers/python/functions.h"

#include "base/text.h"
#include "test.h"

/* "f(x, y=, /2, **)@" of each function, "others", "star" */
static void shown(const struct python_module *module, struct text *text)
{
    for (size_t i = 0; i < module->count; i++) {
        const struct python_function *f = &module->functions[i];

        text_printf(text, "%s%s:%zu(", i ? " " : "", f->name, f->line);
        for (size_t p = 0; p < f->parameter_count; p++)
            text_printf(text, "%s%s%s", p ? "," : "", f->parameters[p].name,
                        f->parameters[p].optional ? "=" : "");
        text_printf(text, ")%s%s", f->any ? "**" : "", f->decorated ? "@" : "");
        if (f->positional_only)
            text_printf(text, "/%zu", f->positional_only);
    }
}

static const struct {
    const char *why, *source, *want;
} MODULES[] = {
    {"plain", "def f(x, y):\n    return x\n", "f:1(x,y)"},
    {"nothing", "", ""},
    {"comments and blank lines", "# def g(a):\n\n\ndef f(x):  # def h(b):\n    pass", "f:4(x)"},
    {"a string that looks like one",
     "'''\ndef g(a): pass\n'''\nx = \"def h(b):\"\ndef f(x): pass\n", "f:5(x)"},
    {"prefixes of strings", "a = rb'\\'\n' if 0 else f\"{1}\"\ndef f(x): pass\n", NULL},
    {"defaults with brackets",
     "def f(a, b=(1, 2), c={'x': [1, 2]}, *, d=lambda p, q: p, e):\n    pass\n",
     "f:1(a,b=,c=,d=,e)"},
    {"annotations",
     "def f(a: 'int, b', b: dict[str, int] = None, *args: int, **kw: int) -> str: ...\n",
     "f:1(a,b=)**"},
    {"over lines", "def f(\n    a,  # first\n    b,\n):\n    pass\ndef g(): pass\n",
     "f:1(a,b) g:6()"},
    {"a line that goes on", "def \\\n f(a): pass\n", "f:2(a)"},
    {"positional only", "def f(a, b, /, c): pass\n", "f:1(a,b,c)/2"},
    {"decorated", "@wraps\ndef f(a): pass\ndef g(b): pass\n", "f:2(a)@ g:3(b)"},
    {"methods are none", "class C:\n    def f(self): pass\ndef g(x): pass\n", "g:3(x)"},
    {"functions in functions are none", "def g(x):\n    def f(y): pass\n", "g:1(x)"},
    {"a bound name twice", "def f(x): pass\ndef f(y): pass\n", "f:1(x) f:2(y)"},
    {"type parameters", "def f[T](x: T): pass\n", "f:1(x)"},
    {"UTF-8",
     "\xef\xbb\xbf"
     "def größe(ü): pass\n",
     "größe:1(ü)"},
    {"carriage returns", "def f(x):\r\n    pass\r\ndef g(y):\r\n    pass\r\n", "f:1(x) g:3(y)"},
    {"a string without an end", "x = 'abc\ndef f(x): pass\n", NULL},
    {"a long string without an end", "x = '''abc\ndef f(x): pass\n", NULL},
    {"a bracket without an end", "x = (1,\ndef f(x): pass\n", NULL},
    {"a bracket too many", "x = 1)\n", NULL},
    {"no name", "def (x): pass\n", NULL},
    {"no parameters", "def f: pass\n", NULL},
    {"a number", "def f(1): pass\n", NULL},
};

TEST(functions_of_modules)
{
    for (size_t i = 0; i < ARRAY_COUNT(MODULES); i++) {
        struct python_module module;
        struct text text = {0};
        struct arena keep;
        struct error err = {0};
        enum status status;

        arena_init(&keep, 1 << 20);
        status = python_module_read(bytes_of(MODULES[i].source), &module, &keep, &err);
        if (!MODULES[i].want) {
            if (status != STATUS_INVALID_INPUT)
                fail_msg("%s: it was read", MODULES[i].why);
        } else {
            CHECK_OK(status, err);
            shown(&module, &text);
            text_append(&text, "");
            if (strcmp(text.data ? text.data : "", MODULES[i].want))
                fail_msg("%s: %s", MODULES[i].why, text.data);
        }
        text_release(&text);
        arena_release(&keep);
    }
}

TEST(functions_bound_otherwise)
{
    static const struct {
        const char *source, *name;
        bool binds;
    } CASES[] = {
        {"from x import f\n", "f", true},
        {"from x import g as f\n", "f", true},
        {"import f\n", "f", true},
        {"f = lambda x: x\n", "f", true},
        {"a, f = 1, 2\n", "f", true},
        {"class f: pass\n", "f", true},
        {"if a:\n    def f(x): pass\nelse:\n    f = 1\n", "f", true},
        {"try:\n    from x import f\nexcept ImportError:\n    pass\n", "f", true},
        {"from x import *\n", "anything", true},
        {"print(f)\n", "f", false},
        {"def g(x):\n    f = 1\n", "f", false},
        {"class C:\n    def f(self): pass\n", "f", false},
        {"async def f(x): pass\n", "f", false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct python_module module;
        struct arena keep;
        struct error err = {0};

        arena_init(&keep, 1 << 20);
        CHECK_OK(python_module_read(bytes_of(CASES[i].source), &module, &keep, &err), err);
        if (python_binds(&module, CASES[i].name) != CASES[i].binds)
            fail_msg("%s", CASES[i].source);
        arena_release(&keep);
    }
}

/* Deep and long text ends in an error, not in time or memory. */
TEST(functions_of_much)
{
    struct python_module module;
    struct text text = {0};
    struct arena keep;
    struct error err = {0};

    for (int i = 0; i < 100000; i++)
        text_append(&text, "(");
    arena_init(&keep, 1 << 20);
    CHECK_FAILS(python_module_read(text_bytes(&text), &module, &keep, &err), err, STATUS_TOO_LARGE,
                "brackets");
    arena_release(&keep);
    text_release(&text);
}
