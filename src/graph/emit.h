// SPDX-License-Identifier: Apache-2.0
/* Emitter: appending nodes in short forms, for importers that lower what they read to operators.
 *
 *     TRY(emit_2(e, "Add", x, bias, &y, err));
 *     TRY(emit_node(e, "", "Softmax", EMIT(x), EMIT_ATTRIBUTES(attribute_of_int("axis", -1)), &y,
 * err));
 */
#pragma once

#include "graph/graph.h"

struct emitter {
    struct graph *graph;
    const char *where; /* the name of nodes: what of the model they come from */
};

struct emit_inputs {
    const value_id *values;
    size_t count;
};
#define EMIT(...)                                                                                  \
    ((struct emit_inputs){(const value_id[]){__VA_ARGS__},                                         \
                          sizeof((const value_id[]){__VA_ARGS__}) / sizeof(value_id)})

struct emit_attributes {
    const struct attribute *items;
    size_t count;
};
#define EMIT_ATTRIBUTES(...)                                                                       \
    ((struct emit_attributes){(const struct attribute[]){__VA_ARGS__},                             \
                              sizeof((const struct attribute[]){__VA_ARGS__}) /                    \
                                  sizeof(struct attribute)})
#define EMIT_PLAIN ((struct emit_attributes){NULL, 0})

/* A node; the short form for one output. */
enum status emit(const struct emitter *e, const char *domain, const char *op,
                 const value_id *inputs, size_t input_count, const struct attribute *attributes,
                 size_t attribute_count, value_id *outputs, size_t output_count, struct error *err)
    must_check;
enum status emit_node(const struct emitter *e, const char *domain, const char *op,
                      struct emit_inputs inputs, struct emit_attributes attributes,
                      value_id *output, struct error *err) must_check;

/* ONNX operators without attributes. */
enum status emit_1(const struct emitter *e, const char *op, value_id a, value_id *output,
                   struct error *err) must_check;
enum status emit_2(const struct emitter *e, const char *op, value_id a, value_id b,
                   value_id *output, struct error *err) must_check;

/* condition ? yes : no, element by element; all three are broadcast. */
enum status emit_where(const struct emitter *e, value_id condition, value_id yes, value_id no,
                       value_id *output, struct error *err) must_check;

/* A condition without which the model fails with `message` (copied); *x once it holds. */
enum status emit_assert(const struct emitter *e, value_id condition, const char *message,
                        value_id *checked, struct error *err) must_check;
enum status emit_require(const struct emitter *e, value_id condition, const char *message,
                         value_id *x, struct error *err) must_check;

/* A function of firn's Math, by its name in numpy ("arctan"), computed in float64: y has x's dtype.
 * 1 - x. */
enum status emit_math(const struct emitter *e, const char *function, value_id x, value_id *y,
                      struct error *err) must_check;
enum status emit_one_minus(const struct emitter *e, value_id x, value_id *y, struct error *err)
    must_check;

/* Constants: a tensor (its data borrowed as graph_constant says), a list of integers (n,), one
 * number of this dtype (copied). */
enum status emit_constant(const struct emitter *e, const struct tensor *tensor, value_id *output,
                          struct error *err) must_check;
enum status emit_ints(const struct emitter *e, const int64_t *values, size_t count,
                      value_id *output, struct error *err) must_check;
#define EMIT_INTS(e, output, err, ...)                                                             \
    emit_ints((e), (const int64_t[]){__VA_ARGS__},                                                 \
              sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (output), (err))
enum status emit_number(const struct emitter *e, enum dtype dtype, double number, value_id *output,
                        struct error *err) must_check;

enum status emit_cast(const struct emitter *e, value_id a, enum dtype dtype, value_id *output,
                      struct error *err) must_check; /* itself when it is that already */
enum status emit_transpose(const struct emitter *e, value_id a, const int64_t *perm, size_t rank,
                           value_id *output, struct error *err) must_check;
/* To a shape of which one dimension may be -1 and those of 0 stay as they are. */
enum status emit_reshape(const struct emitter *e, value_id a, const int64_t *dims, size_t rank,
                         value_id *output, struct error *err) must_check;
enum status emit_concat(const struct emitter *e, struct emit_inputs inputs, int64_t axis,
                        value_id *output, struct error *err) must_check;
enum status emit_squeeze(const struct emitter *e, value_id a, int64_t axis, value_id *output,
                         struct error *err) must_check;
enum status emit_unsqueeze(const struct emitter *e, value_id a, int64_t axis, value_id *output,
                           struct error *err) must_check;
/* a[..., from:to:step, ...] along one axis; INT64_MAX and INT64_MIN are the ends. */
enum status emit_slice(const struct emitter *e, value_id a, int64_t axis, int64_t from, int64_t to,
                       int64_t step, value_id *output, struct error *err) must_check;
/* Sum, Mean, Max ... ("ReduceMean") over axes. */
enum status emit_reduce(const struct emitter *e, const char *op, value_id a, const int64_t *axes,
                        size_t axis_count, bool keep, value_id *output, struct error *err)
    must_check;

/* Between two numbers of its dtype; an infinite one is no limit. */
enum status emit_clip(const struct emitter *e, value_id a, double low, double high,
                      value_id *output, struct error *err) must_check;
/* An operator on images ("Conv", "MaxPool"): with the channels first, or its twin with them last.
 */
enum status emit_image(const struct emitter *e, const char *op, bool channels_first,
                       const value_id *inputs, size_t input_count,
                       const struct attribute *attributes, size_t attribute_count, value_id *output,
                       struct error *err) must_check;

static inline const struct shape *emit_shape(const struct emitter *e, value_id value)
{
    return &e->graph->values[value].shape;
}
static inline enum dtype emit_dtype(const struct emitter *e, value_id value)
{
    return e->graph->values[value].dtype;
}
