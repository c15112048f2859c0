// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "contract/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest manifest;
    struct contract contract = {0};
    struct text text = {0};
    struct arena keep;
    struct error err = {0};

    arena_init(&keep, 64 << 20);
    if (!manifest_parse((struct bytes){data, size}, "serving.yaml", &manifest, &keep, &err) &&
        !contract_merge(&contract, &manifest.contract, &keep, &err))
        contract_print_yaml(&contract, &text);
    text_release(&text);
    arena_release(&keep);
    return 0;
}
