// SPDX-License-Identifier: Apache-2.0
/* Store: where the registry keeps its rows. Each function is one transaction: it happened whole or
 * not at all. A back end is one file here; it is thread-safe, and several processes may use it. */
#pragma once

#include "registry/object.h"
#include "registry/registry.h"

/* The OCI image of a version; several versions may share one. Digests are "sha256:HEX". */
struct store_image {
    const char *digest, *config, *layer; /* of the manifest, the configuration, the layer */
    int64_t manifest_bytes, config_bytes, layer_bytes;
    bool single; /* the payload is one file, not a folder */
};

/* A name of a version: its number (tag NULL) or an alias. */
struct store_tag {
    const char *model, *tag;
    int64_t number;
    const char *digest; /* of the image's manifest */
    int64_t manifest_bytes;
};

struct store; /* each back end has its own */

struct store_backend {
    const char *name;
    enum status (*open)(const char *folder, struct store **store, struct error *err);
    void (*close)(struct store *store);

    /* Give the version the next number of its model. *unchanged, and the newest version's number,
     * when that one has the same digest. */
    enum status (*add)(struct store *store, struct version *version,
                       const struct store_image *image, const struct version_upload *upload,
                       bool *unchanged, struct error *err);

    /* As registry_reserve. */
    enum status (*reserve)(struct store *store, const char *model, struct version_place *place,
                           struct error *err);

    /* The version with that number or, when `alias` is given, where the alias stands or, with
     * number 0, the newest. *found is false when there is none. */
    enum status (*find)(struct store *store, const char *model, int64_t number, const char *alias,
                        bool *found, struct version *version, struct arena *keep,
                        struct error *err);

    /* Versions of one model or (NULL) of all, by name, newest first; of each model only the newest
     * when `newest`. */
    enum status (*list)(struct store *store, const char *model, bool newest,
                        struct version **versions, size_t *count, struct arena *keep,
                        struct error *err);
    /* As registry_list_all. */
    enum status (*list_all)(struct store *store, const struct version_known *known,
                            struct version **versions, size_t *count, struct arena *keep,
                            struct error *err);
    /* Every name of every version, by model, newest first, and the generation that has them. */
    enum status (*tags)(struct store *store, struct store_tag **tags, size_t *count,
                        int64_t *generation, struct arena *keep, struct error *err);
    /* The version of that id. */
    enum status (*find_id)(struct store *store, int64_t id, bool *found, struct version *version,
                           struct arena *keep, struct error *err);
    enum status (*image)(struct store *store, const char *digest, struct store_image *image,
                         struct arena *keep, struct error *err);
    enum status (*images)(struct store *store, struct store_image **images, size_t *count,
                          struct arena *keep, struct error *err);

    /* As registry_alias and registry_delete; the model and the version are there or NOT_FOUND. */
    enum status (*alias)(struct store *store, const char *model, const char *alias, int64_t number,
                         int64_t expected, const char *when, struct error *err);
    enum status (*remove)(struct store *store, const char *model, int64_t number, const char *when,
                          struct error *err);

    /* As registry_record_put, registry_record_list and registry_record_remove; the blob is there.
     */
    enum status (*record_put)(struct store *store, struct record *record, bool replace,
                              struct error *err);
    enum status (*record_list)(struct store *store, const struct record_filter *filter,
                               struct record **records, size_t *count, struct arena *keep,
                               struct error *err);
    enum status (*record_remove)(struct store *store, int64_t id, struct error *err);

    /* As object_writer_put with one more part, whose blob is there, and the other functions of
     * registry/object.h; *found is false when there is none. */
    enum status (*object_put)(struct store *store, const struct object_put *put,
                              const struct object_part *part, const char *when,
                              struct object *object, bool *unchanged, struct arena *keep,
                              struct error *err);
    enum status (*object_find)(struct store *store, const char *kind, const char *name,
                               int64_t number, size_t back, bool *found, struct object *object,
                               struct arena *keep, struct error *err);
    /* The newest revisions of all whose name matches, or all revisions of the one `name`. */
    enum status (*object_list)(struct store *store, const char *kind, const char *pattern,
                               const char *name, struct object **objects, size_t *count,
                               struct arena *keep, struct error *err);
    /* Parts of a revision (object NULL: of all there are), in order; without paths. */
    enum status (*object_parts)(struct store *store, const struct object *object,
                                struct object_part **parts, size_t *count, struct arena *keep,
                                struct error *err);
    enum status (*object_remove)(struct store *store, const char *kind, const char *name,
                                 int64_t number, struct error *err);

    /* As registry_pushed and registry_pushes. */
    enum status (*pushed)(struct store *store, const char *model, int64_t number,
                          const char *reference, const char *when, struct error *err);
    enum status (*pushes)(struct store *store, const char *layer, const char ***references,
                          size_t *count, struct arena *keep, struct error *err);

    /* After this, a change that is not seen never was: what a killed process had half committed
     * cannot come to light any more. Whoever deletes by what the rows say calls it first. */
    enum status (*settle)(struct store *store, struct error *err);

    /* Grows with every change. */
    enum status (*generation)(struct store *store, int64_t *generation, struct error *err);

    /* What the back end can check by itself; one line per fault. */
    enum status (*check)(struct store *store, struct text *report, size_t *faults,
                         struct error *err);
};

extern const struct store_backend store_sqlite;
extern const struct store_backend store_frozen; /* registry/frozen.h; nothing changes it */
enum status store_frozen_refuse(struct error *err) must_check;
