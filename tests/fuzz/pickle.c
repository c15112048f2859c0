// SPDX-License-Identifier: Apache-2.0
/* Pickles, and every getter over what they make. */
#include "fuzz/pickle_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pickle_fuzz((struct bytes){data, size}, NULL);
    return 0;
}
