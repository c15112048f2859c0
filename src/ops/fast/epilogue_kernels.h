// SPDX-License-Identifier: Apache-2.0
/* The table of one instruction set's epilogues: what epilogue.c asks of epilogue_ISA.c. */
#pragma once

#include "ops/fast/epilogue.h"

enum { EPILOGUE_ACTIVATIONS = EPILOGUE_ELU + 1 };

/* c = f(c + residual) of one row; residual NULL: 0. */
typedef void epilogue_row(float *c, const float *residual, size_t columns, float alpha, float beta);

extern epilogue_row *const epilogue_portable[EPILOGUE_ACTIVATIONS],
    *const epilogue_avx2[EPILOGUE_ACTIVATIONS], *const epilogue_avx512[EPILOGUE_ACTIVATIONS];
