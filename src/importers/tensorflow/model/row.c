// SPDX-License-Identifier: Apache-2.0
/* What the rows of operators are written with: their inputs, their outputs, nodes that many of them
 * become. */
#include "importers/tensorflow/internal.h"

enum status tf_give(struct tf_call *c, value_id value)
{
    c->out[0] = value;
    c->out_count = 1;
    return STATUS_OK;
}

enum status tf_add(struct tf_call *c, value_id value, struct error *err)
{
    if (c->out_count == TF_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d outputs", TF_OUTPUTS_MAX);
    c->out[c->out_count++] = value;
    return STATUS_OK;
}

const struct tensor *tf_constant(const struct tf_call *c, size_t input)
{
    return input < c->in_count ? value_constant(c->e->graph, c->in[input]) : NULL;
}

enum status tf_known_ints(const struct tf_call *c, size_t input, int64_t *values, size_t max,
                          size_t *count, struct error *err)
{
    const struct tensor *tensor = tf_constant(c, input);

    if (!tensor)
        return error_set(err, STATUS_UNSUPPORTED, "input %zu is not a constant", input);
    *count = tensor_count(tensor);
    if (*count > max || !dtype_is_integer(tensor->dtype))
        return error_set(err, STATUS_INVALID_INPUT, "input %zu is %zu of %s", input, *count,
                         dtype_name(tensor->dtype));
    for (size_t i = 0; i < *count; i++)
        values[i] = tensor_i64(tensor, i);
    return STATUS_OK;
}

enum status tf_known_int(const struct tf_call *c, size_t input, int64_t *value, struct error *err)
{
    size_t count;

    TRY(tf_known_ints(c, input, value, 1, &count, err));
    return count == 1 ? STATUS_OK
                      : error_set(err, STATUS_INVALID_INPUT, "input %zu is empty", input);
}

enum status tf_rank(const struct tf_call *c, size_t input, int *rank, struct error *err)
{
    *rank = emit_shape(c->e, c->in[input])->rank;
    return *rank >= 0
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "the rank of input %zu is not known", input);
}

enum status tf_index(const struct tf_call *c, size_t input, value_id *value, struct error *err)
{
    return emit_cast(c->e, c->in[input], DTYPE_I64, value, err);
}

enum status tf_index_list(const struct tf_call *c, size_t input, value_id *value, struct error *err)
{
    static const int64_t LIST[] = {-1};

    TRY(tf_index(c, input, value, err));
    if (emit_shape(c->e, *value)->rank == 1)
        return STATUS_OK;
    return emit_reshape(c->e, *value, LIST, 1, value, err);
}

/* --- nodes --- */

enum status tf_bitcast(const struct emitter *e, value_id x, enum dtype dtype, value_id *y,
                       struct error *err)
{
    return emit_node(e, "firn", "Bitcast", EMIT(x),
                     EMIT_ATTRIBUTES(attribute_of_text("to", dtype_name(dtype))), y, err);
}

bool tf_is_complex(const struct emitter *e, value_id x)
{
    return dtype_kind(emit_dtype(e, x)) == KIND_COMPLEX;
}

enum dtype tf_complex_part(enum dtype dtype)
{
    return dtype == DTYPE_C64 ? DTYPE_F32 : dtype == DTYPE_C128 ? DTYPE_F64 : dtype;
}

enum status tf_complex(const struct emitter *e, const char *function, struct emit_inputs in,
                       value_id *y, struct error *err)
{
    struct attribute attribute = attribute_of_text("function", function);

    return emit(e, "firn", "Complex", in.values, in.count, &attribute, 1, y, 1, err);
}

enum status tf_conjugate(const struct emitter *e, value_id *x, struct error *err)
{
    return tf_is_complex(e, *x) ? tf_complex(e, "conj", EMIT(*x), x, err) : STATUS_OK;
}
