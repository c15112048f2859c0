// SPDX-License-Identifier: Apache-2.0
/* The Caffe2 importer, inside. One file per family of operators in this folder; the file name is
 * the registration: pool.c defines `const struct caffe2_op_set caffe2_ops_pool`. Reading nets and
 * building the graph are in model/.
 *
 * A net is a list of assignments: an operator may write the blob that it read, so names mean what
 * was written last. Each operator is a row: its types and a function that reads arguments, takes
 * values and gives values. Arguments that change nothing are listed in model/call.c; any other that
 * nobody asked for is UNSUPPORTED, by its name. Source: caffe2/proto/caffe2.proto and the schemas
 * of caffe2/operators. */
#pragma once

#include "base/map.h"
#include "formats/protobuf.h"
#include "graph/emit.h"
#include "importers/importer.h"

enum { CAFFE2_INPUTS_MAX = 1000, CAFFE2_SPATIAL = 2 };

/* --- nets as they are stored (model/net.c) --- */

struct caffe2_argument { /* Argument: name 1, f 2, i 3, s 4, floats 5, ints 6, strings 7 */
    const char *name;
    float f;
    int64_t i;
    struct bytes s;
    bool has_f, has_i, has_s, used;
    struct protobuf message; /* for the lists */
};

struct caffe2_operator { /* OperatorDef: input 1, output 2, name 3, type 4, arg 5 */
    const char *type, *name;
    const char **inputs, **outputs;
    size_t input_count, output_count;
    struct caffe2_argument *arguments;
    size_t argument_count;
};

struct caffe2_net { /* NetDef: name 1, op 2, external_input 7, external_output 8 */
    const char *name;
    struct caffe2_operator *operators;
    size_t operator_count;
    const char **inputs, **outputs;
    size_t input_count, output_count;
};

enum status caffe2_net_read(struct bytes message, struct caffe2_net *net, struct arena *keep,
                            struct error *err) must_check;

/* TensorProto.DataType of Caffe2; DTYPE_NONE: none of ours. */
enum dtype caffe2_dtype(int64_t code);

/* --- operators (model/call.c) --- */

struct caffe2_call {
    const struct emitter *e;
    struct caffe2_operator *op;
    value_id *in;  /* (input_count,) */
    value_id *out; /* (output_count,): VALUE_NONE for what is not computed */
    struct arena *keep;
};

/* Arguments, with what Caffe2 takes where there is none. */
bool caffe2_has(struct caffe2_call *c, const char *name);
int64_t caffe2_int(struct caffe2_call *c, const char *name, int64_t otherwise);
double caffe2_float(struct caffe2_call *c, const char *name, double otherwise);
bool caffe2_text_is(struct caffe2_call *c, const char *name, const char *text,
                    const char *otherwise);
enum status caffe2_ints(struct caffe2_call *c, const char *name, int64_t **values, size_t *count,
                        struct error *err) must_check; /* count 0: none */
const struct caffe2_argument *caffe2_argument(struct caffe2_call *c,
                                              const char *name); /* or NULL */

enum status caffe2_wants(const struct caffe2_call *c, size_t least, size_t most, struct error *err)
    must_check; /* how many inputs */
enum status caffe2_rank(const struct caffe2_call *c, size_t input, int *rank, struct error *err)
    must_check; /* UNSUPPORTED when it is not known */
enum status caffe2_is_test(struct caffe2_call *c, struct error *err) must_check;

/* Channels last there are channels first here: around operators on images. */
bool caffe2_channels_last(struct caffe2_call *c);
enum status caffe2_to_first(const struct caffe2_call *c, value_id value, value_id *first,
                            struct error *err) must_check;
enum status caffe2_to_last(const struct caffe2_call *c, value_id value, value_id *last,
                           struct error *err) must_check;

struct caffe2_op {
    const char *type;
    enum status (*lower)(struct caffe2_call *c, struct error *err);
    const char *onnx; /* for rows that share a function */
};

struct caffe2_op_set {
    const struct caffe2_op *ops;
    size_t count;
};
#define CAFFE2_OP_SET(...)                                                                         \
    {                                                                                              \
        (const struct caffe2_op[]){__VA_ARGS__},                                                   \
            sizeof((const struct caffe2_op[]){__VA_ARGS__}) / sizeof(struct caffe2_op)             \
    }

/* The row of the call's operator, for functions that several share. */
const struct caffe2_op *caffe2_row(const char *type); /* or NULL */

/* Does firn know every operator? */
enum status caffe2_net_check(const struct caffe2_net *net, struct error *err) must_check;

/* Lower every operator of a net that was checked; `blobs` maps names to value ids (number + 1 as
 * pointer). */
enum status caffe2_net_lower(const struct emitter *e, const struct caffe2_net *net,
                             struct map *blobs, struct arena *keep, struct error *err) must_check;
value_id caffe2_blob(const struct map *blobs, const char *name); /* VALUE_NONE: none */
enum status caffe2_blob_set(struct map *blobs, const char *name, value_id value, struct error *err)
    must_check;
