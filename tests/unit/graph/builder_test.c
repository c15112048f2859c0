// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "graph/graph.h"

#include "test.h"

struct fixture {
    struct arena keep;
    struct graph *graph;
    struct error err;
    value_id x; /* float [N,4] */
    int64_t n;
};

static void setup(struct fixture *f)
{
    struct shape shape;

    arena_init(&f->keep, 16 << 20);
    CHECK_OK(graph_new(&f->graph, &f->keep, &f->err), f->err);
    CHECK_OK(graph_symbol(f->graph, "N", &f->n, &f->err), f->err);
    shape = SHAPE(f->n, 4);
    CHECK_OK(graph_input(f->graph, "x", DTYPE_F32, &shape, &f->x, &f->err), f->err);
}

static enum status add(struct fixture *f, const char *domain, const char *op, const value_id *in,
                       size_t in_count, size_t out_count, value_id *out)
{
    struct node_description description = {.domain = domain,
                                           .op = op,
                                           .name = "fc1",
                                           .inputs = in,
                                           .input_count = in_count,
                                           .output_count = out_count};

    return graph_node(f->graph, &description, out, &f->err);
}

TEST(nodes_are_checked)
{
    struct fixture f;
    value_id in[3], out[4];

    setup(&f);
    in[0] = f.x;
    CHECK_FAILS(add(&f, "", "Idontexist", in, 1, 1, out), f.err, STATUS_UNSUPPORTED, "Idontexist");
    CHECK_FAILS(add(&f, "com.acme", "Gelu", in, 1, 1, out), f.err, STATUS_UNSUPPORTED,
                "com.acme.Gelu");
    in[1] = f.x;
    CHECK_FAILS(add(&f, "", "Identity", in, 2, 1, out), f.err, STATUS_INVALID_INPUT,
                "node 'fc1' (Identity): has 2 inputs, not 1");
    CHECK_FAILS(add(&f, "", "Identity", in, 0, 1, out), f.err, STATUS_INVALID_INPUT, "0 inputs");
    CHECK_FAILS(add(&f, "", "Identity", in, 1, 2, out), f.err, STATUS_INVALID_INPUT, "2 outputs");
    /* a value that does not exist yet: so there are no cycles */
    in[0] = 99;
    CHECK_FAILS(add(&f, "", "Identity", in, 1, 1, out), f.err, STATUS_INTERNAL, "value 99");
    in[0] = -7;
    CHECK_FAILS(add(&f, "", "Identity", in, 1, 1, out), f.err, STATUS_INTERNAL, "value -7");
    in[0] = VALUE_NONE;
    CHECK_FAILS(add(&f, "", "Identity", in, 1, 1, out), f.err, STATUS_INVALID_INPUT, "0 inputs");
    CHECK_INT(f.graph->node_count, 0);
    in[0] = f.x;
    CHECK_OK(add(&f, "ai.onnx", "Identity", in, 1, 1, out), f.err);
    CHECK_INT(f.graph->values[out[0]].shape.dims[0], f.n);
    CHECK_INT(f.graph->values[out[0]].producer, 0);
    arena_release(&f.keep);
}

TEST(dtypes_are_checked_by_infer)
{
    struct shape shape = SHAPE(2);
    struct fixture f;
    value_id in, out;

    setup(&f);
    CHECK_OK(graph_input(f.graph, "z", DTYPE_C64, &shape, &in, &f.err), f.err);
    CHECK_FAILS(add(&f, NULL, "Floor", &in, 1, 1, &out), f.err, STATUS_UNSUPPORTED,
                "node 'fc1' (Floor): Floor does not take complex64");
    CHECK_FAILS(graph_input(f.graph, "z", DTYPE_NONE, &shape, &in, &f.err), f.err,
                STATUS_INVALID_INPUT, "'z' has no element type");
    arena_release(&f.keep);
}

TEST(shapes_are_checked)
{
    static float data[2];
    struct shape huge = SHAPE(INT64_C(1) << 31, INT64_C(1) << 31, 4), bad = SHAPE(2, -9);
    struct shape unknown = SHAPE(-1);
    struct tensor constant = {DTYPE_F32, unknown, data};
    struct fixture f;
    value_id value;

    setup(&f);
    CHECK_FAILS(graph_input(f.graph, "a", DTYPE_F32, &huge, &value, &f.err), f.err,
                STATUS_TOO_LARGE, "'a'");
    CHECK_FAILS(graph_input(f.graph, "b", DTYPE_F32, &bad, &value, &f.err), f.err,
                STATUS_INVALID_INPUT, "dimension 1 is -9");
    CHECK_FAILS(graph_constant(f.graph, "c", &constant, &value, &f.err), f.err,
                STATUS_INVALID_INPUT, "constant 'c': dimension 0 is negative");
    arena_release(&f.keep);
}

TEST(misaligned_constants_are_copied)
{
    static _Alignas(8) char bytes[17];
    struct shape shape = SHAPE(2);
    struct tensor constant = {DTYPE_F64, shape, bytes + 1};
    struct fixture f;
    value_id value;

    setup(&f);
    bytes[1] = 7;
    CHECK_OK(graph_constant(f.graph, "c", &constant, &value, &f.err), f.err);
    CHECK(f.graph->values[value].constant->data != (void *)(bytes + 1));
    CHECK_INT(((char *)f.graph->values[value].constant->data)[0], 7);
    constant.data = bytes + 8;
    CHECK_OK(graph_constant(f.graph, "c", &constant, &value, &f.err), f.err);
    CHECK(f.graph->values[value].constant->data == (void *)(bytes + 8));
    arena_release(&f.keep);
}

TEST(declarations_merge)
{
    struct shape known = SHAPE(8, 4), wrong = SHAPE(8, 5), rank = SHAPE(1), none = shape_unknown();
    struct fixture f;
    value_id out;

    setup(&f);
    CHECK_OK(add(&f, "", "Identity", &f.x, 1, 1, &out), f.err);
    CHECK_OK(graph_declare(f.graph, out, DTYPE_NONE, &none, &f.err), f.err);
    CHECK_INT(f.graph->values[out].shape.dims[0], f.n);
    CHECK_OK(graph_declare(f.graph, out, DTYPE_F32, &known, &f.err), f.err);
    CHECK_INT(f.graph->values[out].shape.dims[0], 8);
    CHECK_FAILS(graph_declare(f.graph, out, DTYPE_F64, &known, &f.err), f.err, STATUS_INVALID_INPUT,
                "is float, but is said to be double");
    CHECK_FAILS(graph_declare(f.graph, out, DTYPE_F32, &wrong, &f.err), f.err, STATUS_INVALID_INPUT,
                "[8,5]");
    CHECK_FAILS(graph_declare(f.graph, out, DTYPE_F32, &rank, &f.err), f.err, STATUS_INVALID_INPUT,
                "[1]");
    CHECK_FAILS(graph_declare(f.graph, 1000, DTYPE_F32, &rank, &f.err), f.err, STATUS_INTERNAL,
                "1000");
    arena_release(&f.keep);
}

TEST(symbols_are_by_name)
{
    struct fixture f;
    int64_t m, again;

    setup(&f);
    CHECK_OK(graph_symbol(f.graph, "M", &m, &f.err), f.err);
    CHECK_OK(graph_symbol(f.graph, "N", &again, &f.err), f.err);
    CHECK(m < DIM_UNKNOWN && f.n < DIM_UNKNOWN && m != f.n);
    CHECK_INT(again, f.n);
    arena_release(&f.keep);
}

TEST(signatures_are_checked)
{
    struct shape shape = SHAPE(1);
    struct fixture f;
    value_id out, other, both[2];

    setup(&f);
    CHECK_FAILS(graph_finish(f.graph, &f.err), f.err, STATUS_INVALID_INPUT, "no signature");
    CHECK_OK(add(&f, "", "Identity", &f.x, 1, 1, &out), f.err);
    CHECK_OK(graph_input(f.graph, "other", DTYPE_F32, &shape, &other, &f.err), f.err);
    CHECK_FAILS(graph_signature_add(f.graph, "s", &out, 1, &out, 1, &f.err), f.err,
                STATUS_INVALID_INPUT, "'s': input 0");
    CHECK_OK(graph_signature_add(f.graph, "good", &f.x, 1, &out, 1, &f.err), f.err);
    CHECK_FAILS(graph_signature_add(f.graph, "good", &f.x, 1, &out, 1, &f.err), f.err,
                STATUS_INVALID_INPUT, "two signatures");
    CHECK_OK(graph_finish(f.graph, &f.err), f.err);
    both[0] = out;
    both[1] = other;
    CHECK_OK(graph_signature_add(f.graph, "bad", &f.x, 1, both, 2, &f.err), f.err);
    CHECK_FAILS(graph_finish(f.graph, &f.err), f.err, STATUS_INVALID_INPUT,
                "signature 'bad': needs 'other'");
    arena_release(&f.keep);
}

TEST(attributes_are_copied_and_unique)
{
    int64_t ints[] = {1, 2, 3};
    char name[] = "value_ints", text[] = "abc";
    struct attribute attributes[] = {
        {.name = name, .kind = ATTRIBUTE_INTS, .count = 3, .ints = ints},
        {.name = "note", .kind = ATTRIBUTE_STRING, .s = bytes_of(text)},
    };
    struct fixture f;
    value_id out;
    size_t count;

    setup(&f);
    CHECK_OK(graph_op(f.graph, "", "Constant", VALUE_NONE, VALUE_NONE, VALUE_NONE, attributes, 2,
                      &out, &f.err),
             f.err);
    ints[0] = 9;
    text[0] = 'x';
    strcpy(name, "renamed");
    CHECK_INT(attribute_ints(&f.graph->nodes[0].attributes, "value_ints", &count)[0], 1);
    CHECK(attribute_is(&f.graph->nodes[0].attributes, "note", "abc"));
    attributes[1].name = name;
    CHECK_FAILS(graph_op(f.graph, "", "Constant", VALUE_NONE, VALUE_NONE, VALUE_NONE, attributes, 2,
                         &out, &f.err),
                f.err, STATUS_INVALID_INPUT, "'renamed' twice");
    arena_release(&f.keep);
}

TEST(graph_prints)
{
    static const double W[] = {0.5, -1, 2, 3, 4, 5, 6, 7};
    struct shape shape = SHAPE(4, 2);
    struct attribute attribute = {.name = "start", .kind = ATTRIBUTE_INT, .i = -1};
    struct text text = {0};
    struct fixture f;
    value_id w, size, outs[3];

    setup(&f);
    CHECK_OK(graph_constant_f64(f.graph, W, &shape, &w, &f.err), f.err);
    CHECK_OK(graph_op(f.graph, "", "Shape", f.x, VALUE_NONE, VALUE_NONE, &attribute, 1, &outs[0],
                      &f.err),
             f.err);
    CHECK_OK(add(&f, "", "Size", &w, 1, 1, &size), f.err);
    CHECK_OK(add(&f, "", "NonZero", &f.x, 1, 1, &outs[2]), f.err);
    outs[1] = size;
    CHECK_OK(graph_signature_add(f.graph, "main", &f.x, 1, outs, 3, &f.err), f.err);
    graph_print(f.graph, &text);
    CHECK_TEXT(text.data, "input %x: float[N,4]\n"
                          "constant %1: double[4,2] = {0.5, -1.0, 2.0, 3.0, 4.0, 5.0, ...}\n"
                          "%2: int64[1] = Shape(%x) {start=-1}\n"
                          "%3: int64[] = Size(%1)  # fc1\n"
                          "%4: int64[2,?] = NonZero(%x)  # fc1\n"
                          "signature main(%x) -> (%2, %3, %4)\n");
    text_release(&text);
    arena_release(&f.keep);
}

static enum status build_all(struct arena *keep, struct error *err)
{
    static const double W[] = {1, 2, 3, 4};
    static const struct attribute ATTRIBUTE = {.name = "a", .kind = ATTRIBUTE_INT, .i = 1};
    struct shape shape = SHAPE(4);
    struct graph *graph;
    value_id x, w, out;
    int64_t dim;

    TRY(graph_new(&graph, keep, err));
    TRY(graph_symbol(graph, "N", &dim, err));
    TRY(graph_input(graph, "x", DTYPE_F64, &shape, &x, err));
    TRY(graph_constant_f64(graph, W, &shape, &w, err));
    for (int i = 0; i < 20; i++)
        TRY(graph_op(graph, "", "Identity", x, VALUE_NONE, VALUE_NONE, &ATTRIBUTE, 1, &out, err));
    TRY(graph_signature_add(graph, "main", &x, 1, &out, 1, err));
    return graph_finish(graph, err);
}

TEST(building_without_memory)
{
    enum status status = STATUS_NO_MEMORY;

    for (long n = 1; status != STATUS_OK && n < 1000; n++) {
        struct error err = {0};
        struct arena keep;

        arena_init(&keep, 16 << 20);
        arena_fail_at(n);
        status = build_all(&keep, &err);
        arena_fail_at(0);
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
        arena_release(&keep);
    }
    CHECK_INT(status, STATUS_OK);
}
