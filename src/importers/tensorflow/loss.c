// SPDX-License-Identifier: Apache-2.0
/* Cross entropies of softmax and their gradients. */
#include "importers/tensorflow/internal.h"

static const int64_t LAST[] = {-1};

struct softmax {
    value_id shifted; /* features less their maximum */
    value_id powers, sum;
};

static enum status softmax_of(struct tf_call *c, value_id features, struct softmax *s,
                              struct error *err)
{
    value_id most;

    TRY(emit_reduce(c->e, "ReduceMax", features, LAST, 1, true, &most, err));
    TRY(emit_2(c->e, "Sub", features, most, &s->shifted, err));
    TRY(emit_1(c->e, "Exp", s->shifted, &s->powers, err));
    return emit_reduce(c->e, "ReduceSum", s->powers, LAST, 1, true, &s->sum, err);
}

/* Loss and gradient: sum of labels * (log sum - shifted), softmax - labels. */
static enum status cross_entropy(struct tf_call *c, struct error *err)
{
    value_id labels = c->in[1], loss, gradient;
    struct softmax s;

    TRY(softmax_of(c, c->in[0], &s, err));
    TRY(emit_1(c->e, "Log", s.sum, &loss, err));
    TRY(emit_2(c->e, "Sub", loss, s.shifted, &loss, err));
    TRY(emit_2(c->e, "Mul", labels, loss, &loss, err));
    TRY(emit_reduce(c->e, "ReduceSum", loss, LAST, 1, false, &loss, err));
    TRY(emit_2(c->e, "Div", s.powers, s.sum, &gradient, err));
    TRY(emit_2(c->e, "Sub", gradient, labels, &gradient, err));
    TRY(tf_add(c, loss, err));
    return tf_add(c, gradient, err);
}

/* Labels are classes: an error where one is none. */
static enum status sparse_cross_entropy(struct tf_call *c, struct error *err)
{
    value_id index, classes, zero, negative, list, at, loss, hot, values, gradient;
    struct softmax s;

    TRY(softmax_of(c, c->in[0], &s, err));
    TRY(tf_index(c, 1, &index, err));
    TRY(emit_1(c->e, "Shape", c->in[0], &classes, err));
    TRY(emit_slice(c->e, classes, 0, -1, INT64_MAX, 1, &classes, err));
    /* ONNX counts negative indices from the end: let them be behind it */
    TRY(emit_number(c->e, DTYPE_I64, 0, &zero, err));
    TRY(emit_2(c->e, "Less", index, zero, &negative, err));
    TRY(emit_where(c->e, negative, classes, index, &index, err));
    TRY(emit_unsqueeze(c->e, index, -1, &list, err));
    TRY(emit_node(c->e, "", "GatherElements", EMIT(s.shifted, list),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", -1)), &at, err));
    TRY(emit_1(c->e, "Log", s.sum, &loss, err));
    TRY(emit_2(c->e, "Sub", loss, at, &loss, err));
    TRY(emit_squeeze(c->e, loss, -1, &loss, err));
    TRY(EMIT_INTS(c->e, &values, err, 0, 1));
    TRY(emit_node(c->e, "", "OneHot", EMIT(index, classes, values),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", -1)), &hot, err));
    TRY(emit_cast(c->e, hot, emit_dtype(c->e, c->in[0]), &hot, err));
    TRY(emit_2(c->e, "Div", s.powers, s.sum, &gradient, err));
    TRY(emit_2(c->e, "Sub", gradient, hot, &gradient, err));
    TRY(tf_add(c, loss, err));
    return tf_add(c, gradient, err);
}

const struct tf_op_set tf_ops_loss = TF_OP_SET(
    {.name = "SoftmaxCrossEntropyWithLogits", .lower = cross_entropy, .inputs = 2},
    {.name = "SparseSoftmaxCrossEntropyWithLogits", .lower = sparse_cross_entropy, .inputs = 2}, );
