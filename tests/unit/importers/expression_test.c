// SPDX-License-Identifier: Apache-2.0
/* Expressions of sklearn2pmml's ExpressionTransformer, in a pipeline whose regression passes the
 * result on. Numbers are what CPython 3 gives. */
#include "engine/native.h"
#include "loading/load.h"
#include "test.h"

enum { PICKLE_MAX = 8192 };

struct opened {
    struct loading loading;
    struct servable *servable;
};

/* `functions`: NULL, or what comes after the expression's text in an Expression. */
static enum status open_expression(const char *expression, const char *functions,
                                   struct opened *opened, struct error *err)
{
    static char pickle[PICKLE_MAX];
    struct artifact *artifact;
    struct bytes none = {NULL, 0};
    int size = snprintf(pickle, sizeof pickle,
                        "\x80\x02" /* PROTO 2 */
                        "csklearn.pipeline\nPipeline\n)\x81}(Vsteps\n("
                        "(Vexpression\ncsklearn2pmml.preprocessing\nExpressionTransformer\n)\x81}("
                        "Vexpr\n%s%s\n%sVn_features_in_\nI2\nubt"
                        "(Vlinear\ncsklearn.linear_model._base\nLinearRegression\n)\x81}("
                        "Vcoef_\n(F1\nlVintercept_\nF0\nubt"
                        "lub.",
                        functions ? "csklearn2pmml.util\nExpression\n)\x81}(Vexpr\nV" : "V",
                        expression, functions ? functions : "");

    CHECK(size > 0 && size < PICKLE_MAX);
    *opened = (struct opened){0};
    TRY(artifact_open_bytes((struct bytes){(const uint8_t *)pickle, (size_t)size}, "model.pkl",
                            NULL, &artifact, err));
    TRY(load_artifact(artifact, none, NULL, &opened->loading, err));
    if (opened->loading.description.reason)
        return error_set(err, STATUS_UNSUPPORTED, "%s", opened->loading.description.reason);
    return load_servable(&opened->loading, NULL, &opened->servable, err);
}

static void close_opened(struct opened *opened)
{
    if (opened->servable)
        servable_free(opened->servable);
    load_close(&opened->loading);
}

static enum status evaluate_with(const char *expression, const char *functions, double x0,
                                 double x1, double *answer, struct error *err)
{
    double row[] = {x0, x1};
    struct tensor input = {DTYPE_F64, SHAPE(1, 2), row}, output;
    struct opened opened;
    enum status status = open_expression(expression, functions, &opened, err);
    size_t index;

    if (status == STATUS_OK) {
        struct session *session = servable_session(opened.servable);

        CHECK(session);
        CHECK_OK(contract_signature(opened.servable->contract, "predict", &index, err), *err);
        status = session_run(session, index, &input, &output, err);
        if (status == STATUS_OK)
            *answer = tensor_f64(&output, 0);
        session_free(session);
    }
    close_opened(&opened);
    return status;
}

static enum status evaluate(const char *expression, double x0, double x1, double *answer,
                            struct error *err)
{
    return evaluate_with(expression, NULL, x0, x1, answer, err);
}

TEST(expressions_are_those_of_python)
{
    static const struct {
        const char *expression;
        double x0, x1, want;
    } CASES[] = {
        {"X[0] + X[1] * 2 - 1", 3, 4, 10},
        {"(X[0] + X[1]) * -2", 3, 4, -14},
        {"X[:, 0] / X[:, 1] + 0.5", 3, 4, 1.25},
        {"-X[0] ** 2", 3, 0, -9},
        {"2 ** X[0] ** 2", 3, 0, 512},
        {"X[-1] - X[0]", 3, 4, 1},
        {"X[0] % X[1]", -7, 3, 2},
        {"X[0] % X[1]", 7, -3, -2},
        {"X[0] % X[1]", 1, 0.1, 0.09999999999999995},
        {"X[0] % 3", 1e17, 0, 1},
        {"X[0] % 2.0 > 0.0", 5, 0, 1},
        {"1 if X[0] > 2 and not X[1] > 2 or X[0] < 0 else 0", 3, 1, 1},
        {"1 if X[0] > 2 and not X[1] > 2 or X[0] < 0 else 0", 3, 3, 0},
        {"-999 if (X[0] < 21 or X[0] > 65) else X[0]", 20, 0, -999},
        {"-999 if (X[0] < 21 or X[0] > 65) else X[0]", 30, 0, 30},
        {"1 if X[0] == 1 else 2 if X[0] == 2 else 3", 2, 0, 2},
        {"(X[0] > 1) + X[1]", 2, 5, 6},
        {"numpy.sqrt(X[0]) + abs(X[1])", 9, -1, 4},
        {"math.log(X[0])", 1, 0, 0},
        {"0 if pandas.isnull(X[0]) else 1", 1, 0, 1},
    };
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        double answer;

        if (evaluate(CASES[i].expression, CASES[i].x0, CASES[i].x1, &answer, &err))
            fail_msg("%s: %s", CASES[i].expression, err.text);
        if (!(answer == CASES[i].want))
            fail_msg("%s: %.17g, not %.17g", CASES[i].expression, answer, CASES[i].want);
    }
}

TEST(expressions_that_are_not_understood_are_refused)
{
    static const char *const CASES[] = {
        "",
        " ",
        "X[0] +",
        "X[0]]",
        "X[2]",
        "X[-3]",
        "X[0",
        "X[",
        "X",
        "1",
        "1 + 2",
        "X[0] X[1]",
        "X[0] if X[1]",
        "X[0] if X[1] else 2",
        "(X[0]",
        "X[0])",
        "X[1:]",
        "X[0][0]",
        "open('f')",
        "__import__('os').system('x')",
        "lambda: X[0]",
        "[X[0]]",
        "X[0] and X[1]",
        "not X[0]",
        "0 < X[0] < 1",
        "(X[0] > 0) + (X[1] > 0)",
        "X[0] + 'a'",
        "'a",
        "X[99999999999999999999]",
        "1.2.3 + X[0]",
        "1e + X[0]",
        "X[0] @ X[1]",
        "numpy.nothing(X[0])",
        "X[0].real",
        "X[0];",
        "numpy.log(X[0], X[1])",

    };
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        double answer;
        enum status status = evaluate(CASES[i], 1, 2, &answer, &err);

        if (status != STATUS_UNSUPPORTED)
            fail_msg("%s: %s %g", CASES[i], status_name(status), status ? 0 : answer);
    }
}

TEST(deep_expressions_are_refused)
{
    static char deep[4096];
    static const char *const OPENINGS[] = {"(",     "-",    "not ",
                                           "2 ** ", "abs(", "0 if X[0] > 0 else "};
    struct error err;
    double answer;

    for (size_t i = 0; i < ARRAY_COUNT(OPENINGS); i++) {
        deep[0] = 0;
        for (int k = 0; k < 200; k++)
            strcat(deep, OPENINGS[i]);
        strcat(deep, "X[0]");
        CHECK_FAILS(evaluate(deep, 1, 2, &answer, &err), err, STATUS_UNSUPPORTED, "too deep");
    }
}

TEST(division_by_zero_is_an_error)
{
    struct error err;
    double answer;

    CHECK_FAILS(evaluate("X[0] / X[1]", 1, 0, &answer, &err), err, STATUS_INVALID_INPUT,
                "division by zero, at row 0");
    CHECK_FAILS(evaluate("X[0] % X[1]", 1, 0, &answer, &err), err, STATUS_INVALID_INPUT,
                "division by zero, at row 0");
    CHECK_FAILS(evaluate("X[0] / 0", 1, 0, &answer, &err), err, STATUS_INVALID_INPUT,
                "division by zero");
}

#define FUNCTIONS(source) "Vfunction_defs\n(V" source "\nlub"
#define LINE "\\u000a"

TEST(functions_of_branches_choose)
{
    static const char *const SOURCE =
        FUNCTIONS("def f(a, b):  # of two" LINE "    if a > 2:" LINE "        if b > 2:" LINE
                  "            return a * 10" LINE "        return b" LINE "    elif a < 0:" LINE
                  "        return -1" LINE "    else:" LINE "        return a + b" LINE);
    static const struct {
        double x0, x1, want;
    } CASES[] = {{3, 4, 30}, {3, 1, 1}, {-5, 1, -1}, {1, 7, 8}, {2, 2, 4}};
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        double answer;

        CHECK_OK(evaluate_with("f(X[0], X[1])", SOURCE, CASES[i].x0, CASES[i].x1, &answer, &err),
                 err);
        CHECK(answer == CASES[i].want);
    }
}

TEST(functions_that_are_not_understood_are_refused)
{
    static const char *const SOURCES[] = {
        FUNCTIONS("def f(a):" LINE),
        FUNCTIONS("def f(a):" LINE "return a" LINE),
        FUNCTIONS("def f(a):" LINE "    pass" LINE),
        FUNCTIONS("def f(a, b):" LINE "    return a" LINE),
        FUNCTIONS("def f(a=1):" LINE "    return a" LINE),
        FUNCTIONS("def f(X):" LINE "    return X" LINE),
        FUNCTIONS("def f(a):" LINE "    if a > 1:" LINE "        return 1" LINE),
        FUNCTIONS("def f(a):" LINE "    return a" LINE "    return 2" LINE),
        FUNCTIONS("def f(a):" LINE "    return f(a)" LINE),
        FUNCTIONS("def f(a):" LINE "    b = a" LINE "    return b" LINE),
        FUNCTIONS("def g(a):" LINE "    return a" LINE),
    };
    struct error err;
    double answer;

    for (size_t i = 0; i < ARRAY_COUNT(SOURCES); i++)
        CHECK(evaluate_with("f(X[0])", SOURCES[i], 1, 1, &answer, &err) == STATUS_UNSUPPORTED);
}

/* Each function calls the one before it eight times: 8^6 calls in a few hundred bytes. */
TEST(functions_that_multiply_are_refused)
{
    static char defs[2048];
    size_t size = 0;
    struct error err;
    double answer;

    size += (size_t)snprintf(defs, sizeof defs, "Vfunction_defs\n(");
    for (int f = 0; f < 7; f++) {
        size +=
            (size_t)snprintf(defs + size, sizeof defs - size, "Vdef f%d(a):\\u000a    return a", f);
        for (int call = 0; f && call < 8; call++)
            size += (size_t)snprintf(defs + size, sizeof defs - size, "+f%d(a)", f - 1);
        size += (size_t)snprintf(defs + size, sizeof defs - size, "\\u000a\n");
    }
    size += (size_t)snprintf(defs + size, sizeof defs - size, "lub");
    CHECK(size < sizeof defs);
    CHECK_OK(evaluate_with("f2(X[0])", defs, 1, 1, &answer, &err), err);
    CHECK(answer == 1 + 8 * 9); /* a and eight times f1, which is 9a */
    CHECK_FAILS(evaluate_with("f6(X[0])", defs, 1, 1, &answer, &err), err, STATUS_UNSUPPORTED,
                "functions that are too long with all their calls");
}

TEST(too_many_functions_are_refused)
{
    static char defs[8000];
    size_t size = (size_t)snprintf(defs, sizeof defs, "Vfunction_defs\n(");
    struct error err;
    double answer;

    for (int f = 0; f < 257; f++)
        size += (size_t)snprintf(defs + size, sizeof defs - size, "Vf%d\n", f);
    snprintf(defs + size, sizeof defs - size, "lub");
    CHECK_FAILS(evaluate_with("X[0]", defs, 1, 1, &answer, &err), err, STATUS_UNSUPPORTED,
                "an expression of too many functions");
}
