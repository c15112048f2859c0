// SPDX-License-Identifier: Apache-2.0
/* Graph: the one representation of a model. Values (tensors by name) and nodes (operators), in
 * topological order, made through the builder below, which is the only door in: after
 * graph_builder_finish() everybody may assume a valid graph.
 *
 * One graph serves several signatures: each names the values that are its inputs and outputs;
 * a plan runs only the nodes that its outputs need. */
#pragma once

#include "ops/op.h"

typedef int32_t value_id; /* index into graph->values */
enum { VALUE_NONE = -1 }; /* an omitted optional input */

struct value {
    const char *name;   /* in the source model; "" for ours */
    enum dtype dtype;   /* as inferred; DTYPE_NONE: not known */
    struct shape shape; /* as inferred; symbols are indices below DIM_UNKNOWN, see dim_symbol */
    const struct tensor *constant; /* its value, kept or borrowed from the artifact; or NULL. Its
                                    * data is for value_constant to give: they may be unaligned,
                                    * or not even turned and scaled yet (struct stored) */
    int32_t producer;              /* node index; -1: an input or a constant */
    const struct tensor *element;  /* what a sequence or optional holds, as inferred; or NULL */
    bool is_input;
    bool declared; /* the shape rests on what the model states, not on inference alone */
};

struct node {
    const struct op *op;
    const char *domain;
    const char *name; /* in the source model: for messages */
    int opset;
    const value_id *inputs; /* (input_count,) */
    const value_id *outputs;
    size_t input_count, output_count;
    struct attributes attributes;
};

struct graph_signature {
    const char *name;
    const value_id *inputs; /* in the contract's order */
    const value_id *outputs;
    size_t input_count, output_count;
    /* Its last inputs and outputs may be states of the graph, which are no fields of the contract:
     * it is given what they hold, and what it gives they hold from then on. */
    const uint32_t *states_in, *states_out; /* (state_in_count,), (state_out_count,) */
    size_t state_in_count, state_out_count;
    size_t capture_count; /* of a subgraph: how many of its last inputs are values that it captures;
                           * they are the last inputs of its node too */
};

struct graph_state { /* a variable that signatures read and write: it lives from run to run */
    const char *name;
    struct tensor initial; /* borrowed */
    struct shape shape;    /* that it always has, as far as the model says */
};

struct graph {
    struct value *values;
    size_t value_count, value_capacity;
    struct node *nodes; /* in an order in which every input comes first */
    size_t node_count, node_capacity;
    struct graph_signature *signatures;
    size_t signature_count, signature_capacity;
    const char **symbols; /* names of symbolic dimensions: symbol k is dimension -(k + 2) */
    size_t symbol_count, symbol_capacity;
    struct graph_state *states;
    size_t state_count, state_capacity;
    struct arena *keep; /* where all of it lives: `model` lifetime */

    /* Told of data that lies elsewhere and will not be read again; or NULL. */
    void (*forget)(void *context, struct bytes bytes);
    void *forget_context;

    /* for graph/ alone */
    struct tensor *call_in, *call_out; /* inputs and outputs of one infer call */
    size_t call_in_capacity;
    size_t edits; /* changes that passes made */
};

/* --- Builder --- Errors name the object at fault in the source model. After an error the graph
 * is only good for being released. Names and arrays are copied into `keep`; constant data is
 * borrowed for as long as the graph (map or keep it). */

enum status graph_new(struct graph **graph, struct arena *keep, struct error *err) must_check;

/* A dimension that is free but has a name ("batch"): equal names are equal dimensions. */
enum status graph_symbol(struct graph *graph, const char *name, int64_t *dim, struct error *err)
    must_check;

enum status graph_input(struct graph *graph, const char *name, enum dtype dtype,
                        const struct shape *shape, value_id *value, struct error *err) must_check;

/* An input that may be a sequence or optional: `type` is a description, copied. */
enum status graph_input_typed(struct graph *graph, const char *name, const struct tensor *type,
                              value_id *value, struct error *err) must_check;

/* The tensor struct is copied, its data borrowed. It may be unaligned for its elements; it is read
 * through value_constant. */
enum status graph_constant(struct graph *graph, const char *name, const struct tensor *tensor,
                           value_id *value, struct error *err) must_check;

/* Short forms for importers: copied into keep. */
enum status graph_constant_f64(struct graph *graph, const double *data, const struct shape *shape,
                               value_id *value, struct error *err) must_check;
enum status graph_constant_i64(struct graph *graph, const int64_t *data, const struct shape *shape,
                               value_id *value, struct error *err) must_check;

struct node_description {
    const char *domain; /* NULL or "": ONNX */
    const char *op;
    const char *name; /* for messages; may be NULL */
    int opset;        /* 0: the newest semantics */
    const value_id *inputs;
    size_t input_count;
    const char *const *output_names; /* NULL, or one each; may hold NULL */
    size_t output_count;
    const struct attribute *attributes;
    size_t attribute_count;
};

/* Check, infer, append. `outputs` receives output_count ids. UNSUPPORTED when there is no such
 * operator; INVALID_INPUT or UNSUPPORTED from its infer, within "node 'name' (Op)". */
enum status graph_node(struct graph *graph, const struct node_description *description,
                       value_id *outputs, struct error *err) must_check;

/* One output, up to four inputs (end with VALUE_NONE), for importers that lower to known ops. */
enum status graph_op(struct graph *graph, const char *domain, const char *op, value_id a,
                     value_id b, value_id c, const struct attribute *attributes,
                     size_t attribute_count, value_id *output, struct error *err) must_check;

/* Shape or dtype facts that the source model states about a value: checked against what was
 * inferred (INVALID_INPUT when they contradict), and used where inference knew less. */
enum status graph_declare(struct graph *graph, value_id value, enum dtype dtype,
                          const struct shape *shape, struct error *err) must_check;

enum status graph_signature_add(struct graph *graph, const char *name, const value_id *inputs,
                                size_t input_count, const value_id *outputs, size_t output_count,
                                struct error *err) must_check;

/* A variable; and that the last inputs and outputs of the newest signature are such. */
enum status graph_state_add(struct graph *graph, const char *name, const struct tensor *initial,
                            const struct shape *shape, uint32_t *number, struct error *err)
    must_check;
enum status graph_signature_states(struct graph *graph, const uint32_t *in, size_t in_count,
                                   const uint32_t *out, size_t out_count, struct error *err)
    must_check;

/* A graph that is an attribute (If, Loop, Scan, SequenceMap) has one signature; the last
 * `capture_count` of its inputs are values of the graph around it. */
enum { SUBGRAPH_DEPTH_MAX = 16 };
enum status graph_captures(struct graph *subgraph, size_t capture_count, struct error *err)
    must_check;

/* Compute now what the nodes from number `from` on make of constants, where it is small: importers
 * whose models calculate axes and shapes need the numbers. The values are constants from then on.
 */
enum status graph_compute(struct graph *graph, size_t from, struct arena *scratch,
                          struct error *err) must_check;

/* Check that what is left is whole: every signature's outputs are reachable from its inputs and
 * constants. */
enum status graph_finish(struct graph *graph, struct error *err) must_check;

/* --- After the builder --- */

/* The constant that a value is, its data aligned for its elements (copied, the first time that
 * somebody asks); NULL: it is none, or there is no memory. */
const struct tensor *value_constant(const struct graph *graph, value_id value);
bool tensor_is_aligned(const struct tensor *tensor);
/* Is it one that constants may be as they are stored, because kernels pack such? */
bool tensor_may_be_stored(const struct tensor *tensor);

struct text;

/* Put "node 'fc1' (Gemm): " in front of what went wrong. Returns err->status. */
enum status graph_node_error(const struct node *node, struct error *err) must_check;

/* The graph as text, stable for tests and `firn inspect --graph`. */
void graph_print(const struct graph *graph, struct text *text);

/* Run all passes in their fixed order (graph/passes/, one a file, by the order in their rows).
 * `skip` is a comma-separated list of pass names not to run, or NULL; "all" skips every one. */
enum status graph_optimise(struct graph *graph, const char *skip, struct arena *scratch,
                           struct error *err) must_check;

/* Let it and its subgraphs grow in another arena from now on. */
void graph_keep_in(struct graph *graph, struct arena *keep);

/* After the passes: let products keep constant weights of floats in half precision (DTYPE_F16 or
 * DTYPE_BF16), which halves what one row reads and changes answers in the fourth or third digit.
 * Only for those who ask for it. */
enum status graph_narrow_weights(struct graph *graph, enum dtype dtype, struct error *err)
    must_check;

struct pass {
    const char *name;
    const char *summary;
    /* Passes run by this, ties by name. order / 100 is the phase: the passes of a phase and of
     * those before it run until none changes anything, then the next phase begins.
     *
     *   0    clean: dead, identity, fold, common
     *   100  algebra into weights, idioms
     *   200  quantise: integer kernels
     *   300  layout: channels last
     *   400  fusion: epilogues
     *   500  chains of what is left that is elementwise */
    int order;
    enum status (*run)(struct graph *graph, struct arena *scratch, struct error *err);
};
