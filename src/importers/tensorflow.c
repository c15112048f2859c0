// SPDX-License-Identifier: Apache-2.0
/* TensorFlow: frozen graphs (a bare GraphDef whose variables became constants). Inputs are its
 * placeholders, outputs what no other node reads (tensorflow/model/ends.c). Binary or as text. */
#include "base/text.h"
#include "formats/tensorflow/schema.h"
#include "importers/tensorflow/internal.h"

enum { BID_FIELDS_MAX = 16, SCRATCH_MAX = 1 << 30, TEXT_BEGIN = 1 << 16 };

/* A GraphDef: nodes (1) that begin with a name (1) and an operator (2); library (2), versions (3,
 * 4). */
static bool is_node(struct bytes bytes)
{
    struct protobuf message = protobuf_over(bytes);
    struct protobuf_field field;
    struct error ignored;
    bool name = false, op = false;

    for (int i = 0; i < BID_FIELDS_MAX; i++) {
        if (protobuf_next(&message, &field, &ignored) || !field.number)
            break;
        if (field.number > 7 || field.wire != PROTOBUF_BYTES)
            return false;
        name = name || (field.number == 1 && text_is_utf8(field.bytes));
        op = op || (field.number == 2 && field.bytes.size && text_is_utf8(field.bytes) &&
                    field.bytes.data[0] >= 'A' && field.bytes.data[0] <= '_');
    }
    return name && op;
}

static bool is_graph(struct bytes bytes)
{
    struct protobuf message = protobuf_over(bytes);
    struct protobuf_field field;
    struct error ignored;
    int nodes = 0;

    for (int i = 0; i < BID_FIELDS_MAX; i++) {
        if (protobuf_next(&message, &field, &ignored))
            return nodes > 0;
        if (!field.number)
            break;
        if (field.number > 4 || (field.number == 1 && field.wire != PROTOBUF_BYTES))
            return false;
        if (field.number == 1 && !is_node(field.bytes))
            return false;
        nodes += field.number == 1;
    }
    return nodes > 0;
}

/* "node { name: ..." */
static bool is_graph_text(struct bytes bytes)
{
    static const char OP[] = "op:";

    if (!tf_message_is_text(bytes, TF_MESSAGE_GRAPH))
        return false;
    for (size_t i = 0; i + sizeof OP < bytes.size && i < TEXT_BEGIN; i++)
        if (!memcmp(bytes.data + i, OP, sizeof OP - 1))
            return true;
    return false;
}

static int bid(struct upload *upload)
{
    struct error ignored;
    struct bytes bytes;

    if (upload->artifact->count != 1 ||
        member_bytes(&upload->artifact->members[0], &bytes, &ignored) ||
        (!is_graph(bytes) && !is_graph_text(bytes)))
        return 0;
    upload->main = &upload->artifact->members[0];
    return 75;
}

/* --- import --- */

static enum status read(const struct upload *upload, struct tf_graph *stored, struct arena *keep,
                        struct error *err)
{
    struct protobuf message;
    struct bytes bytes;

    TRY(member_bytes(upload->main, &bytes, err));
    if (tf_message_is_text(bytes, TF_MESSAGE_GRAPH))
        TRY(tf_message_from_text(bytes, TF_MESSAGE_GRAPH, &bytes, keep, err));
    message = protobuf_over(bytes);
    return tf_graph_read(&message, stored, keep, err);
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct tf_graph *stored = arena_new(keep, struct tf_graph, 1);
    struct arena scratch;
    struct tf_lowering l;
    enum status status;

    if (!stored)
        return error_no_memory(err, "the graph");
    description->format = "tensorflow-graph";
    description->framework = "tensorflow";
    TRY(read(upload, stored, keep, err));
    tf_lowering_init(&l, stored, keep, &scratch);
    arena_init(&scratch, SCRATCH_MAX);
    status = tf_ends_build(&l, description, graph, err);
    arena_release(&scratch);
    if (status == STATUS_UNSUPPORTED || status == STATUS_TOO_LARGE)
        return description_refuse(description, graph, keep, err);
    return status;
}

static const char *const SUFFIXES[] = {".pb", ".pbtxt", NULL};

const struct importer importer_tensorflow = {
    .name = "tensorflow",
    .summary = "frozen TensorFlow graphs",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
