// SPDX-License-Identifier: Apache-2.0
#include "importers/python/functions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena keep;
    struct error err;
    struct python_module module;
    size_t names = 0;

    arena_init(&keep, 64 << 20);
    if (python_module_read((struct bytes){data, size}, &module, &keep, &err) == STATUS_OK) {
        for (size_t i = 0; i < module.count; i++) {
            const struct python_function *f = &module.functions[i];

            if (!python_function_find(&module, f->name) || !python_binds(&module, f->name) ||
                f->positional_only > f->parameter_count)
                __builtin_trap();
            names += f->parameter_count + 1;
        }
        for (size_t i = 0; i < module.other_count; i++)
            names += *module.others[i] != 0;
        if (names > size)
            __builtin_trap();
    }
    arena_release(&keep);
    return 0;
}
