// SPDX-License-Identifier: Apache-2.0
/* The native servable: a graph, optimised, prepared and planned per shape. */
#pragma once

#include "base/team.h"
#include "engine/servable.h"
#include "graph/graph.h"

struct native_options {
    const char *passes_off; /* see graph_optimise; NULL: all on */
    bool reference;         /* reference kernels only: the oracle */
    enum dtype weights;     /* DTYPE_F16, DTYPE_BF16: see graph_narrow_weights; else: as they are */
    size_t plans_max;       /* plans kept per session; 0: 32 */
    size_t memory_max;      /* bytes of one plan; 0: 4 GiB */
    size_t whole_max;       /* plan memory of a batch that is run at once; 0: 32 MiB */
    size_t model_max;       /* bytes of weights that are not used in place; 0: 64 GiB */
    bool profile;           /* time every step, for native_profile */
    struct team *team;      /* threads that help while the model is loaded; NULL: none */
    bool poison;            /* tests: catch kernels and plans that touch memory of others. The
                             * environment variable FIRN_POISON does the same */
};

/* Make a servable of `graph`, whose signatures are those of `contract` in the same order (a
 * contract signature that is not native has no graph signature and refuses with its reason).
 * Takes `model` over: what the arena holds (the graph, the contract and what they borrow) moves to
 * the servable and is released by servable_free, or here when this fails; *model is left empty.
 * `artifact` too, when not NULL. */
struct artifact;
enum status native_servable(struct graph *graph, const struct contract *contract,
                            const struct native_options *options, struct arena *model,
                            struct artifact *artifact, struct servable **servable,
                            struct error *err) must_check;

/* The shortest time of each step so far (options.profile), as text; for `firn inspect --profile`.
 */
struct text;
void native_profile(struct session *session, struct text *text);
