// SPDX-License-Identifier: Apache-2.0
/* Control flow: the rows of If, Loop, Scan and SequenceMap. What they do is said where graphs are
 * known: graph/control.c infers them, the engine's control.c runs them. */
#include "ops/kernels/call.h"

static enum status infer(struct op_call *call, struct error *err)
{
    return op_error(call, err, STATUS_UNSUPPORTED, "it needs a graph around it");
}

static enum status run(const struct op_call *call, struct error *err)
{
    return op_error(call, err, STATUS_UNSUPPORTED, "it needs a graph around it");
}

enum { FLAGS = OP_SUBGRAPHS | OP_CONTAINERS | OP_OPTIONAL_GAPS | OP_RANDOM };

#define CONTROL(op, least, text)                                                                   \
    {                                                                                              \
        .name = op, .summary = text, .flags = FLAGS, .in_min = least, .in_max = OP_INPUTS_ANY,     \
        .out_min = 1, .out_max = OP_OUTPUTS_MAX, .infer = infer, .run = run,                       \
    }

const struct op_set ops_onnx_control =
    OP_SET(CONTROL("If", 1, "one of two graphs, by a condition"),
           CONTROL("Loop", 2, "a graph again and again, with carried values"),
           CONTROL("Scan", 1, "a graph over slices of tensors, with carried states"),
           CONTROL("SequenceMap", 1, "a graph over the items of sequences"));
