// SPDX-License-Identifier: Apache-2.0
/* Headers of tar, for what reads archives whole and what reads them as a stream. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

enum {
    TAR_BLOCK = 512,
    TAR_EXTENDED_MAX = 1 << 20, /* bytes of one extended header */
    TAR_NAME_SIZE = 155 + 1 + 100 + 1,
};

bool tar_checksum_is_right(const uint8_t *header);
bool tar_is_zero(const uint8_t *block);

/* What extended headers said about the next member. */
struct tar_extension {
    bool has_path, has_size;
    struct bytes path;
    uint64_t size;
};

char tar_type(const uint8_t *header);
bool tar_type_is_extension(
    char type); /* 'x', 'g', 'L' or 'K': data that describes the next member */
bool tar_type_has_data(char type);
bool tar_size(const uint8_t *header, uint64_t *size); /* false: it is no number */

/* The member's path: from the extension, else from the header, with `name` as room. */
struct bytes tar_path(const uint8_t *header, const struct tar_extension *extension,
                      char name[TAR_NAME_SIZE]);

/* An extended header of that type into `next`; `at` is where it begins. */
enum status tar_extend(char type, struct bytes data, size_t at, struct tar_extension *next,
                       struct error *err) must_check;
