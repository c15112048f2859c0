// SPDX-License-Identifier: Apache-2.0
/* Special functions, and arithmetic with rules of its own where it divides by zero. */
#include "importers/tensorflow/internal.h"

static const struct {
    const char *op, *function;
} FUNCTIONS[] = {
    {"Digamma", "digamma"},
    {"Lgamma", "lgamma"},
    {"Erfc", "erfc"},
    {"Erfinv", "erfinv"},
    {"Ndtri", "ndtri"},
    {"Expm1", "expm1"},
    {"Log1p", "log1p"},
    {"Spence", "spence"},
    {"Dawsn", "dawsn"},
    {"Expint", "expint"},
    {"FresnelCos", "fresnel_cos"},
    {"FresnelSin", "fresnel_sin"},
    {"BesselI0", "bessel_i0"},
    {"BesselI0e", "bessel_i0e"},
    {"BesselI1", "bessel_i1"},
    {"BesselI1e", "bessel_i1e"},
    {"BesselJ0", "bessel_j0"},
    {"BesselJ1", "bessel_j1"},
    {"BesselY0", "bessel_y0"},
    {"BesselY1", "bessel_y1"},
    {"BesselK0", "bessel_k0"},
    {"BesselK0e", "bessel_k0e"},
    {"BesselK1", "bessel_k1"},
    {"BesselK1e", "bessel_k1e"},
    {"Atan2", "atan2"},
    {"NextAfter", "next_after"},
    {"Xlogy", "x_log_y"},
    {"Xlog1py", "x_log1p_y"},
    {"Xdivy", "x_div_y"},
    {"DivNoNan", "div_no_nan"},
    {"MulNoNan", "mul_no_nan"},
    {"Zeta", "zeta"},
    {"Polygamma", "polygamma"},
    {"Igamma", "igamma"},
    {"Igammac", "igammac"},
    {"Betainc", "betainc"},
};

static enum status special(struct tf_call *c, struct error *err)
{
    const char *op = tf_is_complex(c->e, c->in[0]) ? "Complex" : "Special";
    value_id y;

    for (size_t i = 0; i < ARRAY_COUNT(FUNCTIONS); i++) {
        struct attribute function = attribute_of_text("function", FUNCTIONS[i].function);

        if (strcmp(FUNCTIONS[i].op, c->node->op))
            continue;
        TRY(emit(c->e, "firn", op, c->in, c->in_count, &function, 1, &y, 1, err));
        return tf_give(c, y);
    }
    return error_set(err, STATUS_INTERNAL, "no function");
}

#define ROW(op, n)                                                                                 \
    {                                                                                              \
        .name = op, .lower = special, .inputs = n                                                  \
    }
const struct tf_op_set tf_ops_special = TF_OP_SET(
    ROW("Digamma", 1), ROW("Lgamma", 1), ROW("Erfc", 1), ROW("Erfinv", 1), ROW("Ndtri", 1),
    ROW("Expm1", 1), ROW("Log1p", 1), ROW("Spence", 1), ROW("Dawsn", 1), ROW("Expint", 1),
    ROW("FresnelCos", 1), ROW("FresnelSin", 1), ROW("BesselI0", 1), ROW("BesselI0e", 1),
    ROW("BesselI1", 1), ROW("BesselI1e", 1), ROW("BesselJ0", 1), ROW("BesselJ1", 1),
    ROW("BesselY0", 1), ROW("BesselY1", 1), ROW("BesselK0", 1), ROW("BesselK0e", 1),
    ROW("BesselK1", 1), ROW("BesselK1e", 1), ROW("Atan2", 2), ROW("NextAfter", 2), ROW("Xlogy", 2),
    ROW("Xlog1py", 2), ROW("Xdivy", 2), ROW("DivNoNan", 2), ROW("MulNoNan", 2), ROW("Zeta", 2),
    ROW("Polygamma", 2), ROW("Igamma", 2), ROW("Igammac", 2), ROW("Betainc", 3), );
