// SPDX-License-Identifier: Apache-2.0
/* Base images: what a standalone image of a version that needs Python stands on. Nothing of it is
 * run: that it holds python3, and packages by their names, is read off its layers. */
#pragma once

#include "images/pull.h"

struct image_base {
    const struct image_reference *reference;
    struct image_fetched image;
    const char **variables; /* (variable_count,) "NAME=value" */
    size_t variable_count;
    const char *prefix; /* "/usr/local": holds bin/python3, the first that its PATH finds */
};

/* `requirements`: as in requirements.txt; the packages that they name without a condition must be
 * there. NOT_FOUND names what is missing, UNSUPPORTED another architecture. */
enum status image_base_read(struct incoming *incoming, const struct image_reference *reference,
                            const struct image_hosts *hosts, struct bytes requirements,
                            struct image_base *base, struct arena *keep, struct error *err)
    must_check;
