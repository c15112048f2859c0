// SPDX-License-Identifier: Apache-2.0
/* Bodies of Hydrosphere's gateways, for a signature that has fields of every kind; what is read is
 * bound and, where that is fine, written again. */
#include "base/text.h"
#include "contract/maps.h"
#include "formats/json/json_tensor.h"

#define FIELD(field_name, type, ...)                                                               \
    {                                                                                              \
        .name = field_name, .dtype = type, .shape = __VA_ARGS__                                    \
    }

static const struct field_map MAPS[] = {{.name = "m"}, {.name = "l", .is_list = true, .size = -1}};

static struct field INPUTS[] = {
    FIELD("x", DTYPE_F64, {1, {-1}}),
    FIELD("f", DTYPE_F32, {2, {-1, 3}}),
    FIELD("i", DTYPE_I64, {0}),
    FIELD("u", DTYPE_U8, {3, {-1, 2, 2}}),
    FIELD("s", DTYPE_STRING, {1, {-1}}),
    FIELD("b", DTYPE_BOOL, {-1}),
    FIELD("h", DTYPE_F16, {2, {1, 1}}),
    FIELD("w", DTYPE_U64, {1, {2}}),
    FIELD("c", DTYPE_C64, {RANK_UNKNOWN}),
    /* m: a map with a list of maps in it */
    {.name = "m.a", .maps = &MAPS[0], .map_count = 1, .dtype = DTYPE_I64, .shape = {0}},
    {.name = "m.l.b", .maps = MAPS, .map_count = 2, .dtype = DTYPE_STRING, .shape = {1, {-1}}},
    {.name = "m.l.c", .maps = MAPS, .map_count = 2, .dtype = DTYPE_F32, .shape = {2, {-1, 2}}},
};

static void one(struct bytes json, size_t first, size_t count)
{
    struct signature signature = {
        .name = "predict", .inputs = INPUTS + first, .input_count = count};
    struct tensor bound[ARRAY_COUNT(INPUTS)];
    const struct given *given;
    struct text text = {0};
    struct arena keep;
    struct error err = {0};
    size_t given_count;

    arena_init(&keep, 64 << 20);
    if (!contract_given_json(&signature, json, &given, &given_count, &keep, &err)) {
        for (size_t i = 0; i < given_count; i++)
            json_write_nested(&text, &given[i].tensor);
        if (!contract_bind(&signature, given, given_count, bound, &keep, &err))
            (void)!maps_print_json(signature.inputs, count, bound, &text, &err);
    }
    text_release(&text);
    arena_release(&keep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes json = {data, size};

    one(json, 0, ARRAY_COUNT(INPUTS));
    one(json, ARRAY_COUNT(INPUTS) - 3, 3);
    for (size_t i = 0; i < ARRAY_COUNT(INPUTS); i++)
        one(json, i, 1);
    return 0;
}
