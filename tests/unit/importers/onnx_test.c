// SPDX-License-Identifier: Apache-2.0
/* ONNX models that are refused, by the name of what is wrong: each is a few messages, written here.
 */
#include "base/text.h"
#include "loading/load.h"
#include "test.h"

/* --- messages: tag and length, or tag and number --- */

static void put_number(struct text *to, unsigned field, unsigned number)
{
    text_append_char(to, (char)(field << 3));
    text_append_char(to, (char)number);
}

static void put_varint(struct text *to, size_t number)
{
    for (; number > 127; number >>= 7)
        text_append_char(to, (char)((number & 127) | 128));
    text_append_char(to, (char)number);
}

static void put_bytes(struct text *to, unsigned field, struct bytes bytes)
{
    put_varint(to, field << 3 | 2);
    put_varint(to, bytes.size);
    text_append_bytes(to, bytes);
}

static void put_text(struct text *to, unsigned field, const char *text)
{
    put_bytes(to, field, bytes_of(text));
}

/* The message goes into `to` and is released. */
static void put_message(struct text *to, unsigned field, struct text *message)
{
    put_bytes(to, field, text_bytes(message));
    text_release(message);
}

enum { NODE = 1, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12, BOOL = 9, FLOAT = 1 };

/* A ValueInfoProto of a tensor without dimensions. */
static void put_value(struct text *to, unsigned field, const char *name, unsigned element)
{
    struct text tensor = {0}, type = {0}, info = {0}, shape = {0};

    put_number(&tensor, 1, element);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&info, 1, name);
    put_message(&info, 2, &type);
    put_message(to, field, &info);
}

/* A NodeProto; `names` are its inputs, up to a NULL. */
static struct text node_of(const char *op, const char *const *names, const char *output)
{
    struct text node = {0};

    for (size_t i = 0; names[i]; i++)
        put_text(&node, 1, names[i]);
    put_text(&node, 2, output);
    put_text(&node, 4, op);
    return node;
}

static void put_graph_attribute(struct text *node, const char *name, struct text *graph)
{
    struct text attribute = {0};

    put_text(&attribute, 1, name);
    put_message(&attribute, 6, graph);
    put_message(node, 5, &attribute);
}

/* ModelProto around a graph and, when not NULL, a function. */
static struct text model_of(struct text *graph, struct text *function)
{
    struct text model = {0}, opset = {0};

    put_number(&model, 1, 9);
    put_number(&opset, 2, 17);
    put_message(&model, 8, &opset);
    put_message(&model, 7, graph);
    if (function)
        put_message(&model, 25, function);
    return model;
}

/* Load it: the reason of the refusal, or the error, must hold `part`. */
static void check_refused(struct text *model, const char *part)
{
    struct artifact_limits limits = artifact_limits_default();
    struct loading loading = {0};
    struct artifact *artifact;
    struct error err = {0};
    const char *said;

    CHECK_OK(artifact_open_bytes(text_bytes(model), "model.onnx", &limits, &artifact, &err), err);
    if (load_artifact(artifact, (struct bytes){NULL, 0}, NULL, &loading, &err))
        said = err.text;
    else
        said = loading.description.reason ? loading.description.reason : "it was not refused";
    if (!strstr(said, part))
        fprintf(stderr, "said: %s\n", said);
    CHECK(strstr(said, part));
    load_close(&loading);
    text_release(model);
}

/* A graph of one node, whose output "y" it gives. */
static struct text body_with(const char *op, const char *const *names)
{
    struct text graph = {0}, node = node_of(op, names, "y");

    put_message(&graph, NODE, &node);
    put_value(&graph, GRAPH_OUTPUT, "y", FLOAT);
    return graph;
}

static struct text graph_with_if(struct text *then, struct text *otherwise)
{
    struct text graph = {0}, node = node_of("If", (const char *[]){"go", NULL}, "z");

    put_graph_attribute(&node, "then_branch", then);
    put_graph_attribute(&node, "else_branch", otherwise);
    put_message(&graph, NODE, &node);
    put_value(&graph, GRAPH_INPUT, "go", BOOL);
    put_value(&graph, GRAPH_INPUT, "x", FLOAT);
    put_value(&graph, GRAPH_OUTPUT, "z", FLOAT);
    return graph;
}

TEST(a_capture_of_nothing_is_refused)
{
    struct text then = body_with("Relu", (const char *[]){"x", NULL});
    struct text otherwise = body_with("Relu", (const char *[]){"nowhere", NULL});
    struct text graph = graph_with_if(&then, &otherwise), model = model_of(&graph, NULL);

    check_refused(&model, "attribute else_branch: node 0 '' (Relu): input 'nowhere' is made by no "
                          "earlier node");
}

TEST(an_output_of_a_branch_that_nobody_makes_is_refused)
{
    struct text then = body_with("Relu", (const char *[]){"x", NULL}), otherwise = {0}, graph,
                model;

    put_value(&otherwise, GRAPH_OUTPUT, "lost", FLOAT);
    graph = graph_with_if(&then, &otherwise);
    model = model_of(&graph, NULL);
    check_refused(&model, "attribute else_branch: its output 'lost' is made by no node");
}

TEST(a_body_of_other_inputs_is_refused)
{
    struct text body = body_with("Relu", (const char *[]){"x", NULL}), graph = {0}, model;
    struct text node = node_of("Loop", (const char *[]){"", "go", "x", NULL}, "z");

    put_graph_attribute(&node, "body", &body);
    put_message(&graph, NODE, &node);
    put_value(&graph, GRAPH_INPUT, "go", BOOL);
    put_value(&graph, GRAPH_INPUT, "x", FLOAT);
    put_value(&graph, GRAPH_OUTPUT, "z", FLOAT);
    model = model_of(&graph, NULL);
    check_refused(&model, "(Loop): attribute body: it has 0 inputs, not 3");
}

TEST(graphs_in_graphs_have_a_limit)
{
    struct text graph = body_with("Relu", (const char *[]){"x", NULL}), model;

    for (int depth = 0; depth < 20; depth++) {
        struct text then = graph, otherwise = body_with("Relu", (const char *[]){"x", NULL});
        struct text node = node_of("If", (const char *[]){"go", NULL}, "y");

        graph = (struct text){0};
        put_graph_attribute(&node, "then_branch", &then);
        put_graph_attribute(&node, "else_branch", &otherwise);
        put_message(&graph, NODE, &node);
        put_value(&graph, GRAPH_OUTPUT, "y", FLOAT);
    }
    put_value(&graph, GRAPH_INPUT, "go", BOOL);
    put_value(&graph, GRAPH_INPUT, "x", FLOAT);
    model = model_of(&graph, NULL);
    check_refused(&model, "graphs in graphs, more than 16 deep");
}

/* A function that calls itself. */
TEST(functions_that_go_round_are_refused)
{
    struct text function = {0}, again = node_of("Round", (const char *[]){"a", NULL}, "b");
    struct text graph = body_with("Round", (const char *[]){"x", NULL}), model;

    put_text(&function, 1, "Round");
    put_text(&function, 4, "a");
    put_text(&function, 5, "b");
    put_message(&function, 7, &again);
    put_value(&graph, GRAPH_INPUT, "x", FLOAT);
    model = model_of(&graph, &function);
    check_refused(&model, "functions call each other more than 32 deep");
}

/* Each function calls the one before it sixteen times: 16^6 nodes in a few kB. */
TEST(functions_that_multiply_are_refused)
{
    struct text graph = body_with("f6", (const char *[]){"x", NULL});
    struct text model;

    put_value(&graph, GRAPH_INPUT, "x", FLOAT);
    model = model_of(&graph, NULL);
    for (int f = 0; f < 7; f++) {
        struct text function = {0};
        char name[16], calls[16], from[16], to[16];

        snprintf(name, sizeof name, "f%d", f);
        snprintf(calls, sizeof calls, f ? "f%d" : "Neg", f - 1);
        put_text(&function, 1, name);
        put_text(&function, 4, "v0");
        put_text(&function, 5, "v16");
        for (int n = 0; n < 16; n++) {
            struct text node;

            snprintf(from, sizeof from, "v%d", n);
            snprintf(to, sizeof to, "v%d", n + 1);
            node = node_of(calls, (const char *[]){from, NULL}, to);
            put_message(&function, 7, &node);
        }
        put_message(&model, 25, &function);
    }
    check_refused(&model, "too many nodes for the size of the file");
}
