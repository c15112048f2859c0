// SPDX-License-Identifier: Apache-2.0
/* Rows with the same number as one row: sorted, unsorted, and picked by indices. */
#include "importers/tensorflow/internal.h"

struct segments {
    const char *op, *reduction;
    enum { SORTED, SORTED_COUNTED, UNSORTED, SPARSE, SPARSE_COUNTED } kind;
};

static const struct segments OPS[] = {
    {"SegmentSum", "sum", SORTED},
    {"SegmentMean", "mean", SORTED},
    {"SegmentProd", "prod", SORTED},
    {"SegmentMin", "min", SORTED},
    {"SegmentMax", "max", SORTED},
    {"SegmentSumV2", "sum", SORTED_COUNTED},
    {"SegmentProdV2", "prod", SORTED_COUNTED},
    {"SegmentMinV2", "min", SORTED_COUNTED},
    {"SegmentMaxV2", "max", SORTED_COUNTED},
    {"UnsortedSegmentSum", "sum", UNSORTED},
    {"UnsortedSegmentProd", "prod", UNSORTED},
    {"UnsortedSegmentMin", "min", UNSORTED},
    {"UnsortedSegmentMax", "max", UNSORTED},
    {"SparseSegmentSum", "sum", SPARSE},
    {"SparseSegmentMean", "mean", SPARSE},
    {"SparseSegmentSqrtN", "sqrt_n", SPARSE},
    {"SparseSegmentSumWithNumSegments", "sum", SPARSE_COUNTED},
    {"SparseSegmentMeanWithNumSegments", "mean", SPARSE_COUNTED},
    {"SparseSegmentSqrtNWithNumSegments", "sqrt_n", SPARSE_COUNTED},
};

static enum status segment(struct tf_call *c, struct error *err)
{
    const struct segments *s = OPS;
    value_id in[3] = {c->in[0], c->in[1]}, y;
    size_t count = 2;
    bool sorted;

    while (strcmp(s->op, c->node->op))
        s++;
    sorted = s->kind != UNSORTED;
    if (s->kind == SPARSE || s->kind == SPARSE_COUNTED) {
        TRY(emit_2(c->e, "Gather", c->in[0], c->in[1], &in[0], err));
        in[1] = c->in[2];
    }
    if (emit_dtype(c->e, in[1]) != DTYPE_I32)
        TRY(emit_cast(c->e, in[1], DTYPE_I64, &in[1], err));
    if (s->kind == UNSORTED || s->kind == SORTED_COUNTED)
        in[count++] = c->in[2];
    if (s->kind == SPARSE_COUNTED)
        in[count++] = c->in[3];
    TRY(emit(c->e, "firn", "Segment", in, count,
             (struct attribute[]){
                 attribute_of_text("reduction", s->reduction),
                 attribute_of_int("sorted", sorted),
                 attribute_of_int("limits", s->kind == UNSORTED || s->kind == SORTED_COUNTED),
             },
             3, &y, 1, err));
    return tf_give(c, y);
}

#define ROW(op, n)                                                                                 \
    {                                                                                              \
        .name = op, .lower = segment, .inputs = n                                                  \
    }
const struct tf_op_set tf_ops_segment = TF_OP_SET(
    ROW("SegmentSum", 2), ROW("SegmentMean", 2), ROW("SegmentProd", 2), ROW("SegmentMin", 2),
    ROW("SegmentMax", 2), ROW("SegmentSumV2", 3), ROW("SegmentProdV2", 3), ROW("SegmentMinV2", 3),
    ROW("SegmentMaxV2", 3), ROW("UnsortedSegmentSum", 3), ROW("UnsortedSegmentProd", 3),
    ROW("UnsortedSegmentMin", 3), ROW("UnsortedSegmentMax", 3), ROW("SparseSegmentSum", 3),
    ROW("SparseSegmentMean", 3), ROW("SparseSegmentSqrtN", 3),
    ROW("SparseSegmentSumWithNumSegments", 4), ROW("SparseSegmentMeanWithNumSegments", 4),
    ROW("SparseSegmentSqrtNWithNumSegments", 4), );
