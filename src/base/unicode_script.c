// SPDX-License-Identifier: Apache-2.0
#include "base/compiler.h"
#include "base/unicode.h"

static const struct run {
    uint32_t first, last;
    int script;
} RUNS[] = {
#define SCRIPT(first, last, script) {first, last, script},
#include "base/unicode_script.def"
#undef SCRIPT
};

int unicode_script(uint32_t code)
{
    size_t low = 0, high = ARRAY_COUNT(RUNS);

    if (code >= 0x110000)
        return UNICODE_NO_SCRIPT;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (RUNS[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ARRAY_COUNT(RUNS) && RUNS[low].first <= code ? RUNS[low].script
                                                              : UNICODE_UNKNOWN_SCRIPT;
}
