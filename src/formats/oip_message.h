// SPDX-License-Identifier: Apache-2.0
/* Open Inference Protocol v2 over gRPC: ModelInferRequest and ModelInferResponse (package
 * inference). What they say is what the JSON bodies say, so the structs are the same (json/oip.h).
 */
#pragma once

#include "formats/json/oip.h"
#include "formats/protobuf.h"

struct oip_message {
    const char *model, *version; /* "" when not given */
    struct oip_request request;  /* binary_output: the inputs came as raw_input_contents */
};

/* Inputs have either typed contents or raw ones, all of them the same. Raw numbers are borrowed
 * from the message when they are aligned. INVALID_INPUT names the input; UNSUPPORTED for shared
 * memory. */
enum status oip_message_read(struct bytes message, struct oip_message *request, struct arena *keep,
                             struct error *err) must_check;

/* The model's name and version, without reading the tensors. */
enum status oip_message_model(struct bytes message, const char **model, const char **version,
                              struct arena *keep, struct error *err) must_check;

/* The fields of ModelInferResponse. Raw when any output is `binary` or has no typed contents
 * (FP16, BF16): the protocol has no mixture. UNSUPPORTED for a dtype that it has no name for. */
enum status oip_message_write(const struct oip_response *response, struct text *text,
                              struct error *err) must_check;
