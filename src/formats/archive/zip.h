// SPDX-License-Identifier: Apache-2.0
/* Zip archives (APPNOTE.TXT 6.3.10): the central directory decides, local headers must agree. */
#pragma once

#include "formats/archive/entries.h"

bool zip_is(struct bytes bytes); /* by the first bytes */

/* List the members. Stored ones are slices of `zip`; INVALID_INPUT for broken structure,
 * UNSUPPORTED for encryption, links, unsafe names and unknown compression. */
enum status zip_list(struct bytes zip, struct entries *entries, struct arena *scratch,
                     struct error *err) must_check;
