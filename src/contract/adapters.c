// SPDX-License-Identifier: Apache-2.0
#include "contract/adapters.h"

#include <string.h>

#include "base/compiler.h"

static const struct adapter ADAPTERS[] = {
#define ADAPTER(format, name, requirements) {format, name, requirements},
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

bool adapter_serves(const char *format, const char *reason)
{
    return reason && adapter_find(format);
}
