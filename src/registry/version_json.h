// SPDX-License-Identifier: Apache-2.0
/* A stored version as JSON: the same words from the program (--json) and the server (/api). */
#pragma once

#include "base/text.h"
#include "registry/registry.h"

/* {"name","version","digest","format","framework":{"name","version"},"signatures":[...],
 * "manifest","native","reason","created","bytes","aliases":[...],"pushed":[...]}. `brief`: without
 * the signatures and the manifest, for lists. */
void version_print_json(const struct version *version, bool brief, struct text *text);

/* The members of that object, without the braces around them, to which a caller adds its own. */
void version_print_members(const struct version *version, bool brief, struct text *text);
