// SPDX-License-Identifier: Apache-2.0
/* What graph/ shares with its passes: inference and evaluation of one node, and
 * edits of a whole graph. */
#pragma once

#include "graph/control.h"

/* A value that node `producer` makes. */
enum status graph_value(struct graph *graph, const char *name, enum dtype dtype,
                        const struct shape *shape, int32_t producer, value_id *value,
                        struct error *err) must_check;

/* Check a tensor that comes from outside and copy the struct; the data is borrowed, or copied where
 * it is not aligned for its elements (of a large one only when it is to be). */
enum status graph_tensor_keep(struct graph *graph, const struct tensor *tensor, bool aligned,
                              const struct tensor **kept, struct error *err) must_check;

/* Is dimension `dim` known, unknown or a symbol of this graph? */
bool graph_dim_is_valid(const struct graph *graph, int64_t dim);

/* The call of a node: in[] as known now, out[] empty. The tensors belong to the graph and are good
 * until the next call. */
enum status graph_call(struct graph *graph, const struct node *node, struct op_call *call,
                       struct error *err) must_check;

/* Infer, and check what the operator said. call->out receives dtypes and shapes. */
enum status graph_infer(struct graph *graph, const struct node *node, struct op_call *call,
                        struct error *err) must_check;

/* Merge what is newly known of a value into it: INVALID_INPUT when it contradicts. */
enum status graph_learn(struct graph *graph, struct value *value, enum dtype dtype,
                        const struct shape *shape, struct error *err) must_check;

/* Does the shape of an output rest on a declared one? */
bool graph_is_declared(const struct graph *graph, const struct node *node);

/* After graph_infer with all shapes known: compute. Output data lies in graph->keep, all else in
 * `scratch`. */
enum status graph_evaluate(const struct graph *graph, const struct node *node, struct op_call *call,
                           struct arena *scratch, struct error *err) must_check;

/* Compute what depends on constants alone: all but quantised constants, or these. */
enum status graph_fold(struct graph *graph, bool dequantise, struct arena *scratch,
                       struct error *err) must_check;

/* Run the passes up to those of phase `last` on a graph and on those inside of its nodes; `depth`
 * graphs are around it. */
enum status graph_optimise_inner(struct graph *graph, const char *skip, int last, int depth,
                                 struct arena *scratch, struct error *err) must_check;
enum status subgraphs_optimise(struct graph *graph, const char *skip, int last, int depth,
                               struct arena *scratch, struct error *err) must_check;

/* --- Edits: what a pass does to a graph. A pass walks the nodes in order and says of a value "use
 * that one instead", and of a node "remove"; or adds nodes with graph_node() and friends, whose
 * place in the order edit_end finds. Later nodes see earlier replacements at once. --- */

struct edit {
    struct graph *graph;
    size_t value_count, node_count; /* at the beginning: what is added later has higher numbers */
    value_id *instead;              /* (value_count,): itself when not replaced */
    bool *removed;                  /* (node_count,) */
};

enum status edit_begin(struct edit *edit, struct graph *graph, struct arena *scratch,
                       struct error *err) must_check;
/* Let node `index` use the replacements so far; call first for each node of the walk. */
void edit_visit(struct edit *edit, size_t index);
void edit_replace(struct edit *edit, value_id value, value_id by);
void edit_remove(struct edit *edit, size_t index);
/* What stands for the value now: itself, or what replaced it. */
value_id edit_instead(const struct edit *edit, value_id value);
/* Rewire nodes and signatures, drop the removed nodes, put added ones where their inputs are made.
 */
enum status edit_end(struct edit *edit, struct arena *scratch, struct error *err) must_check;

/* Turn node `index` into another one with the same outputs: how a pass fuses. It goes where the
 * last node of the pattern was, so that its inputs come before; the others die if unused. */
enum status graph_node_rewrite(struct graph *graph, size_t index,
                               const struct node_description *description, struct error *err)
    must_check;

/* --- Uses: who reads a value. Nodes that no output needs do not count. Good until the graph is
 * changed. --- */

struct uses {
    const struct graph *graph;
    size_t value_count;
    uint32_t *first; /* (value_count + 1,): where in `nodes` its readers begin */
    int32_t *nodes;  /* of each input slot: the node it belongs to, in order */
    bool *is_output; /* (value_count,): of a signature */
    bool *is_live;   /* (node_count,): an output needs it */
};

enum status uses_find(struct uses *uses, const struct graph *graph, struct arena *scratch,
                      struct error *err) must_check;
/* Input slots that read it. */
static inline size_t uses_count(const struct uses *uses, value_id value)
{
    return uses->first[value + 1] - uses->first[value];
}
/* Is it read once and by nobody outside? Then whoever reads it may swallow its producer. */
bool uses_is_private(const struct uses *uses, value_id value);

/* The node that makes the value, or NULL. */
const struct node *value_producer(const struct graph *graph, value_id value);

/* What was known of `from` is true of `to`, which replaces it. */
enum status value_inherit(struct graph *graph, value_id from, value_id to, struct error *err)
    must_check;

/* Is the node this operator of domain ""? */
bool node_is(const struct node *node, const char *op);
/* The constant that input `input` is, or NULL. */
const struct tensor *node_constant(const struct graph *graph, const struct node *node,
                                   size_t input);
/* The same for who asks for type and shape alone, or reads unaligned_float: it may be unaligned,
 * and as `stored` says. */
const struct tensor *node_weights(const struct graph *graph, const struct node *node, size_t input);
