// SPDX-License-Identifier: Apache-2.0
/* The TensorFlow importer, inside. One file per family of operators in this folder; the file name
 * is the registration: reduce.c defines `const struct tf_op_set tf_ops_reduce`. What all families
 * share is in model/.
 *
 * An operator of TensorFlow is a row: its name, and either the ONNX operator that does the same
 * with the same inputs, or a function that lowers it:
 *
 *     static enum status lower_rsqrt(struct tf_call *c, struct error *err)
 *     {
 *         value_id root, y;
 *
 *         TRY(emit_1(c->e, "Sqrt", c->in[0], &root, err));
 *         TRY(emit_1(c->e, "Reciprocal", root, &y, err));
 *         return tf_give(c, y);
 *     }
 *
 * Rules. An attribute that changes results and is not understood is UNSUPPORTED, by name; the
 * node's name is put in front by the caller. Operators that read or write files, call Python or
 * other machines have no row and never will. Sources: tensorflow/core: framework, ops,
 * kernels. */
#pragma once

#include "base/map.h"
#include "formats/tensorflow/bundle.h"
#include "formats/protobuf.h"
#include "graph/emit.h"
#include "importers/importer.h"

enum { TF_INPUTS_MAX = 1 << 16, TF_OUTPUTS_MAX = 1 << 14, TF_INITIALISERS_MAX = 16 };

/* --- the graph as it is stored (model/graph.c) --- */

struct tf_edge { /* "node", "node:1"; in a function's body also "node:values:1" */
    struct bytes node;
    struct bytes port; /* the name of the output argument; empty: numbered over all of them */
    size_t output;     /* of the node, or of the port */
};

struct tf_attribute {
    struct bytes name;
    struct protobuf value; /* AttrValue */
};

struct tf_node {
    const char *name, *op;
    struct tf_edge *inputs;
    size_t input_count;
    struct tf_edge *controls; /* nodes that run before; nothing is carried */
    size_t control_count;
    struct tf_attribute *attributes;
    size_t attribute_count;
    bool is_read; /* some node has it as input */
};

struct tf_graph {
    struct tf_node *nodes;
    size_t count;
    struct map by_name;         /* -> struct tf_node */
    int64_t producer;           /* VersionDef.producer; 0: not stated */
    struct protobuf library;    /* FunctionDefLibrary */
    struct tf_effects *effects; /* model/effect.c; found when they are first asked for */
};

enum status tf_graph_read(const struct protobuf *message, struct tf_graph *graph,
                          struct arena *keep, struct error *err) must_check;
enum status tf_edge_read(struct bytes text, struct tf_edge *edge, bool *control, struct error *err)
    must_check;
/* The repeated NodeDef `number` of a message, after room for `more` nodes that the caller adds. */
enum status tf_nodes_read(const struct protobuf *message, uint32_t number, size_t more,
                          struct tf_graph *graph, struct arena *keep, struct error *err) must_check;

/* Attributes; the value of `otherwise` where there is none. Wrong kinds are INVALID_INPUT. */
enum status tf_int(const struct tf_node *node, const char *name, int64_t otherwise, int64_t *value,
                   struct error *err) must_check;
enum status tf_float(const struct tf_node *node, const char *name, double otherwise, double *value,
                     struct error *err) must_check;
enum status tf_bool(const struct tf_node *node, const char *name, bool otherwise, bool *value,
                    struct error *err) must_check;
enum status tf_string(const struct tf_node *node, const char *name, const char *otherwise,
                      struct bytes *value, struct error *err) must_check;
enum status tf_type(const struct tf_node *node, const char *name, enum dtype *dtype,
                    struct error *err) must_check; /* DTYPE_NONE: absent */
enum status tf_shape(const struct tf_node *node, const char *name, struct shape *shape,
                     struct arena *keep, struct error *err) must_check; /* absent: unknown rank */
enum status tf_tensor(const struct tf_node *node, const char *name, struct tensor *tensor,
                      struct arena *keep, struct error *err) must_check;
/* How long a list is, of whatever kind, or the number that an attribute is; 0: absent. */
enum status tf_length(const struct tf_node *node, const char *name, size_t *length,
                      struct arena *keep, struct error *err) must_check;
/* The name of the function that an attribute calls; empty: absent. */
enum status tf_function_name(const struct tf_node *node, const char *name, struct bytes *function,
                             struct error *err) must_check;
/* Each function that an attribute names. */
enum status tf_functions_visit(const struct tf_node *node,
                               enum status (*visit)(struct bytes name, void *context,
                                                    struct error *err),
                               void *context, struct error *err) must_check;
/* A list of integers: at most `max`, their number in *count (0: absent). */
enum status tf_ints(const struct tf_node *node, const char *name, int64_t *values, size_t max,
                    size_t *count, struct arena *keep, struct error *err) must_check;
/* A list of floats, in `keep`. */
enum status tf_floats(const struct tf_node *node, const char *name, const float **values,
                      size_t *count, struct arena *keep, struct error *err) must_check;
/* Lists (model/lists.c); *count 0: absent. */
enum status tf_strings(const struct tf_node *node, const char *name, struct bytes **values,
                       size_t *count, struct arena *keep, struct error *err) must_check;
enum status tf_types(const struct tf_node *node, const char *name, enum dtype **values,
                     size_t *count, struct arena *keep, struct error *err) must_check;
enum status tf_shapes(const struct tf_node *node, const char *name, struct shape **values,
                      size_t *count, struct arena *keep, struct error *err) must_check;

/* --- SavedModel (model/saved_model.c) --- */

struct tf_field {
    const char *name;
    struct tf_edge tensor;
    enum dtype dtype;
    struct shape shape;
    const char **dim_names;        /* (RANK_MAX,) or NULL */
    const struct tensor *fallback; /* of an input that need not be given; or NULL */
    enum dtype fed;                /* of its placeholder, where that is another; or DTYPE_NONE */
};

struct tf_captured {       /* by a function: one of both */
    struct bytes key;      /* of a variable, in the checkpoint */
    struct bytes constant; /* a node of the graph */
};

struct tf_signature {
    const char *name, *method; /* "tensorflow/serving/predict"; may be empty */
    /* Of models that were saved without signatures: a function, which takes the inputs and then
     * what it captured. Empty: the fields name tensors of the graph. */
    struct bytes function;
    struct tf_captured *captured;
    size_t captured_count;
    const char *reason;                /* why it cannot be called; or NULL */
    struct tf_field *inputs, *outputs; /* by name */
    size_t input_count, output_count;
};

struct tf_saved_model {      /* a MetaGraphDef */
    const char *version;     /* of TensorFlow; or NULL */
    const char *tags;        /* "serve"; may be empty */
    const char **other_tags; /* of meta graphs that are left alone */
    size_t other_count;
    struct protobuf objects; /* SavedObjectGraph, of TensorFlow 2 */
    struct tf_graph graph;
    struct tf_signature *signatures; /* serving_default first, then by name */
    size_t signature_count;
    struct tf_edge filename,
        restore; /* SaverDef: where the prefix goes, what restores; empty: none */
    struct tf_edge initialise[TF_INITIALISERS_MAX]; /* nodes that fill tables */
    size_t initialise_count;
    struct tf_asset {
        struct tf_edge tensor; /* of the name of the file */
        struct bytes filename; /* below assets/ */
    } * assets;
    size_t asset_count;
};

enum status tf_info_read(struct protobuf info, struct tf_field *field, struct arena *keep,
                         struct error *err) must_check; /* TensorInfo, of one tensor */
enum status tf_signature_read(struct protobuf entry, struct tf_signature *signature,
                              struct arena *keep, struct error *err) must_check;
enum status tf_meta_graph_read(const struct protobuf *meta, struct tf_saved_model *model,
                               struct arena *keep, struct error *err) must_check;
/* The meta graph for serving, as well as there is one. */
enum status tf_saved_model_read(const struct protobuf *message, struct tf_saved_model *model,
                                struct arena *keep, struct error *err) must_check;

/* The functions of its root object as signatures. */
enum status tf_objects_read(struct tf_saved_model *model, const struct bundle *bundle,
                            struct arena *keep, struct error *err) must_check;

/* Fill the variables of l, or its tables, by lowering what restores or initialises them. */
struct tf_lowering;
enum status tf_saved_model_restore(struct tf_lowering *l, const struct tf_saved_model *model,
                                   struct error *err) must_check;
enum status tf_saved_model_initialise(struct tf_lowering *l, const struct tf_saved_model *model,
                                      struct error *err) must_check;

/* Fill the tables that nodes of the graph fill, without a signature that says so
 * (model/table.c). */
struct tf_lowering;
enum status tf_tables_fill(struct tf_lowering *l, struct error *err) must_check;
bool tf_fills_table(const char *op);

/* Details: which features of tf.train.Example the inputs of bytes hold (model/features.c). */
enum status tf_features_describe(const struct graph *graph, struct description *description,
                                 struct arena *keep, struct error *err) must_check;

/* --- functions (model/function.c) --- */

struct tf_function {
    const char *name;
    struct tf_graph body; /* its first argument_count nodes are the arguments, operator "_Arg" */
    size_t argument_count;
    struct tf_edge *results; /* (result_count,) */
    struct bytes *result_names;
    size_t result_count;
    struct tf_edge *controls; /* nodes that run for what they do, not for a result */
    size_t control_count;
};

/* By its name, read when it is first asked for; UNSUPPORTED: there is none. */
enum status tf_function_get(struct tf_lowering *l, struct bytes name,
                            const struct tf_function **function, struct error *err) must_check;

bool tf_is_function(struct tf_lowering *l, struct bytes name);

/* --- effects (model/effect.c) --- */

/* What running a node may do besides computing its outputs. */
enum { TF_READS = 1, TF_WRITES = 2, TF_FAILS = 4 };

struct tf_effects { /* of the nodes of a graph, with all that they need */
    uint8_t *of;    /* (count,); NULL: not found yet */
    unsigned all;
    int state;
};

enum status tf_effects(struct tf_lowering *l, const struct tf_graph *graph,
                       const struct tf_node *node, unsigned *effects, struct error *err) must_check;
/* Is a node that is only there for its control edge to be lowered? While restoring, always; while
 * serving, when it writes or may fail, or reads what is written. */
struct tf_scope;
enum status tf_control_matters(const struct tf_scope *scope, const struct tf_node *node,
                               bool *matters, struct error *err) must_check;
/* Lower what the body of a function does beyond its results. */
enum status tf_effects_lower(struct tf_scope *scope, struct error *err) must_check;
/* `value` is computed with the outputs of the graph, whether or not they need it. */
enum status tf_guard_add(struct tf_lowering *l, const struct graph *graph, value_id value,
                         struct error *err) must_check;
/* Tie what was added for this graph to the first of its outputs. */
enum status tf_guards_settle(struct tf_lowering *l, struct emitter *e, value_id *outputs,
                             size_t count, struct error *err) must_check;
bool tf_writes(const char *op);         /* variables or tables */
bool tf_is_variable(const char *op);    /* gives one */
bool tf_is_placeholder(const char *op); /* that must be fed */
/* References of TensorFlow 1: an output that is the variable itself, whose value is read by whoever
 * does not take a reference. */
bool tf_gives_reference(const char *op);
bool tf_takes_reference(const char *op);
/* May the output be the input's memory? It changes then when the variable does. */
bool tf_may_share(const char *op);

/* --- resources (model/resource.c) --- */

/* What handles stand for. A handle is a value of the graph, a constant that says which resource it
 * is: so it goes wherever values go, into functions and subgraphs. */
enum tf_resource_kind {
    TF_VARIABLE,
    TF_SAVED_TENSOR,
    TF_TABLE,
    TF_TENSOR_ARRAY,
    TF_TREES,    /* boosted_trees.c */
    TF_QUANTILES /* likewise */
};

struct tf_resource {
    enum tf_resource_kind kind;
    int64_t number; /* in the lowering's table: what the handle holds */
    const char *name;
    const struct tf_node *node; /* that makes it */

    /* TF_VARIABLE: what it was restored or initialised to; TF_SAVED_TENSOR: `key` */
    struct bytes key;   /* in the bundle; empty: none */
    struct bytes slice; /* of it: "4,5 0,2:-"; empty: all */
    const struct tensor *tensor;
    const struct graph *graph; /* where `value` is what it holds now */
    value_id value;
    bool reference; /* of TensorFlow 1: its handle is read like a tensor */
    bool temporary; /* a reference that lives in one run: no state */
    size_t shared;  /* of a reference: the signature in which something may share its memory */
    size_t shared_in_loop, written_in_loop; /* likewise: in which that is in a loop */
    bool written;                   /* while serving: it is state, that signatures take and give */
    size_t signature;               /* of a written one: in which `value` is valid */
    value_id taken;                 /* the hidden input; VALUE_NONE */
    bool assigned;                  /* in this signature: `value` is a hidden output */
    size_t writer;                  /* the first signature that writes it */
    const struct graph *slot_graph; /* where `slot` is the number of its state */
    uint32_t slot;

    /* Of the operators that make other kinds: lives in `keep`. */
    void *state;
};

/* The resource of this kind and name, made when there is none yet ("" is always a new one). */
enum status tf_resource_get(struct tf_lowering *l, enum tf_resource_kind kind, const char *name,
                            const struct tf_node *node, struct tf_resource **resource,
                            struct error *err) must_check;
struct tf_call;
enum status tf_resource_give(struct tf_call *c, struct tf_resource *resource, struct error *err)
    must_check;
/* The resource whose handle an input is; UNSUPPORTED when that is not known, INVALID_INPUT when it
 * is of another kind. */
enum status tf_resource_of(const struct tf_call *c, size_t input, enum tf_resource_kind kind,
                           struct tf_resource **resource, struct error *err) must_check;
bool tf_is_resource(const struct tf_call *c, size_t input, enum tf_resource_kind kind);
/* What an input is while restoring and initialising: a constant, or of the checkpoint. NULL: it is
 * not known, and err is set. (text/table.c) */
const struct tensor *tf_restored_tensor(const struct tf_call *c, size_t input, struct error *err)
    must_check;
enum status tf_resource_value(struct emitter *e, struct tf_resource *resource, value_id *handle,
                              struct error *err) must_check;
/* The resource of a handle; NULL: the value is none. */
struct tf_resource *tf_resource_at(const struct tf_lowering *l, const struct graph *graph,
                                   value_id value);

/* --- values that stand for several (model/compound.c) --- What TensorFlow holds in a variant. Its
 * handle is a constant, as a resource's: it goes into functions and subgraphs. */
enum tf_compound_kind { TF_SPARSE_MATRIX, TF_TENSOR_MAP, TF_COMPOSITE };

struct tf_compound { /* never changes; in `keep` */
    enum tf_compound_kind kind;
    value_id *parts;
    size_t count;
    int rank;           /* of a sparse matrix: 2 or 3 */
    struct bytes about; /* of a composite tensor: its metadata */
    const struct graph *graph;
    int64_t number;
    const void *key; /* in lowering->compounds: where its number is */
};

/* An output of the node. `compound` is copied, its parts too. */
enum status tf_compound_give(struct tf_call *c, const struct tf_compound *compound,
                             struct error *err) must_check;
/* The one whose handle input 0 or another is, its parts in the graph of the call. */
enum status tf_compound_of(const struct tf_call *c, size_t input, enum tf_compound_kind kind,
                           struct tf_compound *compound, struct error *err) must_check;

/* --- variables (variable.c) --- */

struct tf_scope;
/* What a variable holds at this point of a signature. */
enum status tf_variable_value(const struct tf_scope *scope, struct tf_resource *variable,
                              value_id *value, struct error *err) must_check;
enum status tf_variable_stored(const struct tf_lowering *l, const struct tf_resource *variable,
                               struct tensor *stored, struct error *err) must_check;
bool tf_shapes_differ(const struct shape *a, const struct shape *b); /* as far as known */
/* From here on a written variable holds `value` in `graph`: that of the signature, or a subgraph,
 * whose If or Loop then gives it to the graph around it. */
enum status tf_variable_set(struct tf_lowering *l, const struct graph *graph,
                            struct tf_resource *variable, value_id value, struct error *err)
    must_check;
/* What a written variable holds now in `graph`; a subgraph takes it from the graph around it. */
enum status tf_variable_now(struct tf_lowering *l, const struct graph *graph,
                            struct tf_resource *variable, value_id *value, struct error *err)
    must_check;
/* Before a signature has to do with a variable that is written. */
enum status tf_variable_touch(struct tf_lowering *l, struct tf_resource *variable,
                              struct error *err) must_check;
/* By an operator ("" for what a signature gives). A reference is read; other values stay as they
 * are. */
enum status tf_variable_dereference(const struct tf_scope *scope, const char *reader,
                                    value_id *value, struct error *err) must_check;

/* --- signatures (model/signature.c) --- */

/* An input of the graph whose free dimensions have names. */
enum status tf_graph_input(struct emitter *e, const char *name, enum dtype dtype,
                           const struct shape *shape, value_id *value, struct error *err)
    must_check;
/* Around the lowering of a signature of `graph`. The fields come first; what it reads and writes of
 * variables is added behind them. */
void tf_signature_begin(struct tf_lowering *l, struct graph *graph);
struct tf_scope;
enum status tf_signature_finish(struct tf_scope *scope, const char *name, const value_id *inputs,
                                size_t input_count, const value_id *outputs, size_t output_count,
                                struct error *err) must_check;
/* True, once, when signatures write variables: all are to be lowered again, in a new graph, now
 * that it is known which. */
bool tf_signatures_again(struct tf_lowering *l);

/* All signatures as those of a new graph; what is UNSUPPORTED becomes the reason of the one that
 * needs it. *graph is NULL when no signature can be served. */
enum status tf_signatures_build(struct tf_lowering *l, const struct tf_signature *stored,
                                struct signature *signatures, size_t count, struct graph **graph,
                                struct error *err) must_check;

/* --- contract (model/describe.c) --- */

enum status tf_contract_describe(const struct tf_saved_model *model, struct contract *contract,
                                 struct arena *keep, struct error *err) must_check;
/* Versions, tags, methods; what the framework would run. `wire` is the whole file. */
enum status tf_model_tell(const struct tf_saved_model *model, struct bytes wire,
                          struct description *description, struct arena *keep, struct error *err)
    must_check;

/* --- graphs without signatures (model/ends.c) --- */

/* The one signature of a graph: from its placeholders to what no other node reads. */
enum status tf_ends_build(struct tf_lowering *l, struct description *description,
                          struct graph **graph, struct error *err) must_check;

/* --- lowering (model/lower.c) --- */

/* What lowering is for. Variables and tables are filled by lowering the nodes that restore and
 * initialise them: these may assign, and nodes run for their controls too. */
enum tf_phase { TF_SERVING, TF_RESTORING, TF_INITIALISING };

struct tf_lowering {
    struct arena *keep, *scratch; /* scratch is emptied after each node, those of functions too */
    enum tf_phase phase;
    const struct tf_graph *graph; /* the outermost */
    struct bundle *bundle;        /* the checkpoint; or NULL */
    struct artifact *artifact;    /* with assets/ beside `file`; or NULL */
    const struct member *file;    /* saved_model.pb */
    bool trained;                 /* the graph is one of training: its outputs are among others */
    struct bytes prefix;          /* what the file name of the checkpoint is fed with */
    struct map functions;         /* by name; model/function.c */
    struct tf_resource **resources;
    size_t resource_count, resource_capacity;
    struct map resource_names; /* "kind/name" -> struct tf_resource */
    /* Variables that are written while serving are found by lowering everything once; then all is
     * lowered again with them as state. */
    bool writes;
    size_t signature;      /* the one that is lowered, from 1 on */
    struct graph *serving; /* its graph: effects in others, subgraphs, are refused */
    /* Assertions and the like: what must be computed, in which graph. */
    struct tf_guard {
        const struct graph *graph;
        value_id value;
    } * guards;
    size_t guard_count, guard_capacity;
    bool settled;                 /* a graph that is finished had some: so has what calls it */
    struct tf_resource **touched; /* written variables that this signature reads or writes */
    size_t touched_count, touched_capacity;
    const char
        *uninitialised; /* why initialising was left off: for whoever misses a table; or NULL */
    struct map rows;    /* the operators by name */
    struct tf_stack *stacks;        /* spare ones of tf_lower */
    struct tf_outputs *outputs;     /* spare ones of tf_call */
    struct tf_body *bodies;         /* subgraphs, the newest first */
    size_t steps, steps_max;        /* functions and loops in functions may multiply */
    struct map lists;               /* values that are arrays of tensors; model/control.c */
    struct tf_ragged_kind *raggeds; /* that were made variants; ragged_variant.c */
    struct map compounds;           /* model/compound.c */
    size_t version;                 /* of the variables: how often one was written */
};

struct tf_state {      /* of a node in a scope */
    value_id *outputs; /* (output_count,), once lowered */
    size_t output_count;
    enum { TF_NEW, TF_WAITING, TF_DONE } state;
    void *needs; /* of the row's `needs` */
};

/* Where nodes become values: the graph of the file, a function put inline, a subgraph. */
struct tf_scope {
    struct tf_lowering *l;
    const struct tf_graph *stored;
    struct tf_state *states; /* (stored->count,) */
    struct emitter *e;       /* the graph that they become part of */
    const struct tf_scope *caller;
    const struct tf_function *function; /* NULL: the graph of the file */
    size_t depth;
    struct tf_flow *flow;     /* what its Switch, Merge ... describe; NULL: it has none */
    struct tf_part *part;     /* of the graph of another scope; NULL: all of its own */
    const struct tf_node *at; /* which is being lowered */
    struct map places;        /* node -> struct tf_place; model/place.c */
};

enum { TF_DEPTH_MAX = 64 };

void tf_lowering_init(struct tf_lowering *l, const struct tf_graph *graph, struct arena *keep,
                      struct arena *scratch);
/* `function` NULL: the outermost graph. The caller may be NULL. */
enum status tf_scope_open(struct tf_scope *scope, struct tf_lowering *l,
                          const struct tf_function *function, const struct tf_scope *caller,
                          struct emitter *e, struct error *err) must_check;
const struct tf_state *tf_state_of(const struct tf_scope *scope, const struct tf_node *node);
enum status tf_state_get(struct tf_scope *scope, const struct tf_node *node,
                         struct tf_state **state, struct error *err) must_check; /* to change it */
/* Make these the outputs of a node, which is lowered then. */
enum status tf_done(struct tf_scope *scope, const struct tf_node *node, const value_id *values,
                    size_t count, struct error *err) must_check;
/* Which output of the node an edge means. */
enum status tf_edge_output(const struct tf_scope *scope, const struct tf_node *node,
                           const struct tf_edge *edge, size_t *output, struct error *err)
    must_check;
/* Make a value the only output of a node, which is then not lowered itself. */
enum status tf_feed(struct tf_scope *scope, const struct tf_node *node, value_id value,
                    struct error *err) must_check;
/* Lower what these nodes need, and them. UNSUPPORTED: an operator without a row. */
enum status tf_lower(struct tf_scope *scope, const struct tf_node *const *wanted, size_t count,
                     struct error *err) must_check;
/* The value of an input of a node; of a variable that is what the node takes, it or its value. */
enum status tf_input_value(struct tf_scope *scope, const struct tf_node *node, size_t input,
                           value_id *value, struct error *err) must_check;
/* Is it in no loop and on no side of a condition? */
bool tf_is_unconditional(const struct tf_scope *scope, const struct tf_node *node);
/* The node that is being lowered uses a variable that is written. UNSUPPORTED where the branches
 * and loops of TensorFlow 1 around it would run it twice (model/place.c). */
enum status tf_place_note(const struct tf_scope *scope, bool writes, struct error *err) must_check;
bool tf_is_in_loop(const struct tf_scope *scope); /* of TensorFlow 1 */
/* Of what its control edges come from, and is to run, the first that is not lowered; or NULL. */
enum status tf_controls_missing(struct tf_scope *scope, const struct tf_node *node,
                                const struct tf_node **from, struct error *err) must_check;
/* Its node will be asked for: what one branch or loop gives is lowered together. */
enum status tf_edge_want(struct tf_scope *scope, const struct tf_edge *edge, struct error *err)
    must_check;
/* The value of an edge, whose node is lowered when it is not yet. */
enum status tf_edge_value(struct tf_scope *scope, const struct tf_edge *edge, value_id *value,
                          struct error *err) must_check;
/* The body of a function in the place of a call. `arguments`: as many as it takes; `results`
 * receives result_count values. */
enum status tf_function_lower(const struct tf_scope *caller, const struct tf_function *function,
                              struct emitter *e, const value_id *arguments, size_t argument_count,
                              value_id *results, struct error *err) must_check;

struct tf_call {
    struct tf_lowering *l;
    struct tf_scope *scope;
    struct emitter *e;
    const struct tf_node *node;
    const value_id *in;
    size_t in_count;
    value_id *out; /* (TF_OUTPUTS_MAX,) */
    size_t out_count;
};

struct tf_op {
    const char *name;
    const char *onnx; /* this ONNX operator, with the same inputs; NULL: lower */
    enum status (*lower)(struct tf_call *c, struct error *err);
    size_t inputs; /* exactly so many; 0: any number */
    /* Instead of its inputs: a node that is to be lowered before this one; NULL: none any more. */
    enum status (*needs)(struct tf_scope *scope, const struct tf_node *node,
                         const struct tf_node **from, struct error *err);
};

struct tf_op_set {
    const struct tf_op *ops;
    size_t count;
};
#define TF_OP_SET(...)                                                                             \
    {                                                                                              \
        (const struct tf_op[]){__VA_ARGS__},                                                       \
            sizeof((const struct tf_op[]){__VA_ARGS__}) / sizeof(struct tf_op)                     \
    }

/* Why an operator has no row and will have none ("it trains"); NULL: nothing is known against it.
 * (model/reason.c) */
const char *tf_reason(const char *op);
/* As the node would be lowered if its operator were this one and had these inputs. */
enum status tf_lower_as(struct tf_call *c, const char *op, const value_id *in, size_t in_count,
                        struct error *err) must_check;
/* The results of a function for the inputs of the node, as its outputs. */
enum status tf_call_function(struct tf_call *c, const struct tf_function *function,
                             struct error *err) must_check;
/* x with updates where indices (..., tuple) say; reduction as ONNX's ScatterND; `negate`: of the
 * updates. Indices below zero are out of range. (scatter.c) */
enum status tf_scatter_nd(struct tf_call *c, value_id x, value_id indices, value_id updates,
                          const char *reduction, bool negate, value_id *y, struct error *err)
    must_check;
/* x, of one complex type, with parts of this type (cast.c). */
enum status tf_complex_cast(struct tf_call *c, enum dtype part, value_id *x, struct error *err)
    must_check;
/* What rows are written with (model/row.c). */
enum status tf_give(struct tf_call *c, value_id value);
enum status tf_add(struct tf_call *c, value_id value, struct error *err) must_check;
/* The tensor that an input is, when it is known now; or NULL. */
const struct tensor *tf_constant(const struct tf_call *c, size_t input);
/* The integers of an input that must be known; at most `max`. */
enum status tf_known_ints(const struct tf_call *c, size_t input, int64_t *values, size_t max,
                          size_t *count, struct error *err) must_check;
enum status tf_known_int(const struct tf_call *c, size_t input, int64_t *value, struct error *err)
    must_check;
enum status tf_rank(const struct tf_call *c, size_t input, int *rank, struct error *err) must_check;
/* An input as int64, and with at least one dimension. */
enum status tf_index(const struct tf_call *c, size_t input, value_id *value, struct error *err)
    must_check;
enum status tf_index_list(const struct tf_call *c, size_t input, value_id *value, struct error *err)
    must_check;
/* firn's Complex; the part that is a complex number twice; its conjugate, a real one as it is. */
bool tf_is_complex(const struct emitter *e, value_id x);
enum dtype tf_complex_part(enum dtype dtype);
enum status tf_complex(const struct emitter *e, const char *function, struct emit_inputs in,
                       value_id *y, struct error *err) must_check;
enum status tf_conjugate(const struct emitter *e, value_id *x, struct error *err) must_check;
/* The same bytes as another type: of a smaller one, in one more dimension; and back. */
enum status tf_bitcast(const struct emitter *e, value_id x, enum dtype dtype, value_id *y,
                       struct error *err) must_check;
