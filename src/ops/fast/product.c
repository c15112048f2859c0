// SPDX-License-Identifier: Apache-2.0
#include "ops/fast/product.h"

#include "base/checked.h"
#include "ops/fast/spread.h"
#include "ops/fast/vector.h"

static bool is_float_or_double(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F64;
}

static bool is_half(enum dtype dtype)
{
    return dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

/* c as a row of n: a scalar, (n,), (1, n), (1, 1); NULL when it is another thing. */
static enum status bias_of(const struct product_request *request, size_t n, void **bias, bool *fits,
                           struct arena *keep, struct error *err)
{
    const struct tensor *c = request->c;
    enum dtype dtype;
    struct tensor row;
    size_t count;

    *bias = NULL;
    *fits = true;
    if (!c || c->dtype == DTYPE_NONE || request->beta == 0)
        return STATUS_OK;
    *fits = c->data && shape_is_known(&c->shape) && (c->shape.rank < 2 || c->shape.dims[0] == 1) &&
            (tensor_count(c) == n || tensor_count(c) == 1);
    if (!*fits)
        return STATUS_OK;
    count = tensor_count(c);
    dtype = is_half(c->dtype) ? DTYPE_F32 : c->dtype;
    row = (struct tensor){dtype, SHAPE((int64_t)n), arena_alloc(keep, n, dtype_size(dtype))};
    if (!row.data)
        return error_no_memory(err, "a bias");
    for (size_t i = 0; i < n; i++) {
        double value = tensor_f64(c, count == 1 ? 0 : i);
        tensor_set_f64(&row, i, request->beta == 1 ? value : value * request->beta);
    }
    *bias = row.data;
    return STATUS_OK;
}

enum status product_prepare(const struct product_request *request, struct product **product,
                            struct arena *keep, struct error *err)
{
    const struct tensor *b = request->b;
    struct product *made;
    size_t k, n, size;
    void *data, *bias;
    enum dtype stored;
    bool fits;

    *product = NULL;
    if (op_is_reference_only() || !b->data || b->shape.rank != 2 ||
        (!is_float_or_double(b->dtype) && !(is_half(b->dtype) && request->alpha == 1)))
        return STATUS_OK;
    k = (size_t)b->shape.dims[request->transposed];
    n = (size_t)b->shape.dims[!request->transposed];
    TRY(bias_of(request, n, &bias, &fits, keep, err));
    if (!fits)
        return STATUS_OK;
    stored = b->dtype == DTYPE_F32 && is_half(request->stored) ? request->stored : b->dtype;
    size = gemm_packed_size(stored, k, n);
    made = arena_new(keep, struct product, 1);
    data = size > SIZE_MAX - 4096 ? NULL : arena_alloc(keep, size + 4096, 1); /* 64-byte aligned */
    if (!made || !data)
        return error_no_memory(err, "packed weights");
    made->dtype = b->dtype;
    if (is_half(stored))
        gemm_pack_narrow(&made->b, stored, b->dtype, b->data, request->transposed ? k : n, k, n,
                         request->transposed, request->alpha, data);
    else
        gemm_pack_strided(&made->b, b->dtype, b->data, request->transposed ? k : n, k, n,
                          request->transposed, request->alpha, data);
    made->bias = bias;
    made->epilogue = request->epilogue;
    *product = made;
    return STATUS_OK;
}

size_t product_scratch_size(const struct product *product, size_t m)
{
    size_t row = product->b.rows + product->b.columns, size;

    if (!is_half(product->dtype))
        return 0;
    return checked_multiply(m, row, &size) && checked_multiply(size, sizeof(float), &size)
               ? size
               : SIZE_MAX;
}

void product_run(const struct product *product, const void *a, size_t m, const void *residual,
                 void *y, void *scratch, struct team *team)
{
    const struct packed_matrix *b = &product->b;
    bool half = is_half(product->dtype);
    float *wide_a = scratch, *wide_y = wide_a + (half ? m * b->rows : 0);

    if (half)
        vector_widen(product->dtype, a, wide_a, m * b->rows);
    gemm_multiply(&(struct gemm){
        .b = b,
        .a = half ? wide_a : a,
        .m = m,
        .lda = b->rows,
        .bias = product->bias,
        .c = half ? wide_y : y,
        .ldc = b->columns,
        .residual = residual,
        .ldr = b->columns,
        .epilogue = &product->epilogue,
        .team = team,
    });
    if (half)
        vector_narrow(product->dtype, wide_y, y, m * b->columns);
}

/* --- both sides made by others --- */

void loose_product_run(const struct loose_product *p)
{
    struct packed_matrix b;
    bool in_place = !p->transposed && p->alpha == 1 && p->m <= GEMM_IN_PLACE_ROWS &&
                    gemm_in_place(&b, p->dtype, p->b, p->n, p->k, p->n);

    if (!in_place)
        gemm_pack_strided(&b, p->dtype, p->b, p->transposed ? p->k : p->n, p->k, p->n,
                          p->transposed, p->alpha, p->scratch);
    gemm_multiply(&(struct gemm){
        .b = &b,
        .a = p->a,
        .m = p->m,
        .lda = p->k,
        .bias = p->bias,
        .c = p->y,
        .ldc = p->n,
        .residual = p->residual,
        .ldr = p->n,
        .epilogue = p->epilogue,
        .team = p->team,
    });
}

bool matmul_is_fast(const struct op_call *call)
{
    return is_float_or_double(call->in[0].dtype) && !op_is_reference_only();
}

/* (k, n) of the matrices in b. */
static void matrix_of(const struct op_call *call, size_t *k, size_t *n)
{
    const struct shape *b = &call->in[1].shape;

    *k = (size_t)b->dims[b->rank > 1 ? b->rank - 2 : 0];
    *n = b->rank > 1 ? (size_t)b->dims[b->rank - 1] : 1;
}

/* Is b one matrix for all of a? Then the whole is one product. */
static bool is_one_product(const struct op_call *call)
{
    const struct shape *b = &call->in[1].shape;

    return shape_span(b, 0, b->rank > 2 ? b->rank - 2 : 0) == 1 && call->in[0].shape.rank > 1;
}

static size_t packed_size(const struct op_call *call)
{
    size_t k, n, size;

    matrix_of(call, &k, &n);
    size = gemm_packed_size(call->in[1].dtype, k, n);
    return size > SIZE_MAX - 63 ? SIZE_MAX : (size + 63) / 64 * 64;
}

size_t matmul_scratch_size(const struct op_call *call)
{
    size_t size, all;

    if (!is_float_or_double(call->in[0].dtype))
        return 0;
    size = packed_size(call);
    if (is_one_product(call))
        return size;
    return checked_multiply(size, team_lanes(call->team), &all) ? all : SIZE_MAX;
}

struct matmul_batch {
    const struct op_call *call;
    size_t first, last; /* parts of this chunk: [first, last) */
    size_t per_chunk, parts;
    size_t part; /* the next one */
    size_t lane;
};

static void part_run(const struct matmul_part *part, void *context)
{
    struct matmul_batch *batch = context;
    const struct op_call *call = batch->call;
    size_t size = dtype_size(call->out[0].dtype), index = batch->part++;

    if (index < batch->first || index >= batch->last)
        return;
    loose_product_run(&(struct loose_product){
        .dtype = call->out[0].dtype,
        .m = part->m,
        .k = part->k,
        .n = part->n,
        .a = (const char *)call->in[0].data + part->a_at * size,
        .b = (const char *)call->in[1].data + part->b_at * size,
        .alpha = 1,
        .y = (char *)call->out[0].data + part->y_at * size,
        .scratch = (char *)call->scratch + batch->lane * packed_size(call),
    });
}

static void chunk_run(void *context, size_t chunk, size_t lane)
{
    struct matmul_batch batch = *(struct matmul_batch *)context;
    const struct op_call *call = batch.call;

    batch.first = chunk * batch.per_chunk;
    batch.last = batch.first + batch.per_chunk;
    batch.lane = lane;
    matmul_each(&call->in[0].shape, &call->in[1].shape, &call->out[0].shape, part_run, &batch);
}

void matmul_run(const struct op_call *call)
{
    struct matmul_batch batch = {.call = call};
    size_t k, n, outputs = tensor_count(&call->out[0]), chunks;

    matrix_of(call, &k, &n);
    if (!outputs)
        return;
    if (is_one_product(call)) {
        loose_product_run(&(struct loose_product){
            .dtype = call->out[0].dtype,
            .m = outputs / n,
            .k = k,
            .n = n,
            .a = call->in[0].data,
            .b = call->in[1].data,
            .alpha = 1,
            .y = call->out[0].data,
            .team = call->team,
            .scratch = call->scratch,
        });
        return;
    }
    batch.parts = outputs / n;
    if (call->in[0].shape.rank > 1)
        batch.parts /= (size_t)call->in[0].shape.dims[call->in[0].shape.rank - 2];
    chunks = spread_chunks(call->team, 2.0 * (double)(outputs * (k + 1)) / SPREAD_FLOPS_PER_NS);
    batch.per_chunk = (batch.parts + chunks - 1) / chunks;
    team_run(call->team, (batch.parts + batch.per_chunk - 1) / batch.per_chunk, chunk_run, &batch);
}
