// SPDX-License-Identifier: Apache-2.0
/* What the commands about models work on: a store folder in this process, or a server. Both answer
 * in the registry's own terms. */
#pragma once

#include "base/text.h"
#include "cli/options.h"
#include "contract/adapters.h"
#include "images/push.h"
#include "registry/registry.h"

struct store_options {
    const char *store, *server;
    bool json;
};
#define STORE_OPTIONS(type, member)                                                                \
    {"store", OPTION_TEXT, offsetof(type, member.store), "DIR",                                    \
     "work on the store in this folder, with or without a server on it"},                          \
        {"server", OPTION_TEXT, offsetof(type, member.server), "URL",                              \
         "the server (FIRN_SERVER, or http://127.0.0.1:8080)"},                                    \
    {                                                                                              \
        "json", OPTION_FLAG, offsetof(type, member.json), NULL, "print JSON"                       \
    }

/* A file that says what there is to say of registries; a row of a command's options. */
#define REGISTRIES_OPTION(type, member)                                                            \
    {                                                                                              \
        "registries", OPTION_TEXT, offsetof(type, member), "FILE",                                 \
            "credentials and settings of registries (FIRN_REGISTRIES, ~/.config/firn/"             \
            "registries.yaml; docker's and podman's logins count, too)"                            \
    }

struct store_upload {
    const char *path;     /* of the model */
    const char *name;     /* NULL: the manifest's, or from the path */
    const char *manifest; /* a file; NULL: the one in the folder */
    struct bytes text;    /* a manifest as text, instead of both; empty: none */
    struct bytes facts;   /* see loading_add; empty: none */
    bool workers;         /* install what a worker needs; a server decides that itself */
    enum parity_wish verify;
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void (*line)(void *context, const char *line); /* what is installed; may be NULL */
    void *context;
};

struct store_push {
    const char *reference;  /* NULL: the default registry */
    const char *registries; /* file; NULL: the default one */
    bool standalone;
    const char *base; /* of a standalone image; or NULL */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
};

struct store_pull {
    const char *reference, *name, *path; /* name and path may be NULL */
    const char *manifest;                /* a file, or NULL */
    const char *registries;
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
};

struct store;
struct loading;
struct store_class {
    enum status (*upload)(struct store *store, const struct store_upload *upload,
                          struct version *version, bool *unchanged, struct arena *keep,
                          struct error *err);
    /* What a version was trained with, a CSV file: in place of what was there. */
    enum status (*keep_training)(struct store *store, const struct version *version,
                                 struct bytes data, struct arena *keep, struct error *err);
    /* The manifest is one document of kind Application. */
    enum status (*compose)(struct store *store, struct bytes manifest, const char *file_name,
                           struct version *version, bool *unchanged, struct arena *keep,
                           struct error *err);
    enum status (*resolve)(struct store *store, const char *reference, struct version *version,
                           struct arena *keep, struct error *err);
    enum status (*list)(struct store *store, const char *model, struct version **versions,
                        size_t *count, struct arena *keep, struct error *err);
    /* What happened when the version was made: lines; none when nothing was kept. */
    enum status (*log)(struct store *store, const struct version *version, struct text *log,
                       struct arena *keep, struct error *err);
    /* Open what is stored, as load_open; *parity: the record of loading/parity.h, or NULL. A server
     * does not give its files away: NULL. */
    enum status (*open)(struct store *store, const struct version *version, struct loading *loading,
                        const char **parity, struct arena *keep, struct error *err);
    enum status (*alias)(struct store *store, const char *model, const char *alias, int64_t number,
                         int64_t expected, struct error *err);
    enum status (*delete)(struct store *store, const char *model, int64_t number,
                          struct error *err);
    enum status (*gc)(struct store *store, uint64_t *files, uint64_t *bytes, struct error *err);
    enum status (*verify)(struct store *store, struct text *report, size_t *faults,
                          struct error *err);
    enum status (*push)(struct store *store, const struct version *version,
                        const struct store_push *push, struct image_pushed *pushed,
                        struct arena *keep, struct error *err);
    enum status (*pull)(struct store *store, const struct store_pull *pull, struct version *version,
                        bool *unchanged, struct arena *keep, struct error *err);
    void (*close)(struct store *store);
};
struct store {
    const struct store_class *class;
};

/* cli/store_local.c */
enum status store_local(const char *folder, struct store **store, struct error *err) must_check;

/* cli/store_remote.c */
enum status store_remote(const char *url, struct store **store, struct error *err) must_check;
/* URL of the server: the option's, FIRN_SERVER, or the default. */
const char *store_server(const char *option);

/* A call of a command: what it needs, and where its answer goes. */
struct store_call {
    const struct store_options *options;
    struct store *store; /* NULL until store_of */
    const struct arguments *arguments;
    const void *values; /* the command's own struct */
    bool json;
    const char *where; /* " --store DIR", " --server URL" or "", for commands that are suggested */
    struct text *text; /* the answer */
    struct arena *keep;
    struct error *err;
};

/* Open what --store or --server names, unless it is open; only when it is needed. */
enum status store_of(struct store_call *call) must_check;

/* Parse, do the work, print what it wrote, and say what went wrong; an exit code.
 * `doing`: "list the models". */
int store_command(const struct option *options, int argc, char **argv, int least, int most,
                  void *values, struct store_options *store, const char *doing,
                  enum status (*work)(struct store_call *call));

/* "name:3", "name@alias", "name" into its parts; *number 0 without one. */
enum status reference_split(const char *reference, const char **model, int64_t *number,
                            struct arena *keep, struct error *err) must_check;
