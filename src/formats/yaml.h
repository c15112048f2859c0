// SPDX-License-Identifier: Apache-2.0
/* YAML for what people write (settings, manifests): a small tree with line numbers.
 *
 * The subset that has one meaning: one document, no anchors, aliases, merge keys or tags, no
 * duplicate keys, UTF-8. Plain scalars by the core schema of YAML 1.2 (`no` and `on` are text). */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum { YAML_DEPTH_MAX = 64, YAML_BYTES_MAX = 1 << 20 };

enum yaml_kind { YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml {
    enum yaml_kind kind;
    size_t line;      /* from 1 */
    const char *key;  /* inside a map: NUL-terminated, without control characters */
    size_t key_line;  /* where the key stands */
    const char *text; /* of every scalar as it was written, NUL-terminated */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct { /* LIST, MAP */
            struct yaml *items;
            size_t count;
        };
    };
};

/* INVALID_INPUT "NAME:LINE: what is wrong", TOO_LARGE. An empty document is YAML_NULL. */
enum status yaml_parse(struct bytes text, const char *name, struct yaml *root, struct arena *keep,
                       struct error *err) must_check;

/* The same for several documents in one file, at most `most`; a file without any has one, which is
 * YAML_NULL. */
enum status yaml_parse_all(struct bytes text, const char *name, size_t most, struct yaml **roots,
                           size_t *count, struct arena *keep, struct error *err) must_check;

/* NULL-safe: the value of a key, or NULL. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);
const char *yaml_kind_name(enum yaml_kind kind); /* "a list" */
