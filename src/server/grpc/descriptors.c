// SPDX-License-Identifier: Apache-2.0
#include "server/grpc/descriptors.h"

#include "base/compiler.h"

const struct descriptor DESCRIPTORS[] = {
#define DESCRIPTOR(name, imports, symbols, size, data)                                             \
    {name, imports, symbols, {(const uint8_t *)(data), size}},
#include "server/grpc/descriptors.def"
#undef DESCRIPTOR
};
const size_t DESCRIPTOR_COUNT = ARRAY_COUNT(DESCRIPTORS);

bool descriptor_next_name(const char **names, struct bytes *name)
{
    const char *blank = strchr(*names, ' ');

    if (!blank)
        return false;
    *name = (struct bytes){(const uint8_t *)*names, (size_t)(blank - *names)};
    *names = blank + 1;
    return true;
}

const struct descriptor *descriptor_of_file(struct bytes name)
{
    for (size_t i = 0; i < DESCRIPTOR_COUNT; i++)
        if (bytes_is(name, DESCRIPTORS[i].name))
            return &DESCRIPTORS[i];
    return NULL;
}

/* Is `symbol` that name, or something in it? */
static bool is_within(struct bytes symbol, struct bytes name)
{
    return symbol.size >= name.size && memcmp(symbol.data, name.data, name.size) == 0 &&
           (symbol.size == name.size || symbol.data[name.size] == '.');
}

const struct descriptor *descriptor_of_symbol(struct bytes symbol)
{
    for (size_t i = 0; i < DESCRIPTOR_COUNT; i++) {
        const char *names = DESCRIPTORS[i].symbols;
        struct bytes name;

        while (descriptor_next_name(&names, &name))
            if (is_within(symbol, name))
                return &DESCRIPTORS[i];
    }
    return NULL;
}
