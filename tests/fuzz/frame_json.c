// SPDX-License-Identifier: Apache-2.0
/* Data frames in JSON. The first byte chooses the dtype of all columns. */
#include "formats/json/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dtype dtypes[] = {DTYPE_F64, DTYPE_F32, DTYPE_I64, DTYPE_STRING, DTYPE_BOOL};
    struct arena arena;
    struct frame_json frame;
    struct error err;

    if (!size)
        return 0;
    arena_init(&arena, 64 << 20);
    if (frame_json_open((struct bytes){data + 1, size - 1}, &frame, &arena, &err) == STATUS_OK) {
        struct tensor *columns = arena_new(&arena, struct tensor, frame.count);
        enum dtype *kinds = arena_new(&arena, enum dtype, frame.count);

        for (size_t c = 0; kinds && c < frame.count; c++)
            kinds[c] = dtypes[data[0] % ARRAY_COUNT(dtypes)];
        if (columns && kinds && frame_json_read(&frame, kinds, columns, &arena, &err) == STATUS_OK)
            for (size_t c = 1; c < frame.count; c++)
                if (columns[c].shape.dims[0] != columns[0].shape.dims[0])
                    __builtin_trap();
    }
    arena_release(&arena);
    return 0;
}
