// SPDX-License-Identifier: Apache-2.0
/* Formats that are known by their content but not served yet: named, described as far as that
 * goes, and refused with the reason. recognised.def has a row for each. */
#include <stdio.h>

#include "formats/pickle/pickle.h"
#include "formats/protobuf.h"
#include "importers/importer.h"
#include "importers/recognised/internal.h"

enum kind { IS_FILE, IS_DATA, IS_FOLDER };
enum { EXECUTES_MAX = 256, FOLDER_SEARCH_MAX = 1000 };

static const struct format {
    const char *name, *framework;
    int bid;
    enum kind kind;
    bool (*check)(const struct look *look);
    const char *what;
} FORMATS[] = {
#define FILE_FORMAT(format, framework, bid, check, what)                                           \
    {#format, framework, bid, IS_FILE, check, what},
#define DATA_FORMAT(format, framework, bid, check, what)                                           \
    {#format, framework, bid, IS_DATA, check, what},
#define FOLDER_FORMAT(format, framework, bid, check, what)                                         \
    {#format, framework, bid, IS_FOLDER, check, what},
#include "importers/recognised/recognised.def"
};

/* The best row for one file. `models`: rows of data do not count. */
static const struct format *file_format(const struct look *look, bool models)
{
    const struct format *best = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(FORMATS); i++)
        if (FORMATS[i].kind != IS_FOLDER && !(models && FORMATS[i].kind == IS_DATA) &&
            (!best || FORMATS[i].bid > best->bid) && FORMATS[i].check(look))
            best = &FORMATS[i];
    return best;
}

static const struct format *folder_format(const struct look *look)
{
    const struct format *best = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(FORMATS); i++)
        if (FORMATS[i].kind == IS_FOLDER && (!best || FORMATS[i].bid > best->bid) &&
            FORMATS[i].check(look))
            best = &FORMATS[i];
    return best;
}

static bool look_at(struct look *look, struct artifact *artifact, struct member *member)
{
    struct error ignored;

    *look = (struct look){.artifact = artifact};
    return member_bytes(member, &look->bytes, &ignored) == STATUS_OK;
}

/* The one member that is a model among files that are not. */
static const struct format *only_model(struct artifact *artifact, struct member **main)
{
    const struct format *found = NULL;
    struct look look;

    for (size_t i = 0; i < artifact->count && i < FOLDER_SEARCH_MAX; i++) {
        const struct format *format =
            look_at(&look, artifact, &artifact->members[i]) ? file_format(&look, true) : NULL;
        if (format && found)
            return NULL;
        if (format) {
            found = format;
            *main = &artifact->members[i];
        }
    }
    return found;
}

static const struct format *recognise(struct artifact *artifact, struct member **main)
{
    const struct format *format;
    struct look look = {.artifact = artifact};

    if (artifact->kind == ARTIFACT_FILE) {
        if (!artifact->count || !look_at(&look, artifact, &artifact->members[0]))
            return NULL;
        *main = &artifact->members[0];
        return file_format(&look, false);
    }
    format = folder_format(&look);
    if (format)
        return format;
    if (is_npz(&look))
        return file_format(&look, false);
    return only_model(artifact, main);
}

static int bid(struct upload *upload)
{
    const struct format *format = recognise(upload->artifact, &upload->main);

    return format ? format->bid : 0;
}

/* --- what opening it elsewhere would run --- */

struct runs {
    struct description *description;
    struct arena *keep;
    struct error *err;
};

static enum status runs_add(const struct runs *runs, const char *what)
{
    struct description *d = runs->description;

    if (!d->executes) {
        d->executes = arena_new(runs->keep, const char *, EXECUTES_MAX);
        if (!d->executes)
            return error_no_memory(runs->err, "a list");
    }
    if (d->executes_count < EXECUTES_MAX)
        d->executes[d->executes_count++] = what;
    return STATUS_OK;
}

static enum status runs_pickle(const struct runs *runs, struct member *member)
{
    const char **names = arena_new(runs->keep, const char *, EXECUTES_MAX);
    struct pickle pickle;
    struct bytes bytes;
    struct error ignored;
    size_t count;

    if (!names)
        return error_no_memory(runs->err, "a list");
    if (!member || member_bytes(member, &bytes, &ignored) ||
        pickle_read(bytes, NULL, "", NULL, &pickle, runs->keep, &ignored))
        return STATUS_OK;
    count = pickle_executes(&pickle, names, EXECUTES_MAX);
    for (size_t i = 0; i < count && i < EXECUTES_MAX; i++)
        TRY(runs_add(runs, names[i]));
    return STATUS_OK;
}

/* Code that the bytes of a member name. */
static enum status runs_named(const struct runs *runs, struct bytes bytes)
{
    static const struct {
        const char *text, *what;
    } CODE[] = {
        {"\"class_name\": \"Lambda\"", "byte code of a Keras Lambda layer"},
        {"\"class_name\":\"Lambda\"", "byte code of a Keras Lambda layer"},
        {"loader_module:", "the Python module that MLmodel names (loader_module)"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CODE); i++)
        if (bytes_hold(bytes, (size_t)64 << 20, CODE[i].text))
            TRY(runs_add(runs, CODE[i].what));
    return STATUS_OK;
}

static enum status runs_find(const struct runs *runs, const struct look *look)
{
    static const char *const PLACES[] = {"config.json", "MLmodel"};
    struct bytes bytes;
    struct error ignored;

    if (look->bytes.size)
        return runs_named(runs, look->bytes);
    for (size_t i = 0; i < ARRAY_COUNT(PLACES); i++) {
        struct member *member = look_find(look, PLACES[i]);
        if (member && !member_bytes(member, &bytes, &ignored))
            TRY(runs_named(runs, bytes));
    }
    if (look_find(look, "src/func_main.py"))
        TRY(runs_add(runs, "src/func_main.py"));
    return runs_pickle(runs, look_find(look, "data.pkl"));
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct member *main = NULL;
    const struct format *format = recognise(upload->artifact, &main);
    struct runs runs = {description, keep, err};
    struct look look = {.artifact = upload->artifact};
    char *name;

    *graph = NULL;
    if (!format)
        return error_set(err, STATUS_UNSUPPORTED, "no known format");
    if (main && !look_at(&look, upload->artifact, main))
        return member_bytes(main, &look.bytes, err);
    name = arena_text(keep, bytes_of(format->name));
    description->reason =
        format->kind == IS_DATA
            ? format->what
            : arena_printf(keep, "%s: recognised, but not yet servable by this version",
                           format->what);
    if (!name || !description->reason)
        return error_no_memory(err, "a description");
    for (char *c = name; *c; c++)
        *c = *c == '_' ? '-' : *c;
    description->format = name;
    description->framework = format->framework;
    if (!strcmp(name, "tfrecord"))
        TRY(records_tell(look.bytes, description, keep, err));
    return runs_find(&runs, &look);
}

static const char *const SUFFIXES[] = {NULL};

const struct importer importer_recognised = {
    .name = "recognised",
    .summary = "formats that are known but not served yet",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
