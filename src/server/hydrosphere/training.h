// SPDX-License-Identifier: Apache-2.0
/* Training data that a client left with a version: a CSV file whose columns are fields of its
 * signature, "x", or elements of them, "x_0", "x_1". */
#pragma once

#include "base/file.h"
#include "formats/csv.h"
#include "server/hydrosphere/hydrosphere.h"
#include "server/hydrosphere/profile.h"

struct training_column { /* of numbers */
    const char *name;    /* as Sonar calls it: the field's name, "_" and which element */
    struct bytes field;
    size_t column;
};

struct training {
    struct arena memory; /* of all below */
    struct file_map map;
    struct csv csv;
    const struct training_column *columns; /* (count,) by name, elements by number */
    size_t count;
};

/* The record; *found is false when nothing was left. */
enum status training_find(struct registry *registry, const struct version *version, bool *found,
                          struct record *record, struct arena *keep, struct error *err) must_check;

/* What the record holds, read within `memory_max` bytes. INVALID_INPUT when it is no table; close
 * in any case. */
enum status training_open(struct registry *registry, const struct version *version,
                          const struct record *record, size_t memory_max, struct training *training,
                          struct error *err) must_check;
void training_close(struct training *training);

/* That column's profile. NO_MEMORY. What is no finite number is missing. */
enum status training_profile(struct training *training, const struct training_column *column,
                             struct profile_numbers *profile, struct error *err) must_check;
