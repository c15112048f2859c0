// SPDX-License-Identifier: Apache-2.0
/* The text format of protocol buffers, turned into the message on the wire. What the words mean is
 * the caller's table; fields that it does not name are passed over.
 * Source: https://protobuf.dev/reference/protobuf/textformat-spec/. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum protobuf_kind {
    PROTOBUF_KIND_NONE, /* the row that begins a message or an enumeration */
    PROTOBUF_KIND_INT,
    PROTOBUF_KIND_SIGNED, /* zigzag */
    PROTOBUF_KIND_BOOL,
    PROTOBUF_KIND_ENUM,
    PROTOBUF_KIND_FIXED32,
    PROTOBUF_KIND_FIXED64,
    PROTOBUF_KIND_FLOAT,
    PROTOBUF_KIND_DOUBLE,
    PROTOBUF_KIND_BYTES,
    PROTOBUF_KIND_MESSAGE,
};

/* Types follow each other: the row of a type (its name, NONE), then those of its fields or values;
 * a row without a name ends the table. */
struct protobuf_row {
    const char *name;
    uint32_t number;
    enum protobuf_kind kind;
    uint32_t of; /* of MESSAGE and ENUM: the index of the type's row */
};

/* The message of type `root`, an index into `rows`, in `keep`. INVALID_INPUT with the line. */
enum status protobuf_from_text(struct bytes text, const struct protobuf_row *rows, uint32_t root,
                               struct bytes *message, struct arena *keep, struct error *err)
    must_check;

/* Does a text begin as a message of this type does: the name of one of its fields, then a colon or
 * brace? */
bool protobuf_text_is(struct bytes text, const struct protobuf_row *rows, uint32_t root);
