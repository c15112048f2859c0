// SPDX-License-Identifier: Apache-2.0
/* Python functions: a folder with src/func_main.py and a manifest whose signatures are functions of
 * that module. The code is read and not run; what runs it is a worker. */
#include <string.h>

#include "base/text.h"
#include "contract/manifest.h"
#include "contract/maps.h"
#include "importers/importer.h"
#include "importers/python/functions.h"

#define MAIN "src/func_main.py"

enum { TEXT_BYTES_MAX = 16 << 20 };

static int bid(struct upload *upload)
{
    struct artifact *artifact = upload->artifact;

    if (artifact->kind == ARTIFACT_FILE)
        return 0;
    upload->main = artifact_find(artifact, MAIN);
    return upload->main ? 99 : 0; /* what else lies there is what the function uses */
}

static enum status module_read(struct artifact *artifact, struct python_module *module,
                               struct arena *keep, struct error *err)
{
    struct member *member = artifact_find(artifact, MAIN);
    struct bytes text;

    if (!member)
        return error_set(err, STATUS_NOT_FOUND, "%s is not among the files", MAIN);
    TRY(member_bytes(member, &text, err));
    if (text.size > TEXT_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s has more than %d bytes", MAIN, TEXT_BYTES_MAX);
    if (python_module_read(text, module, keep, err))
        return error_within(err, "%s", MAIN);
    return STATUS_OK;
}

/* "infer(x, y=)" */
static enum status function_text(const struct python_function *f, struct text *text,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    text_clear(text);
    text_printf(text, "%s(", text_quote(bytes_of(f->name), quoted, sizeof quoted));
    for (size_t i = 0; i < f->parameter_count; i++)
        text_printf(text, "%s%s%s", i ? ", " : "",
                    text_quote(bytes_of(f->parameters[i].name), quoted, sizeof quoted),
                    f->parameters[i].optional ? "=" : "");
    if (f->any)
        text_append(text, f->parameter_count ? ", **" : "**");
    text_append(text, ")");
    return text_check(text, err);
}

static enum status functions_tell(const struct python_module *module,
                                  struct description *description, struct arena *keep,
                                  struct error *err)
{
    enum { SHOWN_MAX = 20 };
    struct text text = {.limit = 4096};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < module->count && i < SHOWN_MAX && !status; i++)
        if (!function_text(&module->functions[i], &text, err))
            status = description_tell(description, keep, err, "function %s, line %zu", text.data,
                                      module->functions[i].line);
    text_release(&text);
    return status;
}

/* --- what the manifest declares --- */

static bool takes(const struct python_function *f, const char *name)
{
    for (size_t i = f->positional_only; i < f->parameter_count; i++)
        if (!strcmp(f->parameters[i].name, name))
            return true;
    return f->any;
}

/* The inputs are the parameters, a map is one: both lists are shown where they differ. */
static enum status check_parameters(const struct signature *signature,
                                    const struct python_function *f, struct error *err)
{
    const struct map_group inputs = map_group_of(signature->inputs, signature->input_count);
    const char *extra = NULL, *missing = NULL;
    char one[TEXT_QUOTE_SIZE];
    struct text text = {.limit = 4096};
    struct map_group input;
    enum status status;
    size_t at = 0;

    while (!extra && map_group_next(&inputs, &at, &input))
        if (!takes(f, map_child_name(&inputs, &input)))
            extra = map_child_name(&inputs, &input);
    for (size_t i = 0; i < f->parameter_count && !missing; i++)
        if (i < f->positional_only ||
            (!f->parameters[i].optional &&
             !map_group_find(&inputs, bytes_of(f->parameters[i].name), &input)))
            missing = f->parameters[i].name;
    if ((!extra && !missing) || f->decorated)
        return STATUS_OK;
    status = function_text(f, &text, err);
    if (!status)
        status = error_set(err, STATUS_CONFLICT,
                           extra ? "signature \"%s\" has the input \"%s\", but function %.400s of "
                                   "" MAIN " (line %zu) takes none of that name"
                                 : "signature \"%s\" has no input \"%s\", but function %.400s of "
                                   "" MAIN " (line %zu) needs it",
                           f->name, text_quote(bytes_of(extra ? extra : missing), one, sizeof one),
                           text.data, f->line);
    error_fix(err, "the function is called with the inputs by name: let them be its parameters");
    text_release(&text);
    return status;
}

static enum status check_signature(const struct signature *signature,
                                   const struct python_module *module, struct error *err)
{
    const struct python_function *f = python_function_find(module, signature->name);
    char name[TEXT_QUOTE_SIZE], has[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(signature->name), name, sizeof name);
    if (f)
        return check_parameters(signature, f, err);
    if (python_binds(module, signature->name))
        return STATUS_OK; /* in a way that only running shows */
    if (error_set(err, STATUS_CONFLICT, "signature \"%s\" has no function: " MAIN " defines %s%s%s",
                  name, module->count ? "\"" : "none",
                  module->count ? text_quote(bytes_of(module->functions[module->count - 1].name),
                                             has, sizeof has)
                                : "",
                  module->count ? "\"" : ""))
        error_fix(err, "write `def %s(...)` at the top level of " MAIN, name);
    return err->status;
}

/* "3.6" of "python:3.6.5", or of "hydrosphere/serving-runtime-python-3.7:3.0.0" */
static const char *python_version(const struct manifest *manifest, struct arena *keep)
{
    const char *from = manifest->model_type ? manifest->model_type : manifest->runtime;
    const char *python = from ? strstr(from, "python") : NULL;
    size_t size;

    if (!python || !python[6])
        return NULL;
    size = strspn(python + 7, "0123456789.");
    return size ? arena_text(keep, (struct bytes){(const uint8_t *)python + 7, size}) : NULL;
}

static enum status declared(struct description *description, struct artifact *artifact,
                            const struct manifest *manifest, struct arena *keep, struct error *err)
{
    const struct contract *contract = &description->contract;
    struct python_module module;

    description->framework_version = python_version(manifest, keep);
    if (!contract->count)
        return STATUS_OK;
    TRY(module_read(artifact, &module, keep, err));
    for (size_t i = 0; i < contract->count; i++) {
        TRY(check_signature(&contract->signatures[i], &module, err));
        contract->signatures[i].reason = description->reason;
    }
    return STATUS_OK;
}

static enum status import(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err)
{
    struct python_module module;

    *graph = NULL;
    description->format = "python";
    description->framework = "Python";
    description->reason = "a Python function runs in a worker, which the operator allows with "
                          "--workers on";
    description->declared = declared;
    TRY(description_executes(description, MAIN, keep, err));
    TRY(module_read(upload->artifact, &module, keep, err));
    return functions_tell(&module, description, keep, err);
}

static const char *const SUFFIXES[] = {NULL};

const struct importer importer_python = {
    .name = "python",
    .summary = "Python functions: src/func_main.py and a contract, served by workers",
    .suffixes = SUFFIXES,
    .bid = bid,
    .import = import,
};
