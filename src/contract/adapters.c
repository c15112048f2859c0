// SPDX-License-Identifier: Apache-2.0
#include "contract/adapters.h"

#include <string.h>

#include "base/compiler.h"
#include "contract/manifest.h"

enum { MEMBERS, WHOLE, JAVA };

static const struct adapter ADAPTERS[] = {
#define ADAPTER(format, name, given, requirements)                                                 \
    {format, name, requirements, (given) == WHOLE, (given) == JAVA},
#include "contract/adapters.def"
#undef ADAPTER
};

const struct adapter *adapter_find(const char *format)
{
    for (size_t i = 0; format && i < ARRAY_COUNT(ADAPTERS); i++)
        if (!strcmp(ADAPTERS[i].format, format))
            return &ADAPTERS[i];
    return NULL;
}

const char *adapter_declared(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->metadata_count; i++)
        if (!strcmp(manifest->metadata[i].key, "adapter"))
            return manifest->metadata[i].value;
    return NULL;
}

bool adapter_choose(const char *format, const char *declared, struct adapter *adapter)
{
    const struct adapter *row = adapter_find(format);

    if (!row)
        return false;
    *adapter = *row;
    if (!declared || !strcmp(declared, row->name))
        return true;
    adapter->name = declared;
    adapter->requirements = NULL;
    adapter->java = false;
    for (size_t i = 0; i < ARRAY_COUNT(ADAPTERS) && !adapter->requirements; i++)
        if (!strcmp(ADAPTERS[i].name, declared)) {
            adapter->requirements = ADAPTERS[i].requirements;
            adapter->java = ADAPTERS[i].java;
        }
    return true;
}

bool adapter_serves(const char *format, const char *reason)
{
    return reason && adapter_find(format);
}
