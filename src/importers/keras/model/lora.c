// SPDX-License-Identifier: Apache-2.0
/* LoRA: a kernel and what was learnt beside it, two narrow matrices: kernel + alpha / rank a b. */
#include "importers/keras/internal.h"

/* The sum, in the place of the kernel. `count`: of the kernel's elements. */
static enum status merge(struct call *c, double factor, const struct tensor parts[3],
                         struct tensor *sum, struct error *err)
{
    const struct tensor *kernel = &parts[0], *a = &parts[1], *b = &parts[2];
    size_t count = tensor_count(kernel), columns, rank;

    if (kernel->shape.rank < 1 || b->shape.rank != 2 || a->shape.rank < 1)
        return error_set(err, STATUS_INVALID_INPUT, "its matrices of LoRA are none");
    columns = (size_t)kernel->shape.dims[kernel->shape.rank - 1];
    rank = (size_t)b->shape.dims[0];
    if (!columns || !rank || (size_t)b->shape.dims[1] != columns ||
        (size_t)a->shape.dims[a->shape.rank - 1] != rank ||
        tensor_count(a) != count / columns * rank || !dtype_is_float(kernel->dtype) ||
        !dtype_is_float(a->dtype) || !dtype_is_float(b->dtype))
        return error_set(err, STATUS_INVALID_INPUT,
                         "its kernel and its matrices of LoRA do not match");
    TRY(tensor_new(sum, kernel->dtype, &kernel->shape, c->k->keep, err));
    for (size_t i = 0; i < count; i++) {
        double product = 0;

        for (size_t r = 0; r < rank; r++)
            product +=
                tensor_f64(a, i / columns * rank + r) * tensor_f64(b, r * columns + i % columns);
        tensor_set_f64(sum, i, tensor_f64(kernel, i) + factor * product);
    }
    return STATUS_OK;
}

enum status lora_merge(struct call *c, const char *kernel, struct error *err)
{
    double alpha, rank = config_number_or(c, "lora_rank", 0);
    const char *a = arena_printf(c->k->keep, "lora_%s_a", kernel);
    const char *b = arena_printf(c->k->keep, "lora_%s_b", kernel);
    const char *names[] = {kernel, a, b};
    struct weights *weights = c->weights;
    struct tensor parts[3], sum;
    size_t found;

    if (!a || !b)
        return error_no_memory(err, "the weights");
    if (weights->by_path || rank == 0)
        return STATUS_OK;
    if (c->quantised.mode)
        return error_set(err, STATUS_UNSUPPORTED, "its 'lora_rank', of a quantised layer");
    alpha = config_number_or(c, "lora_alpha", rank);
    TRY(weights_reorder(c, names, 3, &found, err));
    if (found != 3 || weights->count - weights->next < 3)
        return error_set(err, STATUS_UNSUPPORTED, "its 'lora_rank', without its matrices");
    memcpy(parts, weights->items + weights->next, sizeof parts);
    TRY(merge(c, alpha / rank, parts, &sum, err));
    weights->next += 2; /* the two behind the kernel are gone */
    weights->items[weights->next] = sum;
    return STATUS_OK;
}
