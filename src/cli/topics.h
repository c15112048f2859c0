// SPDX-License-Identifier: Apache-2.0
/* Topics of `firn help TOPIC`, made from the tables they are about. */
#pragma once

#include "base/text.h"

enum { TOPICS_MAX = 16 };
struct topic {
    const char *name, *summary;
    void (*print)(struct text *text);
};
extern const struct topic TOPICS[]; /* ends with a row without a name */
