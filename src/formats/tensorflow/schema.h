// SPDX-License-Identifier: Apache-2.0
/* The messages of TensorFlow's models, for their text format (formats/protobuf_text.h). */
#pragma once

#include "formats/protobuf_text.h"

extern const struct protobuf_row TF_SCHEMA[];

/* A number of DataType: "DT_FLOAT"; "DT_INVALID" of one that it has not. */
const char *tf_type_name(int code);

enum tf_message { TF_MESSAGE_SAVED_MODEL, TF_MESSAGE_META_GRAPH, TF_MESSAGE_GRAPH };

/* Is a file the text of such a message? Its bytes on the wire, in `keep`. */
bool tf_message_is_text(struct bytes text, enum tf_message message);
enum status tf_message_from_text(struct bytes text, enum tf_message message, struct bytes *wire,
                                 struct arena *keep, struct error *err) must_check;
