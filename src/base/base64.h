// SPDX-License-Identifier: Apache-2.0
/* Base64 (RFC 4648, section 4), as JSON carries bytes. */
#pragma once

#include "base/bytes.h"

/* Is it that and nothing else: whole groups of four, padded? Empty text is not. */
bool base64_is(struct bytes text);
/* The bytes of such a text; `to` has room for 3 of each 4 characters. Returns how many. */
size_t base64_decode(struct bytes text, uint8_t *to);

/* As clients write it: padding may be left out, blanks are skipped, empty text is no bytes. False:
 * it is something else. `to` as above. */
bool base64_read(struct bytes text, uint8_t *to, size_t *size);

/* Padded. `to` has room for 4 characters of each 3 bytes begun. Returns how many. */
size_t base64_encode(struct bytes bytes, char *to);
