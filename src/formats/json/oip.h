// SPDX-License-Identifier: Apache-2.0
/* Open Inference Protocol v2 bodies (JSON with the binary-data extension): bytes to tensors and
 * back. Knows no server and no model. */
#pragma once

#include "formats/json/json_tensor.h"

struct oip_tensor {
    const char *name;
    struct tensor tensor;
    bool binary; /* in a request's outputs: wanted as binary; in inputs: was binary */
};

struct oip_request {
    const char *id;        /* NULL when not given */
    const char *signature; /* parameters.signature; NULL when not given */
    bool binary_output;    /* parameters.binary_data_output */
    int64_t timeout_us;    /* parameters.timeout; 0: none */
    struct oip_tensor *inputs;
    size_t input_count;
    struct oip_tensor *outputs; /* name and binary only */
    size_t output_count;
};

/* `json_size`: length of the JSON part (Inference-Header-Content-Length), or body.size. Numeric
 * binary data is borrowed from `body` when aligned; the rest lies in `request_arena`. */
enum status oip_parse_request(struct bytes body, size_t json_size, struct oip_request *request,
                              struct arena *request_arena, struct error *err) must_check;

/* The answer's JSON, followed by the binary tensors. *json_size is its JSON part, which differs
 * from text->size when there is binary data. */
struct oip_response {
    const char *model_name, *model_version, *id; /* NULL: left out */
    const struct oip_tensor *outputs;            /* binary: write it so */
    size_t output_count;
};
void oip_write_response(const struct oip_response *response, struct text *text, size_t *json_size);

/* --- a tensor in binary form --- */

/* Numbers are borrowed when they are aligned. INVALID_INPUT when the size is not that of the shape.
 */
enum status oip_binary_read(struct bytes bytes, enum dtype dtype, const struct shape *shape,
                            struct tensor *tensor, struct arena *keep, struct error *err)
    must_check;
size_t oip_binary_size(const struct tensor *tensor);
void oip_binary_write(struct text *text, const struct tensor *tensor);

/* --- the other side: our own client --- */

enum status oip_parse_response(struct bytes body, size_t json_size, struct oip_response *response,
                               struct arena *keep, struct error *err) must_check;
