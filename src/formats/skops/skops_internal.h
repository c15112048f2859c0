// SPDX-License-Identifier: Apache-2.0
/* What the parts of the skops reader share. Private to formats/skops*.c. */
#pragma once

#include "base/map.h"
#include "formats/archive/artifact.h"
#include "formats/json/json.h"
#include "formats/pickle/machine.h"

enum { SKOPS_PROTOCOL_MAX = 2 };

struct skops {
    struct pickle_machine m; /* memory, budgets and names; it runs no opcodes */
    struct map memo;         /* id -> pickle_object */
    const struct artifact *artifact;
};

/* The object of any node. The depth is bounded by that of the JSON. */
enum status skops_node(struct skops *skops, const struct json *node, struct pickle_object **object,
                       struct error *err) must_check;
enum status skops_class(struct skops *skops, const struct json *node, struct pickle_object **global,
                        struct error *err) must_check;
enum status skops_text(const struct json *node, const char *key, struct bytes *text,
                       struct error *err) must_check;
/* The array in an npy member, borrowed; `name` is that of the member. */
enum status skops_npy(struct skops *skops, struct bytes npy, struct pickle_object *object,
                      struct error *err) must_check;

/* One loader each: fill `object`, which is new, from `node`. */
#define SKOPS_LOADER(name)                                                                         \
    enum status name(struct skops *skops, const struct json *node, struct pickle_object *object,   \
                     struct error *err) must_check
SKOPS_LOADER(skops_json);
SKOPS_LOADER(skops_dict);
SKOPS_LOADER(skops_default_dict);
SKOPS_LOADER(skops_list);
SKOPS_LOADER(skops_set);
SKOPS_LOADER(skops_tuple);
SKOPS_LOADER(skops_bytes);
SKOPS_LOADER(skops_bytearray);
SKOPS_LOADER(skops_slice);
SKOPS_LOADER(skops_method);
SKOPS_LOADER(skops_partial);
SKOPS_LOADER(skops_operator);
SKOPS_LOADER(skops_constructor);
SKOPS_LOADER(skops_object);
SKOPS_LOADER(skops_opaque);
SKOPS_LOADER(skops_reduce);
SKOPS_LOADER(skops_array);
SKOPS_LOADER(skops_masked);
SKOPS_LOADER(skops_dtype);
SKOPS_LOADER(skops_sparse);
