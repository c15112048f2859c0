// SPDX-License-Identifier: Apache-2.0
/* Chains as lines for people. */
#include "base/text.h"
#include "filters/filter.h"
#include "formats/yaml.h"

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
