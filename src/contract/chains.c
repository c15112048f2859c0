// SPDX-License-Identifier: Apache-2.0
/* The filters of a manifest, by field:
 *
 *     filters:
 *       inputs:                     # or outputs; or fields: wherever the field is
 *         image:
 *           - file
 *           - image: {size: [224, 224]}
 *       outputs: {scores: {top-k: 5}}   # one alone needs no list
 *
 * or the same below the name of a signature. Which filters there are is not known here. */
#include "contract/kinds/internal.h"

enum { CHAINS_MAX = 1000, FILTERS_MAX = 32 };

static void filter_read(struct reading *r, const struct yaml *value, struct manifest_filter *filter)
{
    bool pair = value->kind == YAML_MAP && value->count == 1;

    filter->line = value->line;
    if (value->kind == YAML_TEXT && value->text[0]) {
        filter->name = value->text;
    } else if (pair) {
        filter->name = value->items[0].key;
        filter->line = value->items[0].key_line;
        filter->options = value->items[0].kind == YAML_NULL ? NULL : &value->items[0];
    } else {
        fault(r, value->line, "write its name, or `name: {option: value}`", "a filter is %s",
              value->kind == YAML_MAP ? "a map of several names" : yaml_kind_name(value->kind));
    }
}

static void chain_read(struct reading *r, const struct yaml *value, struct manifest_chain *chain)
{
    const struct yaml *items = value;
    size_t count = 1;

    chain->field = value->key;
    chain->line = value->key_line;
    if (value->kind == YAML_LIST)
        items = list_read(r, value, FILTERS_MAX, &count);
    if (!count)
        fault(r, value->line, "leave the field out", "field \"%.64s\" has no filter", chain->field);
    chain->filters = ROOM(r, struct manifest_filter, count);
    if (!chain->filters || !items)
        return;
    for (chain->count = 0; chain->count < count; chain->count++)
        filter_read(r, &items[chain->count], &chain->filters[chain->count]);
}

static void side_read(struct reading *r, const struct yaml *value, const char *signature,
                      enum manifest_side side, struct manifest *manifest)
{
    struct manifest_chain *chains;

    if (value->kind != YAML_MAP) {
        fault(r, value->line, NULL, "\"%.64s\" of filters must map names of fields, not %s",
              value->key, yaml_kind_name(value->kind));
        return;
    }
    if (manifest->chain_count + value->count > CHAINS_MAX) {
        fault(r, value->line, NULL, "filters for more than %d fields", CHAINS_MAX);
        return;
    }
    chains = ROOM(r, struct manifest_chain, manifest->chain_count + value->count);
    if (!chains)
        return;
    if (manifest->chain_count)
        memcpy(chains, manifest->chains, manifest->chain_count * sizeof *chains);
    manifest->chains = chains;
    for (size_t i = 0; i < value->count; i++) {
        struct manifest_chain *chain = &chains[manifest->chain_count++];

        *chain = (struct manifest_chain){.signature = signature, .side = side};
        chain_read(r, &value->items[i], chain);
    }
}

static bool side_of(const char *key, enum manifest_side *side)
{
    static const char *const NAMES[] = {"fields", "inputs", "outputs"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (!strcmp(key, NAMES[i])) {
            *side = (enum manifest_side)i;
            return true;
        }
    return false;
}

void chains_read(struct reading *r, const struct yaml *value, struct manifest *manifest)
{
    enum manifest_side side;

    if (value->kind != YAML_MAP) {
        fault(r, value->line, NULL, "\"filters\" must hold inputs and outputs, not %s",
              yaml_kind_name(value->kind));
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml *item = &value->items[i];

        if (side_of(item->key, &side)) {
            side_read(r, item, NULL, side, manifest);
            continue;
        }
        if (item->kind != YAML_MAP) {
            fault(r, item->line, NULL, "\"%.64s\" of filters must hold inputs and outputs, not %s",
                  item->key, yaml_kind_name(item->kind));
            continue;
        }
        for (size_t k = 0; k < item->count; k++)
            if (side_of(item->items[k].key, &side))
                side_read(r, &item->items[k], item->key, side, manifest);
            else
                fault(r, item->items[k].key_line, NULL,
                      "unknown key \"%.64s\" in filters of \"%.64s\"; known are fields, inputs, "
                      "outputs",
                      item->items[k].key, item->key);
    }
}
