// SPDX-License-Identifier: Apache-2.0
/* Casts of single columns that steps of sklearn2pmml share. */
#pragma once

#include "importers/sklearn/internal.h"

/* What is none of these categories becomes missing, as pandas' astype(CategoricalDtype) has it. */
enum status category_column(struct lowering *l, const struct pickle_object *categories,
                            const struct table *in, size_t column, struct table *out,
                            struct error *err) must_check;

/* Text as seconds since 1970, those of the day's begin where `days`. What is missing is refused. */
enum status time_column(struct lowering *l, const struct table *in, size_t column, bool days,
                        struct table *out, struct error *err) must_check;
