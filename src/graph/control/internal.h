// SPDX-License-Identifier: Apache-2.0
/* Inference of If, Loop, Scan and SequenceMap, inside. */
#pragma once

#include "graph/internal.h"

struct walk {
    struct arena *scratch;
    struct arena *keep; /* for descriptions of elements */
    size_t steps;       /* left */
    int depth;
};

/* --- walk.c --- */

/* The types of the outputs of a subgraph for inputs of these types. */
enum status walk_graph(struct walk *walk, const struct graph *graph, const struct tensor *inputs,
                       struct tensor *outputs, struct error *err) must_check;

/* What is known of a tensor but its data, for a graph that has symbols of its own. */
struct tensor type_of(const struct tensor *tensor);

/* States that are carried from one round to the next. */
struct rounds {
    struct tensor *inputs;  /* of the body, states from `first` on */
    struct tensor *outputs; /* of the body, states from `out_first` on */
    size_t first, out_first, states;
};

enum status rounds_new(struct walk *walk, const struct graph *body, struct rounds *rounds,
                       struct error *err) must_check;
enum status rounds_infer(struct walk *walk, const struct op_call *call, const struct graph *body,
                         struct rounds *rounds, struct error *err) must_check;
/* What the body of a node captures, behind its other inputs. */
void captures_fill(const struct op_call *call, const struct control *control,
                   struct tensor *inputs);

/* --- control.c --- */

/* Has the graph that attribute `name` is as many formal inputs and outputs? */
enum status control_wants_counts(const struct op_call *call, const char *name,
                                 const struct graph *graph, size_t inputs, size_t outputs,
                                 struct error *err) must_check;
/* One BOOL? */
enum status control_wants_flag(const struct op_call *call, const char *what,
                               const struct tensor *flag, struct error *err) must_check;

/* --- loop.c, scan.c --- */

enum status loop_infer(struct walk *walk, struct op_call *call, const struct control *control,
                       struct error *err) must_check;
enum status scan_infer(struct walk *walk, struct op_call *call, const struct control *control,
                       struct error *err) must_check;
