// SPDX-License-Identifier: Apache-2.0
/* <complex.h>, with CMPLX for compilers that the C library does not give it to (clang). */
#pragma once

#include <complex.h>

#ifndef CMPLX
#define CMPLX(real, imaginary) __builtin_complex((double)(real), (double)(imaginary))
#endif
