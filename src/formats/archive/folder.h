// SPDX-License-Identifier: Apache-2.0
/* Folders of the file system, read without ever following a symbolic link. */
#pragma once

#include "base/file.h"
#include "formats/archive/entries.h"

/* List the regular files below the open directory. Links, pipes, sockets, devices are refused. */
enum status folder_list(int root, struct entries *entries, struct error *err) must_check;

/* Map one of the listed files; INVALID_INPUT when it is no longer the one that was listed. */
enum status folder_map(int root, const struct entry *entry, struct file_map *map, struct error *err)
    must_check;
