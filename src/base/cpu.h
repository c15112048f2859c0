// SPDX-License-Identifier: Apache-2.0
/* Which instruction set the kernels use: the best the CPU and the system allow, or a lower one
 * that was asked for. Chosen once, at start. */
#pragma once

#include "base/error.h"

enum isa { ISA_PORTABLE, ISA_AVX2, ISA_AVX512 };

enum isa cpu_isa(void);      /* the one in use */
enum isa cpu_isa_best(void); /* the best this machine has */
const char *isa_name(enum isa isa);

/* Use "portable", "avx2" or "avx512"; UNSUPPORTED when this machine has less. Call before any
 * model is loaded. The environment variable FIRN_ISA does the same. */
enum status cpu_isa_force(const char *name, struct error *err) must_check;

/* Cores this process may use: its affinity, and the quota of its control group, rounded up. At
 * least 1. */
unsigned cpu_count(void);
