// SPDX-License-Identifier: Apache-2.0
/* Tensors: a dtype, a shape, and contiguous row-major elements that somebody else owns.
 *
 * bool is one byte, 0 or 1. A string element is a `struct bytes` (borrowed from the request, the
 * model or the run's arena); a missing one (Python's None or NaN among strings) has no data.
 * Dimensions of a tensor are >= 0; in a *shape* that describes what is not known yet, DIM_UNKNOWN
 * and symbols (below DIM_UNKNOWN) stand for free dimensions, and a rank of RANK_UNKNOWN for a shape
 * of which nothing is known. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum dtype {
    DTYPE_NONE,
#define DTYPE(name, size, kind, contract, oip, numpy, onnx, tf) DTYPE_##name,
#include "tensor/dtype.def"
#undef DTYPE
    DTYPE_COUNT
};

enum dtype_kind {
    KIND_NONE,
    KIND_BOOL,
    KIND_INT,
    KIND_UINT,
    KIND_FLOAT,
    KIND_COMPLEX,
    KIND_STRING,
    KIND_OTHER
};

size_t dtype_size(enum dtype dtype); /* bytes of an element */
int dtype_bits(enum dtype dtype);    /* that say something: 2, 4, 6 of the narrow types, else all */
enum dtype_kind dtype_kind(enum dtype dtype);
bool dtype_is_float(enum dtype dtype);
bool dtype_is_integer(enum dtype dtype);  /* signed or not; not bool */
const char *dtype_name(enum dtype dtype); /* of the contract page */
const char *dtype_oip(enum dtype dtype);  /* "" when it has none */

/* By any spelling: contract name, float16/float32/float64, numpy's (`f4`, `<f8`, `int_`), Open
 * Inference's, `str`, `boolean` ...; DTYPE_NONE when unknown. */
enum dtype dtype_parse(const char *name);
enum dtype dtype_from_oip(struct bytes name);
enum dtype dtype_from_onnx(int64_t code);
int dtype_to_onnx(enum dtype dtype); /* 0 when it has none */
enum dtype dtype_from_tf(int64_t code);
int dtype_to_tf(enum dtype dtype); /* 0 when it has none */

enum { RANK_MAX = 16, RANK_UNKNOWN = -1, DIM_UNKNOWN = -1 };

struct shape {
    int rank; /* RANK_UNKNOWN, or 0 (a scalar) to RANK_MAX */
    int64_t dims[RANK_MAX];
};

struct shape shape_of(int rank, const int64_t *dims);
#define SHAPE(...)                                                                                 \
    shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
struct shape shape_scalar(void);
struct shape shape_unknown(void); /* of unknown rank */
bool shape_equal(const struct shape *a, const struct shape *b);
bool shape_is_known(const struct shape *shape); /* a rank, and every dimension >= 0 */
/* With another dimension in front of dimension `axis`, and without that one; of unknown rank where
 * it was before, or is too large or too small. */
struct shape shape_with_axis(const struct shape *shape, int axis, int64_t dim);
struct shape shape_without_axis(const struct shape *shape, int axis);
/* Symbols, which belong to one graph, become DIM_UNKNOWN. */
void shape_forget_symbols(struct shape *shape);

/* Elements of a known shape. Shapes that came through shape_check fit; others must not be asked. */
size_t shape_count(const struct shape *shape);

/* TOO_LARGE when the bytes of such a tensor exceed `limit` or overflow; INVALID_INPUT when a
 * dimension is negative. `bytes` may be NULL. */
enum status shape_check(const struct shape *shape, enum dtype dtype, size_t limit, size_t *bytes,
                        struct error *err) must_check;

/* "[2,?,N3]" into `buffer`, which is returned. Symbols print as "?". */
char *shape_print(const struct shape *shape, char *buffer, size_t size);
enum { SHAPE_PRINT_SIZE = 256 };

/* How the floats of a large constant lie in its file, maybe unaligned, until somebody reads them: a
 * kernel that packs them anyway turns and scales them as it does so. */
struct stored {
    int64_t perm[RANK_MAX]; /* dimension i of the tensor is dimension perm[i] of what is stored */
    const double *factors;  /* (dims[0],): of what has index i in dimension 0; NULL: 1 */
};

struct tensor {
    enum dtype dtype; /* DTYPE_NONE: an omitted optional input */
    struct shape shape;
    void *data; /* aligned for its dtype; kernels may not ask for more. NULL while only described */
    const struct tensor *element; /* of a sequence or optional: what is known of what it holds, a
                                   * description without data; else NULL (tensor/sequence.h) */
    const struct stored *stored; /* of a constant that is not what it says yet, which only those see
                                  * who ask for it (op.stored, node_weights); else NULL */
};

/* Elements in what is stored from one index of a dimension of the tensor to the next. */
void stored_strides(const struct tensor *tensor, int64_t strides[RANK_MAX]);

size_t tensor_count(const struct tensor *tensor);
size_t tensor_bytes(const struct tensor *tensor);

/* A zeroed tensor in `arena`. */
enum status tensor_new(struct tensor *tensor, enum dtype dtype, const struct shape *shape,
                       struct arena *arena, struct error *err) must_check;

/* One element as double, int64 or text ("1", "0.5", "true"), for messages, labels and tests. */
double tensor_f64(const struct tensor *tensor, size_t index);
int64_t tensor_i64(const struct tensor *tensor, size_t index);
void tensor_set_f64(struct tensor *tensor, size_t index, double value);
