// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "contract/hydrosphere.h"
#include "contract/maps.h"

static void print_shape(const struct shape *shape, unsigned shapes, struct text *text)
{
    if (shape->rank < 0 && !(shapes & HYDROSPHERE_DIM)) {
        text_append(text, "null");
        return;
    }
    text_append_char(text, '{');
    if (shapes & HYDROSPHERE_DIMS && shape->rank >= 0) {
        text_append(text, "\"dims\":[");
        for (int d = 0; d < shape->rank; d++)
            text_printf(text, "%s%lld", d ? "," : "",
                        (long long)(shape->dims[d] < 0 ? -1 : shape->dims[d]));
        text_append(text, shapes & HYDROSPHERE_DIM ? "]," : "]");
    }
    if (shapes & HYDROSPHERE_DIM) {
        text_append(text, "\"dim\":[");
        for (int d = 0; d < shape->rank; d++)
            text_printf(text, "%s{\"size\":%lld,\"name\":\"\"}", d ? "," : "",
                        (long long)(shape->dims[d] < 0 ? -1 : shape->dims[d]));
        text_printf(text, "],\"unknownRank\":%s", shape->rank < 0 ? "true" : "false");
    }
    text_append_char(text, '}');
}

static void print_group(const struct map_group *group, bool named, unsigned shapes,
                        struct text *text);

static void print_map(const struct map_group *map, unsigned shapes, struct text *text)
{
    const struct shape shape = {.rank = map_of(map)->is_list, .dims = {map_of(map)->size}};

    text_append(text, ",\"shape\":");
    print_shape(&shape, shapes, text);
    text_append(text, ",\"profile\":\"NONE\",\"subfields\":{");
    print_group(map, true, shapes, text);
    text_append_char(text, '}');
}

/* `named`: as members of an object, which is how hydrosdk reads what a map holds. */
static void print_group(const struct map_group *group, bool named, unsigned shapes,
                        struct text *text)
{
    char dtype[HYDROSPHERE_DTYPE_SIZE];
    struct map_group child;
    size_t at = 0;
    bool any = false;

    while (map_group_next(group, &at, &child)) {
        const struct field *field = &group->fields[child.begin];
        const struct shape shape = field_own_shape(field);

        text_append(text, any ? "," : "");
        any = true;
        if (named)
            json_write_key(text, map_child_name(group, &child));
        text_append(text, "{\"name\":");
        json_write_text(text, map_child_name(group, &child));
        if (!map_child_is_leaf(group, &child)) {
            print_map(&child, shapes, text);
        } else {
            text_printf(
                text, ",\"dtype\":\"%s\",\"shape\":", hydrosphere_dtype_name(field->dtype, dtype));
            print_shape(&shape, shapes, text);
            text_printf(text, ",\"profile\":\"%s\"", hydrosphere_profile_name(field->profile));
        }
        text_append_char(text, '}');
    }
}

static void print_fields(const char *key, const struct field *fields, size_t count, unsigned shapes,
                         struct text *text)
{
    const struct map_group all = map_group_of(fields, count);

    text_append_char(text, ',');
    json_write_key(text, key);
    text_append_char(text, '[');
    print_group(&all, false, shapes, text);
    text_append_char(text, ']');
}

void hydrosphere_print_signature(const struct signature *signature, unsigned shapes,
                                 struct text *text)
{
    text_append(text, "{\"signatureName\":");
    json_write_text(text, signature->name);
    print_fields("inputs", signature->inputs, signature->input_count, shapes, text);
    print_fields("outputs", signature->outputs, signature->output_count, shapes, text);
    text_append_char(text, '}');
}
