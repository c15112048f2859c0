// SPDX-License-Identifier: Apache-2.0
/* TensorFlow's tables, records, examples, tensors and Snappy blocks; the first byte says which. */
#include "formats/compression/snappy.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data + 1, size - 1}, unpacked;
    struct protobuf message;
    struct example example;
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
        if (example_read(bytes, &example, &keep, &err))
            break;
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
