// SPDX-License-Identifier: Apache-2.0
/* The reference of operators on (N, ..., C): their ONNX twin on (N, C, ...), between two
 * transpositions. */
#pragma once

#include "ops/kernels/call.h"

enum { NHWC_INPUTS_MAX = 4 };

/* (N, ..., C) as (N, C, ...), and back. */
struct shape shape_channels_first(const struct shape *shape);
struct shape shape_channels_last(const struct shape *shape);

/* The elements of x (N, ..., C) as (N, C, ...). */
void nhwc_put_first(const struct tensor *x, void *to);

/* infer of the twin, the ONNX operator `name`; only input 0 and the outputs are images. */
enum status nhwc_infer(struct op_call *call, const char *name, struct error *err) must_check;

/* Bytes of scratch memory that nhwc_reference needs for one output. */
size_t nhwc_reference_size(const struct op_call *call);
enum status nhwc_reference(const struct op_call *call, const char *name, struct error *err)
    must_check;
