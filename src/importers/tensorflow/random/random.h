// SPDX-License-Identifier: Apache-2.0
/* What the operators that draw random numbers share (random.c). */
#pragma once

#include "importers/tensorflow/internal.h"

enum { TF_RESERVED = 256 }; /* samples for each element */

/* Of an operator that has its own, by the seeds that it states. */
struct tf_generator {
    struct tf_resource *variable; /* NULL: no seeds are stated */
    value_id taken, key, counter;
};
enum status tf_generator_open(struct tf_call *c, struct tf_generator *g, struct error *err)
    must_check;
/* It has given so many numbers, a scalar int64; each keeps `each` places. */
enum status tf_generator_close(struct tf_call *c, struct tf_generator *g, value_id numbers,
                               int64_t each, struct error *err) must_check;

/* "uniform", "normal" ... (PhiloxDraw): the dimensions are input `dims`; low and high of integers
 * inputs of the node from `rest` on. */
enum status tf_draw(struct tf_call *c, const char *what, size_t dims, value_id key,
                    value_id counter, size_t rest, value_id *y, struct error *err) must_check;
/* The shape that input 0 states ends with that of `each`: what is before it. */
enum status tf_dims_before(struct tf_call *c, value_id each, value_id *dims, struct error *err)
    must_check;
