// SPDX-License-Identifier: Apache-2.0
/* If, Loop, Scan and SequenceMap: what their nodes state, for inference and for the engine.
 *
 * The inputs of such a node are its own, then those that its graphs capture (of If first those of
 * then_branch). A graph has the formal inputs of the standard, then its captures. */
#pragma once

#include "graph/graph.h"

/* The infer of an operator, of whatever kind: refuses sequences where it does not take them, and
 * looks into subgraphs. call->memory is set. */
enum status graph_call_infer(struct op_call *call, struct error *err) must_check;

enum control_kind { CONTROL_IF, CONTROL_LOOP, CONTROL_SCAN, CONTROL_SEQUENCE_MAP };

struct control {
    enum control_kind kind;
    const struct graph *graphs[2]; /* then_branch, else_branch; or body */
    size_t graph_count;
    size_t explicit_count; /* inputs of the node itself */
    bool batched;          /* Scan before opset 9: a batch of scans */
};

enum status control_read(const struct op_call *call, struct control *control, struct error *err)
    must_check;

struct scan {
    size_t first; /* input: the first state */
    size_t states, inputs, outputs;
};
struct scan_axis {
    int axis; /* -1: of an input of unknown rank */
    bool reverse;
};

/* INVALID_INPUT when the counts contradict. */
enum status control_scan(const struct op_call *call, const struct control *control,
                         struct scan *scan, struct error *err) must_check;
enum status control_scan_input(const struct op_call *call, const struct control *control,
                               const struct scan *scan, size_t i, struct scan_axis *out,
                               struct error *err) must_check;
/* `rank` of what the body gives in one step. */
enum status control_scan_output(const struct op_call *call, const struct control *control,
                                const struct scan *scan, size_t i, int rank, struct scan_axis *out,
                                struct error *err) must_check;
