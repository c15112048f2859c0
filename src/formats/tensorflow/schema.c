// SPDX-License-Identifier: Apache-2.0
#include "formats/tensorflow/schema.h"

/* Where the rows of each type begin: names of rows are as good as their lines. */
#define PASTE(a, b) a##b
#define ROW_AT(line) PASTE(ROW_, line)
enum {
#define MESSAGE(name) AT_##name,
#define ENUM(name) AT_##name,
#define FIELD(name, number, kind, of) ROW_AT(__LINE__),
#define VALUE(name, number) ROW_AT(__LINE__),
#include "formats/tensorflow/schema.def"
#undef MESSAGE
#undef ENUM
#undef FIELD
#undef VALUE
    AT_NOTHING
};

const struct protobuf_row TF_SCHEMA[] = {
#define MESSAGE(name) {#name, 0, PROTOBUF_KIND_NONE, 0},
#define ENUM(name) {#name, 0, PROTOBUF_KIND_NONE, 0},
#define FIELD(name, number, kind, of) {name, number, PROTOBUF_KIND_##kind, AT_##of},
#define VALUE(name, number) {name, number, PROTOBUF_KIND_INT, AT_NOTHING},
#include "formats/tensorflow/schema.def"
#undef MESSAGE
#undef ENUM
#undef FIELD
#undef VALUE
    {NULL, 0, PROTOBUF_KIND_NONE, 0},
};

const char *tf_type_name(int code)
{
    const struct protobuf_row *first = &TF_SCHEMA[AT_DataType + 1];

    for (const struct protobuf_row *row = first; row->kind != PROTOBUF_KIND_NONE; row++)
        if (row->number == (uint32_t)code)
            return row->name;
    return first->name;
}

static const uint32_t ROOTS[] = {[TF_MESSAGE_SAVED_MODEL] = AT_SavedModel,
                                 [TF_MESSAGE_META_GRAPH] = AT_MetaGraphDef,
                                 [TF_MESSAGE_GRAPH] = AT_GraphDef};

bool tf_message_is_text(struct bytes text, enum tf_message message)
{
    return protobuf_text_is(text, TF_SCHEMA, ROOTS[message]);
}

enum status tf_message_from_text(struct bytes text, enum tf_message message, struct bytes *wire,
                                 struct arena *keep, struct error *err)
{
    return protobuf_from_text(text, TF_SCHEMA, ROOTS[message], wire, keep, err);
}
