// SPDX-License-Identifier: Apache-2.0
/* Graphs of any operators with any attributes, through the builder, the passes, a plan and two
 * runs: whatever they say, nothing may be read or written that is not theirs.
 *
 * The input is a program of bytes: graph inputs, constants, then nodes until it ends. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "engine/native.h"
#include "tensor/sequence.h"

enum {
    VALUES_MAX = 64,
    NODES_MAX = 8,
    IN_MAX = 8,
    OUT_MAX = 4,
    ATTRIBUTES_MAX = 8,
    ITEMS_MAX = 24
};

struct program {
    struct cursor bytes;
    struct arena arena; /* what the graph borrows */
    struct graph *graph;
    value_id values[VALUES_MAX];
    size_t value_count, input_count;
    const struct op *ops[1024];
    const char *domains[1024];
    size_t op_count;
    enum dtype favourite; /* of half the tensors: operators want equal types */
    struct error err;
};

/* The names that operators look for, with the kind they want; others come as text. */
static const struct {
    const char *name;
    enum attribute_kind kind;
} NAMES[] = {
#define ATTRIBUTE(name, kind) {#name, ATTRIBUTE_##kind},
#include "attributes.def"
#undef ATTRIBUTE
};

/* Texts that operators compare with. */
static const char *const WORDS[] = {
    "constant",
    "reflect",
    "edge",
    "wrap",
    "linear",
    "nearest",
    "cubic",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "NOTSET",
    "RIGHT",
    "LEFT",
    "RL",
    "LR",
    "DCR",
    "CRD",
    "none",
    "tanh",
    "add",
    "mul",
    "max",
    "min",
    "SOFTMAX",
    "LOGISTIC",
    "SOFTMAX_ZERO",
    "PROBIT",
    "NONE",
    "SUM",
    "AVERAGE",
    "MIN",
    "MAX",
    "BRANCH_LEQ",
    "BRANCH_LT",
    "BRANCH_GTE",
    "BRANCH_GT",
    "BRANCH_EQ",
    "BRANCH_NEQ",
    "LEAF",
    "BRANCH_MEMBER",
    "RBF",
    "LINEAR",
    "POLY",
    "SIGMOID",
    "L1",
    "L2",
    "forward",
    "reverse",
    "bidirectional",
    "Sigmoid",
    "Tanh",
    "Relu",
};

static void visit(const char *domain, const struct op *op, void *context)
{
    struct program *p = context;

    if (p->op_count == ARRAY_COUNT(p->ops))
        abort();
    p->domains[p->op_count] = domain;
    p->ops[p->op_count++] = op;
}

static unsigned below(struct program *p, unsigned n)
{
    return cursor_u8(&p->bytes) % n;
}

/* Mostly small; now and then anything at all. */
static int64_t integer(struct program *p)
{
    uint8_t byte = cursor_u8(&p->bytes);

    if (byte == 0x7F)
        return (int64_t)cursor_u64le(&p->bytes);
    return byte < 0x80 ? byte % 8 : (int8_t)byte < -8 ? (int8_t)byte % 4 : (int8_t)byte;
}

static double number(struct program *p)
{
    uint8_t byte = cursor_u8(&p->bytes);
    uint64_t bits;
    double value;

    if (byte != 0x7F)
        return (int8_t)byte / 4.0;
    bits = cursor_u64le(&p->bytes);
    memcpy(&value, &bits, sizeof value);
    return value;
}

static struct bytes text(struct program *p)
{
    if (below(p, 4))
        return bytes_of(WORDS[below(p, ARRAY_COUNT(WORDS))]);
    return cursor_take(&p->bytes, below(p, 6));
}

static enum dtype any_dtype(struct program *p)
{
    static const enum dtype COMMON[] = {DTYPE_F32, DTYPE_F32, DTYPE_F64,  DTYPE_I64,
                                        DTYPE_I32, DTYPE_U8,  DTYPE_BOOL, DTYPE_STRING};
    unsigned pick = cursor_u8(&p->bytes);
    enum dtype rare = (enum dtype)(DTYPE_NONE + 1 + (int)pick % (DTYPE_COUNT - 1));

    if (pick < 100 && p->favourite)
        return p->favourite;
    if (pick < 230 || dtype_is_container(rare)) /* those come from operators */
        return COMMON[pick % ARRAY_COUNT(COMMON)];
    return rare;
}

static struct shape any_shape(struct program *p)
{
    struct shape shape = {.rank = (int)below(p, 5)};

    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = below(p, 5);
    return shape;
}

static void fill(struct program *p, struct tensor *tensor)
{
    size_t size = dtype_size(tensor->dtype);

    for (size_t i = 0; i < tensor_count(tensor); i++) {
        char *element = (char *)tensor->data + i * size;

        if (tensor->dtype == DTYPE_STRING)
            *(struct bytes *)element = text(p);
        else if (tensor->dtype == DTYPE_BOOL)
            *element = (char)(cursor_u8(&p->bytes) & 1);
        else if (tensor->dtype == DTYPE_F32)
            *(float *)element = (float)number(p);
        else if (tensor->dtype == DTYPE_F64)
            *(double *)element = number(p);
        else {
            int64_t value[2] = {integer(p), 0};
            memcpy(element, value, size);
        }
    }
}

static bool any_tensor(struct program *p, enum dtype dtype, const struct shape *shape,
                       struct tensor *tensor)
{
    if (tensor_new(tensor, dtype, shape, &p->arena, &p->err))
        return false;
    fill(p, tensor);
    return true;
}

static void add_value(struct program *p, value_id value)
{
    if (p->value_count < VALUES_MAX)
        p->values[p->value_count++] = value;
}

static void add_inputs(struct program *p)
{
    size_t count = 1 + below(p, 3);

    for (size_t i = 0; i < count; i++) {
        struct shape shape = any_shape(p), declared = shape;
        unsigned known = below(p, 4);
        enum dtype dtype = any_dtype(p);
        value_id value;

        for (int d = 0; d < shape.rank; d++)
            if (known == 1 || (known == 2 && d == 0))
                declared.dims[d] = DIM_UNKNOWN;
        if (known == 3)
            declared = shape_unknown();
        if (graph_input(p->graph, "x", dtype, &declared, &value, &p->err))
            return;
        add_value(p, value);
        p->input_count++;
    }
}

static void add_constants(struct program *p)
{
    size_t count = below(p, 6);

    for (size_t i = 0; i < count; i++) {
        enum dtype dtype = any_dtype(p);
        struct shape shape = any_shape(p);
        struct tensor tensor;
        value_id value;

        if (any_tensor(p, dtype, &shape, &tensor) &&
            !graph_constant(p->graph, NULL, &tensor, &value, &p->err))
            add_value(p, value);
    }
}

static bool any_attribute(struct program *p, struct attribute *attribute)
{
    struct arena *arena = &p->arena;
    unsigned name = cursor_u8(&p->bytes);
    int64_t *ints = arena_new(arena, int64_t, ITEMS_MAX);
    double *floats = arena_new(arena, double, ITEMS_MAX);
    struct bytes *strings = arena_new(arena, struct bytes, ITEMS_MAX);
    struct tensor *tensor = arena_new(arena, struct tensor, 1);
    struct shape shape;

    if (!ints || !floats || !strings || !tensor)
        return false;
    *attribute = (struct attribute){.kind = (enum attribute_kind)(1 + below(p, 7))};
    if (name < ARRAY_COUNT(NAMES)) {
        attribute->name = NAMES[name].name;
        if (below(p, 8))
            attribute->kind = NAMES[name].kind;
    } else {
        attribute->name = arena_text(arena, cursor_take(&p->bytes, below(p, 24)));
    }
    switch (attribute->kind) {
    case ATTRIBUTE_INT:
        attribute->i = integer(p);
        break;
    case ATTRIBUTE_FLOAT:
        attribute->f = number(p);
        break;
    case ATTRIBUTE_STRING:
        attribute->s = text(p);
        break;
    case ATTRIBUTE_TENSOR:
        shape = any_shape(p);
        attribute->t = tensor;
        return any_tensor(p, any_dtype(p), &shape, tensor) && attribute->name;
    case ATTRIBUTE_INTS:
        attribute->ints = ints;
        attribute->count = below(p, ITEMS_MAX);
        for (size_t i = 0; i < attribute->count; i++)
            ints[i] = integer(p);
        break;
    case ATTRIBUTE_FLOATS:
        attribute->floats = floats;
        attribute->count = below(p, ITEMS_MAX);
        for (size_t i = 0; i < attribute->count; i++)
            floats[i] = number(p);
        break;
    default:
        attribute->strings = strings;
        attribute->count = below(p, ITEMS_MAX);
        for (size_t i = 0; i < attribute->count; i++)
            strings[i] = text(p);
    }
    return attribute->name != NULL;
}

/* Mostly a number that the operator takes. */
static size_t count_between(struct program *p, size_t min, size_t max, size_t limit)
{
    max = max < limit ? max : limit;
    if (below(p, 16) == 0)
        return below(p, (unsigned)limit + 1);
    return min >= max ? max : min + below(p, (unsigned)(max - min) + 1);
}

static void add_node(struct program *p)
{
    unsigned op = (unsigned)(cursor_u16le(&p->bytes) % p->op_count);
    unsigned opset = below(p, 64);
    struct attribute attributes[ATTRIBUTES_MAX];
    value_id in[IN_MAX], out[OUT_MAX];
    struct node_description description = {
        .domain = p->domains[op],
        .op = p->ops[op]->name,
        .opset = opset < 26 ? (int)opset : 0,
        .inputs = in,
        .input_count = count_between(p, p->ops[op]->in_min, p->ops[op]->in_max, IN_MAX),
        .output_count = count_between(p, p->ops[op]->out_min, p->ops[op]->out_max, OUT_MAX),
        .attributes = attributes,
    };

    for (size_t i = 0; i < description.input_count; i++) {
        unsigned pick = cursor_u8(&p->bytes);
        in[i] = pick >= 240 ? VALUE_NONE : p->values[pick % p->value_count];
    }
    while (description.attribute_count < ATTRIBUTES_MAX && below(p, 3) &&
           any_attribute(p, &attributes[description.attribute_count]))
        description.attribute_count++;
    if (graph_node(p->graph, &description, out, &p->err))
        return;
    for (size_t i = 0; i < description.output_count; i++)
        add_value(p, out[i]);
}

static struct field *fields(struct program *p, const value_id *values, size_t count)
{
    struct field *made = arena_new(&p->arena, struct field, count);

    for (size_t i = 0; made && i < count; i++) {
        made[i].name = "field";
        made[i].dtype = p->graph->values[values[i]].dtype;
        made[i].shape = p->graph->values[values[i]].shape;
    }
    return made;
}

/* Shapes for a request: what is free becomes `free`. */
static bool request(struct program *p, int64_t free, struct tensor *in)
{
    for (size_t i = 0; i < p->input_count; i++) {
        const struct value *value = &p->graph->values[p->values[i]];
        struct shape shape = value->shape;

        if (shape.rank < 0)
            shape = any_shape(p);
        for (int d = 0; d < shape.rank; d++)
            if (shape.dims[d] < 0)
                shape.dims[d] = free;
        if (!any_tensor(p, value->dtype, &shape, &in[i]))
            return false;
    }
    return true;
}

static void load_and_run(struct program *p, struct arena *model)
{
    struct native_options options = {.memory_max = 4 << 20, .poison = true};
    size_t outputs = p->value_count < 16 ? p->value_count : 16;
    struct signature signature = {.name = "main",
                                  .inputs = fields(p, p->values, p->input_count),
                                  .outputs =
                                      fields(p, p->values + p->value_count - outputs, outputs),
                                  .input_count = p->input_count,
                                  .output_count = outputs};
    struct contract contract = {&signature, 1};
    struct tensor in[VALUES_MAX], out[VALUES_MAX];
    struct servable *servable;
    struct session *session;

    if (!signature.inputs || !signature.outputs ||
        graph_signature_add(p->graph, "main", p->values, p->input_count,
                            p->values + p->value_count - outputs, outputs, &p->err) ||
        graph_finish(p->graph, &p->err))
        return;
    options.passes_off = below(p, 2) ? "all" : NULL;
    if (native_servable(p->graph, &contract, &options, model, NULL, &servable, &p->err))
        return;
    session = servable_session(servable);
    for (int64_t free = 2; session && free >= 0; free -= 2) {
        if (!request(p, free, in) || session_run(session, 0, in, out, &p->err))
            continue;
        for (size_t i = 0; i < outputs; i++)
            if (!shape_is_known(&out[i].shape) || !out[i].data ||
                out[i].dtype != signature.outputs[i].dtype)
                abort();
    }
    session_free(session);
    servable_free(servable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct program program;
    struct arena model;

    program = (struct program){.bytes = cursor_over((struct bytes){data, size})};
    op_each(visit, &program);
    arena_init(&program.arena, 16 << 20);
    arena_init(&model, 64 << 20);
    if (!graph_new(&program.graph, &model, &program.err)) {
        program.favourite = any_dtype(&program);
        add_inputs(&program);
        add_constants(&program);
        for (int n = 0; n < NODES_MAX && program.value_count && cursor_left(&program.bytes); n++)
            add_node(&program);
        if (program.value_count && program.input_count)
            load_and_run(&program, &model);
    }
    arena_release(&model);
    arena_release(&program.arena);
    return 0;
}
