// SPDX-License-Identifier: Apache-2.0
#include "formats/json/json.h"
#include "server/omegaml/services.h"

/* {"type": "number", "format": "double"}, in arrays as deep as the shape goes. */
static void write_type(const struct field *field, int from, struct text *text)
{
    enum dtype_kind kind = dtype_kind(field->dtype);

    for (int d = from; d < field->shape.rank; d++)
        text_append(text, "{\"type\":\"array\",\"items\":");
    if (kind == KIND_STRING)
        text_append(text, "{\"type\":\"string\"}");
    else if (kind == KIND_BOOL)
        text_append(text, "{\"type\":\"boolean\"}");
    else
        text_printf(text, "{\"type\":\"%s\",\"format\":\"%s\"}",
                    kind == KIND_FLOAT || kind == KIND_COMPLEX ? "number" : "integer",
                    dtype_name(field->dtype));
    for (int d = from; d < field->shape.rank; d++)
        text_append_char(text, '}');
}

static void write_fields(const struct field *fields, size_t count, struct text *text)
{
    text_append(text, "{\"type\":\"object\",\"properties\":{");
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_append_char(text, ',');
        json_write_text(text, fields[i].name);
        text_append_char(text, ':');
        write_type(&fields[i], 0, text);
    }
    text_append(text, "},\"required\":[");
    for (size_t i = 0, written = 0; i < count; i++)
        if (!fields[i].optional) {
            text_append(text, written++ ? "," : "");
            json_write_text(text, fields[i].name);
        }
    text_append(text, "]}");
}

/* Slashes do not belong into the name of a definition. */
static void write_definition_name(const char *name, const char *suffix, struct text *text)
{
    for (; *name; name++)
        text_append_char(text, *name == '/' ? '_' : *name);
    text_append(text, suffix);
}

static void write_head(const char *name, struct text *text)
{
    text_append(text, "{\"swagger\":\"2.0\",\"info\":{\"title\":");
    json_write_text(text, name);
    text_append(text, ",\"version\":\"1\"},\"basePath\":\"/\",\"consumes\":[\"application/json\"],"
                      "\"produces\":[\"application/json\"],\"paths\":{\"/api/service/");
    for (const char *c = name; *c; c++) /* names of models and scripts need no escapes */
        text_append_char(text, *c);
    text_append(text, "\":{\"post\":{\"parameters\":[{\"in\":\"body\",\"name\":\"body\","
                      "\"required\":true,\"schema\":");
}

static void write_responses(const char *schema, const char *name, struct text *text)
{
    text_append(text, "}],\"responses\":{\"200\":{\"description\":\"the result\",\"schema\":");
    if (schema) {
        text_append(text, "{\"$ref\":\"#/definitions/");
        write_definition_name(name, schema, text);
        text_append(text, "\"}");
    } else {
        text_append(text, "{}");
    }
    text_append(text, "},\"202\":{\"description\":\"accepted as a task (header async)\"},"
                      "\"400\":{\"description\":\"the body does not fit\"},"
                      "\"404\":{\"description\":\"there is no such service\"}}}}}");
}

void omegaml_write_openapi(const char *name, const struct signature *signature, struct text *text)
{
    write_head(name, text);
    text_append(text, "{\"$ref\":\"#/definitions/");
    write_definition_name(name, "_X", text);
    text_append(text, "\"}");
    write_responses("_result", name, text);
    text_append(text, ",\"definitions\":{\"");
    write_definition_name(name, "_X", text);
    text_append(text, "\":");
    write_fields(signature->inputs, signature->input_count, text);
    text_append(text, ",\"");
    write_definition_name(name, "_result", text);
    text_append(text, "\":");
    write_fields(signature->outputs, signature->output_count, text);
    text_append(text, "}}");
}

void omegaml_write_script_openapi(const char *name, struct text *text)
{
    write_head(name, text);
    text_append(text, "{}");
    write_responses(NULL, name, text);
    text_append_char(text, '}');
}
