// SPDX-License-Identifier: Apache-2.0
/* Kinds of documents in a manifest, inside. One file per kind; the file name is the registration:
 * application.c defines `const struct manifest_kind kind_application`. A map is read by a table of
 * its keys:
 *
 *     static const struct key KEYS[] = {{"name", read_name}, {"weight", read_weight}};
 *     keys_read(r, value, "a variant", KEYS, ARRAY_COUNT(KEYS), &variant);
 *
 * Reading goes on after an error, so that all are said at once. */
#pragma once

#include "base/text.h"
#include "contract/manifest.h"
#include "formats/yaml.h"

enum generation { GENERATION_ANY, GENERATION_0, GENERATION_1, GENERATION_2 };

struct reading {
    const char *file;
    struct manifests *manifests;
    size_t remark_capacity;
    struct arena *keep;
    enum generation generation; /* of the document; 2 stands for all later ones */
    bool no_memory;
};

/* --- remarks (remark.c) --- */

/* `fix` may be NULL. */
void fault(struct reading *r, size_t line, const char *fix, const char *format, ...)
    printf_like(4, 5);
void note(struct reading *r, size_t line, const char *format, ...) printf_like(3, 4);
/* "did you mean \"NAME\"?", or NULL. */
const char *did_you_mean(struct reading *r, const char *name, const char *const *known,
                         size_t count);
void *room(struct reading *r, size_t count, size_t size); /* zeroed; NULL without memory */
#define ROOM(r, type, count) ((type *)room((r), (count), sizeof(type)))

/* --- maps --- */

struct key {
    const char *name;
    void (*read)(struct reading *r, const struct yaml *value, void *into); /* NULL: passed over */
};

/* Read every key of a map; `where` says what holds it: "a field". False when it is no map. */
bool keys_read(struct reading *r, const struct yaml *map, const char *where, const struct key *keys,
               size_t count, void *into);
/* Say what is missing; false then. */
bool key_required(struct reading *r, const struct yaml *map, const char *where, const char *key);

/* --- values; what is not as it should be is a fault, and *into stays --- */

bool is_scalar(const struct yaml *value);
void text_read(struct reading *r, const struct yaml *value, const char **into);
void number_read(struct reading *r, const struct yaml *value, double *into);
void integer_read(struct reading *r, const struct yaml *value, int64_t least, int64_t most,
                  int64_t *into);
/* NULL and 0 unless it is a list. */
const struct yaml *list_read(struct reading *r, const struct yaml *value, size_t most,
                             size_t *count);
/* A map of names to scalars. */
void pairs_read(struct reading *r, const struct yaml *value, struct manifest_pair **pairs,
                size_t *count);

/* model.c: the oldest form, without a kind: `model` and `local_deploy` */
void oldest_model_read(struct reading *r, const struct yaml *root,
                       struct manifest_document *document);

/* declared.c */
void contract_read(struct reading *r, const struct yaml *value, struct contract *contract);

/* chains.c: what `filters` holds */
void chains_read(struct reading *r, const struct yaml *value, struct manifest *manifest);

/* Kinds that are checked and not used: `required` keys, with commas; `why` nothing is done. */
void unused_read(struct reading *r, const struct yaml *root, const struct key *keys, size_t count,
                 const char *required, const char *why, struct manifest_document *document);
void unused_name_read(struct reading *r, const struct yaml *value, void *document);

struct manifest_kind {
    const char *name; /* "Model" */
    void (*read)(struct reading *r, const struct yaml *root, struct manifest_document *document);
};
