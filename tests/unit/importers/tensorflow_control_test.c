// SPDX-License-Identifier: Apache-2.0
/* Control flow of TensorFlow: graphs as text, one node a line.
 *
 *     name Operator input input ^control =1.5 @frame %attribute=DT_FLOAT
 *
 * All tensors are floats or bools; "=1.5", "=true": the value of a Const. */
#include <time.h>

#include "base/text.h"
#include "importers/importer.h"
#include "model.h"
#include "test.h"

static void attribute_add(struct text *text, char *word)
{
    char *type = strchr(word, '=');

    if (word[0] == '%')
        text_printf(text, "attr{key:\"%.*s\" value{type:%s}}", (int)(type - word - 1), word + 1,
                    type + 1);
    else if (word[0] == '@')
        text_printf(text, "attr{key:\"frame_name\" value{s:\"%s\"}}", word + 1);
    else if (!strcmp(word, "=true") || !strcmp(word, "=false"))
        text_printf(text,
                    "attr{key:\"dtype\" value{type:DT_BOOL}} attr{key:\"value\" "
                    "value{tensor{dtype:DT_BOOL tensor_shape{} bool_val:%s}}}",
                    word + 1);
    else
        text_printf(text,
                    "attr{key:\"dtype\" value{type:DT_FLOAT}} attr{key:\"value\" "
                    "value{tensor{dtype:DT_FLOAT tensor_shape{} float_val:%s}}}",
                    word + 1);
}

/* A GraphDef in protobuf's text format, which has to be freed. */
static char *graph_of(const char *lines, size_t *size)
{
    char *copy = strdup(lines), *made, *rest = copy, *line;
    struct text text;

    text = (struct text){0};
    while ((line = strtok_r(rest, "\n", &rest))) {
        char *words = line, *word, *name = strtok_r(words, " ", &words);
        char *op = strtok_r(words, " ", &words);

        text_printf(&text, "node{name:\"%s\" op:\"%s\" ", name, op);
        while ((word = strtok_r(words, " ", &words)))
            if (strchr("=@%", word[0]))
                attribute_add(&text, word);
            else
                text_printf(&text, "input:\"%s\" ", word);
        if (!strcmp(op, "Placeholder"))
            text_printf(&text, "attr{key:\"dtype\" value{type:DT_FLOAT}}"
                               "attr{key:\"shape\" value{shape{}}}");
        text_printf(&text, "}\n");
    }
    text_printf(&text, "versions{producer:1000}\n");
    made = strdup(text.data);
    *size = strlen(made);
    text_release(&text);
    free(copy);
    return made;
}

/* Import the text; *reason: why it is refused, or NULL. */
static enum status import_text(struct model *m, const char *text, size_t size, const char **reason)
{
    struct artifact *artifact = NULL;
    struct description description;
    enum status status;

    *m = (struct model){0};
    arena_init(&m->keep, (size_t)1 << 32);
    CHECK_OK(artifact_open_bytes((struct bytes){(const uint8_t *)text, size}, "graph.pbtxt", NULL,
                                 &artifact, &m->err),
             m->err);
    status = import_artifact(artifact, &description, &m->graph, &m->keep, &m->err);
    *reason = status ? m->err.text : description.reason;
    artifact_close(artifact);
    return status;
}

static enum status ask(struct model *m, float x, float *y)
{
    struct tensor in = {DTYPE_F32, shape_scalar(), &x, NULL}, out[8];

    TRY(session_run(m->session, 0, &in, out, &m->err));
    *y = *(const float *)out[0].data;
    return STATUS_OK;
}

/* --- answers --- */

/* y *= 2 while y < 10 */
#define DOUBLE                                                                                     \
    "x Placeholder\n"                                                                              \
    "ten Const =10\n"                                                                              \
    "two Const =2\n"                                                                               \
    "e Enter x @f\n"                                                                               \
    "m Merge e n\n"                                                                                \
    "limit Enter ten @f\n"                                                                         \
    "less Less m limit\n"                                                                          \
    "c LoopCond less\n"                                                                            \
    "s Switch m c\n"                                                                               \
    "body Identity s:1\n"                                                                          \
    "factor Enter two @f\n"                                                                        \
    "next Mul body factor\n"                                                                       \
    "n NextIteration next\n"                                                                       \
    "exit Exit s\n"

/* of x > 0, in a branch */
#define POSITIVE                                                                                   \
    "x Placeholder\n"                                                                              \
    "zero Const =0\n"                                                                              \
    "p Greater x zero\n"                                                                           \
    "s Switch x p\n"                                                                               \
    "pivot Switch p p\n"                                                                           \
    "t Identity pivot:1\n"                                                                         \
    "f Identity pivot\n"                                                                           \
    "hundred Const ^f =100\n"

static const struct {
    const char *why, *graph;
    float x, y;
} ANSWERS[] = {
    {"a loop", DOUBLE "y Identity exit\n", 3, 12},
    {"a loop of no round", DOUBLE "y Identity exit\n", 20, 20},
    {"a value that leaves on the way", DOUBLE "neg Neg s\nlast Exit neg\ny Sub last exit\n", 3,
     -24},
    {"a side", POSITIVE "a Neg s:1\nb Add s hundred\ny Merge b a\n", 3, -3},
    {"the other side", POSITIVE "a Neg s:1\nb Add s hundred\ny Merge b a\n", -3, 97},
    {"which side",
     POSITIVE "a Neg s:1\ny0 Merge hundred a\ny Cast y0:1 %SrcT=DT_INT32 %DstT=DT_FLOAT\n", 3, 1},
    {"a loop in a branch",
     POSITIVE "e Enter s:1 @f\nm Merge e n\nk Enter hundredt @f\nhundredt Const ^t =100\n"
              "less Less m k\nc LoopCond less\nls Switch m c\nnext Add ls:1 ls:1\n"
              "n NextIteration next\nexit Exit ls\ny Merge hundred exit\n",
     3, 192},
    {"a branch in a loop",
     "x Placeholder\nten Const =10\none Const =1\ne Enter x @f\nm Merge e n\nlimit Enter ten @f\n"
     "less Less m limit\nc LoopCond less\ns Switch m c\nunit Enter one @f\n"
     "odd Less s:1 unit\nb Switch s:1 odd\nplus Add b:1 unit\ntwice Add b b\n"
     "j Merge twice plus\nn NextIteration j\nexit Exit s\ny Identity exit\n",
     -2.5, 12},
    {"a known condition",
     "x Placeholder\nk Const =true\ns Switch x k\na Neg s:1\nb Abs s\n"
     "y Merge b a\n",
     3, -3},
};

TEST(tensorflow_control_flow_answers)
{
    for (size_t i = 0; i < ARRAY_COUNT(ANSWERS); i++) {
        const char *reason;
        struct model m;
        size_t size;
        char *text = graph_of(ANSWERS[i].graph, &size);
        float y = 0;

        CHECK_OK(import_text(&m, text, size, &reason), m.err);
        CHECK_TEXT(reason ? reason : "", "");
        model_load(&m, NULL);
        CHECK_OK(ask(&m, ANSWERS[i].x, &y), m.err);
        if (y != ANSWERS[i].y)
            fprintf(stderr, "%s: %g\n", ANSWERS[i].why, (double)y);
        CHECK(y == ANSWERS[i].y);
        model_release(&m);
        free(text);
    }
}

/* --- what is refused --- */

static const struct {
    const char *why, *graph, *reason;
} REFUSED[] = {
    {"a cycle", "x Placeholder\na Add x b\nb Neg a\ny Identity b\n", "needs itself"},
    {"a cycle beside a loop", DOUBLE "a Add exit b\nb Neg a\ny Identity b\n", "part of a cycle"},
    {"a Merge of nothing", "x Placeholder\na Neg x\ny0 Merge x a\ny Identity y0\n",
     "part of a cycle or of branches"},
    {"one side of two conditions",
     POSITIVE "q Less x zero\nr Switch x q\ny0 Merge r s:1\ny Identity y0\n",
     "do not fit together"},
    {"a loop without a condition", "x Placeholder\ne Enter x @f\nexit Exit e\ny Identity exit\n",
     "malformed"},
    {"an Exit of nothing",
     "x Placeholder\nk Const =true\ns Switch x k\nexit Exit x\ny Identity exit\n",
     "part of a cycle"},
    {"a loop entered from two loops",
     DOUBLE "e2 Enter body @g\ne3 Enter x @g\nm2 Merge e2 n2\nl2 Less m2 e3\nc2 LoopCond l2\n"
            "s2 Switch m2 c2\nn2 NextIteration s2:1\nx2 Exit s2\ny Identity x2\n",
     "part of a cycle"},
    {"a NextIteration of another loop",
     DOUBLE "e2 Enter x @g\nm2 Merge e2 n\nl2 Less m2 m2\n"
            "c2 LoopCond l2\ns2 Switch m2 c2\nx2 Exit s2\n"
            "y Identity x2\n",
     ""},
};

TEST(tensorflow_control_flow_refused)
{
    for (size_t i = 0; i < ARRAY_COUNT(REFUSED); i++) {
        const char *reason;
        struct model m;
        size_t size;
        char *text = graph_of(REFUSED[i].graph, &size);

        import_text(&m, text, size, &reason);
        if (!reason || !strstr(reason, REFUSED[i].reason))
            fprintf(stderr, "%s: %s\n", REFUSED[i].why, reason ? reason : "not refused");
        CHECK(reason && strstr(reason, REFUSED[i].reason));
        arena_release(&m.keep);
        free(text);
    }
}

/* --- much of it --- */

/* Loops in loops, `depth` deep. */
static char *nested(size_t depth)
{
    struct text text;
    char *lines;

    text = (struct text){0};
    text_printf(&text, "x Placeholder\nv0 Identity x\n");
    for (size_t i = 0; i < depth; i++)
        text_printf(&text, "e%zu Enter v%zu @f%zu\nm%zu Merge e%zu n%zu\nv%zu Identity m%zu\n", i,
                    i, i, i, i, i, i + 1, i);
    text_printf(&text, "w%zu Abs v%zu\n", depth, depth);
    for (size_t i = depth; i-- > 0;)
        text_printf(&text,
                    "l%zu Less m%zu m%zu\nc%zu LoopCond l%zu\ns%zu Switch m%zu c%zu\n"
                    "n%zu NextIteration w%zu\nw%zu Exit s%zu\n",
                    i, i, i, i, i, i, i, i, i, i + 1, i, i);
    text_printf(&text, "y Identity w0\n");
    lines = strdup(text.data);
    text_release(&text);
    return lines;
}

/* Conditions one after another, each of what the one before gave. */
static char *chained(size_t count)
{
    struct text text;
    char *lines;

    text = (struct text){0};
    text_printf(&text, "x Placeholder\nv0 Identity x\nzero Const =0\n");
    for (size_t i = 0; i < count; i++)
        text_printf(&text,
                    "p%zu Less v%zu zero\ns%zu Switch v%zu p%zu\na%zu Neg s%zu:1\n"
                    "v%zu Merge s%zu a%zu\n",
                    i, i, i, i, i, i, i, i + 1, i, i);
    text_printf(&text, "y Identity v%zu\n", count);
    lines = strdup(text.data);
    text_release(&text);
    return lines;
}

TEST(tensorflow_control_flow_deep)
{
    const char *reason;
    struct model m;
    size_t size;
    char *lines = nested(100), *text = graph_of(lines, &size);

    import_text(&m, text, size, &reason);
    CHECK(reason != NULL);
    arena_release(&m.keep);
    free(lines);
    free(text);
}

TEST(tensorflow_control_flow_long)
{
    const char *reason;
    struct model m;
    size_t size;
    char *lines = chained(2000), *text = graph_of(lines, &size);
    float y = 0;

    CHECK_OK(import_text(&m, text, size, &reason), m.err);
    CHECK_TEXT(reason ? reason : "", "");
    model_load(&m, NULL);
    CHECK_OK(ask(&m, -3, &y), m.err);
    CHECK(y == 3);
    model_release(&m);
    free(lines);
    free(text);
}

/* A loop that never ends is stopped, with or without anything to do in a round. */
TEST(tensorflow_control_flow_endless)
{
    static const char *const GRAPHS[] = {
        "x Placeholder\ne Enter x @f\nm Merge e n\nl LessEqual m m\nc LoopCond l\ns Switch m c\n"
        "a Neg s:1\nn NextIteration a\nexit Exit s\ny Identity exit\n",
        "x Placeholder\nk Const =true\nb Abs x\ne Enter x @f\ne2 Enter b @f\nm Merge e n\nm2 Merge "
        "e2 n2\n"
        "ke Enter k @f\nc LoopCond ke\ns Switch m c\ns2 Switch m2 c\nn NextIteration s2:1\n"
        "n2 NextIteration s:1\nexit Exit s\ny Identity exit\n"};

    for (size_t i = 0; i < ARRAY_COUNT(GRAPHS); i++) {
        const char *reason;
        struct timespec now;
        struct model m;
        size_t size;
        char *text = graph_of(GRAPHS[i], &size);
        float y;

        CHECK_OK(import_text(&m, text, size, &reason), m.err);
        CHECK_TEXT(reason ? reason : "", "");
        model_load(&m, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
        m.session->deadline_ns =
            (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + 20000000u;
        CHECK(ask(&m, 3, &y) == STATUS_DEADLINE);
        model_release(&m);
        free(text);
    }
}
