// SPDX-License-Identifier: Apache-2.0
/* Inference in messages of Open Inference: one, and one after the other on a stream. */
#pragma once

#include "base/error.h"

struct request;
struct response;

/* ModelInfer: as a handler of a route. */
enum status infer_message(struct request *request, struct response *response, struct error *err)
    must_check;

/* ModelStreamInfer: each answer is {error_message 1, infer_response 2}, in the order of requests;
 * what is wrong with one does not end the stream. */
enum status infer_stream(struct request *request, struct response *response, struct error *err)
    must_check;
