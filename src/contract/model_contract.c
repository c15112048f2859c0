// SPDX-License-Identifier: Apache-2.0
#include "contract/model_contract.h"

#include "base/text.h"
#include "contract/hydrosphere.h"
#include "formats/protobuf_text.h"

/* Where the rows of each type begin. */
enum {
    CONTRACT = 0,
    SIGNATURE = CONTRACT + 4,
    FIELD = SIGNATURE + 4,
    NESTED = FIELD + 8,
    INFO = NESTED + 2,
    SHAPE_PROTO = INFO + 3,
    DIM = SHAPE_PROTO + 3,
    TYPE = DIM + 3
};

#define MESSAGE_OF(name, number, of)                                                               \
    {                                                                                              \
        name, number, PROTOBUF_KIND_MESSAGE, of                                                    \
    }
#define TYPE_IS(name, number)                                                                      \
    {                                                                                              \
        "DT_" name, number, PROTOBUF_KIND_INT, 0                                                   \
    }

static const struct protobuf_row ROWS[] = {
    [CONTRACT] = {"ModelContract", 0, PROTOBUF_KIND_NONE, 0},
    {"model_name", 1, PROTOBUF_KIND_BYTES, 0},
    MESSAGE_OF("signatures", 2, SIGNATURE),
    MESSAGE_OF("predict", 2, SIGNATURE),
    [SIGNATURE] = {"ModelSignature", 0, PROTOBUF_KIND_NONE, 0},
    {"signature_name", 1, PROTOBUF_KIND_BYTES, 0},
    MESSAGE_OF("inputs", 2, FIELD),
    MESSAGE_OF("outputs", 3, FIELD),
    [FIELD] = {"ModelField", 0, PROTOBUF_KIND_NONE, 0},
    {"field_name", 1, PROTOBUF_KIND_BYTES, 0},
    {"name", 1, PROTOBUF_KIND_BYTES, 0},
    MESSAGE_OF("dict", 2, NESTED),
    MESSAGE_OF("shape", 2, SHAPE_PROTO),
    MESSAGE_OF("info", 3, INFO),
    MESSAGE_OF("subfields", 3, NESTED),
    {"dtype", 4, PROTOBUF_KIND_ENUM, TYPE},
    [NESTED] = {"Nested", 0, PROTOBUF_KIND_NONE, 0},
    MESSAGE_OF("data", 1, FIELD),
    [INFO] = {"TensorInfo", 0, PROTOBUF_KIND_NONE, 0},
    {"dtype", 2, PROTOBUF_KIND_ENUM, TYPE},
    MESSAGE_OF("tensor_shape", 3, SHAPE_PROTO),
    [SHAPE_PROTO] = {"TensorShapeProto", 0, PROTOBUF_KIND_NONE, 0},
    MESSAGE_OF("dim", 2, DIM),
    {"unknown_rank", 3, PROTOBUF_KIND_BOOL, 0},
    [DIM] = {"Dim", 0, PROTOBUF_KIND_NONE, 0},
    {"size", 1, PROTOBUF_KIND_INT, 0},
    {"name", 2, PROTOBUF_KIND_BYTES, 0},
    [TYPE] = {"DataType", 0, PROTOBUF_KIND_NONE, 0},
    TYPE_IS("FLOAT", 1),
    TYPE_IS("DOUBLE", 2),
    TYPE_IS("INT32", 3),
    TYPE_IS("UINT8", 4),
    TYPE_IS("INT16", 5),
    TYPE_IS("INT8", 6),
    TYPE_IS("STRING", 7),
    TYPE_IS("COMPLEX64", 8),
    TYPE_IS("INT64", 9),
    TYPE_IS("BOOL", 10),
    TYPE_IS("QINT8", 11),
    TYPE_IS("QUINT8", 12),
    TYPE_IS("QINT32", 13),
    TYPE_IS("BFLOAT16", 14),
    TYPE_IS("QINT16", 15),
    TYPE_IS("QUINT16", 16),
    TYPE_IS("UINT16", 17),
    TYPE_IS("COMPLEX128", 18),
    TYPE_IS("HALF", 19),
    TYPE_IS("RESOURCE", 20),
    TYPE_IS("VARIANT", 21),
    TYPE_IS("UINT32", 22),
    TYPE_IS("UINT64", 23),
    {NULL, 0, PROTOBUF_KIND_NONE, 0},
};

enum status model_contract_parse(struct bytes content, const char *file, struct contract *contract,
                                 struct arena *keep, struct error *err)
{
    const char *where = arena_text(keep, bytes_of(file));
    struct bytes wire = content;

    if (!where)
        return error_no_memory(err, "a contract");
    if (protobuf_text_is(content, ROWS, CONTRACT) &&
        protobuf_from_text(content, ROWS, CONTRACT, &wire, keep, err))
        return error_within(err, "%.128s", file);
    if (hydrosphere_contract_protobuf(wire, false, where, contract, keep, err))
        return strncmp(err->text, file, strlen(file)) ? error_within(err, "%.128s", file)
                                                      : err->status; /* it said where */
    return STATUS_OK;
}
