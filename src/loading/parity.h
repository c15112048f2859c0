// SPDX-License-Identifier: Apache-2.0
/* Parity: the same inputs, made from the contract, through firn itself and through the framework in
 * a worker. Where they disagree firn does not run the model, and says where. */
#pragma once

#include "loading/worker.h"

/* Kind and name of the record that keeps the comparison with a version: the object that
 * docs/workers.md describes. */
#define PARITY_RECORD "parity"

struct parity {
    const char *record; /* JSON; NULL: nothing was compared */
    const char *line;   /* the same for people, one line; NULL: nothing to say */
    const char *reason; /* why firn may not run it; NULL: it may */
};

/* Everything in `keep`. STATUS_OK with a zeroed *parity where there is nothing to compare. */
enum status parity_check(const struct loading *loading, const struct worker_policy *policy,
                         enum parity_wish wish, struct parity *parity, struct arena *keep,
                         struct error *err) must_check;

/* What is kept of the comparison of a stored version: the record in *body, NULL when there was
 * none; in *line, one for people, that the framework installed now is of another version than the
 * one that was compared, else NULL. `policy`: where it is installed; NULL: nobody asks. */
enum status parity_read(struct registry *registry, const struct version *version,
                        const struct worker_policy *policy, const char **body, const char **line,
                        struct arena *keep, struct error *err) must_check;

/* --- parity_inputs.c --- */

enum { PARITY_ROUNDS = 4, PARITY_SIZES = 4 };

/* Inputs of a signature, (input_count,): round `round` of PARITY_ROUNDS chooses the values, `size`
 * of PARITY_SIZES what free dimensions are. UNSUPPORTED: a type that has no such values. */
enum status parity_inputs(const struct signature *signature, size_t round, size_t size,
                          struct tensor *inputs, struct arena *keep, struct error *err) must_check;

struct parity_difference {
    size_t output, element;
    double largest, allowed; /* of numbers: the largest difference, and what is still equal */
    bool found;              /* they disagree at `output`, `element` */
    char ours[64], theirs[64];
};

/* Compare the outputs of both, element by element: whole numbers, texts and flags must be equal,
 * floats within a part of the output's largest number that their type leaves to the order of sums.
 */
void parity_compare(const struct signature *signature, const struct tensor *ours,
                    const struct tensor *theirs, struct parity_difference *difference);
