// SPDX-License-Identifier: Apache-2.0
/* A contract as JSON, as a store or a server gives it: read, printed in every form, compared. */
#include "base/text.h"
#include "contract/contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct contract contract, again;
    struct text json = {0}, other = {0};
    struct arena keep;
    struct error err = {0};

    arena_init(&keep, 256 << 20);
    if (!contract_parse_json((struct bytes){data, size}, &contract, &keep, &err)) {
        contract_print_json(&contract, &json);
        if (contract_parse_json(text_bytes(&json), &again, &keep, &err))
            __builtin_trap(); /* what we write, we read */
        contract_diff(&contract, &again, &other);
        contract_print_yaml(&contract, &other);
        contract_print_table(&contract, &other);
    }
    text_release(&json);
    text_release(&other);
    arena_release(&keep);
    return 0;
}
