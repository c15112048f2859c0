// SPDX-License-Identifier: Apache-2.0
/* Files: mapping for reading, durable replacement for writing. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

/* A regular file mapped read-only. A page behind the end is always readable and zero for at least
 * 16 bytes unless the size is a multiple of the page size. */
struct file_map {
    struct bytes bytes;
};

/* `directory` is an open directory or AT_FDCWD. Symbolic links are followed only at the top
 * (`follow`). NOT_FOUND, INVALID_INPUT (not a regular file), or INTERNAL. */
enum status file_map_open(struct file_map *map, int directory, const char *path, bool follow,
                          struct error *err) must_check;
void file_map_close(struct file_map *map); /* safe on a zeroed one */

/* Write `bytes` to `path` so that after a crash it holds the old or the new text: temporary name,
 * fsync, rename, fsync of the folder. */
enum status file_replace(const char *path, struct bytes bytes, struct error *err) must_check;

/* For processes of other users, whatever the umask: a new file of mode 0644 (`durable`: with
 * fsync), and the folders, 0755, between the first `from` bytes of `path` and its last slash.
 * UNAVAILABLE. */
enum status file_write_public(const char *path, const struct bytes *pieces, size_t count,
                              bool durable, struct error *err) must_check;
enum status file_make_public_folders(char *path, size_t from, struct error *err) must_check;

/* fsync a folder, so that a rename in it is durable. */
enum status file_sync_folder(const char *path, struct error *err) must_check;

/* mkdir -p with mode 0777 & umask. */
enum status file_make_folders(const char *path, struct error *err) must_check;

/* Remove a file or a whole tree; links are removed, never followed. Missing is fine. */
enum status file_remove_tree(const char *path, struct error *err) must_check;

/* All of a descriptor (a pipe, standard input) into `keep`, at most `limit` bytes. */
enum status file_read_all(int fd, size_t limit, struct bytes *bytes, struct arena *keep,
                          struct error *err) must_check;

/* Write everything, through EINTR and short writes. False with errno set. */
bool file_write_all(int fd, struct bytes bytes) must_check;
