// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/trees_internal.h"

#define NAME(verb) verb##_u32
#define KEY uint32_t
#define NODE struct node_u32
#define LINK struct link_u32
#include "ops/kernels/ml/trees_walk.inc"
#undef NAME
#undef KEY
#undef NODE
#undef LINK

#define NAME(verb) verb##_u64
#define KEY uint64_t
#define NODE struct node_u64
#define LINK struct link_u64
#include "ops/kernels/ml/trees_walk.inc"
