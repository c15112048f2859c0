// SPDX-License-Identifier: Apache-2.0
/* Tensors in messages of gRPC: TensorFlow's TensorProto and Hydrosphere's Tensor. Both have the
 * dtype, a shape, and either the bytes or a list of values; they differ in the shape's message.
 *
 *   1 dtype (DataType)   2 shape   4 bytes (tensor_content, binary_val)   5 float_val
 *   6 double_val   7 int_val   8 string_val   9 scomplex_val   10 int64_val   11 bool_val
 *   12 dcomplex_val   13 half_val   16 uint32_val   17 uint64_val   27 map_val
 *
 * Unlike a constant of a graph (tensorflow/tensor_proto.h) what a client sends must be whole. */
#pragma once

#include "formats/protobuf.h"
#include "tensor/tensor.h"

enum tensor_dialect {
    TENSOR_TENSORFLOW,  /* shape: TensorShapeProto {dim 2 {size 1, name 2}, unknown_rank 3} */
    TENSOR_HYDROSPHERE, /* shape: TensorShape {dims 1} */
    TENSOR_EITHER,      /* each shape is what its fields say; written, it has both */
};

enum { TENSOR_FILL_BYTES_MAX = 64 << 20 }; /* of a lone value that stands for all elements */

/* Read a tensor. One dimension of -1 is what the number of elements makes it; no shape means a
 * scalar or, for several values, a vector. A lone value fills a TensorProto of any shape. Bytes
 * are borrowed where they are aligned, else data is in `keep`. INVALID_INPUT: no or an unknown
 * dtype; too few or too many values, values of another dtype's list or out of range, bytes of
 * another size; several dimensions of -1. UNSUPPORTED: maps, variants, resources. */
enum status tensor_message_read(const struct protobuf *message, enum tensor_dialect dialect,
                                struct tensor *tensor, struct arena *keep, struct error *err)
    must_check;

enum { TENSOR_MAP_DTYPE = 27 }; /* DT_MAP */
/* Read a tensor whose elements are maps: messages MapTensorData {map<string, Tensor> subtensors 1}.
 * `shape` is of as many; without one, a scalar or a list. INVALID_INPUT: another dtype, other
 * values, a shape of another number. */
enum status tensor_message_maps(const struct protobuf *message, enum tensor_dialect dialect,
                                struct bytes **maps, size_t *count, struct shape *shape,
                                struct arena *keep, struct error *err) must_check;

/* Can a tensor of this dtype be written? */
bool tensor_message_has(enum dtype dtype);

/* Field `number` with the tensor as its message: lists of values, which every client reads. */
void tensor_message_write(struct text *text, uint32_t number, enum tensor_dialect dialect,
                          const struct tensor *tensor);

/* The shape of a tensor alone, as field 2. */
void tensor_shape_write(struct text *text, const struct shape *shape, enum tensor_dialect dialect);

/* An entry of a map<string, Tensor> in field `number`. */
void tensor_entry_write(struct text *text, uint32_t number, const char *key,
                        enum tensor_dialect dialect, const struct tensor *tensor);
/* Its key and the message of its tensor; INVALID_INPUT when it has none. */
enum status tensor_entry_split(const struct protobuf_field *field, const char **key,
                               struct protobuf *value, struct arena *keep, struct error *err)
    must_check;
