// SPDX-License-Identifier: Apache-2.0
/* Control flow: subgraphs of If and Loop, and the structure that Switch, Merge and the frames of
 * loops describe. */
#pragma once

#include "importers/tensorflow/internal.h"

/* --- subgraphs (model/control.c, loop.c) --- */

/* A variable that a subgraph writes, and what it holds there. In `keep`. */
struct tf_write {
    struct tf_write *next;
    struct tf_resource *variable;
    value_id value;
};

/* A subgraph that is being made, and what it takes from the graph around it. In `keep`. */
struct tf_body {
    struct emitter e;
    struct tf_lowering *l;
    const struct graph *outer; /* the graph around it */
    struct tf_body *parent;    /* that the graph around it is of; NULL: of no subgraph */
    struct tf_body *older;     /* in lowering->bodies */
    struct map captures;       /* outer value -> struct tf_capture */
    struct tf_capture *first, **last;
    size_t capture_count, depth;
    struct tf_write *writes;
    bool settled; /* it has assertions */
};

/* A subgraph of the graph that `e` makes. */
enum status tf_body_open(struct tf_body **body, struct tf_lowering *l, const struct emitter *e,
                         struct error *err) must_check;
/* The subgraph that has this graph; NULL: it is none. */
struct tf_body *tf_body_of(const struct tf_lowering *l, const struct graph *graph);
/* The value in the subgraph of one around it, in graph `from`: constants are copied. */
enum status tf_body_capture(struct tf_body *body, const struct graph *from, value_id outside,
                            value_id *inside, struct error *err) must_check;

/* One of several computations, chosen when it runs. */
struct tf_branches {
    size_t count, output_count; /* outputs at most TF_OUTPUTS_MAX */
    /* `body` NULL: in the graph around it. */
    enum status (*lower)(void *context, size_t branch, struct emitter *e, struct tf_body *body,
                         value_id *outputs, struct error *err);
    void *context;
};
/* `which`: a bool (branch 0 where it is true) or an integer, of which too large and negative ones
 * mean the last. Where it is known only that branch becomes part of the graph. */
enum status tf_branches_emit(struct tf_lowering *l, struct emitter *e,
                             const struct tf_branches *branches, value_id which, value_id *outputs,
                             struct error *err) must_check;
/* The number of the branch that a known `which` means. */
bool tf_branch_known(const struct emitter *e, value_id which, size_t count, size_t *branch);

/* A computation that is repeated while a condition is true. */
struct tf_loop {
    size_t count; /* of states */
    const value_id *entry;
    /* Both are asked several times, in graphs of their own. `body` NULL: in the graph around it. */
    enum status (*condition)(void *context, struct emitter *e, struct tf_body *body,
                             const value_id *states, value_id *condition, struct error *err);
    enum status (*next)(void *context, struct emitter *e, struct tf_body *body,
                        const value_id *states, value_id *next, struct error *err);
    void *context;
};
enum status tf_loop_emit(struct tf_lowering *l, struct emitter *e, const struct tf_loop *loop,
                         value_id *results, struct error *err) must_check;

/* A scalar of any dtype as a condition: not 0, not empty; of tensors: has elements. */
enum status tf_condition(struct emitter *e, value_id x, value_id *condition, struct error *err)
    must_check;

/* --- arrays of tensors --- A value of the graph: a tensor whose first dimension counts the
 * elements. While none of them was written their shape may be open: dimensions that are not known
 * are 0 then, and the first write decides. */

struct tf_list {
    struct shape element; /* as far as the model states it */
};

/* Say that a value is an array. */
enum status tf_list_set(struct tf_lowering *l, const struct graph *graph, value_id value,
                        const struct shape *element, struct error *err) must_check;
const struct tf_list *tf_list_of(struct tf_lowering *l, const struct graph *graph, value_id value);
/* An array whose elements have this shape, dimensions that are not known being -1. */
enum status tf_list_fit(struct tf_lowering *l, struct emitter *e, value_id list,
                        const struct shape *element, value_id *fitted, struct error *err)
    must_check;

/* What is an array in one graph is one in another. */
enum status tf_list_keep(struct tf_lowering *l, const struct graph *from, value_id outside,
                         const struct graph *to, value_id inside, struct error *err) must_check;
enum status tf_list_read(const struct emitter *e, value_id list, value_id index, value_id *element,
                         struct error *err) must_check;
enum status tf_list_stack(const struct emitter *e, value_id list, value_id *stacked,
                          struct error *err) must_check;
/* `index` and `lengths`: inputs of the call. */
enum status tf_list_write(const struct tf_call *c, value_id list, size_t index, value_id item,
                          bool grow, value_id *written, struct error *err) must_check;
enum status tf_list_split(const struct tf_call *c, value_id whole, size_t lengths, value_id *list,
                          struct error *err) must_check;
/* How many elements it has, int32. */
enum status tf_list_length(const struct emitter *e, value_id list, value_id *length,
                           struct error *err) must_check;
/* All elements joined along their first dimension, and the length of each. */
enum status tf_list_concat(const struct emitter *e, value_id list, value_id *whole,
                           value_id *lengths, struct error *err) must_check;

/* --- parts of a scope's graph --- */

enum tf_role { TF_ROLE_BRANCH, TF_ROLE_CONDITION, TF_ROLE_ROUND, TF_ROLE_EXIT };

/* Why a scope is lowered apart from the one around it. */
struct tf_part {
    struct tf_scope *outer;
    struct tf_body *body; /* NULL: in the graph of the scope around it */
    int32_t frame;        /* a round of this loop; 0: */
    uint64_t predicate;   /* a branch: with the side in its lowest bits */
    const void *owner;    /* the Merge or Exit that is lowered */
    enum tf_role role;    /* of this part in that */
    struct map states;    /* node -> struct tf_state, of those lowered here */
};

/* `scope` becomes a part of `outer`, for graph `e`. */
enum status tf_part_open(struct tf_scope *scope, struct tf_part *part, struct tf_scope *outer,
                         struct emitter *e, struct error *err) must_check;
/* NULL when the node is lowered; else it stays, to be lowered in this scope. */
enum status tf_missing(struct tf_scope *scope, const struct tf_node **node, struct error *err)
    must_check;

/* --- what Switch, Merge and frames describe (model/flow.c, flow_use.c) --- */

/* On which side of which conditions a node is: sorted, predicate | side. */
struct tf_conditions {
    size_t count;
    uint64_t items[];
};

enum { TF_SIDES_MAX = 256 };

struct tf_flow_node {
    int32_t frame; /* the loop that it is in; 0: none */
    bool settled;  /* else it is part of a cycle, or of what nothing fits */
    bool wanted;
    bool is_switch, is_head; /* a condition's; of a loop, its Merge */
    uint32_t mark;           /* of walks */
    uint32_t next;           /* Enters and Exits of one loop; UINT32_MAX: none */
    const struct tf_conditions *conditions;
    uint64_t predicate; /* of a Switch, and of a Merge that joins its sides; 0: none */
};

struct tf_frame {
    struct bytes name;
    int32_t parent;
    size_t depth;
    size_t pending;                  /* Enters that are not settled */
    uint32_t enters, exits;          /* the first, then flow_node.next; UINT32_MAX: none */
    const struct tf_node *condition; /* LoopCond */
    const struct tf_conditions *conditions;
    bool bad; /* it is entered from different loops */
};

struct tf_flow {
    const struct tf_graph *graph;
    struct tf_flow_node *nodes; /* (graph->count,) */
    struct tf_frame *frames;    /* [0]: no loop */
    size_t frame_count;
    struct map frame_names; /* -> struct tf_frame */
    uint32_t *first;        /* (count + 1,): of a node's inputs and controls in `from` */
    uint32_t *from;         /* nodes; UINT32_MAX: there is none */
    uint32_t clock;
    size_t steps;                             /* of walks: they may not multiply */
    const struct tf_node **inside, **outside; /* room for walks */
    uint32_t *stack;
};

/* Find it out when the graph has any; scope->flow is NULL when it has none. */
enum status tf_flow_find(struct tf_scope *scope, struct error *err) must_check;
/* These nodes and what they need are wanted. */
enum status tf_flow_want(struct tf_scope *scope, const struct tf_node *const *nodes, size_t count,
                         struct error *err) must_check;

/* The scope, this one or one around it, in which the node is lowered. */
struct tf_scope *tf_home(struct tf_scope *scope, const struct tf_node *node);
/* Does the node have a value whenever this scope is run? Else UNSUPPORTED. */
enum status tf_flow_check(struct tf_scope *scope, const struct tf_node *node, struct error *err)
    must_check;
/* So much is done again for each branch or loop: TOO_LARGE where that is without end. */
enum status tf_flow_spend(struct tf_flow *flow, size_t steps, struct error *err) must_check;
bool tf_flow_within(const struct tf_flow *flow, int32_t frame, int32_t outer);
/* The side of `predicate` on which a node is; -1: on none. */
int tf_flow_side(const struct tf_flow *flow, const struct tf_node *node, uint64_t predicate);
/* The node and output that a predicate is. */
const struct tf_node *tf_flow_predicate(const struct tf_flow *flow, uint64_t predicate,
                                        size_t *output);

/* Does `from` need `to`? True too when that would take too long to find out. */
bool tf_flow_needs(struct tf_flow *flow, const struct tf_node *from, const struct tf_node *to);

/* A walk backwards from some nodes through those that are inside of something. */
struct tf_walk {
    struct tf_scope *scope;
    int32_t frame;                            /* inside of this loop; 0: */
    uint64_t predicate;                       /* on a side of this */
    const struct tf_node **inside, **outside; /* until the next walk; outside: read inside */
    size_t inside_count, outside_count;
};
enum status tf_flow_walk(struct tf_walk *walk, const struct tf_node *const *from, size_t count,
                         struct error *err) must_check;
