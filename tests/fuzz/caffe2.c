// SPDX-License-Identifier: Apache-2.0
/* Archives of Caffe2 nets with their specification, imported, loaded and run. */
#include "fuzz/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_model(data, size, "model.tar");
    return 0;
}
