// SPDX-License-Identifier: Apache-2.0
/* HDF5 files: every link within bounds, every dataset, some attributes. */
#include "formats/hdf5/hdf5.h"

enum { DEPTH_MAX = 6, CHILDREN_MAX = 64, FUZZ_BYTES = 64 << 20 };

static void touch(const struct tensor *tensor)
{
    volatile uint8_t sum = 0;
    size_t size = tensor_bytes(tensor);

    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)tensor->data)[i]);
    for (size_t i = 0; tensor->dtype == DTYPE_STRING && i < tensor_count(tensor); i++) {
        struct bytes text = ((const struct bytes *)tensor->data)[i];
        for (size_t k = 0; k < text.size; k++)
            sum = (uint8_t)(sum + text.data[k]);
    }
}

static void walk(struct hdf5 *file, hdf5_object object, int depth)
{
    static const char *const NAMES[] = {"config", "layer_names", "none", "flag", "model_config"};
    const struct hdf5_link *links;
    struct tensor value;
    struct error err;
    size_t count;
    bool is, found;

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (!hdf5_attribute(file, object, NAMES[i], &found, &value, &err) && found)
            touch(&value);
    if (!hdf5_is_dataset(file, object, &is, &err) && is && !hdf5_read(file, object, &value, &err))
        touch(&value);
    if (depth < DEPTH_MAX && !hdf5_links(file, object, &links, &count, &err))
        for (size_t i = 0; i < count && i < CHILDREN_MAX; i++)
            if (links[i].followed)
                walk(file, links[i].object, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hdf5 *file;
    struct arena keep;
    struct error err;

    arena_init(&keep, FUZZ_BYTES);
    if (!hdf5_open((struct bytes){data, size}, &keep, &file, &err))
        walk(file, hdf5_root(file), 0);
    arena_release(&keep);
    return 0;
}
