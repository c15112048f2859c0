// SPDX-License-Identifier: Apache-2.0
/* Tar archives as a stream, packed or not, of any size in constant memory: layers of images, whose
 * links, devices and folders are told, not refused. */
#pragma once

#include "formats/archive/tar_header.h"
#include "formats/compression/compression.h"

struct tar_stream;

/* `packed` is borrowed; `mapped`: from a file, so that pages which were read are given back.
 * TOO_LARGE later, when it unpacks to more than `limit` bytes or `ratio` times its size. */
enum status tar_stream_open(struct bytes packed, bool mapped, uint64_t limit, unsigned ratio,
                            struct tar_stream **stream, struct error *err) must_check;
void tar_stream_close(struct tar_stream *stream); /* NULL is fine */

struct tar_entry {
    struct bytes path; /* as it is written; valid until the next call */
    struct bytes link; /* of a link: what it names, where ustar's own field holds it */
    uint64_t size;     /* of its data */
    char type; /* '0' a file, '5' a folder, '1' and '2' links, '3', '4' and '6' devices ... */
};

/* The next member; what is left of the one before is passed over. *more is false at the end. */
enum status tar_stream_next(struct tar_stream *stream, struct tar_entry *entry, bool *more,
                            struct error *err) must_check;

/* Up to `capacity` bytes more of the member's data; *size is 0 at its end only. */
enum status tar_stream_read(struct tar_stream *stream, uint8_t *buffer, size_t capacity,
                            size_t *size, struct error *err) must_check;
