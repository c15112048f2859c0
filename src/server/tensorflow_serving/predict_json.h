// SPDX-License-Identifier: Apache-2.0
/* Bodies of TensorFlow Serving's REST predict: {"signature_name", "instances" | "inputs"}, and its
 * answers, {"predictions"} | {"outputs"}. NaN and infinities are bare words; {"b64": "..."} is a
 * string of any bytes. Knows no server. */
#pragma once

#include "contract/contract.h"
#include "formats/json/json.h"

struct predict_json {
    const char *signature;     /* NULL: not said */
    bool rows;                 /* "instances": one value a row; else "inputs": whole tensors */
    struct json_reader values; /* at the value of that key */
    bool open;                 /* what stands behind it was not read yet */
};

/* Find the parts. Usually nothing is read twice: what stands behind the values is looked at when
 * they are read. */
enum status predict_json_open(struct bytes body, struct predict_json *opened, struct arena *keep,
                              struct error *err) must_check;

/* The values, each with the dtype of its input. INVALID_INPUT for what is ragged, missing, unknown
 * or there twice. */
enum status predict_json_read(struct predict_json *opened, const struct signature *signature,
                              const struct given **given, size_t *count, struct arena *keep,
                              struct error *err) must_check;

/* UNSUPPORTED when an output has no form in JSON. */
enum status predict_json_check(const struct signature *signature, struct error *err) must_check;

/* `outputs`: in the signature's order. Rows need one size of the first dimension, else
 * INVALID_INPUT. Strings of outputs named *_bytes, and those that are not UTF-8, are {"b64"}. */
enum status predict_json_write(const struct signature *signature, const struct tensor *outputs,
                               bool rows, struct text *text, struct error *err) must_check;
