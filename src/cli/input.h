// SPDX-License-Identifier: Apache-2.0
/* Inputs of predict and bench: files of numbers and text, turned into tensors for a signature.
 *
 * .npy, .npz, .csv, .json (an Open Inference request body), .pb (an ONNX TensorProto, or the
 * SequenceProto or OptionalProto that the signature asks for), TFRecord files (a list of strings,
 * one a record), told apart by content where that is possible; "-" is standard input. */
#pragma once

#include "contract/contract.h"
#include "formats/archive/artifact.h"

struct input_file; /* one --input, read but not yet matched to a signature */

struct inputs {
    struct input_file *files;
    size_t count;
    const char *signature; /* the one that a request body asks for, or NULL */
};

/* Read the files of `specs` ("FILE" or "NAME=FILE"). Ends with inputs_close in any case. */
enum status inputs_open(const char *const *specs, size_t count, struct inputs *inputs,
                        struct arena *keep, struct error *err) must_check;
void inputs_close(struct inputs *inputs);

/* The tensors of `signature` in its order: tables become columns or a matrix, then contract_bind.
 */
enum status inputs_bind(const struct inputs *inputs, const struct signature *signature,
                        struct tensor **bound, struct arena *keep, struct error *err) must_check;

/* Made up from the contract: free dimensions 1, numbers 1, texts "". */
enum status inputs_make(const struct signature *signature, struct tensor **bound,
                        struct arena *keep, struct error *err) must_check;
