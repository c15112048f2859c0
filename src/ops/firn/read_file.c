// SPDX-License-Identifier: Apache-2.0
/* ReadFile: what files of this machine hold; only below folders that the operator named
 * (base/readable.h). No importer makes it of a model.
 *
 * paths (...) string -> (...) string */
#include "base/readable.h"
#include "ops/kernels/call.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    op_give(call, 0, DTYPE_STRING, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct bytes *paths = call->in[0].data;
    struct bytes *contents = call->out[0].data;
    size_t count = tensor_count(&call->in[0]);

    for (size_t i = 0; i < count; i++)
        TRY(readable_file(paths[i], FILE_BYTES_MAX, &contents[i], call->memory, err));
    return STATUS_OK;
}

const struct op_set ops_firn_read_file =
    OP_SET({.name = "ReadFile",
            .summary = "what files hold, below folders that the operator named",
            .flags = OP_RANDOM,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
