// SPDX-License-Identifier: Apache-2.0
/* Counting, histograms, and places among sorted values. */
#include "importers/tensorflow/internal.h"

static enum status bincount(struct tf_call *c, struct error *err)
{
    static const int64_t LIST[] = {-1};
    value_id values, y;

    TRY(emit_reshape(c->e, c->in[0], LIST, 1, &values, err));
    TRY(emit_node(c->e, "firn", "Bincount", EMIT(values, c->in[1], c->in[2]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status binary_of(struct tf_call *c, struct attribute *binary, struct error *err)
{
    bool value;

    TRY(tf_bool(c->node, "binary_output", false, &value, err));
    *binary = attribute_of_int("binary", value);
    return STATUS_OK;
}

static enum status dense_bincount(struct tf_call *c, struct error *err)
{
    struct attribute binary;
    value_id y;

    TRY(binary_of(c, &binary, err));
    TRY(emit_node(c->e, "firn", "Bincount", EMIT(c->in[0], c->in[1], c->in[2]),
                  EMIT_ATTRIBUTES(binary), &y, err));
    return tf_give(c, y);
}

/* indices (n, 1 or 2), values (n), dense_shape, size, weights */
static enum status sparse_bincount(struct tf_call *c, struct error *err)
{
    struct attribute binary;
    value_id rows, count, y;
    int64_t rank;

    TRY(binary_of(c, &binary, err));
    rank = emit_shape(c->e, c->in[2])->rank == 1 ? emit_shape(c->e, c->in[2])->dims[0] : -1;
    if (rank == 1) {
        TRY(emit_node(c->e, "firn", "Bincount", EMIT(c->in[1], c->in[3], c->in[4]),
                      EMIT_ATTRIBUTES(binary), &y, err));
        return tf_give(c, y);
    }
    if (rank != 2)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of dense_shape is not 1 or 2");
    TRY(emit_slice(c->e, c->in[0], 1, 0, 1, 1, &rows, err));
    TRY(emit_squeeze(c->e, rows, 1, &rows, err));
    TRY(emit_slice(c->e, c->in[2], 0, 0, 1, 1, &count, err));
    TRY(emit_node(c->e, "firn", "Bincount", EMIT(c->in[1], c->in[3], c->in[4], rows, count),
                  EMIT_ATTRIBUTES(binary), &y, err));
    return tf_give(c, y);
}

static enum status count_sparse(struct tf_call *c, const char *of, struct error *err)
{
    struct attribute attributes[4] = {attribute_of_text("of", of)};
    int64_t least, most;

    TRY(binary_of(c, &attributes[1], err));
    TRY(tf_int(c->node, "minlength", -1, &least, err));
    TRY(tf_int(c->node, "maxlength", -1, &most, err));
    attributes[2] = attribute_of_int("minlength", least);
    attributes[3] = attribute_of_int("maxlength", most);
    c->out_count = 3;
    return emit(c->e, "firn", "CountSparse", c->in, c->in_count, attributes, 4, c->out, 3, err);
}

static enum status count_dense(struct tf_call *c, struct error *err)
{
    return count_sparse(c, "dense", err);
}

static enum status count_of_sparse(struct tf_call *c, struct error *err)
{
    return count_sparse(c, "sparse", err);
}

static enum status count_ragged(struct tf_call *c, struct error *err)
{
    return count_sparse(c, "ragged", err);
}

static enum status histogram(struct tf_call *c, struct error *err)
{
    enum dtype dtype;
    value_id y;

    TRY(tf_type(c->node, "dtype", &dtype, err));
    TRY(emit_node(c->e, "firn", "HistogramFixedWidth", EMIT(c->in[0], c->in[1], c->in[2]),
                  EMIT_ATTRIBUTES(attribute_of_int("wide", dtype == DTYPE_I64)), &y, err));
    return tf_give(c, y);
}

static enum status bound(struct tf_call *c, bool upper, struct error *err)
{
    enum dtype dtype;
    value_id y;

    TRY(tf_type(c->node, "out_type", &dtype, err));
    TRY(emit_node(c->e, "firn", "SearchSorted", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_int("upper", upper),
                                  attribute_of_int("wide", dtype == DTYPE_I64)),
                  &y, err));
    return tf_give(c, y);
}

static enum status lower_bound(struct tf_call *c, struct error *err)
{
    return bound(c, false, err);
}

static enum status upper_bound(struct tf_call *c, struct error *err)
{
    return bound(c, true, err);
}

/* The number of boundaries, which are floats, that are not above the value. */
static enum status bucketize(struct tf_call *c, struct error *err)
{
    struct tensor edges;
    struct shape shape = {.rank = 1};
    const float *boundaries;
    value_id list, x, y;
    size_t count;

    TRY(tf_floats(c->node, "boundaries", &boundaries, &count, c->l->keep, err));
    shape.dims[0] = (int64_t)count;
    TRY(tensor_new(&edges, DTYPE_F64, &shape, c->l->keep, err));
    for (size_t i = 0; i < count; i++)
        tensor_set_f64(&edges, i, (double)boundaries[i]);
    TRY(emit_constant(c->e, &edges, &list, err));
    TRY(emit_cast(c->e, c->in[0], DTYPE_F64, &x, err));
    TRY(emit_node(c->e, "firn", "SearchSorted", EMIT(list, x),
                  EMIT_ATTRIBUTES(attribute_of_int("upper", 1)), &y, err));
    return tf_give(c, y);
}

static enum status in_top(struct tf_call *c, value_id k, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "InTopK", EMIT(c->in[0], c->in[1], k), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status in_top_k(struct tf_call *c, struct error *err)
{
    value_id number;
    int64_t k;

    TRY(tf_int(c->node, "k", 0, &k, err));
    TRY(emit_number(c->e, DTYPE_I64, (double)k, &number, err));
    return in_top(c, number, err);
}

static enum status in_top_k_v2(struct tf_call *c, struct error *err)
{
    return in_top(c, c->in[2], err);
}

/* The n-th of the sorted last dimension: the last of the n + 1 smallest. */
static enum status nth_element(struct tf_call *c, struct error *err)
{
    value_id n, one, k, top[2], y;
    bool reverse;

    TRY(tf_bool(c->node, "reverse", false, &reverse, err));
    TRY(tf_index_list(c, 1, &n, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    TRY(emit_2(c->e, "Add", n, one, &k, err));
    TRY(emit(c->e, "", "TopK", (value_id[]){c->in[0], k}, 2,
             (struct attribute[]){attribute_of_int("largest", reverse)}, 1, top, 2, err));
    TRY(emit_slice(c->e, top[0], -1, -1, INT64_MAX, 1, &y, err));
    TRY(emit_squeeze(c->e, y, -1, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_counts =
    TF_OP_SET({.name = "Bincount", .lower = bincount, .inputs = 3},
              {.name = "DenseBincount", .lower = dense_bincount, .inputs = 3},
              {.name = "SparseBincount", .lower = sparse_bincount, .inputs = 5},
              {.name = "DenseCountSparseOutput", .lower = count_dense, .inputs = 2},
              {.name = "SparseCountSparseOutput", .lower = count_of_sparse, .inputs = 4},
              {.name = "RaggedCountSparseOutput", .lower = count_ragged, .inputs = 3},
              {.name = "HistogramFixedWidth", .lower = histogram, .inputs = 3},
              {.name = "LowerBound", .lower = lower_bound, .inputs = 2},
              {.name = "UpperBound", .lower = upper_bound, .inputs = 2},
              {.name = "Bucketize", .lower = bucketize, .inputs = 1},
              {.name = "InTopK", .lower = in_top_k, .inputs = 2},
              {.name = "InTopKV2", .lower = in_top_k_v2, .inputs = 3},
              {.name = "NthElement", .lower = nth_element, .inputs = 2}, );
