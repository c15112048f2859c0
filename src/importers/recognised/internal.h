// SPDX-License-Identifier: Apache-2.0
/* What the checks of recognised.def look at. */
#pragma once

#include "formats/archive/artifact.h"

struct look {
    struct artifact *artifact;
    struct bytes bytes; /* of the file; empty while a whole folder is looked at */
};

#define FILE_FORMAT(format, framework, bid, check, what) bool check(const struct look *look);
#define DATA_FORMAT FILE_FORMAT
#define FOLDER_FORMAT FILE_FORMAT
#include "importers/recognised/recognised.def"
#undef FILE_FORMAT
#undef DATA_FORMAT
#undef FOLDER_FORMAT

/* Details of a file of records (records.c). */
struct description;
enum status records_tell(struct bytes bytes, struct description *description, struct arena *keep,
                         struct error *err) must_check;

/* The member with this name in whatever folder, the shallowest; or NULL. */
struct member *look_find(const struct look *look, const char *name);
/* Some member whose path ends so, or NULL. */
struct member *look_ending(const struct look *look, const char *ending);
/* Does the text occur in the first `limit` bytes? */
bool bytes_hold(struct bytes bytes, size_t limit, const char *text);
