// SPDX-License-Identifier: Apache-2.0
/* skops: a zip of schema.json (a tree of nodes, protocols 0 to 2), .npy, .npz and .bin files, read
 * into the tree of formats/pickle/pickle.h, so that who reads estimators does not notice the
 * difference. Masked arrays by their data. As with pickle, nothing is imported or called. */
#pragma once

#include "formats/archive/artifact.h"
#include "formats/pickle/pickle.h"

/* A zip whose schema.json has a node at its root. */
bool skops_is(const struct artifact *artifact);

/* `pickle` as pickle_read fills it; protocol is skops's, offsets are bytes of schema.json. Arrays
 * keep pointing into the artifact. Kinds of nodes that are not known stay opaque objects. */
enum status skops_read(const struct artifact *artifact, const struct pickle_limits *limits,
                       struct pickle *pickle, struct arena *keep, struct error *err) must_check;
