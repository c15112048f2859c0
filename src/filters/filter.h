// SPDX-License-Identifier: Apache-2.0
/* Filters: what stands between clients and the fields of a model, declared in serving.yaml, frozen
 * with the version: an image file becomes a tensor, scores become labels. The fields of a model are
 * its inner side; clients see the outer one, which follows from the chain.
 *
 * One filter, one file of filters/kinds/; the file name is the registration: top_k.c defines
 * `const struct filter filter_top_k`. A chain is compiled into a graph of operators that the engine
 * runs as it runs models: there is no second engine. */
#pragma once

#include "contract/manifest.h"
#include "graph/emit.h"

struct artifact;

/* --- options: a row each, read into a struct of the filter's own --- */

enum filter_option_kind {
    FILTER_BOOL,
    FILTER_INTEGER, /* int64_t */
    FILTER_NUMBER,  /* double; may be written as a fraction: 1/255 */
    FILTER_NUMBERS, /* struct filter_numbers: a list, or one alone */
    FILTER_CHOICE,  /* int: which of `choices` */
    FILTER_TEXT,    /* const char * */
    FILTER_LIST /* struct filter_list: texts, or the name of a file of the model with one a line */
};

struct filter_numbers {
    double *values;
    size_t count; /* 0: not given */
};

struct filter_list {
    struct bytes *items; /* live as long as the chain */
    size_t count;        /* 0: not given */
};

struct filter_option {
    const char *name;
    enum filter_option_kind kind;
    size_t offset;
    const char *help;
    double least, most;         /* of numbers; both 0: any */
    const char *const *choices; /* NULL-terminated */
};

/* --- filters --- */

struct filter_type {
    enum dtype dtype; /* DTYPE_NONE: not known */
    struct shape shape;
    enum profile profile;
};

struct filter_step { /* one filter of one chain */
    const struct filter *filter;
    const struct manifest_filter *written;
    void *options;
    bool is_output;
    const char *field;         /* of the model */
    struct filter_type wanted; /* inputs: what has to come out of it */
    struct filter_chains *chains;
    struct emitter emit;
};

enum { FILTER_INPUT = 1, FILTER_OUTPUT = 2 };

struct filter {
    const char *name;  /* "top-k" */
    const char *alias; /* 0Mind's name of it, or NULL */
    const char *summary;
    unsigned sides; /* FILTER_INPUT | FILTER_OUTPUT */
    size_t options_size;
    const struct filter_option *options; /* to one without a name */
    const char *lone;                    /* the option that a value alone is for; or NULL */
    void (*defaults)(void *options);     /* NULL: all zeros */

    /* Of inputs: what has to be given, so that `step->wanted` comes out. NULL: the same. Errors
     * are of the declaration: INVALID_INPUT. */
    enum status (*given)(struct filter_step *step, struct filter_type *given, struct error *err);

    /* Append nodes that make *out of `in`. */
    enum status (*build)(struct filter_step *step, value_id in, value_id *out, struct error *err);
};

/* By name or alias; NULL: there is none. */
const struct filter *filter_find(const char *name);
/* Number `index` in alphabetical order; NULL behind the last one. */
const struct filter *filter_at(size_t index);

/* Read the options of a filter into `step->options`, which is made; what is unknown, of another
 * kind or out of range is INVALID_INPUT with its line. */
enum status filter_options_read(struct filter_step *step, struct arena *keep, struct error *err)
    must_check;

/* --- for filters --- */

/* INVALID_INPUT: `serving.yaml:12: filter "image" of field "x": ...`. */
enum status filter_error(const struct filter_step *step, struct error *err, const char *format, ...)
    must_check printf_like(3, 4);

/* A further value: of inputs, for another input `name` of the model, which clients do not give
 * then; of outputs, a further output. */
enum status filter_also(struct filter_step *step, const char *name, value_id value,
                        struct error *err) must_check;

/* Is an input `name` of the model there; and of which type? */
bool filter_has_input(const struct filter_step *step, const char *name, struct filter_type *type);

/* The bytes of a file of the model; INVALID_INPUT when it is not there. Borrowed for as long as the
 * chain. */
enum status filter_member(const struct filter_step *step, const char *name, struct bytes *bytes,
                          struct error *err) must_check;

/* For filters that clients tell to read files of the server. */
void filter_waits(struct filter_step *step);

/* A constant of these texts, (count,). */
enum status filter_texts(const struct filter_step *step, const struct filter_list *list,
                         struct tensor *texts, struct error *err) must_check;

/* --- chains --- */

/* Where an input of the model, or an output for clients, comes from. */
struct filter_wire {
    bool filtered; /* from the chain's outputs; else from the other side's fields as they are */
    uint32_t index;
};

struct filter_signature {
    size_t before, after;              /* signatures of the graph; SIZE_MAX: none */
    uint32_t *before_from;             /* outer inputs, for the inputs of `before` */
    uint32_t *after_from;              /* outputs of the model, for the inputs of `after` */
    struct filter_wire *model_inputs;  /* (of the model's signature) */
    struct filter_wire *outer_outputs; /* (of the outer signature) */
};

struct filter_chains { /* compiled; all of it lives in `memory` */
    struct arena memory;
    struct graph *graph;
    struct contract inner;               /* of the graph: its signatures */
    struct contract face;                /* what clients see */
    struct filter_signature *signatures; /* (face.count,) */
    const char **lines;                  /* for people: `input "image": image {size: 224}` */
    size_t line_count;
    bool waits;                       /* reads files */
    const char *file;                 /* of the manifest, for messages */
    struct artifact *artifact;        /* while it is compiled */
    const struct contract *model;     /* while it is compiled */
    struct filter_building *building; /* while it is compiled */
};

/* Compile the chains of a manifest over the fields of `model`. INVALID_INPUT for what does not
 * fit, with filter and field. Ends with filter_chains_release, unless a servable takes it over. */
enum status filter_chains_compile(const struct manifest *manifest, const char *file,
                                  struct artifact *artifact, const struct contract *model,
                                  struct filter_chains *chains, struct error *err) must_check;
void filter_chains_release(struct filter_chains *chains); /* safe on a zeroed one */

/* "image > file > image {size: 224}". */
struct text;
void filter_chain_print(const struct manifest_chain *chain, struct text *text);

/* Names and options of all filters, without a model: for `firn validate`. */
enum status filter_chains_check(const struct manifest *manifest, const char *file, size_t *line,
                                struct error *err) must_check;

/* --- the servable --- */

/* `model` behind its filters; takes both over, also when it fails. */
struct native_options;
struct servable;
enum status filtered_servable(struct servable *model, struct filter_chains *chains,
                              const struct native_options *options, struct servable **servable,
                              struct error *err) must_check;

/* The session of the model behind the filters, or the session itself. */
struct session;
struct session *filtered_inner(struct session *session);
