// SPDX-License-Identifier: Apache-2.0
/* What we ask of the compiler, under names that read well. */
#pragma once

#define must_check __attribute__((__warn_unused_result__))
#define printf_like(text, first) __attribute__((__format__(__printf__, text, first)))
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Where a measured loop asks for it. */
#define always_inline inline __attribute__((__always_inline__))
#define never_inline __attribute__((__noinline__))

/* Floats of a file: at any address. */
typedef float unaligned_float __attribute__((__aligned__(1), __may_alias__));
