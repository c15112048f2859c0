// SPDX-License-Identifier: Apache-2.0
/* skops: a zip with schema.json, a tree of nodes that each name a class and how to load it, and a
 * .npy member for each array. Read as the same inert objects as a pickle. */
#pragma once

#include "formats/artifact.h"
#include "formats/pickle.h"

bool skops_is(const struct artifact *artifact);

/* The root, and the classes and functions that loading it would import (pickle->globals). Objects
 * live in `keep`; arrays point into the artifact. */
enum status skops_read(struct artifact *artifact, struct pickle *pickle, struct arena *keep,
                       struct error *err) must_check;
