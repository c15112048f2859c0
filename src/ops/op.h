// SPDX-License-Identifier: Apache-2.0
/* Operators: names and semantics of ONNX (domains "" and "ai.onnx.ml"), and our own in "firn".
 *
 * One file per operator or family below ops/onnx/, ops/ml/ or ops/firn/ (the folder is the domain,
 * folders in it are families of the standard's); the file name is the registration:
 * ops/onnx/math/relu.c defines
 *
 *     const struct op_set ops_onnx_relu = OP_SET({.name = "Relu", ...});
 *
 * Life of a call: `infer` at import with whatever is known, and again for each plan with known
 * shapes; `prepare` once per node when the model is loaded; `run` for each request. */
#pragma once

#include "base/team.h"
#include "ops/attribute.h"

enum {
    OP_VIEW = 1 << 0,    /* out[0] has the bytes of in[0] (Reshape, Identity): the plan may alias */
    OP_INPLACE = 1 << 1, /* run may write out[0] over in[0] of the same dtype and shape */
    OP_SHAPE_ONLY = 1 << 2, /* out[] depends on in[]'s shapes alone (Shape, Size) */
    OP_RANDOM = 1 << 3,     /* never folded */
    OP_ROWS = 1 << 4, /* for a free dimension that is dimension 0 of inputs and of every output, of
                       * one rank, and is nowhere else: row i of the outputs depends on row i of
                       * those inputs alone */
    OP_OPTIONAL_GAPS = 1 << 5, /* inputs in the middle may be omitted (dtype DTYPE_NONE) */
    OP_CONTAINERS = 1 << 6,    /* takes sequences and optionals; others are never asked with one */
    OP_SUBGRAPHS = 1 << 7,   /* has graphs as attributes: graph/control.c infers it, the engine runs
                              * it; its last inputs are what those graphs capture */
    OP_INPLACE_ANY = 1 << 8, /* run may write out[0] over any input of the same dtype and shape */
    OP_CONCAT = 1 << 9,      /* out[0] is the inputs one after another along the attribute axis */
    OP_SPLIT = 1 << 10,      /* the outputs are in[0] cut along the attribute axis (0) */
};

enum { OP_OUTPUTS_MAX = 64, OP_INPUTS_ANY = 1 << 16 };

/* opset of a node that was written for no version: the newest semantics. Never 0 in a call. */
enum { OPSET_NEWEST = 1 << 16 };

struct op;

struct op_call {
    const struct op *op;
    int opset; /* version of the operator's domain that the model was written for */
    const struct attributes *attributes;
    size_t in_count, out_count; /* trailing omitted ones are not counted */

    /* In infer and prepare: dtype and shape (dimensions may be unknown or symbols), and data where
     * the value is a constant or already computed, else NULL. In run: everything. An omitted
     * optional input has dtype DTYPE_NONE; an output nobody asked for is given all the same. */
    struct tensor *in;
    struct tensor *out; /* infer fills dtype and shape; run writes data, which never overlaps
                         * an input unless OP_VIEW or OP_INPLACE */

    void *state;   /* what prepare made; NULL without prepare */
    void *scratch; /* scratch_size bytes, 64-byte aligned, uninitialised; run only; never NULL */
    struct arena *memory; /* run: for the bytes of string elements that are made, not borrowed;
                           * lives until the outputs have been read. infer: for descriptions of
                           * elements (tensor.element); lives as long as out[] is needed */
    struct team *team;    /* prepare, scratch_size, run: threads that may help (base/team.h); or
                           * NULL. The same from scratch_size on */
    uint64_t packed;      /* prepare sets bit i when neither infer nor run read the data of constant
                           * input i: state holds it in another form. It may be freed then */
};

struct op {
    const char *name;    /* "Relu" */
    const char *summary; /* one line, for the coverage page */
    unsigned flags;
    int since;                               /* lowest opset whose semantics `run` knows; 0: all */
    size_t in_min, in_max, out_min, out_max; /* in_max OP_INPUTS_ANY: variadic */

    /* Check dtypes, ranks, attributes; give every output a dtype and a shape as far as known.
     * Every complaint that does not depend on the data is made here. May read in[i].data when it
     * is not NULL; where a shape depends on data that is NULL, leaves dimensions unknown. Called
     * with everything known, it must give known shapes. */
    enum status (*infer)(struct op_call *call, struct error *err);

    /* Bit i: infer and prepare take the floats of constant input i where they lie in a file,
     * aligned or not (unaligned_float); run has them aligned. */
    uint64_t unaligned;
    uint64_t stored; /* bit i: prepare, if there is one, takes it even as in[i].stored says, and
                      * infer asks for its type and shape alone */

    /* Optional. Read attributes and constant inputs into call->state, allocated in `keep`: packed
     * weights, trees, hash tables. Must work when a would-be constant is not one. */
    enum status (*prepare)(struct op_call *call, struct arena *keep, struct error *err);

    /* Optional. Bytes of call->scratch for these known shapes. */
    size_t (*scratch_size)(const struct op_call *call);

    /* Compute. Fails only for values that the operator's definition forbids (an index out of
     * range, an unknown category): INVALID_INPUT that names element and value. Allocates nothing
     * but from call->memory. Thread-safe: state is read-only. */
    enum status (*run)(const struct op_call *call, struct error *err);
};

struct op_set {
    const struct op *ops;
    size_t count;
};
#define OP_SET(...)                                                                                \
    {                                                                                              \
        (const struct op[]){__VA_ARGS__},                                                          \
            sizeof((const struct op[]){__VA_ARGS__}) / sizeof(struct op)                           \
    }

/* By domain ("" or "ai.onnx", "ai.onnx.ml", "firn") and name; NULL when there is none. */
const struct op *op_find(struct bytes domain, struct bytes name);

/* All operators of all domains, for pages and tests: calls `visit` once for each. */
void op_each(void (*visit)(const char *domain, const struct op *op, void *context), void *context);

/* Of the calling thread (a kernel asks before it hands chunks to a team): kernels use their plain C
 * reference path alone, in `prepare` and `run`. The oracle of tests and of
 * native_options.reference. Returns what it was before. */
bool op_reference_only(bool on);
bool op_is_reference_only(void);

/* --- for infer: what many operators need. All names go into messages as op->name. --- */

/* Dimension arithmetic where either side may be unknown or a symbol. */
bool dim_is_known(int64_t dim);
enum status dim_broadcast(int64_t a, int64_t b, int64_t *out, const struct op_call *call,
                          struct error *err) must_check;

/* numpy broadcasting of two shapes (either may be partly unknown). */
enum status shape_broadcast(const struct shape *a, const struct shape *b, struct shape *out,
                            const struct op_call *call, struct error *err) must_check;

/* `axis` of a tensor of `rank`, negative from the end, checked. */
enum status op_axis(const struct op_call *call, int64_t axis, int rank, int *out, struct error *err)
    must_check;

/* UNSUPPORTED "Relu does not take int8" unless the dtype is one of the set. */
#define DTYPE_BIT(dtype) (UINT64_C(1) << (dtype))
enum status op_wants(const struct op_call *call, size_t input, uint64_t dtypes, struct error *err)
    must_check;
enum status op_wants_same(const struct op_call *call, size_t a, size_t b, struct error *err)
    must_check;
enum status op_error(const struct op_call *call, struct error *err, enum status status,
                     const char *format, ...) must_check printf_like(4, 5); /* "Relu: ..." */
#define DTYPES_FLOAT                                                                               \
    (DTYPE_BIT(DTYPE_F16) | DTYPE_BIT(DTYPE_BF16) | DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64))
#define DTYPES_INT                                                                                 \
    (DTYPE_BIT(DTYPE_I8) | DTYPE_BIT(DTYPE_I16) | DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64) |    \
     DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_U16) | DTYPE_BIT(DTYPE_U32) | DTYPE_BIT(DTYPE_U64))
#define DTYPES_NUMBER (DTYPES_FLOAT | DTYPES_INT)
#define DTYPES_CONTAINER (DTYPE_BIT(DTYPE_SEQUENCE) | DTYPE_BIT(DTYPE_OPTIONAL))
#define DTYPES_ANY (~DTYPES_CONTAINER)
