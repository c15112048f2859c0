// SPDX-License-Identifier: Apache-2.0
/* The range of the numbers of images. */
#include "importers/keras/internal.h"

enum status value_range_of(const struct call *c, double range[2], struct error *err)
{
    const struct json *given = config_get(c, "value_range", NULL);

    range[0] = 0;
    range[1] = 255;
    if (given && (given->kind != JSON_ARRAY || given->count != 2 ||
                  !json_f64(&given->items[0], &range[0]) || !json_f64(&given->items[1], &range[1])))
        return error_set(err, STATUS_UNSUPPORTED, "its 'value_range' is no pair of numbers");
    return STATUS_OK;
}

enum status value_range_change(struct call *c, const double from[2], const double to[2],
                               value_id *x, struct error *err)
{
    const double numbers[] = {from[0], from[1] - from[0], to[1] - to[0], to[0]};
    static const char *const OPS[] = {"Sub", "Div", "Mul", "Add"};
    value_id number;

    if (from[0] == to[0] && from[1] == to[1])
        return STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(OPS); i++) {
        TRY(emit_number(c->e, c->dtype, numbers[i], &number, err));
        TRY(emit_2(c->e, OPS[i], *x, number, x, err));
    }
    return STATUS_OK;
}
