// SPDX-License-Identifier: Apache-2.0
/* Contracts as JSON (INTERFACE: the array "signatures"), as the YAML of a manifest, as a table. */
#include <stdio.h>

#include "contract/maps.h"
#include "formats/json/json_tensor.h"
#include "tensor/sequence.h"

enum { EVIDENCE_SIZE = 256 };

/* --- JSON --- */

static void json_text(struct text *text, const char *key, const char *value)
{
    json_write_key(text, key);
    json_write_string(text, bytes_of(value));
}

static void json_dims(struct text *text, const struct shape *shape)
{
    if (shape->rank < 0) {
        text_append(text, "null");
        return;
    }
    text_append_char(text, '[');
    for (int i = 0; i < shape->rank; i++)
        text_printf(text, "%s%lld", i ? "," : "",
                    (long long)(shape->dims[i] < 0 ? -1 : shape->dims[i]));
    text_append_char(text, ']');
}

static void json_evidence(struct text *text, const struct field *field)
{
    const struct {
        const char *key;
        const struct evidence *evidence;
    } FACTS[] = {{"name", &field->evidence_name},
                 {"dtype", &field->evidence_dtype},
                 {"shape", &field->evidence_shape},
                 {"profile", &field->evidence_profile}};
    char printed[EVIDENCE_SIZE];

    json_write_key(text, "evidence");
    text_append_char(text, '{');
    for (size_t i = 0; i < ARRAY_COUNT(FACTS); i++) {
        text_append(text, i ? "," : "");
        json_text(text, FACTS[i].key, evidence_print(FACTS[i].evidence, printed, sizeof printed));
    }
    text_append_char(text, '}');
}

static void json_tensor(struct text *text, const char *key, const struct tensor *tensor)
{
    text_append_char(text, ',');
    json_write_key(text, key);
    json_write_tensor(text, tensor);
}

/* What a sequence or optional holds: at most an optional sequence of tensors. */
static void json_element(struct text *text, const struct tensor *element)
{
    if (!element)
        return;
    text_append_char(text, ',');
    json_write_key(text, "element");
    text_append_char(text, '{');
    json_write_key(text, "dtype");
    json_write_string(text, bytes_of(dtype_name(element->dtype)));
    text_append_char(text, ',');
    json_write_key(text, "shape");
    json_dims(text, &element->shape);
    json_element(text, element->element);
    text_append_char(text, '}');
}

/* The maps around it, outermost first: {"name", "shape": [] or, of a list, [size]}. */
static void json_maps(struct text *text, const struct field *field)
{
    text_append_char(text, ',');
    json_write_key(text, "maps");
    for (size_t m = 0; m < field->map_count; m++) {
        const struct field_map *map = &field->maps[m];
        const struct shape shape = {.rank = map->is_list, .dims = {map->size}};

        text_append(text, m ? ",{" : "[{");
        json_text(text, "name", map->name);
        text_append_char(text, ',');
        json_write_key(text, "shape");
        json_dims(text, &shape);
        text_append_char(text, '}');
    }
    text_append_char(text, ']');
}

static void json_field(struct text *text, const struct field *field)
{
    text_append_char(text, '{');
    json_text(text, "name", field->name);
    if (field->map_count)
        json_maps(text, field);
    text_append_char(text, ',');
    json_write_key(text, "dtype");
    if (field->dtype == DTYPE_NONE)
        text_append(text, "null");
    else
        json_write_string(text, bytes_of(dtype_name(field->dtype)));
    if (field->fed) {
        text_append_char(text, ',');
        json_text(text, "fed", dtype_name(field->fed));
    }
    text_append_char(text, ',');
    json_write_key(text, "shape");
    json_dims(text, &field->shape);
    json_element(text, field->element);
    text_append_char(text, ',');
    json_text(text, "profile", profile_name(field->profile));
    if (field->dim_names && field->shape.rank > 0) {
        text_append_char(text, ',');
        json_write_key(text, "dim_names");
        for (int i = 0; i < field->shape.rank; i++) {
            text_append_char(text, i ? ',' : '[');
            if (field->dim_names[i])
                json_write_string(text, bytes_of(field->dim_names[i]));
            else
                text_append(text, "null");
        }
        text_append_char(text, ']');
    }
    if (field->classes)
        json_tensor(text, "classes", field->classes);
    if (field->optional) {
        text_append(text, ",");
        json_write_key(text, "optional");
        text_append(text, "true");
    }
    if (field->fallback) {
        text_append_char(text, ',');
        json_write_key(text, "default_shape");
        json_dims(text, &field->fallback->shape);
        json_tensor(text, "default", field->fallback);
    }
    text_append_char(text, ',');
    json_evidence(text, field);
    text_append_char(text, '}');
}

static void json_fields(struct text *text, const char *key, const struct field *fields,
                        size_t count)
{
    json_write_key(text, key);
    text_append_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        text_append(text, i ? "," : "");
        json_field(text, &fields[i]);
    }
    text_append_char(text, ']');
}

void contract_print_json(const struct contract *contract, struct text *text)
{
    text_append_char(text, '[');
    for (size_t i = 0; i < contract->count; i++) {
        const struct signature *signature = &contract->signatures[i];
        text_append(text, i ? ",{" : "{");
        json_text(text, "name", signature->name);
        text_append_char(text, ',');
        json_fields(text, "inputs", signature->inputs, signature->input_count);
        text_append_char(text, ',');
        json_fields(text, "outputs", signature->outputs, signature->output_count);
        if (signature->columns) {
            text_append_char(text, ',');
            json_write_key(text, "columns");
            text_append(text, "true");
        }
        if (signature->method) {
            text_append_char(text, ',');
            json_text(text, "method", signature->method);
        }
        if (signature->reason) {
            text_append_char(text, ',');
            json_text(text, "reason", signature->reason);
        }
        text_append_char(text, '}');
    }
    text_append_char(text, ']');
}

/* --- YAML --- */

/* A plain word where YAML would read it as this text and nothing else; quoted (which is JSON)
 * otherwise. */
static void yaml_text(struct text *text, const char *value)
{
    static const char *const RESERVED[] = {"null", "true", "false", "yes", "no",
                                           "on",   "off",  "y",     "n"};
    size_t length = strlen(value);
    bool plain =
        length > 0 && !(value[0] >= '0' && value[0] <= '9') &&
        strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == length;

    for (size_t i = 0; i < ARRAY_COUNT(RESERVED); i++)
        plain = plain && strcasecmp(value, RESERVED[i]) != 0;
    if (plain)
        text_append(text, value);
    else
        json_write_string(text, bytes_of(value));
}

static void yaml_shape(struct text *text, const struct shape *shape, int margin)
{
    if (shape->rank < 0)
        return;
    text_printf(text, "%*sshape: [", margin, "");
    for (int d = 0; d < shape->rank; d++)
        text_printf(text, "%s%lld", d ? ", " : "",
                    (long long)(shape->dims[d] < 0 ? -1 : shape->dims[d]));
    text_append(text, "]\n");
}

static void yaml_leaf(struct text *text, const struct field *field, int margin)
{
    const struct shape shape = field_own_shape(field);

    yaml_shape(text, &shape, margin);
    if (field->dtype != DTYPE_NONE) /* "float" has 64 bits in manifests of some generations */
        text_printf(text, "%*stype: %s\n", margin, "",
                    field->dtype == DTYPE_F32 ? "float32" : dtype_name(field->dtype));
    text_printf(text, "%*sprofile: %s\n", margin, "", profile_name(field->profile));
}

static void yaml_group(struct text *text, const struct map_group *group, int margin)
{
    struct map_group child;
    size_t at = 0;

    while (map_group_next(group, &at, &child)) {
        text_printf(text, "%*s", margin, "");
        yaml_text(text, map_child_name(group, &child));
        text_append(text, ":\n");
        if (map_child_is_leaf(group, &child)) {
            yaml_leaf(text, &group->fields[child.begin], margin + 2);
            continue;
        }
        yaml_shape(text,
                   &(struct shape){.rank = map_of(&child)->is_list, .dims = {map_of(&child)->size}},
                   margin + 2);
        text_printf(text, "%*sfields:\n", margin + 2, "");
        yaml_group(text, &child, margin + 4);
    }
}

static void yaml_fields(struct text *text, const char *key, const struct field *fields,
                        size_t count)
{
    const struct map_group all = map_group_of(fields, count);

    text_printf(text, "    %s:%s\n", key, count ? "" : " {}");
    yaml_group(text, &all, 6);
}

void contract_print_yaml(const struct contract *contract, struct text *text)
{
    text_printf(text, "contract:%s\n", contract->count ? "" : " {}");
    for (size_t i = 0; i < contract->count; i++) {
        const struct signature *signature = &contract->signatures[i];
        text_append(text, "  ");
        yaml_text(text, signature->name);
        text_append(text, ":\n");
        yaml_fields(text, "inputs", signature->inputs, signature->input_count);
        yaml_fields(text, "outputs", signature->outputs, signature->output_count);
    }
}

/* --- table --- */

enum { CELL_SIZE = 160, NAME_WIDTH_MAX = 32, TYPE_WIDTH_MAX = 28, FIELDS_SHOWN = 50 };

/* "double[-1,3]", "string[batch]", "float[?]" when the rank is unknown. */
static char *type_print(const struct field *field, char *buffer, size_t size)
{
    if (dtype_is_container(field->dtype))
        return element_print(&(struct tensor){.dtype = field->dtype, .element = field->element},
                             buffer, size);
    size_t used =
        (size_t)snprintf(buffer, size, "%s[", field->dtype ? dtype_name(field->dtype) : "?");

    if (field->shape.rank < 0)
        used += (size_t)snprintf(buffer + used, size - used, "?");
    for (int i = 0; i < field->shape.rank && used + 48 < size; i++) {
        const char *comma = i ? "," : "";
        if (field->shape.dims[i] >= 0)
            used += (size_t)snprintf(buffer + used, size - used, "%s%lld", comma,
                                     (long long)field->shape.dims[i]);
        else
            used += (size_t)snprintf(buffer + used, size - used, "%s%.24s", comma,
                                     field->dim_names && field->dim_names[i] ? field->dim_names[i]
                                                                             : "-1");
    }
    snprintf(buffer + used, size - used, "]");
    return buffer;
}

/* Evidence of name, type and shape; facts of one origin share it. */
static void table_evidence(struct text *text, const struct field *field)
{
    const struct evidence *facts[] = {&field->evidence_name, &field->evidence_dtype,
                                      &field->evidence_shape};
    static const char *const NAMES[] = {"name", "type", "shape"};
    char printed[3][EVIDENCE_SIZE], quoted[EVIDENCE_SIZE];
    bool done[3] = {false};

    for (size_t i = 0; i < 3; i++)
        evidence_print(facts[i], printed[i], EVIDENCE_SIZE);
    for (size_t i = 0; i < 3; i++) {
        size_t same = 0;
        if (done[i])
            continue;
        text_append(text, i ? "; " : "");
        for (size_t k = i; k < 3; k++)
            if (!strcmp(printed[k], printed[i])) {
                text_printf(text, "%s%s", same++ ? ", " : "", NAMES[k]);
                done[k] = true;
            }
        if (same == 3)
            text->size -= strlen("name, type, shape");
        else
            text_append_char(text, ' ');
        text_append(text, text_quote(bytes_of(printed[i]), quoted, sizeof quoted));
    }
}

static void table_classes(struct text *text, const struct tensor *classes)
{
    size_t count = tensor_count(classes), shown = count < 8 ? count : 8;
    char quoted[TEXT_QUOTE_SIZE];

    text_append(text, "; ");
    text_printf(text, "%zu classes: ", count);
    for (size_t i = 0; i < shown; i++) {
        text_append(text, i ? ", " : "");
        if (classes->dtype == DTYPE_STRING)
            text_append(text, text_quote(((const struct bytes *)classes->data)[i], quoted, 40));
        else if (classes->dtype == DTYPE_BOOL)
            text_append(text, tensor_i64(classes, i) ? "true" : "false");
        else
            text_printf(text, "%.12g", tensor_f64(classes, i));
    }
    text_append(text, shown < count ? " ..." : "");
}

/* The same evidence as the row above is a ditto mark. */
static void table_fields(struct text *text, const char *direction, const struct field *fields,
                         size_t count, int name_width, int type_width)
{
    char name[CELL_SIZE], type[CELL_SIZE];
    size_t shown = count > FIELDS_SHOWN ? FIELDS_SHOWN : count;
    struct text last = {0}, evidence = {0};

    for (size_t i = 0; i < shown; i++) {
        text_printf(text, "  %-3s  %-*s  %-*s  %-11s  ", i ? "" : direction, name_width,
                    text_quote(bytes_of(fields[i].name), name, sizeof name), type_width,
                    type_print(&fields[i], type, sizeof type), profile_name(fields[i].profile));
        text_clear(&evidence);
        table_evidence(&evidence, &fields[i]);
        if (i && bytes_equal(text_bytes(&evidence), text_bytes(&last)))
            text_append_char(text, '"');
        else
            text_append_bytes(text, text_bytes(&evidence));
        text_clear(&last);
        text_append_bytes(&last, text_bytes(&evidence));
        if (fields[i].classes)
            table_classes(text, fields[i].classes);
        text_append(text, fields[i].optional ? "; optional\n" : "\n");
    }
    if (shown < count)
        text_printf(text, "       ... and %zu more\n", count - shown);
    text->failed = text->failed || evidence.failed || last.failed;
    text_release(&evidence);
    text_release(&last);
}

static bool same_evidence(const struct evidence *a, const struct evidence *b)
{
    return a->kind == b->kind && !strcmp(a->source ? a->source : "", b->source ? b->source : "");
}

/* Methods of one model mostly share their inputs. */
static bool same_inputs(const struct signature *a, const struct signature *b)
{
    bool same = a->input_count == b->input_count && a->input_count > 1;

    for (size_t i = 0; same && i < a->input_count; i++) {
        const struct field *x = &a->inputs[i], *y = &b->inputs[i];
        same = !strcmp(x->name, y->name) && x->dtype == y->dtype &&
               shape_equal(&x->shape, &y->shape) && x->profile == y->profile &&
               same_evidence(&x->evidence_name, &y->evidence_name) &&
               same_evidence(&x->evidence_dtype, &y->evidence_dtype) &&
               same_evidence(&x->evidence_shape, &y->evidence_shape);
    }
    return same;
}

static void widen(const struct field *fields, size_t count, int *name_width, int *type_width)
{
    char cell[CELL_SIZE];

    for (size_t i = 0; i < count; i++) {
        int name = (int)strlen(text_quote(bytes_of(fields[i].name), cell, sizeof cell));
        int type = (int)strlen(type_print(&fields[i], cell, sizeof cell));
        if (name > *name_width)
            *name_width = name < NAME_WIDTH_MAX ? name : NAME_WIDTH_MAX;
        if (type > *type_width)
            *type_width = type < TYPE_WIDTH_MAX ? type : TYPE_WIDTH_MAX;
    }
}

void contract_print_table(const struct contract *contract, struct text *text)
{
    int name_width = 0, type_width = 0;

    for (size_t i = 0; i < contract->count; i++) {
        const struct signature *signature = &contract->signatures[i];
        widen(signature->inputs, signature->input_count, &name_width, &type_width);
        widen(signature->outputs, signature->output_count, &name_width, &type_width);
    }
    for (size_t i = 0; i < contract->count; i++) {
        const struct signature *signature = &contract->signatures[i];
        char quoted[EVIDENCE_SIZE * 2];
        text_append(text, text_quote(bytes_of(signature->name), quoted, sizeof quoted));
        text_append_char(text, '\n');
        if (i && same_inputs(&contract->signatures[0], signature))
            text_printf(text, "  in   as %s\n",
                        text_quote(bytes_of(contract->signatures[0].name), quoted, sizeof quoted));
        else
            table_fields(text, "in", signature->inputs, signature->input_count, name_width,
                         type_width);
        table_fields(text, "out", signature->outputs, signature->output_count, name_width,
                     type_width);
        if (signature->reason)
            text_printf(text, "  not servable: %s\n",
                        text_quote(bytes_of(signature->reason), quoted, sizeof quoted));
    }
}
