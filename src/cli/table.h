// SPDX-License-Identifier: Apache-2.0
/* A CSV table as the inputs of a signature. */
#pragma once

#include "contract/contract.h"
#include "formats/csv.h"

/* Columns by the names of the fields, in the fields' types; columns that the model does not use are
 * ignored, missing ones are an error that names them. A signature with one matrix takes the whole
 * table when it has that many columns. `name`: the input that the table is for, or NULL. */
enum status table_columns(const struct csv *csv, const struct signature *signature,
                          const char *name, struct given **given, size_t *count, struct arena *keep,
                          struct error *err) must_check;
