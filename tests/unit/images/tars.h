// SPDX-License-Identifier: Apache-2.0
/* Tar archives out of lines, one an entry, in the order that they are written:
 *
 *   "f PATH DATA"    a file          "d PATH/"          a folder
 *   "l PATH TARGET"  a symlink       "h PATH TARGET"    a hard link
 *   "b PATH"         a block device  "q PATH"           of a type that nobody knows
 *
 * Include it after test.h. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/hash/sha256.h"
#include "base/text.h"
#include "formats/archive/tar_write.h"

enum { TAR_TYPE_AT = 156, TAR_LINK_AT = 157, TAR_SUM_AT = 148, TAR_ENTRIES_MAX = 16 };

static inline void tar_zeros(struct text *tar, size_t size)
{
    static const uint8_t ZEROS[TAR_END_SIZE];

    text_append_bytes(tar, (struct bytes){ZEROS, size});
}

/* The header that lies at the end of `tar`, of another type and with a link. */
static inline void tar_retype(struct text *tar, char type, const char *link)
{
    char *header = tar->data + tar->size - TAR_BLOCK;
    unsigned sum = 0;

    header[TAR_TYPE_AT] = type;
    strncpy(header + TAR_LINK_AT, link, 100);
    memset(header + TAR_SUM_AT, ' ', 8);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += (unsigned char)header[i];
    snprintf(header + TAR_SUM_AT, 8, "%06o", sum);
}

static inline void tar_line(struct text *tar, const char *line)
{
    static const char KINDS[] = "fdlhbq", TYPES[] = "05214Q";
    const char *kind = strchr(KINDS, line[0]), *path = line + 2, *end = strchr(path, ' ');
    struct bytes name = {(const uint8_t *)path, end ? (size_t)(end - path) : strlen(path)};
    const char *rest = end ? end + 1 : "";
    size_t size = line[0] == 'f' ? strlen(rest) : 0;

    CHECK(kind != NULL);
    tar_write_head(tar, name, size, line[0] == 'd' ? TAR_FOLDER : TAR_FILE);
    if (line[0] != 'f' && line[0] != 'd')
        tar_retype(tar, TYPES[kind - KINDS], rest);
    text_append_bytes(tar, (struct bytes){(const uint8_t *)rest, size});
    tar_zeros(tar, tar_padding(size));
}

/* `lines` end with a NULL. */
static inline void tar_of(struct text *tar, const char *const *lines)
{
    for (size_t i = 0; lines[i]; i++)
        tar_line(tar, lines[i]);
    tar_zeros(tar, TAR_END_SIZE);
    CHECK(!tar->failed);
}

static inline void put_bytes(const char *path, struct bytes bytes)
{
    FILE *file = fopen(path, "w");

    CHECK(file && fwrite(bytes.data, 1, bytes.size, file) == bytes.size && !fclose(file));
}

static inline void digest_of(struct bytes bytes, char digest[72])
{
    memcpy(digest, "sha256:", 7);
    CHECK(sha256_of(bytes, digest + 7));
}
