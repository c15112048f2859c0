// SPDX-License-Identifier: Apache-2.0
/* TensorFlow's tables, records, examples, tensors and Snappy blocks; the first byte says which. */
#include "formats/compression/snappy.h"
#include "formats/tensorflow/example.h"
#include "formats/tensorflow/record.h"
#include "formats/tensorflow/leveldb.h"
#include "formats/tensorflow/tensor_proto.h"

static void records(struct bytes bytes, struct arena *keep)
{
    struct cursor cursor = cursor_over(bytes);
    struct example example;
    struct bytes record;
    struct error err;
    bool more = true;

    while (!record_next(&cursor, &record, &more, &err) && more)
        if (example_read(record, &example, keep, &err))
            break;
}

/* What is picked by name is what was read whole. */
static void examples(struct bytes bytes, struct arena *keep)
{
    struct bytes names[EXAMPLE_KEYS_MAX], sequence;
    struct feature_list lists[EXAMPLE_KEYS_MAX];
    struct example example;
    struct error err;
    size_t count = 0, at = 0;
    bool more = true;

    if (example_read(bytes, &example, keep, &err))
        return;
    while (count < example.count && count < EXAMPLE_KEYS_MAX) {
        names[count] = example.features[count].name;
        count++;
    }
    if (example_features(bytes, names, count, lists, &err))
        __builtin_trap();
    for (size_t i = 0; i < count; i++) {
        const struct feature *feature = example_find(&example, names[i]);
        struct tensor copy;

        if (lists[i].dtype != feature->values.dtype ||
            lists[i].count != tensor_count(&feature->values))
            __builtin_trap();
        if (lists[i].dtype == DTYPE_NONE ||
            tensor_new(&copy, lists[i].dtype, &feature->values.shape, keep, &err))
            continue;
        if (feature_values(&lists[i], copy.data, &err) ||
            (copy.dtype != DTYPE_STRING &&
             memcmp(copy.data, feature->values.data, tensor_bytes(&copy))))
            __builtin_trap();
    }
    if (!count || example_sequences(bytes, names, 1, &sequence, &err) || !sequence.data)
        return;
    while (more && !feature_next(sequence, &at, &lists[0], &more, &err))
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data + 1, size - 1}, unpacked;
    struct protobuf message;
    struct tensor tensor;
    struct leveldb_table table;
    struct arena keep;
    struct error err;

    if (!size)
        return 0;
    arena_init(&keep, 64 << 20);
    message = protobuf_over(bytes);
    switch (*data % 5) {
    case 0:
        if (leveldb_read(bytes, &table, &keep, &err))
            break;
        break;
    case 1:
        records(bytes, &keep);
        break;
    case 2:
        examples(bytes, &keep);
        break;
    case 3:
        if (tf_tensor_read(&message, &tensor, &keep, &err))
            break;
        for (size_t i = 0; i < tensor_count(&tensor) && dtype_is_float(tensor.dtype); i++)
            if (tensor_f64(&tensor, i) == 12345.678)
                break;
        break;
    default:
        if (snappy_unpack(bytes, 1 << 20, &unpacked, &keep, &err))
            break;
    }
    arena_release(&keep);
    return 0;
}
