// SPDX-License-Identifier: Apache-2.0
#include "formats/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena keep;
    struct error err;
    struct csv csv;
    size_t total = 0;

    arena_init(&keep, 64 << 20);
    if (csv_parse((struct bytes){data, size}, &csv, &keep, &err) == STATUS_OK) {
        for (size_t i = 0; i < csv.rows * csv.columns; i++)
            for (size_t k = 0; k < csv.cells[i].size; k++)
                total += csv.cells[i].data[k] + csv.quoted[i];
        if (csv.rows * csv.columns > size + 1 || total > size * 257)
            __builtin_trap();
    }
    arena_release(&keep);
    return 0;
}
