// SPDX-License-Identifier: Apache-2.0
/* Which field goes where: variants of a stage against each other, stages one after another. */
#include "applications/application.h"
#include "base/text.h"
#include "contract/adapters.h"

/* --- fields --- */

static const struct field *field_named(const struct field *fields, size_t count, const char *name,
                                       uint32_t *index)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name))
            continue;
        *index = (uint32_t)i;
        return &fields[i];
    }
    return NULL;
}

/* Two of one name that must be one. `wide`: a dimension that either leaves free is free, as of an
 * output; else it is fixed. */
static enum status field_merge(struct field *into, const struct field *other, bool wide,
                               struct error *err)
{
    struct shape *shape = &into->shape;

    if (into->dtype != other->dtype)
        return error_set(err, STATUS_INVALID_INPUT, "it is %s here and %s there",
                         dtype_name(into->dtype), dtype_name(other->dtype));
    if (shape->rank == RANK_UNKNOWN) {
        *shape = wide ? *shape : other->shape;
        return STATUS_OK;
    }
    if (other->shape.rank == RANK_UNKNOWN) {
        *shape = wide ? other->shape : *shape;
        return STATUS_OK;
    }
    if (shape->rank != other->shape.rank)
        return error_set(err, STATUS_INVALID_INPUT, "it has %d dimensions here and %d there",
                         shape->rank, other->shape.rank);
    for (int d = 0; d < shape->rank; d++) {
        int64_t a = shape->dims[d], b = other->shape.dims[d];

        if (a != b && a != DIM_UNKNOWN && b != DIM_UNKNOWN)
            return error_set(err, STATUS_INVALID_INPUT, "its dimension %d is %lld here, %lld there",
                             d, (long long)a, (long long)b);
        if (a != b)
            shape->dims[d] = wide ? DIM_UNKNOWN : (a == DIM_UNKNOWN ? b : a);
    }
    return STATUS_OK;
}

/* Fields of another variant against those of the stage, in whatever order; `map` receives for each
 * of the stage's the other's index, or (`back`) for each of the other's the stage's. */
static enum status fields_merge(struct field *into, size_t count, const struct field *other,
                                size_t other_count, bool wide, bool back, uint32_t *map,
                                struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < other_count; i++) {
        const char *name = text_quote(bytes_of(other[i].name), quoted, sizeof quoted);
        uint32_t at;

        if (!field_named(into, count, other[i].name, &at))
            return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no %s of the first variant",
                             name, wide ? "output" : "input");
        if (field_merge(&into[at], &other[i], wide, err))
            return error_within(err, "%s \"%s\"", wide ? "output" : "input", name);
        map[back ? i : at] = back ? at : (uint32_t)i;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t ignored;

        if (!field_named(other, other_count, into[i].name, &ignored))
            return error_set(err, STATUS_INVALID_INPUT, "%s \"%s\" of the first variant is missing",
                             wide ? "output" : "input",
                             text_quote(bytes_of(into[i].name), quoted, sizeof quoted));
    }
    return STATUS_OK;
}

/* --- one stage --- */

static struct field *fields_copy(const struct field *from, size_t count, struct arena *keep)
{
    struct field *copy = arena_new(keep, struct field, count);

    if (copy && count)
        memcpy(copy, from, count * sizeof *copy);
    return copy;
}

static enum status signature_find(const struct application_part *part, const char *name,
                                  size_t *index, struct error *err)
{
    if (contract_signature(&part->contract, name, index, err))
        return error_within(err, "%s:%lld", part->version.model, (long long)part->version.number);
    return STATUS_OK;
}

static enum status step_begin(struct application_step *step, const struct signature *first,
                              size_t variants, struct arena *keep, struct error *err)
{
    step->input_count = first->input_count;
    step->output_count = first->output_count;
    step->inputs = fields_copy(first->inputs, first->input_count, keep);
    step->outputs = fields_copy(first->outputs, first->output_count, keep);
    step->wires = arena_new(keep, struct wire, first->input_count);
    step->calls = arena_new(keep, struct application_call, variants);
    return step->inputs && step->outputs && step->wires && step->calls
               ? STATUS_OK
               : error_no_memory(err, "an application");
}

static enum status call_link(struct application_step *step, const struct signature *signature,
                             size_t index, struct application_call *call, struct arena *keep,
                             struct error *err)
{
    call->signature = index;
    call->inputs = arena_new(keep, uint32_t, signature->input_count);
    call->outputs = arena_new(keep, uint32_t, step->output_count);
    if (!call->inputs || !call->outputs)
        return error_no_memory(err, "an application");
    TRY(fields_merge(step->inputs, step->input_count, signature->inputs, signature->input_count,
                     false, true, call->inputs, err));
    return fields_merge(step->outputs, step->output_count, signature->outputs,
                        signature->output_count, true, false, call->outputs, err);
}

/* Not by firn, nor by a worker, which does all of a version or nothing. */
static bool is_refused(const struct application_part *part, const struct signature *signature)
{
    return signature->reason && !adapter_serves(part->version.format, part->version.reason);
}

static enum status step_link(const struct application *application, size_t number,
                             const char *signature, struct application_step *step,
                             struct arena *keep, struct error *err)
{
    const struct application_stage *stage = &application->stages[number];

    for (size_t v = 0; v < stage->variant_count; v++) {
        const struct application_part *part = &application->parts[stage->variants[v].part];
        const struct signature *theirs;
        size_t index;

        TRY(signature_find(part, signature, &index, err));
        theirs = &part->contract.signatures[index];
        if (is_refused(part, theirs))
            return error_set(err, STATUS_UNSUPPORTED, "%s:%lld cannot be served: %s",
                             part->version.model, (long long)part->version.number, theirs->reason);
        if (!v)
            TRY(step_begin(step, theirs, stage->variant_count, keep, err));
        if (call_link(step, theirs, index, &step->calls[v], keep, err))
            return error_within(err, "%s:%lld", part->version.model,
                                (long long)part->version.number);
    }
    return STATUS_OK;
}

/* --- stages one after another --- */

static enum status wire_find(const struct application_step *steps, size_t number,
                             const struct field *input, struct wire *wire, struct error *err)
{
    struct field joined = *input;
    char quoted[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(input->name), quoted, sizeof quoted);
    for (size_t s = number; s-- > 0;) {
        const struct field *made =
            field_named(steps[s].outputs, steps[s].output_count, input->name, &wire->field);

        if (!made)
            continue;
        wire->stage = (int32_t)s;
        if (field_merge(&joined, made, false, err))
            return error_within(err, "input \"%s\" against the output of stage %zu", quoted, s + 1);
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID_INPUT, "nobody makes its input \"%s\"", quoted);
}

static enum status wires_link(struct application_step *steps, size_t number, struct error *err)
{
    struct application_step *step = &steps[number];

    for (size_t i = 0; i < step->input_count; i++) {
        step->wires[i] = (struct wire){WIRE_REQUEST, (uint32_t)i};
        if (number)
            TRY(wire_find(steps, number, &step->inputs[i], &step->wires[i], err));
    }
    return STATUS_OK;
}

/* --- the whole --- */

/* The inputs are columns of a table when every variant of the first stage has them so. */
static bool takes_columns(const struct application *application,
                          const struct application_path *path)
{
    const struct application_stage *stage = &application->stages[0];

    for (size_t v = 0; v < stage->variant_count; v++) {
        const struct contract *contract = &application->parts[stage->variants[v].part].contract;

        if (!contract->signatures[path->steps[0].calls[v].signature].columns)
            return false;
    }
    return true;
}

/* Which input of the whole holds the key. */
static enum status sticky_link(const struct application *application, struct application_path *path,
                               const char *name, struct error *err)
{
    const struct application_step *first = &path->steps[0];
    char quoted[TEXT_QUOTE_SIZE];
    uint32_t index;

    path->sticky = SIZE_MAX;
    if (!application->sticky_field)
        return STATUS_OK;
    if (!field_named(first->inputs, first->input_count, application->sticky_field, &index))
        return error_set(err, STATUS_INVALID_INPUT, "sticky: signature \"%s\" has no input \"%s\"",
                         name,
                         text_quote(bytes_of(application->sticky_field), quoted, sizeof quoted));
    if (first->inputs[index].element)
        return error_set(err, STATUS_UNSUPPORTED, "sticky: input \"%s\" is no plain tensor",
                         application->sticky_field);
    path->sticky = index;
    return STATUS_OK;
}

/* One signature, through all stages; `first`: of the first stage, when it names none. */
static enum status path_link(struct application *application, const char *first, size_t index,
                             const char *name, struct arena *keep, struct error *err)
{
    struct application_path *path = &application->paths[index];
    size_t count = application->stage_count;
    const struct application_step *last;

    path->steps = arena_new(keep, struct application_step, count);
    if (!path->steps)
        return error_no_memory(err, "an application");
    for (size_t s = 0; s < count; s++) {
        const char *signature = application->stages[s].signature;

        if (step_link(application, s,
                      signature ? signature
                      : s       ? NULL
                                : first,
                      &path->steps[s], keep, err) ||
            wires_link(path->steps, s, err))
            return error_within(err, "stage %zu", s + 1);
    }
    TRY(sticky_link(application, path, name, err));
    last = &path->steps[count - 1];
    application->contract.signatures[index] =
        (struct signature){.name = name,
                           .inputs = path->steps[0].inputs,
                           .input_count = path->steps[0].input_count,
                           .outputs = last->outputs,
                           .output_count = last->output_count,
                           .columns = takes_columns(application, path)};
    return STATUS_OK;
}

static enum status paths_room(struct application *application, size_t count, struct arena *keep,
                              struct error *err)
{
    application->paths = arena_new(keep, struct application_path, count);
    application->contract = (struct contract){arena_new(keep, struct signature, count), count};
    return application->paths && application->contract.signatures
               ? STATUS_OK
               : error_no_memory(err, "an application");
}

static bool all_have(const struct application *application, const char *signature)
{
    const struct application_stage *stage = application->stages;
    struct error ignored;
    size_t index;

    for (size_t v = 0; v < stage->variant_count; v++)
        if (contract_signature(&application->parts[stage->variants[v].part].contract, signature,
                               &index, &ignored))
            return false;
    return true;
}

/* Of a single stage, every signature that all variants have and can be served. */
static enum status single_link(struct application *application, struct arena *keep,
                               struct error *err)
{
    const struct application_part *part =
        &application->parts[application->stages[0].variants[0].part];
    const struct contract *first = &part->contract;
    size_t count = 0;

    TRY(paths_room(application, first->count, keep, err));
    for (size_t i = 0; i < first->count; i++) {
        const struct signature *signature = &first->signatures[i];

        if (is_refused(part, signature) || !all_have(application, signature->name))
            continue;
        TRY(path_link(application, signature->name, count, signature->name, keep, err));
        count++;
    }
    application->contract.count = count;
    return count ? STATUS_OK
                 : error_set(err, STATUS_INVALID_INPUT,
                             "stage 1: its variants have no signature in common");
}

enum status application_link(struct application *application, struct arena *keep, struct error *err)
{
    const char *signature = application->stages[0].signature;

    if (application->stage_count == 1 && !signature)
        return single_link(application, keep, err);
    TRY(paths_room(application, 1, keep, err));
    return path_link(application, NULL, 0,
                     application->stage_count == 1 ? signature : application->name, keep, err);
}
