// SPDX-License-Identifier: Apache-2.0
/* How 0Mind's requests and answers look, apart from what they are about. */
#pragma once

#include "server/request.h"
#include "server/zeromind/pool.h"

/* What a handler does; *code says how it failed. */
typedef enum status zeromind_handler(struct request *request, struct response *response,
                                     enum zeromind_code *code, struct error *err);

/* Call it: a failure becomes the answer, {"errors": [{"code", "message", "params"}]}, and a body
 * that is not JSON or a page of another site are refused before. */
enum status zeromind_handle(struct request *request, struct response *response,
                            zeromind_handler *handler, struct error *err) must_check;

/* Errors that came before any handler, in the same form. */
void zeromind_write_error(const struct error *err, struct text *text);

/* The query's id. */
enum status zeromind_query_id(struct request *request, const char **id, enum zeromind_code *code,
                              struct error *err) must_check;

/* The body, which must be an object; `required`: must be there. */
enum status zeromind_body(struct request *request, bool required, struct json *body,
                          enum zeromind_code *code, struct error *err) must_check;

/* The configuration, or one without a file. */
const struct zeromind_pool *zeromind_pool_of(const struct request *request);
