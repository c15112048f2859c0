// SPDX-License-Identifier: Apache-2.0
/* Chains while they are compiled: chain.c puts together what building.c makes of one filter each.
 */
#pragma once

#include "filters/filter.h"

enum { ALSO_MAX = 16 }; /* further values that a chain makes */

struct filter_further {
    const char *name;
    value_id value;
};

/* One signature, while its chains are compiled. */
struct filter_building {
    const struct signature *signature; /* of the model */
    const struct manifest_chain *chain;
    struct filter_further also[ALSO_MAX + 1]; /* of the chain; its own value with outputs */
    size_t also_count;
    int64_t batch; /* the symbol of free first dimensions */
    /* graph inputs and outputs so far */
    value_id *inputs, *outputs;
    size_t input_count, output_count;
    struct field *fields; /* outer ones so far */
    size_t field_count;
};

/* The filter of that name, which is INVALID_INPUT when there is none; its options are not read. */
enum status filter_step_open(struct filter_chains *chains, const struct manifest_chain *chain,
                             size_t index, bool is_output, struct filter_step *step,
                             struct error *err) must_check;
/* Is it one for inputs, or for outputs, as it is used? */
enum status filter_side_check(const struct filter_step *step, struct error *err) must_check;
/* Its nodes; what an operator complains of is said of the filter. */
enum status filter_build(struct filter_step *step, value_id in, value_id *out, struct error *err)
    must_check;
/* What comes out of a step against what the next one, or the model, takes. */
enum status filter_made_check(const struct filter_step *step, value_id value, struct error *err)
    must_check;

/* Do both say the same where both say something? */
bool filter_shapes_fit(const struct shape *made, const struct shape *wanted);
/* "float32 [2,?]" into `buffer`, which is returned. */
char *filter_type_print(enum dtype dtype, const struct shape *shape, char *buffer, size_t size);
const struct field *filter_field_find(const struct field *fields, size_t count, const char *name,
                                      size_t *index);
