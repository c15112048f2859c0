// SPDX-License-Identifier: Apache-2.0
/* Files of the store as the answer. */
#pragma once

#include "server/request.h"

struct download_file {
    const char *path, *digest;
    int64_t bytes; /* it is damaged when it has another size */
};

/* One behind the other: at once with their length when they are small together, else as a stream
 * that maps them. */
enum status download_answer(struct response *response, const struct download_file *files,
                            size_t count, struct error *err) must_check;
