// SPDX-License-Identifier: Apache-2.0
/* Contracts of the oldest manifests, text and binary. */
#include "contract/model_contract.h"

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct contract contract;
    struct text text = {0};
    struct arena keep;
    struct error err = {0};

    arena_init(&keep, 64 << 20);
    if (!model_contract_parse((struct bytes){data, size}, "contract.prototxt", &contract, &keep,
                              &err))
        contract_print_json(&contract, &text);
    text_release(&text);
    arena_release(&keep);
    return 0;
}
