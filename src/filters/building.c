// SPDX-License-Identifier: Apache-2.0
/* One filter of a chain: found, built, and what it asks for meanwhile. */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "filters/building.h"
#include "formats/archive/artifact.h"

enum { FILE_BYTES_MAX = 256 << 20 };

/* --- messages --- */

enum status filter_error(const struct filter_step *step, struct error *err, const char *format, ...)
{
    char text[400], name[TEXT_QUOTE_SIZE], field[TEXT_QUOTE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, STATUS_INVALID_INPUT, "%.64s:%zu: filter \"%s\" of field \"%s\": %s",
                     step->chains->file, step->written->line,
                     text_quote(bytes_of(step->written->name), name, sizeof name),
                     text_quote(bytes_of(step->field), field, sizeof field), text);
}

char *filter_type_print(enum dtype dtype, const struct shape *shape, char *buffer, size_t size)
{
    char dims[SHAPE_PRINT_SIZE];

    snprintf(buffer, size, "%s %s", dtype == DTYPE_NONE ? "any type" : dtype_name(dtype),
             shape->rank < 0 ? "of any shape" : shape_print(shape, dims, sizeof dims));
    return buffer;
}

static enum status unknown_filter(const struct filter_step *step, struct error *err)
{
    const char *names[64] = {0}, *near;
    struct text known = {.limit = 300};
    size_t count = 0;
    enum status status;

    for (; filter_at(count) && count < ARRAY_COUNT(names); count++) {
        names[count] = filter_at(count)->name;
        text_printf(&known, "%s%s", count ? ", " : "", names[count]);
    }
    near = text_suggest(step->written->name, names, count);
    status = filter_error(step, err, "there is no such filter; known are %s", known.data);
    if (near)
        error_fix(err, "did you mean \"%s\"?", near);
    text_release(&known);
    return status;
}

/* --- what filters ask for --- */

const struct field *filter_field_find(const struct field *fields, size_t count, const char *name,
                                      size_t *index)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(fields[i].name, name)) {
            *index = i;
            return &fields[i];
        }
    return NULL;
}

bool filter_has_input(const struct filter_step *step, const char *name, struct filter_type *type)
{
    const struct signature *signature = step->chains->building->signature;
    size_t index;
    const struct field *field =
        filter_field_find(signature->inputs, signature->input_count, name, &index);

    if (field)
        *type = (struct filter_type){field->dtype, field->shape, field->profile};
    return field != NULL;
}

enum status filter_also(struct filter_step *step, const char *name, value_id value,
                        struct error *err)
{
    struct filter_building *b = step->chains->building;

    if (b->also_count == ALSO_MAX)
        return filter_error(step, err, "it makes more than %d values", ALSO_MAX);
    b->also[b->also_count++] = (struct filter_further){name, value};
    return STATUS_OK;
}

void filter_waits(struct filter_step *step)
{
    step->chains->waits = true;
}

enum status filter_member(const struct filter_step *step, const char *name, struct bytes *bytes,
                          struct error *err)
{
    const struct artifact *artifact = step->chains->artifact;
    struct member *member;
    char quoted[TEXT_QUOTE_SIZE], *copy;

    text_quote(bytes_of(name), quoted, sizeof quoted);
    member = artifact->kind == ARTIFACT_FILE ? NULL : artifact_find(artifact, name);
    if (!member) {
        if (filter_error(step, err, "there is no file \"%s\" among those of the model", quoted))
            error_fix(err, "put it into the folder of the model, or write a list");
        return err->status;
    }
    TRY(member_bytes(member, bytes, err));
    if (bytes->size > FILE_BYTES_MAX)
        return filter_error(step, err, "file \"%s\" has %zu bytes, more than %d", quoted,
                            bytes->size, FILE_BYTES_MAX);
    copy = arena_text(&step->chains->memory, *bytes);
    if (!copy)
        return error_no_memory(err, "a file of a filter");
    bytes->data = (const uint8_t *)copy;
    return STATUS_OK;
}

enum status filter_texts(const struct filter_step *step, const struct filter_list *list,
                         struct tensor *texts, struct error *err)
{
    struct shape shape = SHAPE((int64_t)list->count);

    TRY(tensor_new(texts, DTYPE_STRING, &shape, &step->chains->memory, err));
    if (list->count)
        memcpy(texts->data, list->items, list->count * sizeof *list->items);
    return STATUS_OK;
}

/* --- one step of a chain --- */

enum status filter_step_open(struct filter_chains *chains, const struct manifest_chain *chain,
                             size_t index, bool is_output, struct filter_step *step,
                             struct error *err)
{
    *step = (struct filter_step){.written = &chain->filters[index],
                                 .filter = filter_find(chain->filters[index].name),
                                 .is_output = is_output,
                                 .field = chain->field,
                                 .chains = chains,
                                 .emit = {chains->graph, chain->filters[index].name}};
    if (!step->filter)
        return unknown_filter(step, err);
    return STATUS_OK;
}

enum status filter_side_check(const struct filter_step *step, struct error *err)
{
    bool fits = step->filter->sides & (step->is_output ? FILTER_OUTPUT : FILTER_INPUT);

    return fits ? STATUS_OK
                : filter_error(step, err, "it is for %s, and the field is an %s",
                               step->is_output ? "inputs" : "outputs",
                               step->is_output ? "output" : "input");
}

bool filter_shapes_fit(const struct shape *made, const struct shape *wanted)
{
    if (made->rank < 0 || wanted->rank < 0)
        return true;
    for (int i = 0; i < made->rank && made->rank == wanted->rank; i++)
        if (made->dims[i] >= 0 && wanted->dims[i] >= 0 && made->dims[i] != wanted->dims[i])
            return false;
    return made->rank == wanted->rank;
}

enum status filter_made_check(const struct filter_step *step, value_id value, struct error *err)
{
    const struct value *made = &step->chains->graph->values[value];
    char has[SHAPE_PRINT_SIZE + 32], takes[SHAPE_PRINT_SIZE + 32];

    if ((step->wanted.dtype == DTYPE_NONE || made->dtype == step->wanted.dtype) &&
        filter_shapes_fit(&made->shape, &step->wanted.shape))
        return STATUS_OK;
    return filter_error(
        step, err, "it gives %s, but what it is for takes %s",
        filter_type_print(made->dtype, &made->shape, has, sizeof has),
        filter_type_print(step->wanted.dtype, &step->wanted.shape, takes, sizeof takes));
}

enum status filter_build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    enum status status = step->filter->build(step, in, out, err);
    char text[sizeof err->text];

    if (!status || status == STATUS_NO_MEMORY || strstr(err->text, ": filter \""))
        return status;
    snprintf(text, sizeof text, "%.400s", err->text); /* an operator complained */
    return filter_error(step, err, "%s", text);
}
