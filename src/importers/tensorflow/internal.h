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

enum { TF_INPUTS_MAX = 1 << 16, TF_OUTPUTS_MAX = 256 };

/* --- the graph as it is stored (model/graph.c) --- */

struct tf_edge { /* "node", "node:1" */
    struct bytes node;
    size_t output;
};

struct tf_attribute {
    struct bytes name;
    struct protobuf value; /* AttrValue */
};

struct tf_node {
    const char *name, *op;
    struct tf_edge *inputs; /* without control edges */
    size_t input_count;
    struct tf_attribute *attributes;
    size_t attribute_count;
    bool is_read; /* some node has it as input, of control too */

    value_id *outputs; /* (output_count,), once lowered */
    size_t output_count;
    enum { TF_NEW, TF_WAITING, TF_DONE } state;
};

struct tf_graph {
    struct tf_node *nodes;
    size_t count;
    struct map by_name; /* -> struct tf_node */
    int64_t producer;   /* VersionDef.producer; 0: not stated */
};

enum status tf_graph_read(const struct protobuf *message, struct tf_graph *graph,
                          struct arena *keep, struct error *err) must_check;

/* Attributes; the value of `otherwise` where there is none. Wrong kinds are INVALID_INPUT. */
bool tf_has(const struct tf_node *node, const char *name);
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
/* A list of integers: at most `max`, their number in *count (0: absent). */
enum status tf_ints(const struct tf_node *node, const char *name, int64_t *values, size_t max,
                    size_t *count, struct arena *keep, struct error *err) must_check;

/* --- SavedModel (model/saved_model.c) --- */

struct tf_field {
    const char *name;
    struct tf_edge tensor;
    enum dtype dtype;
    struct shape shape;
    const char **dim_names; /* (RANK_MAX,) or NULL */
    bool composite;         /* several tensors: sparse, ragged */
};

struct tf_signature {
    const char *name;
    struct tf_field *inputs, *outputs; /* by name */
    size_t input_count, output_count;
};

struct tf_saved_model {
    const char *version; /* of TensorFlow; or NULL */
    struct tf_graph graph;
    struct tf_signature *signatures; /* serving_default first, then by name */
    size_t signature_count;
};

enum status tf_saved_model_read(const struct protobuf *message, struct tf_saved_model *model,
                                struct arena *keep, struct error *err) must_check;

/* --- lowering (model/lower.c) --- */

struct tf_lowering {
    struct emitter e;
    struct arena *keep, *scratch;
    struct tf_graph *graph;
    struct bundle *bundle; /* the checkpoint; or NULL */
    struct map variables;  /* node name -> struct bytes: its key in the bundle */
};

struct tf_call {
    struct tf_lowering *l;
    const struct emitter *e;
    const struct tf_node *node;
    const value_id *in;
    size_t in_count;
    value_id out[TF_OUTPUTS_MAX];
    size_t out_count;
};

struct tf_op {
    const char *name;
    const char *onnx; /* this ONNX operator, with the same inputs; NULL: lower */
    enum status (*lower)(struct tf_call *c, struct error *err);
    size_t inputs; /* exactly so many; 0: any number */
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

/* Lower what these nodes need, and them. UNSUPPORTED: an operator without a row. */
enum status tf_lower(struct tf_lowering *l, struct tf_node *const *wanted, size_t count,
                     struct error *err) must_check;

/* Fill l->variables. */
enum status tf_variables_find(struct tf_lowering *l, struct error *err) must_check;

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
