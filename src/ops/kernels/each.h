// SPDX-License-Identifier: Apache-2.0
/* Include TEMPLATE once for each element type of the groups that are asked for:
 *
 *     #define TEMPLATE "ops/kernels/binary.inc"
 *     #define EACH_FLOAT
 *     #define EACH_INT
 *     #include "ops/kernels/each.h"
 *
 * In the template: D the dtype's short name; T how an element is stored; C the type to compute in;
 * U the type in which addition and multiplication wrap; LOAD(t), STORE(c); M(exp) the function of
 * libm for C; NAME(add) is add_F32 ...; IS_FLOAT, IS_SIGNED are 0 or 1; IS_NAN(c); A a wide
 * accumulator, W one that wraps (integers as uint64). */
#include "ops/kernels/types.h"

#define EACH_SAME(x) (x)
#define EACH_M_FLOAT(name) name##f
#define EACH_M_DOUBLE(name) name

#ifdef EACH_FLOAT
#define IS_FLOAT 1
#define IS_NAN(v) isnan(v)
#define IS_SIGNED 1
#define A double
#define W double
#define D F16
#define T uint16_t
#define C float
#define U float
#define LOAD(x) half_to_float(x)
#define STORE(x) half_from_float(x)
#define M(f) EACH_M_FLOAT(f)
#include TEMPLATE
#undef D
#undef LOAD
#undef STORE
#define D BF16
#define LOAD(x) bfloat16_to_float(x)
#define STORE(x) bfloat16_from_float(x)
#include TEMPLATE
#undef D
#undef T
#undef LOAD
#undef STORE
#define D F32
#define T float
#define LOAD EACH_SAME
#define STORE EACH_SAME
#include TEMPLATE
#undef D
#undef T
#undef C
#undef U
#undef M
#define D F64
#define T double
#define C double
#define U double
#define M(f) EACH_M_DOUBLE(f)
#include TEMPLATE
#undef D
#undef T
#undef C
#undef U
#undef M
#undef A
#undef W
#undef LOAD
#undef STORE
#undef IS_FLOAT
#undef IS_NAN
#undef IS_SIGNED
#endif

#define LOAD EACH_SAME
#define STORE EACH_SAME
#define M(f) EACH_M_DOUBLE(f)
#define IS_FLOAT 0
#define IS_NAN(v) 0

#if defined EACH_INT || defined EACH_SIGNED
#define IS_SIGNED 1
#define A int64_t
#define W uint64_t
#define U uint32_t
#define D I8
#define T int8_t
#define C int8_t
#include TEMPLATE
#undef D
#undef T
#undef C
#define D I16
#define T int16_t
#define C int16_t
#include TEMPLATE
#undef D
#undef T
#undef C
#define D I32
#define T int32_t
#define C int32_t
#include TEMPLATE
#undef D
#undef T
#undef C
#undef U
#define D I64
#define T int64_t
#define C int64_t
#define U uint64_t
#include TEMPLATE
#undef D
#undef T
#undef C
#undef U
#undef A
#undef W
#undef IS_SIGNED
#endif

#if defined EACH_INT || defined EACH_BOOL || defined EACH_UNSIGNED
#define IS_SIGNED 0
#define A uint64_t
#define W uint64_t
#define U uint32_t
#ifdef EACH_BOOL
#define D BOOL
#define T uint8_t
#define C uint8_t
#include TEMPLATE
#undef D
#undef T
#undef C
#endif
#if defined EACH_INT || defined EACH_UNSIGNED
#define D U8
#define T uint8_t
#define C uint8_t
#include TEMPLATE
#undef D
#undef T
#undef C
#define D U16
#define T uint16_t
#define C uint16_t
#include TEMPLATE
#undef D
#undef T
#undef C
#define D U32
#define T uint32_t
#define C uint32_t
#include TEMPLATE
#undef D
#undef T
#undef C
#undef U
#define D U64
#define T uint64_t
#define C uint64_t
#define U uint64_t
#include TEMPLATE
#undef D
#undef T
#undef C
#endif
#undef U
#undef A
#undef W
#undef IS_SIGNED
#endif

#undef LOAD
#undef STORE
#undef M
#undef IS_FLOAT
#undef IS_NAN
#undef EACH_SAME
#undef EACH_M_FLOAT
#undef EACH_M_DOUBLE
#undef EACH_FLOAT
#undef EACH_INT
#undef EACH_SIGNED
#undef EACH_UNSIGNED
#undef EACH_BOOL
#undef TEMPLATE
