// SPDX-License-Identifier: Apache-2.0
/* EinsumDense. Where the kernel has the last letters of the input first and the output keeps all
 * others in order, it is a product of matrices. */
#include "base/text.h"
#include "importers/keras/internal.h"

struct equation {
    struct bytes input, kernel, output; /* letters; an ellipsis is three points */
};

static bool part_until(struct bytes *rest, const char *mark, struct bytes *part)
{
    size_t size = strlen(mark);

    for (size_t i = 0; i + size <= rest->size; i++) {
        if (memcmp(rest->data + i, mark, size))
            continue;
        *part = (struct bytes){rest->data, i};
        *rest = (struct bytes){rest->data + i + size, rest->size - i - size};
        return true;
    }
    return false;
}

static bool equation_parse(struct bytes text, struct equation *e)
{
    if (!part_until(&text, ",", &e->input) || !part_until(&text, "->", &e->kernel))
        return false;
    e->output = text;
    return true;
}

/* How many letters are summed, when the equation is BK,KN->BN; else 0. */
static size_t summed(const struct equation *e)
{
    for (size_t k = 1; k <= e->input.size && k <= e->kernel.size; k++) {
        size_t kept = e->input.size - k, made = e->kernel.size - k;

        if (!memcmp(e->input.data + kept, e->kernel.data, k) && kept + made == e->output.size &&
            !memcmp(e->output.data, e->input.data, kept) &&
            (!made || !memcmp(e->output.data + kept, e->kernel.data + k, made)))
            return k;
    }
    return 0;
}

/* x (..., K...) times a kernel (K..., N...). */
static enum status product(struct call *c, struct tensor kernel, size_t k, value_id x, value_id *y,
                           struct error *err)
{
    const struct shape *shape = emit_shape(c->e, x), full = kernel.shape;
    int kept = shape->rank - (int)k, made = full.rank - (int)k;
    int64_t dims[RANK_MAX] = {0}, sum = 1, columns = 1;
    value_id w;

    for (int i = 0; i < full.rank; i++)
        *(i < (int)k ? &sum : &columns) *= full.dims[i];
    if (kept + made > RANK_MAX || kept < 1)
        return error_set(err, STATUS_UNSUPPORTED, "an output of %d dimensions", kept + made);
    kernel.shape = SHAPE(sum, columns);
    TRY(emit_constant(c->e, &kernel, &w, err));
    dims[kept] = sum;
    if (k > 1)
        TRY(emit_reshape(c->e, x, dims, (size_t)kept + 1, &x, err));
    TRY(emit_2(c->e, "MatMul", x, w, y, err));
    for (int i = 0; i < made; i++)
        dims[kept + i] = full.dims[(int)k + i];
    return made == 1 ? STATUS_OK : emit_reshape(c->e, *y, dims, (size_t)(kept + made), y, err);
}

static enum status einsum_dense(struct call *c, struct error *err)
{
    struct bytes text = config_text_or(c, "equation", NULL, "");
    const struct json *biased = json_get(c->config, "bias_axes");
    struct equation equation;
    struct tensor kernel;
    value_id w, bias, y;
    const char *written;
    size_t k;

    TRY(call_wants(c, 1, err));
    TRY(config_lora(c, err));
    if (!equation_parse(text, &equation))
        return error_set(err, STATUS_INVALID_INPUT, "its 'equation' is not understood");
    TRY(weight_take(c, "kernel", -1, &kernel, err));
    if (!dtype_is_float(kernel.dtype))
        return error_set(err, STATUS_UNSUPPORTED, "its kernel is %s", dtype_name(kernel.dtype));
    k = summed(&equation);
    if (k && kernel.shape.rank == (int)equation.kernel.size &&
        emit_shape(c->e, c->in[0].value)->rank > (int)k) {
        TRY(product(c, kernel, k, c->in[0].value, &y, err));
    } else {
        written = arena_text(c->k->keep, text);
        if (!written)
            return error_no_memory(err, "a layer");
        TRY(emit_constant(c->e, &kernel, &w, err));
        TRY(emit_node(c->e, "", "Einsum", EMIT(c->in[0].value, w),
                      EMIT_ATTRIBUTES(attribute_of_text("equation", written)), &y, err));
    }
    if (biased && biased->kind != JSON_NULL) {
        TRY(weight_constant(c, "bias", -1, &bias, err));
        TRY(emit_2(c->e, "Add", y, bias, &y, err));
    }
    TRY(activation_of(c, y, &y, err));
    return call_give(c, y);
}

const struct layer_set layers_einsum_dense =
    LAYER_SET({.name = "EinsumDense", .lower = einsum_dense}, );
