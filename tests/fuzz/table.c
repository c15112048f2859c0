// SPDX-License-Identifier: Apache-2.0
/* A CSV table for signatures of columns, of a matrix and of a text. */
#include "cli/table.h"

static struct field COLUMNS[] = {
    {.name = "a", .dtype = DTYPE_F64, .shape = {1, {-1}}},
    {.name = "b", .dtype = DTYPE_STRING, .shape = {2, {-1, 1}}},
    {.name = "c", .dtype = DTYPE_BOOL, .shape = {1, {-1}}},
    {.name = "d", .dtype = DTYPE_U8, .shape = {1, {-1}}, .optional = true},
};
static struct field MATRIX = {.name = "x", .dtype = DTYPE_F32, .shape = {2, {-1, -1}}};
static const struct signature SIGNATURES[] = {
    {.name = "columns", .inputs = COLUMNS, .input_count = 4, .columns = true},
    {.name = "matrix", .inputs = &MATRIX, .input_count = 1},
    {.name = "one", .inputs = COLUMNS, .input_count = 1},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tensor bound[4];
    struct given *given;
    struct arena keep;
    struct csv csv;
    struct error err = {0};
    size_t count;

    arena_init(&keep, 64 << 20);
    if (!csv_parse((struct bytes){data, size}, &csv, &keep, &err))
        for (size_t i = 0; i < ARRAY_COUNT(SIGNATURES); i++)
            if (!table_columns(&csv, &SIGNATURES[i], NULL, &given, &count, &keep, &err) &&
                contract_bind(&SIGNATURES[i], given, count, bound, &keep, &err) &&
                err.status == STATUS_OK)
                __builtin_trap();
    arena_release(&keep);
    return 0;
}
