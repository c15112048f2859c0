// SPDX-License-Identifier: Apache-2.0
/* ONNX TensorProto (onnx/onnx:onnx/onnx.proto), in models, in test data and as input files. */
#pragma once

#include "formats/archive/artifact.h"
#include "formats/protobuf.h"
#include "tensor/tensor.h"

/* The tensor of a message, with its name (kept). Data is borrowed from the message when it is
 * aligned for its dtype, else copied to `keep`; 4-bit elements are unpacked to one a byte. External
 * data is looked up beside `member`; NULL artifact: refused. INVALID_INPUT when the data is not as
 * long as the dimensions say; UNSUPPORTED for unknown dtypes and segments. */
enum status onnx_tensor_read(const struct protobuf *message, struct artifact *artifact,
                             const struct member *member, const char **name, struct tensor *tensor,
                             struct arena *keep, struct error *err) must_check;

/* The same, but data need not be aligned: graph_constant takes it so. */
enum status onnx_initializer_read(const struct protobuf *message, struct artifact *artifact,
                                  const struct member *member, const char **name,
                                  struct tensor *tensor, struct arena *keep, struct error *err)
    must_check;

/* A SparseTensorProto, made dense in `keep`; its name is that of its values. Refuses what
 * onnx_tensor_read refuses, and indices beyond the shape. */
enum status onnx_sparse_read(const struct protobuf *message, struct artifact *artifact,
                             const struct member *member, const char **name, struct tensor *tensor,
                             struct arena *keep, struct error *err) must_check;
