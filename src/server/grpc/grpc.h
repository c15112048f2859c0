// SPDX-License-Identifier: Apache-2.0
/* What gRPC adds to HTTP/2: messages framed by five bytes (a flag, the size in network order),
 * timeouts, and a status in the trailers. Pure: no sockets, no memory of its own. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct text;

enum { GRPC_FRAME = 5, GRPC_MESSAGE_MAX = 1600 /* bytes of an encoded grpc-message */ };

/* "application/grpc", "application/grpc+proto", "application/grpc;..." */
bool grpc_is_content_type(struct bytes value);

enum grpc_encoding { GRPC_IDENTITY, GRPC_GZIP, GRPC_UNKNOWN };
enum grpc_encoding grpc_encoding_of(struct bytes value); /* of grpc-encoding */
bool grpc_accepts_gzip(struct bytes value);              /* of grpc-accept-encoding */

/* grpc-timeout: up to eight digits and a unit, H M S m u n. False: it is malformed. */
bool grpc_timeout(struct bytes value, uint64_t *nanoseconds);

struct grpc_message {
    struct bytes bytes; /* without its frame */
    bool packed;
};

/* Cut the next message off the front of `data`. *whole is false while more bytes must come; at most
 * `size_max` may be announced: TOO_LARGE. INVALID_INPUT for an unknown flag. */
enum status grpc_next(struct bytes *data, size_t size_max, struct grpc_message *message,
                      bool *whole, struct error *err) must_check;

void grpc_frame(uint8_t frame[GRPC_FRAME], size_t size, bool packed);

/* Percent-encode an error's text for grpc-message; returns its size. */
size_t grpc_encode_message(struct bytes message, char encoded[GRPC_MESSAGE_MAX]);
