// SPDX-License-Identifier: Apache-2.0
/* ONNX SequenceProto and OptionalProto (onnx/onnx:onnx/onnx-data.proto): test data and input files
 * that are no tensors. */
#pragma once

#include "formats/protobuf.h"
#include "tensor/sequence.h"

/* A sequence of tensors. UNSUPPORTED for sequences of sequences, maps and sparse tensors. */
enum status onnx_sequence_read(const struct protobuf *message, struct tensor *sequence,
                               struct arena *keep, struct error *err) must_check;

/* An optional. A message that is none but a tensor or a sequence counts as one that holds it. */
enum status onnx_optional_read(const struct protobuf *message, struct tensor *optional,
                               struct arena *keep, struct error *err) must_check;
