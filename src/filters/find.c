// SPDX-License-Identifier: Apache-2.0
#include "filters/filter.h"
#include "gen/filters.h"

const struct filter *filter_find(const char *name)
{
    for (size_t i = 0; FILTERS[i]; i++)
        if (!strcmp(FILTERS[i]->name, name) ||
            (FILTERS[i]->alias && !strcmp(FILTERS[i]->alias, name)))
            return FILTERS[i];
    return NULL;
}

const struct filter *filter_at(size_t index)
{
    for (size_t i = 0; FILTERS[i]; i++)
        if (i == index)
            return FILTERS[i];
    return NULL;
}
