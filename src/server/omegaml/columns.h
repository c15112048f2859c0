// SPDX-License-Identifier: Apache-2.0
/* Named columns, from a body or a data set, as the inputs of a prediction. */
#pragma once

#include "server/predict.h"

struct omegaml_columns {
    const char **names; /* (count,) */
    size_t count;
    /* All columns as tensors [rows, ...] of these dtypes, kept by the request. */
    enum status (*read)(void *context, const enum dtype *dtypes, struct tensor *columns,
                        struct arena *keep, struct error *err);
    void *context;
};

/* By name where every column is an input; else all of them are the one input. */
enum status omegaml_give(struct prediction *p, const struct omegaml_columns *columns,
                         struct error *err) must_check;

/* The data set that ?datax= names, for the chosen signature: a frame by its columns ("name[a,b]"),
 * an array or a list as the one input, records as serialised messages or by their features. */
enum status omegaml_give_dataset(struct prediction *p, const char *reference, struct error *err)
    must_check;
