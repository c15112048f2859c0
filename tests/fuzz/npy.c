// SPDX-License-Identifier: Apache-2.0
/* npy files; what was read is written and read again. */
#include "fuzz/pickle_walk.h"

static void again(const struct tensor *tensor, struct arena *keep)
{
    struct text text = {.limit = 16 << 20};
    struct tensor copy;
    struct error err;

    if (npy_write(tensor, &text, &err) == STATUS_OK) {
        if (npy_read(text_bytes(&text), &copy, keep, &err))
            __builtin_trap();
        if (copy.dtype != tensor->dtype || !shape_equal(&copy.shape, &tensor->shape))
            __builtin_trap();
        tensor_touch(&copy);
    }
    text_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct numpy_array array;
    struct tensor tensor;
    struct arena keep;
    struct error err;
    size_t used;

    arena_init(&keep, 64 << 20);
    if (npy_read_raw((struct bytes){data, size}, &array, &used, &keep, &err) == STATUS_OK &&
        used > size)
        __builtin_trap();
    if (npy_read((struct bytes){data, size}, &tensor, &keep, &err) == STATUS_OK) {
        tensor_touch(&tensor);
        again(&tensor, &keep);
    }
    arena_release(&keep);
    return 0;
}
