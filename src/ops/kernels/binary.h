// SPDX-License-Identifier: Apache-2.0
/* Operators of two tensors, element by element, with numpy's broadcasting (and ONNX's own before
 * opset 7): one kernel per dtype, in a table. */
#pragma once

#include "ops/fast/elementwise/binary.h"
#include "ops/kernels/call.h"
#include "ops/kernels/types.h"

/* `count` elements; steps are 0 (the same element again) or 1. y may be a. */
typedef void (*binary_kernel)(const void *a, int a_step, const void *b, int b_step, void *y,
                              size_t count);

/* The dtypes that have a kernel, for op_wants. */
uint64_t binary_dtypes(const binary_kernel kernels[DTYPE_COUNT]);

/* `result` DTYPE_NONE: the dtype of the inputs. */
enum status binary_infer(struct op_call *call, const binary_kernel kernels[DTYPE_COUNT],
                         enum dtype result, struct error *err) must_check;
/* `fast`: the same function in the instruction set in use, or BINARY_NONE. */
void binary_run(const struct op_call *call, const binary_kernel kernels[DTYPE_COUNT],
                enum binary_function fast);

/* The shape that input 1 has for broadcasting: before opset 7 the attribute `axis` may say where
 * its dimensions stand among those of input 0. */
enum status binary_second_shape(const struct op_call *call, struct shape *shape, struct error *err)
    must_check;

/* The same of a and b, seen with the given shapes and broadcast to y's. */
void binary_choose(const struct op_call *call, const binary_kernel kernels[DTYPE_COUNT],
                   enum binary_function fast, const struct tensor *a, const struct shape *a_shape,
                   const struct tensor *b, const struct shape *b_shape, struct tensor *y);

/* y = kernel(a, b), both seen with the given shapes and broadcast to y's. */
void binary_apply(binary_kernel kernel, const struct tensor *a, const struct shape *a_shape,
                  const struct tensor *b, const struct shape *b_shape, struct tensor *y);

/* Two operators share the bodies of infer and run: OPERATOR(Add) defines infer_Add and run_Add over
 * the table KERNELS_Add. */
#define BINARY_OPERATOR(op, result, fast)                                                          \
    static enum status infer_##op(struct op_call *call, struct error *err)                         \
    {                                                                                              \
        return binary_infer(call, KERNELS_##op, result, err);                                      \
    }                                                                                              \
    static enum status run_##op(const struct op_call *call, struct error *err)                     \
    {                                                                                              \
        (void)err;                                                                                 \
        binary_run(call, KERNELS_##op, fast);                                                      \
        return STATUS_OK;                                                                          \
    }

/* The loops of one kernel, in a template: x and z are the operands, R the type of the result. */
#define BINARY_KERNEL(op, R, RESULT, expression)                                                   \
    static void NAME(op)(const void *va, int a_step, const void *vb, int b_step, void *vy,         \
                         size_t count)                                                             \
    {                                                                                              \
        const T *a = va, *b = vb;                                                                  \
        R *y = vy;                                                                                 \
        if (a_step && b_step) {                                                                    \
            for (size_t i = 0; i < count; i++) {                                                   \
                const C x = LOAD(a[i]), z = LOAD(b[i]);                                            \
                y[i] = RESULT(expression);                                                         \
            }                                                                                      \
        } else if (a_step) {                                                                       \
            const C z = count ? LOAD(b[0]) : 0;                                                    \
            for (size_t i = 0; i < count; i++) {                                                   \
                const C x = LOAD(a[i]);                                                            \
                y[i] = RESULT(expression);                                                         \
            }                                                                                      \
        } else {                                                                                   \
            const C x = count ? LOAD(a[0]) : 0;                                                    \
            for (size_t i = 0; i < count; i++) {                                                   \
                const C z = LOAD(b[b_step ? i : 0]);                                               \
                y[i] = RESULT(expression);                                                         \
            }                                                                                      \
        }                                                                                          \
    }
