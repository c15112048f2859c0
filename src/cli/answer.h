// SPDX-License-Identifier: Apache-2.0
/* Answers: as the JSON of Open Inference, as .npy files, as a table for people. */
#pragma once

#include "base/text.h"
#include "contract/contract.h"

/* Is any output a sequence or optional? Tables cannot show them. */
bool answer_has_containers(const struct signature *signature, const struct tensor *outputs);
void answer_json(const struct signature *signature, const struct tensor *outputs, const char *model,
                 const char *version, struct text *text);

/* NAME.npy for each output; the folder is made. */
enum status answer_files(const struct signature *signature, const struct tensor *outputs,
                         const char *folder, struct error *err) must_check;

/* One line a row, one column an output (or an element of it). On a terminal aligned and at most
 * ROWS_SHOWN rows; else separated by tabs and complete. */
enum { ROWS_SHOWN = 50, COLUMNS_SHOWN = 40 };
void answer_table(const struct signature *signature, const struct tensor *outputs, bool terminal,
                  struct text *text);
