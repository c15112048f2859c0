// SPDX-License-Identifier: Apache-2.0
/* Raw Snappy blocks (google/snappy:format_description.txt), as LevelDB and Parquet hold them. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

/* TOO_LARGE past `limit` bytes; INVALID_INPUT with the byte of `packed`. */
enum status snappy_unpack(struct bytes packed, size_t limit, struct bytes *unpacked,
                          struct arena *keep, struct error *err) must_check;
