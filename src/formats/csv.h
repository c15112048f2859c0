// SPDX-License-Identifier: Apache-2.0
/* CSV (RFC 4180): a header of names, then rows. ',', ';' or a tab (the first of them that the
 * header holds outside quotes), quotes with doubled quotes, CRLF or LF, a UTF-8 byte order mark. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct csv {
    struct bytes *names; /* (columns,) */
    struct bytes *cells; /* (rows, columns); unquoted */
    bool *quoted; /* (rows, columns): it stood in quotes, so that "" is text and not missing */
    size_t columns, rows;
    char separator;
};

/* INVALID_INPUT with line and column for ragged rows, a lone quote, duplicate names; TOO_LARGE. */
enum status csv_parse(struct bytes text, struct csv *csv, struct arena *keep, struct error *err)
    must_check;
