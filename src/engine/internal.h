// SPDX-License-Identifier: Apache-2.0
/* The parts of the native servable.
 *
 *   native.c     the servable: made, freed, asked
 *   recipe.c     once per signature: which nodes it needs, and numbers ("slots") for their values
 *   plan.c       once per signature and shapes: inference, steps, where every tensor lies
 *   place.c      memory of a plan: which buffers may overlap
 *   execute.c    each request: bind pointers, run the steps
 *   session.c    memory and plans of one thread
 *   control.c    If, Loop, Scan, SequenceMap: plans of their graphs, run by a step (control/)
 *   state.c      variables that signatures write
 *   slices.c     large batches, some rows at a time
 *   region.c     what is left of a recipe behind steps whose shapes depend on data
 *
 * What is below `struct native` never changes after load and is shared by all threads; what is
 * below `struct native_session` belongs to one thread. So there is no lock but that of state.c. */
#pragma once

#include <pthread.h>

#include "engine/native.h"
#include "graph/control.h"

/* --- per signature --- */

enum { SLOT_NONE = -1 }; /* an omitted input */

struct recipe_node {
    const struct node *node;
    void *state;             /* of op->prepare; read-only */
    const int32_t *in, *out; /* slots; (node->input_count,), (node->output_count,) */
    const uint32_t *bodies;  /* of If, Loop ...: the recipes of their graphs; else NULL */
};

struct recipe {
    const struct graph_signature *signature; /* NULL: not native */
    const struct graph *graph;
    struct recipe_node *nodes; /* those its outputs need, in order */
    size_t node_count;
    value_id *values; /* (slot_count,): the graph's value in a slot. First the inputs */
    int32_t *outputs; /* (output_count,): slots */
    size_t slot_count;
    const struct tensor
        *known; /* of a region: (slot_count,), values that its plan knows; or NULL */
    int depth;  /* regions around it */
    bool inner; /* of a subgraph or region: its inputs were checked */
    size_t state_first, state_count; /* of a loop's body: inputs that a run may overwrite, for the
                                      * loop gives it memory of its own when it does */
};

struct state_buffer {
    struct tensor tensor; /* its data is owned */
    size_t capacity;      /* bytes */
};

struct states { /* of the graph, as they are now */
    pthread_mutex_t lock;
    struct state_buffer *buffers;
    size_t count;
};

struct native {
    struct servable base;
    struct graph *graph;
    struct native_options options;
    struct recipe *recipes; /* one for each signature of the contract, then of all subgraphs */
    size_t recipe_count;
    size_t mapped;    /* bytes of constants in the artifact */
    size_t arena_max; /* largest plan memory of any session; atomic */
    struct artifact *artifact;
    struct arena model;    /* graph and contract */
    struct arena prepared; /* recipes and states */
    bool *by_rows;         /* (contract->count,): see recipe_is_by_rows */
    struct states *states; /* NULL: it has none */
};

/* What the operators of a graph prepare: (node_count,), in native->prepared. */
enum status native_prepare(struct native *native, const struct graph *graph, void ***states,
                           struct arena *scratch, struct error *err) must_check;

enum status recipes_make(struct native *native, struct arena *scratch, struct error *err)
    must_check;

/* --- per signature and shapes --- */

enum place {
    PLACE_INPUT,   /* data of input `index` of the request */
    PLACE_FIXED,   /* known when the plan is made: a constant, or computed from shapes */
    PLACE_BUFFER,  /* in buffer `index` of the plan's memory */
    PLACE_DYNAMIC, /* number `index` of what dynamic steps make */
    PLACE_REGION,  /* made in the region behind this plan */
};

/* What is known of a slot while planning. */
struct slot {
    struct tensor tensor; /* data: the value, where it is known while planning */
    enum place place;
    int32_t index;
    size_t shift; /* bytes behind the beginning of the buffer or input */
};

struct buffer {
    size_t size, offset;  /* bytes; multiples of 64 */
    uint32_t first, last; /* steps between which it is in use */
    uint32_t step;        /* whose output or scratch it is: for messages */
    uint32_t merged;      /* the buffer that it lies in; itself: none */
    size_t bytes, shift;  /* of what it holds; where it begins in `merged` */
};

struct step {
    enum status (*run)(const struct op_call *call, struct error *err);
    struct op_call call;
    const struct recipe_node *node;
    int32_t scratch; /* buffer, or -1 */
    bool inside;     /* an output lies inside of another buffer */
};

/* A step whose shapes depend on data: inferred when it is its turn. */
struct dynamic_step {
    struct step step;
    const int32_t *in; /* (in_count,): number of the dynamic tensor that the input is, or -1 */
    int32_t out;       /* number of the first output */
    struct tensor *described; /* of If, Loop ...: its outputs as planned */
};

/* If, Loop ... in a plan: what its call's state is. */
struct control_step {
    struct control control;
    const uint32_t *bodies;         /* recipes */
    struct native_session *session; /* that runs the plan; set when it is bound */
};

/* What is left of a recipe when the shapes that dynamic steps gave are known: a recipe of its own,
 * planned for them by a session of its own. */
struct region {
    struct recipe recipe;
    struct graph_signature signature;
    const int32_t *slots;   /* (input_count,): of the recipe around it */
    const int32_t *dynamic; /* (input_count,): number of the dynamic tensor, or -1 */
    struct tensor *inputs, *outputs;
    struct native_session *session; /* NULL: not made yet */
};

/* A pointer that is set when the plan is bound to memory, or to a request. */
struct reference {
    void **data;
    uint32_t index; /* of a buffer or an input */
    size_t shift;   /* bytes behind its beginning */
};

struct plan {
    uint64_t hash;
    const int64_t *key; /* (key_size,) */
    size_t key_size;
    uint64_t used; /* the session's clock at the last run */

    struct step *steps;
    size_t step_count;
    struct dynamic_step *dynamic_steps; /* after the steps */
    size_t dynamic_step_count;
    struct tensor *dynamic;   /* what dynamic steps made in this run */
    struct tensor *outputs;   /* of the signature */
    int32_t *dynamic_outputs; /* (output_count,): number of the dynamic tensor, or -1 */
    struct region *region;    /* what follows; or NULL */
    int32_t *region_outputs;  /* (output_count,): which of the region's, or -1 */
    size_t output_count;

    struct buffer *buffers;
    size_t buffer_count;
    struct reference *buffer_references, *input_references;
    size_t buffer_reference_count, input_reference_count;
    size_t memory_size;
    bool *overwritten; /* (input_count,): inputs that a run overwrites; NULL: none */
    char *bound;       /* the memory that the references point into; NULL: not bound */

    double average_us; /* < 0: never run */
    unsigned runs;
    uint32_t *step_ns; /* (step_count + dynamic_step_count,): shortest, with options.profile */
    struct arena keep; /* all of the plan */
};

/* Offsets for all buffers; buffers that are not in use at the same time may overlap. The step at
 * fault in *step when it takes more than `limit`. */
enum status place_buffers(struct buffer *buffers, size_t count, size_t limit, size_t *size,
                          uint32_t *step, struct arena *scratch, struct error *err) must_check;

/* Make a plan for these inputs. `by_value`: use the values of small integer inputs too. `team`: the
 * one of the runs, for scratch memory per lane. The plan is owned by the caller (plan_free). */
enum status plan_make(const struct native *native, const struct recipe *recipe,
                      const struct tensor *inputs, bool by_value, struct team *team,
                      struct arena *scratch, struct plan **plan, struct error *err) must_check;
void plan_free(struct plan *plan);

/* The nodes of `recipe` that are left, `slots` being what is known of its values. What the region
 * keeps lies in plan->keep. */
enum status region_make(struct plan *plan, const struct recipe *recipe, const struct slot *slots,
                        const uint32_t *nodes, size_t count, struct arena *scratch,
                        struct error *err) must_check;
/* Plan and run it. */
enum status region_run(struct native_session *session, struct plan *plan, struct error *err)
    must_check;
/* At the beginning of a run: drop the regions' plans when there are too many. */
void regions_bound(struct native_session *root);
enum { REGION_DEPTH_MAX = 64, REGION_NODES_MIN = 3 };

/* May the values of this input be part of a plan's key? */
bool plan_value_input(const struct tensor *input);
enum { PLAN_VALUES_MAX = 64 };

/* Steps longer than this many elements are not computed while planning. */
enum { PLAN_EVALUATE_MAX = 4096 };

/* --- per thread --- */

/* An arena that is emptied for every run and after a few runs needs no more from the system. */
struct run_arena {
    struct arena arena;
    size_t settled; /* bytes that its one block holds */
};

struct native_session {
    struct session base;
    struct native_session *root; /* itself, or the one that this one belongs to */
    struct native_session *
        *children;                /* of the root: (recipe_count,), those of subgraphs; or NULL */
    const struct recipe *recipes; /* those that it runs */
    size_t recipe_count;
    uint64_t iterations; /* of the root: rounds of loops in this run */
    size_t regions;      /* of the root: sessions of regions that are kept */
    struct plan **plans; /* (plans_max,) */
    size_t plan_count, plans_max;
    struct plan *last; /* of the last run; for the profile */
    uint64_t clock;
    int64_t *key;                  /* as long as the longest of its recipes' */
    uint8_t *by_value;             /* (recipe_count,): are plans of it made by values of inputs? */
    uint64_t made, by_value_since; /* plans made by value; the clock when that began */
    struct arena memory;           /* one block: where the plans' buffers are */
    char *memory_data;
    size_t memory_size;
    struct run_arena strings; /* bytes of string elements that operators made */
    struct run_arena dynamic; /* outputs of dynamic steps */
    struct arena scratch;     /* while planning */
    struct arena keep;        /* of the session */
    /* of batches that are run in slices: */
    char *sliced; /* their outputs; owned */
    size_t sliced_size;
    struct tensor *slice_tensors; /* inputs and outputs of a slice */
    /* of models with variables that they write: */
    struct tensor *run_tensors;  /* inputs and outputs with the hidden ones */
    struct state_buffer *copies; /* of the states */
};

struct session *native_session_new(struct servable *servable);
void native_session_free(struct session *session);

/* One for a part of what `root` runs; NULL: no memory. */
struct native_session *session_inner(struct native_session *root, const struct recipe *recipes,
                                     size_t count);
/* That of a subgraph's recipe, made when there is none. */
enum status session_child(struct native_session *session, uint32_t recipe,
                          struct native_session **child, struct error *err) must_check;

/* The plan for these inputs, made when there is none. */
enum status session_plan(struct native_session *session, size_t signature,
                         const struct tensor *inputs, struct plan **plan, struct error *err)
    must_check;
/* The same, but NULL when there is none. */
struct plan *session_plan_find(struct native_session *session, size_t signature,
                               const struct tensor *inputs);

/* Make a step one of the control flow. */
enum status control_prepare(struct plan *plan, const struct recipe_node *made, struct step *step,
                            struct error *err) must_check;
/* Run it, its outputs described and placed. */
enum status control_run(const struct op_call *call, struct error *err) must_check;
/* Run it and describe and place its outputs. */
enum status control_run_dynamic(struct op_call *call, struct error *err) must_check;

/* Run a plan of this session. */
enum status plan_execute(struct native_session *session, struct plan *plan,
                         const struct tensor *inputs, struct tensor *outputs, struct error *err)
    must_check;

/* slices.c */
/* Does row i of the outputs depend on row i of the inputs alone? */
bool recipe_is_by_rows(const struct recipe *recipe);
/* Rows of a slice of this batch; 0: it is run at once. */
size_t slice_rows(const struct native_session *session, size_t signature, const struct plan *plan,
                  const struct tensor *inputs);
/* Run it, `each` rows at a time; `whole` is its plan. */
enum status slices_run(struct native_session *session, size_t signature, size_t each,
                       const struct plan *whole, const struct tensor *inputs,
                       struct tensor *outputs, struct error *err) must_check;

/* state.c */
enum status states_make(struct native *native, struct error *err) must_check;
void states_free(struct states *states);
void session_states_free(struct native_session *session);
/* The run of a signature that reads or writes states. */
enum status states_run(struct native_session *session, size_t signature,
                       const struct tensor *inputs, struct tensor *outputs, struct error *err)
    must_check;
static inline bool signature_has_states(const struct graph_signature *signature)
{
    return signature->state_in_count || signature->state_out_count;
}

static inline const struct native *session_native(const struct native_session *session)
{
    return (const struct native *)session->base.servable;
}

uint64_t time_ns(void);

/* Is the run to be given up? Asked between steps. */
enum status session_stopped(const struct session *session, struct error *err) must_check;
static inline bool session_may_stop(const struct session *session)
{
    return session->deadline_ns || session->cancelled;
}
