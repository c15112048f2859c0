// SPDX-License-Identifier: Apache-2.0
/* From the chains of a manifest to a graph: two signatures for each one of the model that has any,
 * `before` of what it is given and `after` of what it gives. */
#include "base/text.h"
#include "filters/building.h"

enum { MEMORY_SHIFT = 32 };

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
        TRY(filter_step_open(chains, chain, i, is_output, &(*steps)[i], err));
        TRY(filter_side_check(&(*steps)[i], err));
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
        TRY(filter_build(&steps[i], value, &value, err));
        TRY(filter_made_check(&steps[i], value, err));
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
        filter_shapes_fit(&made->shape, &field->shape))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT,
                     "%.64s:%zu: filters of \"%.64s\" give %s, but input \"%.64s\" takes %s",
                     chains->file, chains->building->chain->line, chains->building->chain->field,
                     filter_type_print(made->dtype, &made->shape, has, sizeof has), field->name,
                     filter_type_print(field->dtype, &field->shape, takes, sizeof takes));
}

/* Other inputs of the model that the chain at hand fills. */
static enum status also_inputs(struct filter_chains *chains, struct filter_wire *wires,
                               struct error *err)
{
    struct filter_building *b = chains->building;
    size_t index;

    for (size_t a = 0; a < b->also_count; a++) {
        const struct field *field = filter_field_find(
            b->signature->inputs, b->signature->input_count, b->also[a].name, &index);
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
        TRY(filter_build(&steps[i], value, &value, err));
    b->also_count += 1; /* the chain's own value stands first */
    memmove(b->also + 1, b->also, (b->also_count - 1) * sizeof *b->also);
    b->also[0] = (struct filter_further){field->name, value};
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
             filter_field_find(signature->inputs, signature->input_count, chain->field, &index);
        out = chain->side != SIDE_INPUT &&
              filter_field_find(signature->outputs, signature->output_count, chain->field, &index);
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
            status =
                filter_step_open(&chains, &manifest->chains[i], k, side == SIDE_OUTPUT, &step, err);
            if (!status && side != SIDE_ANY)
                status = filter_side_check(&step, err);
            if (!status)
                status = filter_options_read(&step, &chains.memory, err);
        }
    arena_release(&chains.memory);
    return status;
}
