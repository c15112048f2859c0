// SPDX-License-Identifier: Apache-2.0
/* TfIdfVectorizer: counts of known n-grams, of items that may be apart by up to max_skip_count. */
#include "ops/kernels/call.h"
#include "ops/kernels/ml/categories.h"

enum mode { MODE_TF, MODE_IDF, MODE_TFIDF };

struct vectorizer {
    enum mode mode;
    int64_t shortest, longest, skips;
    struct tensor pool;    /* items of all n-grams, one after the other */
    const int64_t *starts; /* (sizes,) where n-grams of 1, 2 ... items begin in the pool */
    size_t sizes;
    const int64_t *columns; /* (grams,) */
    size_t grams, width;    /* columns of the result */
    const double *weights;  /* (width,) or NULL */
};

/* Nodes of a trie; an edge is (node, item) in a map. */
struct trie {
    struct categories items;
    struct map edges;
    size_t nodes;
    int64_t *column; /* (nodes,) of the n-gram that ends here, or -1 */
};

static enum status pool_of(const struct op_call *call, struct tensor *pool, struct error *err)
{
    size_t count;
    const void *data = attribute_strings(call->attributes, "pool_strings", &count);
    enum dtype dtype = DTYPE_STRING;

    if (!data || count == 0) {
        data = attribute_ints(call->attributes, "pool_int64s", &count);
        dtype = DTYPE_I64;
    }
    if (!data || count == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "the pool is missing");
    *pool = (struct tensor){dtype, {.rank = 1, .dims = {(int64_t)count}}, (void *)data};
    if ((dtype == DTYPE_STRING) != (call->in[0].dtype == DTYPE_STRING))
        return op_error(call, err, STATUS_INVALID_INPUT, "the pool is %s, the input %s",
                        dtype_name(dtype), dtype_name(call->in[0].dtype));
    return STATUS_OK;
}

static enum status vectorizer_of(const struct op_call *call, struct vectorizer *v,
                                 struct error *err)
{
    struct bytes mode = attribute_string(call->attributes, "mode", "TF");
    size_t weights, grams = 0;
    int64_t total;

    v->mode = bytes_is(mode, "TF") ? MODE_TF : bytes_is(mode, "IDF") ? MODE_IDF : MODE_TFIDF;
    if (v->mode == MODE_TFIDF && !bytes_is(mode, "TFIDF"))
        return op_error(call, err, STATUS_INVALID_INPUT, "this mode");
    v->shortest = attribute_int(call->attributes, "min_gram_length", 1);
    v->longest = attribute_int(call->attributes, "max_gram_length", 1);
    v->skips = attribute_int(call->attributes, "max_skip_count", 0);
    v->starts = attribute_ints(call->attributes, "ngram_counts", &v->sizes);
    v->columns = attribute_ints(call->attributes, "ngram_indexes", &v->grams);
    v->weights = attribute_floats(call->attributes, "weights", &weights);
    TRY(pool_of(call, &v->pool, err));
    if (v->shortest < 1 || v->longest < v->shortest || v->longest > INT32_MAX || v->skips < 0 ||
        v->skips > INT32_MAX || v->grams == 0 || v->sizes == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "lengths %lld to %lld, %lld skips",
                        (long long)v->shortest, (long long)v->longest, (long long)v->skips);
    total = v->pool.shape.dims[0];
    for (size_t i = 0; i < v->sizes; i++) {
        int64_t end = i + 1 < v->sizes ? v->starts[i + 1] : total;

        if (v->starts[i] < 0 || v->starts[i] > end || end > total)
            return op_error(call, err, STATUS_INVALID_INPUT, "ngram_counts has %lld",
                            (long long)v->starts[i]);
        grams += (size_t)(end - v->starts[i]) / (i + 1);
    }
    if (grams > v->grams)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu n-grams, but %zu indexes", grams,
                        v->grams);
    v->width = 0;
    for (size_t i = 0; i < v->grams; i++) {
        if (v->columns[i] < 0 || v->columns[i] > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "ngram_indexes has %lld",
                            (long long)v->columns[i]);
        if ((size_t)v->columns[i] >= v->width)
            v->width = (size_t)v->columns[i] + 1;
        /* the standard says one thing, the runtimes do another */
        if (weights && v->mode != MODE_TF && v->columns[i] != (int64_t)i)
            return op_error(call, err, STATUS_UNSUPPORTED, "weights with permuted indexes");
    }
    if (weights == 0 || v->mode == MODE_TF)
        v->weights = NULL;
    else if (weights != v->width)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu weights for %zu columns", weights,
                        v->width);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[0].shape;
    struct shape out = *in;
    struct vectorizer v;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64),
                 err));
    TRY(op_wants_rank(call, 0, 1, 2, err));
    TRY(vectorizer_of(call, &v, err));
    if (out.rank > 0)
        out.dims[out.rank - 1] = (int64_t)v.width;
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

static uint64_t edge(size_t node, int64_t item)
{
    return (uint64_t)node << 32 | (uint64_t)item;
}

/* The child of a node by an item, or 0. */
static size_t child_of(const struct trie *trie, size_t node, int64_t item)
{
    uint64_t key = edge(node, item);

    return (size_t)(uintptr_t)map_find(&trie->edges,
                                       (struct bytes){(const uint8_t *)&key, sizeof key});
}

static enum status add_gram(struct trie *trie, const struct vectorizer *v, size_t first,
                            size_t length, int64_t column, uint64_t *keys, struct error *err)
{
    size_t node = 0;

    for (size_t k = first; k < first + length; k++) {
        int64_t item = categories_find(&trie->items, &v->pool, k);
        size_t child = child_of(trie, node, item);

        if (!child) {
            child = trie->nodes++;
            keys[child] = edge(node, item);
            trie->column[child] = -1;
            if (!map_set(&trie->edges, (struct bytes){(const uint8_t *)&keys[child], sizeof *keys},
                         (void *)(uintptr_t)child))
                return error_no_memory(err, "n-grams");
        }
        node = child;
    }
    trie->column[node] = column;
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    struct trie *trie = arena_new(keep, struct trie, 1);
    struct vectorizer v;
    size_t total, gram = 0;
    uint64_t *keys;

    TRY(vectorizer_of(call, &v, err));
    total = tensor_count(&v.pool);
    if (total > UINT32_MAX - 2)
        return op_error(call, err, STATUS_TOO_LARGE, "%zu items in the pool", total);
    keys = arena_new(keep, uint64_t, total + 1);
    if (trie)
        trie->column = arena_new(keep, int64_t, total + 1);
    if (!trie || !keys || !trie->column)
        return error_no_memory(err, "n-grams");
    TRY(categories_new(&trie->items, &v.pool, keep, err));
    map_init(&trie->edges, keep);
    trie->nodes = 1;
    trie->column[0] = -1;
    for (size_t i = 0; i < v.sizes; i++) {
        size_t end = i + 1 < v.sizes ? (size_t)v.starts[i + 1] : total, length = i + 1;

        for (size_t at = (size_t)v.starts[i]; at + length <= end; at += length, gram++)
            if ((int64_t)length >= v.shortest && (int64_t)length <= v.longest)
                TRY(add_gram(trie, &v, at, length, v.columns[gram], keys, err));
    }
    call->state = trie;
    return STATUS_OK;
}

/* Count the n-grams of one row that begin at any item and step by `step`. */
static void count_row(const struct trie *trie, const struct vectorizer *v, const struct tensor *x,
                      size_t first, size_t items, size_t step, int64_t shortest, float *y)
{
    for (size_t start = 0; start < items; start++) {
        size_t node = 0;
        int64_t length = 1;

        for (size_t at = start; at < items && length <= v->longest; at += step, length++) {
            int64_t item = categories_find(&trie->items, x, first + at);

            node = item < 0 ? 0 : child_of(trie, node, item);
            if (!node)
                break;
            if (length >= shortest && trie->column[node] >= 0)
                y[trie->column[node]]++;
        }
    }
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t items = (size_t)x->shape.dims[x->shape.rank - 1];
    size_t rows = x->shape.rank == 2 ? (size_t)x->shape.dims[0] : 1;
    float *y = call->out[0].data;
    struct vectorizer v;

    TRY(vectorizer_of(call, &v, err));
    for (size_t row = 0; row < rows; row++, y += v.width) {
        int64_t shortest = v.shortest;

        memset(y, 0, v.width * sizeof *y);
        for (int64_t skip = 0; skip <= v.skips && shortest <= v.longest; skip++) {
            if (skip && (uint64_t)skip >= items)
                break;
            count_row(call->state, &v, x, row * items, items, (size_t)skip + 1, shortest, y);
            shortest = shortest == 1 ? 2 : shortest; /* single items know no skips */
        }
        for (size_t k = 0; v.mode != MODE_TF && k < v.width; k++) {
            y[k] = v.mode == MODE_IDF ? y[k] > 0 : y[k];
            y[k] = v.weights ? (float)(v.weights[k] * (double)y[k]) : y[k];
        }
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_tfidf_vectorizer = OP_SET({.name = "TfIdfVectorizer",
                                                        .summary = "counts of known n-grams",
                                                        .flags = OP_ROWS,
                                                        .in_min = 1,
                                                        .in_max = 1,
                                                        .out_min = 1,
                                                        .out_max = 1,
                                                        .infer = infer,
                                                        .prepare = prepare,
                                                        .run = run});
