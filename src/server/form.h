// SPDX-License-Identifier: Apache-2.0
/* A form (multipart/form-data) as the body of a request: small parts into the request's memory, one
 * file into a file without a name. For routes with ROUTE_STREAM. */
#pragma once

#include "formats/multipart.h"
#include "server/received.h"

enum { FORM_TEXT_MAX = 1 << 20 }; /* bytes of a part that is no file */

struct form_part {
    const char *name;
    struct received *file; /* where a file goes, unpacked when it is gzip; NULL: a text */
    bool required;
    bool given;
    struct bytes text;                      /* of a part that is no file */
    char file_name[MULTIPART_NAME_MAX + 1]; /* "" when there is none */
};

/* INVALID_INPUT for what is broken, a part that is there twice, is none of these or is missing. */
enum status form_receive(struct request *request, struct form_part *parts, size_t count,
                         struct error *err) must_check;
