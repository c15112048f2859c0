// SPDX-License-Identifier: Apache-2.0
/* From the chains of a manifest to a graph: two signatures for each one of the model that has any,
 * `before` of what it is given and `after` of what it gives. */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "filters/filter.h"
#include "formats/archive/artifact.h"
#include "formats/yaml.h"

enum { MEMORY_SHIFT = 32, FILE_BYTES_MAX = 256 << 20, ALSO_MAX = 16 };
enum { OPTIONS_SIZE = 160 }; /* of a line for people */

struct also {
    const char *name;
    value_id value;
};

/* One signature, while its chains are compiled. */
struct filter_building {
    const struct signature *signature; /* of the model */
    const struct manifest_chain *chain;
    struct also also[ALSO_MAX + 1]; /* of the chain at hand; of outputs, its own value too */
    size_t also_count;
    int64_t batch; /* the symbol of free first dimensions */
    /* graph inputs and outputs so far */
    value_id *inputs, *outputs;
    size_t input_count, output_count;
    struct field *fields; /* outer ones so far */
    size_t field_count;
};

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

static char *type_print(enum dtype dtype, const struct shape *shape, char *buffer, size_t size)
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

static const struct field *field_find(const struct field *fields, size_t count, const char *name,
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
    const struct field *field = field_find(signature->inputs, signature->input_count, name, &index);

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
    b->also[b->also_count++] = (struct also){name, value};
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

/* --- one chain --- */

static enum status step_open(struct filter_chains *chains, const struct manifest_chain *chain,
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

static enum status side_check(const struct filter_step *step, struct error *err)
{
    bool fits = step->filter->sides & (step->is_output ? FILTER_OUTPUT : FILTER_INPUT);

    return fits ? STATUS_OK
                : filter_error(step, err, "it is for %s, and the field is an %s",
                               step->is_output ? "inputs" : "outputs",
                               step->is_output ? "output" : "input");
}

/* Do both say the same where both say something? */
static bool shapes_fit(const struct shape *made, const struct shape *wanted)
{
    if (made->rank < 0 || wanted->rank < 0)
        return true;
    for (int i = 0; i < made->rank && made->rank == wanted->rank; i++)
        if (made->dims[i] >= 0 && wanted->dims[i] >= 0 && made->dims[i] != wanted->dims[i])
            return false;
    return made->rank == wanted->rank;
}

/* What comes out of a step against what the next one, or the model, takes. */
static enum status check_made(const struct filter_step *step, value_id value, struct error *err)
{
    const struct value *made = &step->chains->graph->values[value];
    char has[SHAPE_PRINT_SIZE + 32], takes[SHAPE_PRINT_SIZE + 32];

    if ((step->wanted.dtype == DTYPE_NONE || made->dtype == step->wanted.dtype) &&
        shapes_fit(&made->shape, &step->wanted.shape))
        return STATUS_OK;
    return filter_error(step, err, "it gives %s, but what it is for takes %s",
                        type_print(made->dtype, &made->shape, has, sizeof has),
                        type_print(step->wanted.dtype, &step->wanted.shape, takes, sizeof takes));
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    enum status status = step->filter->build(step, in, out, err);
    char text[sizeof err->text];

    if (!status || status == STATUS_NO_MEMORY || strstr(err->text, ": filter \""))
        return status;
    snprintf(text, sizeof text, "%.400s", err->text); /* an operator complained */
    return filter_error(step, err, "%s", text);
}

/* A graph's input for a field: a free first dimension is the batch. */
static enum status graph_input_for(struct filter_chains *chains, const char *name, enum dtype dtype,
                                   struct shape shape, value_id *value, struct error *err)
{
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] < 0)
            shape.dims[i] = i == 0 ? chains->building->batch : DIM_UNKNOWN;
    return graph_input(chains->graph, name, dtype, &shape, value, err);
}

static struct evidence evidence_of(struct filter_chains *chains, const struct manifest_chain *chain)
{
    return (struct evidence){EVIDENCE_DERIVED, arena_printf(&chains->memory, "filters, %.64s:%zu",
                                                            chains->file, chain->line)};
}

static enum status field_made(struct filter_chains *chains, const struct field *model,
                              const char *name, const struct filter_type *type, struct error *err)
{
    struct filter_building *b = chains->building;
    struct evidence evidence = evidence_of(chains, b->chain);
    struct field *field = &b->fields[b->field_count++];
    bool own = name == model->name;

    *field = (struct field){.name = name,
                            .dtype = type->dtype,
                            .shape = type->shape,
                            .profile = type->profile,
                            .evidence_name = own ? model->evidence_name : evidence,
                            .evidence_dtype = evidence,
                            .evidence_shape = evidence,
                            .evidence_profile = evidence};
    shape_forget_symbols(&field->shape);
    if (model->dim_names && model->shape.rank > 0 && field->shape.rank > 0 && model->dim_names[0] &&
        field->shape.dims[0] < 0) {
        field->dim_names = arena_new(&chains->memory, const char *, (size_t)field->shape.rank);
        if (field->dim_names)
            field->dim_names[0] = model->dim_names[0];
    }
    return evidence.source ? STATUS_OK : error_no_memory(err, "a contract");
}

/* --- lines for people --- */

static void options_print(const struct yaml *value, struct text *text)
{
    char quoted[TEXT_QUOTE_SIZE];
    size_t shown;

    if (value->kind != YAML_LIST && value->kind != YAML_MAP) {
        text_append(text, text_quote(bytes_of(value->text), quoted, 48));
        return;
    }
    shown = value->count > 6 ? 6 : value->count;
    text_append(text, value->kind == YAML_LIST ? "[" : "{");
    for (size_t i = 0; i < shown; i++) {
        text_append(text, i ? ", " : "");
        if (value->kind == YAML_MAP)
            text_printf(text,
                        "%s: ", text_quote(bytes_of(value->items[i].key), quoted, sizeof quoted));
        options_print(&value->items[i], text);
    }
    text_append(text, shown < value->count ? " ..." : "");
    text_append(text, value->kind == YAML_LIST ? "]" : "}");
}

void filter_chain_print(const struct manifest_chain *chain, struct text *text)
{
    char quoted[TEXT_QUOTE_SIZE];

    text_append(text, text_quote(bytes_of(chain->field), quoted, sizeof quoted));
    for (size_t i = 0; i < chain->count; i++) {
        text_printf(text, " > %s",
                    text_quote(bytes_of(chain->filters[i].name), quoted, sizeof quoted));
        if (chain->filters[i].options) {
            text_append(text, " ");
            options_print(chain->filters[i].options, text);
        }
    }
}

static enum status line_add(struct filter_chains *chains, const struct manifest_chain *chain,
                            bool is_output, struct error *err)
{
    const struct signature *signature = chains->building->signature;
    struct text text = {0};
    char quoted[TEXT_QUOTE_SIZE];
    const char *line;

    text_printf(&text, "%s of %s: ", is_output ? "output" : "input",
                text_quote(bytes_of(signature->name), quoted, sizeof quoted));
    filter_chain_print(chain, &text);
    line = arena_text(&chains->memory, text_bytes(&text));
    text_release(&text);
    if (!line)
        return error_no_memory(err, "a line");
    chains->lines[chains->line_count++] = line;
    return STATUS_OK;
}

/* --- sides --- */

static enum status steps_new(struct filter_chains *chains, const struct manifest_chain *chain,
                             bool is_output, struct filter_step **steps, struct error *err)
{
    *steps = arena_new(&chains->memory, struct filter_step, chain->count);
    if (!*steps)
        return error_no_memory(err, "filters");
    for (size_t i = 0; i < chain->count; i++) {
        TRY(step_open(chains, chain, i, is_output, &(*steps)[i], err));
        TRY(side_check(&(*steps)[i], err));
        TRY(filter_options_read(&(*steps)[i], &chains->memory, err));
    }
    chains->building->chain = chain;
    chains->building->also_count = 0;
    return line_add(chains, chain, is_output, err);
}

static enum status field_check(const struct filter_step *step, const struct field *field,
                               struct error *err)
{
    return field->element
               ? filter_error(step, err, "the field is no tensor, but %s", dtype_name(field->dtype))
               : STATUS_OK;
}

/* From the model back to what clients give, then forward into the graph. */
static enum status input_chain(struct filter_chains *chains, const struct manifest_chain *chain,
                               const struct field *field, struct error *err)
{
    struct filter_building *b = chains->building;
    struct filter_type type = {field->dtype, field->shape, field->profile};
    struct filter_step *steps;
    value_id value;

    TRY(steps_new(chains, chain, false, &steps, err));
    TRY(field_check(steps, field, err));
    shape_forget_symbols(&type.shape);
    for (size_t i = chain->count; i-- > 0;) {
        steps[i].wanted = type;
        if (steps[i].filter->given)
            TRY(steps[i].filter->given(&steps[i], &type, err));
    }
    if (type.dtype == DTYPE_NONE || type.shape.rank < 0)
        return filter_error(steps, err,
                            "type and rank of the field are not known; declare them in the "
                            "contract");
    TRY(graph_input_for(chains, field->name, type.dtype, type.shape, &value, err));
    b->inputs[b->input_count++] = value;
    TRY(field_made(chains, field, field->name, &type, err));
    for (size_t i = 0; i < chain->count; i++) {
        TRY(build(&steps[i], value, &value, err));
        TRY(check_made(&steps[i], value, err));
    }
    b->outputs[b->output_count++] = value;
    return STATUS_OK;
}

static enum status also_check(const struct filter_chains *chains, const struct field *field,
                              value_id value, struct error *err)
{
    const struct value *made = &chains->graph->values[value];
    char has[SHAPE_PRINT_SIZE + 32], takes[SHAPE_PRINT_SIZE + 32];

    if ((field->dtype == DTYPE_NONE || made->dtype == field->dtype) &&
        shapes_fit(&made->shape, &field->shape))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT,
                     "%.64s:%zu: filters of \"%.64s\" give %s, but input \"%.64s\" takes %s",
                     chains->file, chains->building->chain->line, chains->building->chain->field,
                     type_print(made->dtype, &made->shape, has, sizeof has), field->name,
                     type_print(field->dtype, &field->shape, takes, sizeof takes));
}

/* Other inputs of the model that the chain at hand fills. */
static enum status also_inputs(struct filter_chains *chains, struct filter_wire *wires,
                               struct error *err)
{
    struct filter_building *b = chains->building;
    size_t index;

    for (size_t a = 0; a < b->also_count; a++) {
        const struct field *field =
            field_find(b->signature->inputs, b->signature->input_count, b->also[a].name, &index);
        if (!field || wires[index].filtered)
            return error_set(err, STATUS_INVALID_INPUT,
                             "%.64s:%zu: input \"%.64s\" is filled twice or does not exist",
                             chains->file, b->chain->line, b->also[a].name);
        TRY(also_check(chains, field, b->also[a].value, err));
        wires[index] = (struct filter_wire){true, (uint32_t)b->output_count};
        b->outputs[b->output_count++] = b->also[a].value;
    }
    return STATUS_OK;
}

static enum status output_chain(struct filter_chains *chains, const struct manifest_chain *chain,
                                const struct field *field, struct error *err)
{
    struct filter_building *b = chains->building;
    struct filter_step *steps;
    value_id value;

    TRY(steps_new(chains, chain, true, &steps, err));
    TRY(field_check(steps, field, err));
    if (field->dtype == DTYPE_NONE)
        return filter_error(steps, err,
                            "the type of the field is not known; declare it in the contract");
    TRY(graph_input_for(chains, field->name, field->dtype, field->shape, &value, err));
    b->inputs[b->input_count++] = value;
    for (size_t i = 0; i < chain->count; i++)
        TRY(build(&steps[i], value, &value, err));
    b->also_count += 1; /* the chain's own value stands first */
    memmove(b->also + 1, b->also, (b->also_count - 1) * sizeof *b->also);
    b->also[0] = (struct also){field->name, value};
    for (size_t a = 0; a < b->also_count; a++) {
        const struct value *made = &chains->graph->values[b->also[a].value];
        struct filter_type type = {made->dtype, made->shape, profile_default(made->dtype)};

        TRY(field_made(chains, field, b->also[a].name, &type, err));
        b->outputs[b->output_count++] = b->also[a].value;
    }
    return STATUS_OK;
}

/* The chain for a field, or NULL. */
static enum status chain_of(const struct manifest *manifest, const struct signature *signature,
                            const char *field, enum manifest_side side,
                            const struct manifest_chain **found, const char *file,
                            struct error *err)
{
    *found = NULL;
    for (size_t i = 0; i < manifest->chain_count; i++) {
        const struct manifest_chain *chain = &manifest->chains[i];

        if (strcmp(chain->field, field) || (chain->side != SIDE_ANY && chain->side != side) ||
            (chain->signature && strcmp(chain->signature, signature->name)))
            continue;
        if (*found && !(*found)->signature == !chain->signature)
            return error_set(err, STATUS_INVALID_INPUT,
                             "%.64s:%zu: field \"%.64s\" has filters twice", file, chain->line,
                             field);
        if (!*found || chain->signature) /* what is said of the signature counts more */
            *found = chain;
    }
    return STATUS_OK;
}

static enum status room(struct filter_chains *chains, size_t inputs, size_t outputs,
                        struct error *err)
{
    struct filter_building *b = chains->building;
    size_t most = (inputs > outputs ? inputs : outputs) * (ALSO_MAX + 1) + 1;

    b->inputs = arena_new(&chains->memory, value_id, most);
    b->outputs = arena_new(&chains->memory, value_id, most);
    b->fields = arena_new(&chains->memory, struct field, most);
    b->input_count = b->output_count = b->field_count = 0;
    return b->inputs && b->outputs && b->fields ? STATUS_OK : error_no_memory(err, "filters");
}

/* A signature of the graph for what was built; SIZE_MAX for nothing. */
static enum status signature_close(struct filter_chains *chains, size_t *number, struct error *err)
{
    struct filter_building *b = chains->building;
    struct signature *signature;
    const char *name;

    *number = SIZE_MAX;
    if (!b->output_count)
        return STATUS_OK;
    *number = chains->graph->signature_count;
    signature = &chains->inner.signatures[*number];
    name = arena_printf(&chains->memory, "filters%zu", *number);
    signature->inputs = arena_new(&chains->memory, struct field, b->input_count);
    signature->outputs = arena_new(&chains->memory, struct field, b->output_count);
    if (!name || !signature->inputs || !signature->outputs)
        return error_no_memory(err, "filters");
    signature->name = name;
    signature->input_count = b->input_count;
    signature->output_count = b->output_count;
    for (size_t i = 0; i < b->input_count + b->output_count; i++) {
        bool in = i < b->input_count;
        size_t k = in ? i : i - b->input_count;
        const struct value *value = &chains->graph->values[in ? b->inputs[k] : b->outputs[k]];
        struct field *field = in ? &signature->inputs[k] : &signature->outputs[k];

        *field = (struct field){.name = value->name, .dtype = value->dtype, .shape = value->shape};
        shape_forget_symbols(&field->shape);
    }
    chains->inner.count++;
    return graph_signature_add(chains->graph, name, b->inputs, b->input_count, b->outputs,
                               b->output_count, err);
}

static enum status before(const struct manifest *manifest, struct filter_chains *chains,
                          struct filter_signature *wiring, struct signature *face,
                          struct error *err)
{
    struct filter_building *b = chains->building;
    const struct signature *model = b->signature;
    const struct manifest_chain *chain;

    TRY(room(chains, model->input_count, 0, err));
    wiring->model_inputs = arena_new(&chains->memory, struct filter_wire, model->input_count);
    if (!wiring->model_inputs)
        return error_no_memory(err, "filters");
    for (size_t i = 0; i < model->input_count; i++) {
        TRY(chain_of(manifest, model, model->inputs[i].name, SIDE_INPUT, &chain, chains->file,
                     err));
        if (!chain)
            continue;
        if (wiring->model_inputs[i].filtered)
            return error_set(err, STATUS_INVALID_INPUT,
                             "%.64s:%zu: input \"%.64s\" is filled twice", chains->file,
                             chain->line, chain->field);
        wiring->model_inputs[i] = (struct filter_wire){true, (uint32_t)b->output_count};
        TRY(input_chain(chains, chain, &model->inputs[i], err));
        TRY(also_inputs(chains, wiring->model_inputs, err));
    }
    TRY(signature_close(chains, &wiring->before, err));
    /* Clients give what has a chain, and what nothing fills, in the model's order. */
    face->inputs = arena_new(&chains->memory, struct field, model->input_count);
    wiring->before_from = arena_new(&chains->memory, uint32_t, b->input_count);
    if (!face->inputs || !wiring->before_from)
        return error_no_memory(err, "filters");
    face->input_count = 0;
    for (size_t i = 0, made = 0; i < model->input_count; i++) {
        bool own = made < b->field_count && b->fields[made].name == model->inputs[i].name;

        if (wiring->model_inputs[i].filtered && !own)
            continue;
        if (own)
            wiring->before_from[made] = (uint32_t)face->input_count;
        else
            wiring->model_inputs[i].index = (uint32_t)face->input_count;
        face->inputs[face->input_count++] = own ? b->fields[made] : model->inputs[i];
        made += own;
    }
    face->columns = face->columns && !b->field_count;
    return STATUS_OK;
}

static enum status after(const struct manifest *manifest, struct filter_chains *chains,
                         struct filter_signature *wiring, struct signature *face, struct error *err)
{
    struct filter_building *b = chains->building;
    const struct signature *model = b->signature;
    const struct manifest_chain *chain;
    size_t most = model->output_count * (ALSO_MAX + 1) + 1;

    TRY(room(chains, 0, model->output_count, err));
    face->outputs = arena_new(&chains->memory, struct field, most);
    wiring->outer_outputs = arena_new(&chains->memory, struct filter_wire, most);
    wiring->after_from = arena_new(&chains->memory, uint32_t, model->output_count);
    if (!face->outputs || !wiring->outer_outputs || !wiring->after_from)
        return error_no_memory(err, "filters");
    face->output_count = 0;
    for (size_t i = 0; i < model->output_count; i++) {
        size_t first = b->output_count;

        TRY(chain_of(manifest, model, model->outputs[i].name, SIDE_OUTPUT, &chain, chains->file,
                     err));
        if (!chain) {
            wiring->outer_outputs[face->output_count] = (struct filter_wire){false, (uint32_t)i};
            face->outputs[face->output_count++] = model->outputs[i];
            continue;
        }
        wiring->after_from[b->input_count] = (uint32_t)i;
        TRY(output_chain(chains, chain, &model->outputs[i], err));
        for (size_t k = first; k < b->output_count; k++) {
            wiring->outer_outputs[face->output_count] = (struct filter_wire){true, (uint32_t)k};
            face->outputs[face->output_count++] = b->fields[k];
        }
    }
    for (size_t i = 0; i < face->output_count; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(face->outputs[i].name, face->outputs[k].name))
                return error_set(err, STATUS_INVALID_INPUT,
                                 "%.64s: filters make two outputs \"%.64s\"", chains->file,
                                 face->outputs[i].name);
    return signature_close(chains, &wiring->after, err);
}

/* --- the whole --- */

/* Every chain must belong to something, on one side. */
static enum status place_check(const struct manifest_chain *chain, const struct contract *model,
                               const char *file, struct error *err)
{
    struct text known = {.limit = 200};
    bool found = false, both = false;
    enum status status;

    for (size_t s = 0; s < model->count; s++) {
        const struct signature *signature = &model->signatures[s];
        size_t index;
        bool in, out;

        if (chain->signature && strcmp(chain->signature, signature->name))
            continue;
        in = chain->side != SIDE_OUTPUT &&
             field_find(signature->inputs, signature->input_count, chain->field, &index);
        out = chain->side != SIDE_INPUT &&
              field_find(signature->outputs, signature->output_count, chain->field, &index);
        found = found || in || out;
        both = both || (in && out);
        for (size_t i = 0; i < signature->input_count && chain->side != SIDE_OUTPUT; i++)
            text_printf(&known, "%s%s", known.size ? ", " : "", signature->inputs[i].name);
        for (size_t i = 0; i < signature->output_count && chain->side != SIDE_INPUT; i++)
            text_printf(&known, "%s%s", known.size ? ", " : "", signature->outputs[i].name);
    }
    if (found && !both) {
        text_release(&known);
        return STATUS_OK;
    }
    status = both ? error_set(err, STATUS_INVALID_INPUT,
                              "%.64s:%zu: field \"%.64s\" is an input and an output; say which, "
                              "with inputs or outputs",
                              file, chain->line, chain->field)
                  : error_set(err, STATUS_INVALID_INPUT,
                              "%.64s:%zu: filters for \"%.64s\", but the model has no such %s",
                              file, chain->line, chain->field,
                              chain->side == SIDE_INPUT    ? "input"
                              : chain->side == SIDE_OUTPUT ? "output"
                                                           : "field");
    if (!both && known.size)
        error_fix(err, "its fields are %.200s", known.data);
    text_release(&known);
    return status;
}

static enum status compile(const struct manifest *manifest, struct filter_chains *chains,
                           struct filter_building *b, struct error *err)
{
    const struct contract *model = chains->model;
    struct arena *keep = &chains->memory;

    TRY(graph_new(&chains->graph, keep, err));
    TRY(graph_symbol(chains->graph, "batch", &b->batch, err));
    chains->face.signatures = arena_new(keep, struct signature, model->count);
    chains->inner.signatures = arena_new(keep, struct signature, 2 * model->count);
    chains->signatures = arena_new(keep, struct filter_signature, model->count);
    chains->lines = arena_new(keep, const char *, 2 * manifest->chain_count * model->count);
    if (!chains->face.signatures || !chains->inner.signatures || !chains->signatures ||
        !chains->lines)
        return error_no_memory(err, "filters");
    for (size_t i = 0; i < manifest->chain_count; i++)
        TRY(place_check(&manifest->chains[i], model, chains->file, err));
    for (size_t s = 0; s < model->count; s++) {
        struct signature *face = &chains->face.signatures[s];

        *face = model->signatures[s];
        b->signature = &model->signatures[s];
        TRY(before(manifest, chains, &chains->signatures[s], face, err));
        TRY(after(manifest, chains, &chains->signatures[s], face, err));
        chains->face.count++;
    }
    return graph_finish(chains->graph, err);
}

enum status filter_chains_compile(const struct manifest *manifest, const char *file,
                                  struct artifact *artifact, const struct contract *model,
                                  struct filter_chains *chains, struct error *err)
{
    struct filter_building building = {0};
    enum status status;

    *chains = (struct filter_chains){.artifact = artifact, .model = model, .building = &building};
    arena_init_mapped(&chains->memory, (size_t)1 << MEMORY_SHIFT);
    chains->file = arena_printf(&chains->memory, "%s", file);
    if (!chains->file)
        return error_no_memory(err, "filters");
    status = compile(manifest, chains, &building, err);
    chains->building = NULL;
    chains->artifact = NULL;
    chains->model = NULL;
    return status;
}

void filter_chains_release(struct filter_chains *chains)
{
    arena_release(&chains->memory);
    *chains = (struct filter_chains){0};
}

enum status filter_chains_check(const struct manifest *manifest, const char *file, size_t *line,
                                struct error *err)
{
    struct filter_chains chains = {.file = file};
    enum status status = STATUS_OK;
    struct filter_step step;

    arena_init(&chains.memory, (size_t)1 << 28);
    for (size_t i = 0; i < manifest->chain_count && !status; i++)
        for (size_t k = 0; k < manifest->chains[i].count && !status; k++) {
            enum manifest_side side = manifest->chains[i].side;

            *line = manifest->chains[i].filters[k].line;
            status = step_open(&chains, &manifest->chains[i], k, side == SIDE_OUTPUT, &step, err);
            if (!status && side != SIDE_ANY)
                status = side_check(&step, err);
            if (!status)
                status = filter_options_read(&step, &chains.memory, err);
        }
    arena_release(&chains.memory);
    return status;
}
