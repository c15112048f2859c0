// SPDX-License-Identifier: Apache-2.0
/* Objects of the registry (data sets, scripts) over HTTP: what the routes of every kind share.
 * Path parameter 0 is the name, which may have folders and mean a revision ("a/b@3", "a/b^").
 * All need ROUTE_CONTROL, objects_put ROUTE_STREAM. */
#pragma once

#include "registry/object.h"
#include "server/request.h"

/* {"name", "revision", "format", "metadata", "digest", "bytes", "parts", "created"} */
void object_print_json(const struct object *object, struct text *text);
void object_print_members(const struct object *object, struct text *text); /* without braces */

/* The one that parameter 0 means. */
enum status objects_find(struct request *request, const char *kind, struct object *object,
                         struct error *err) must_check;

/* Newest revisions as a list; ?pattern=: those whose name matches. */
enum status objects_list(struct request *request, struct response *response, const char *kind,
                         struct error *err) must_check;

/* The bytes, as a stream; ?metadata: what is known of it; ?revisions: all, newest first; ?parts:
 * the bytes of each. */
enum status objects_get(struct request *request, struct response *response, const char *kind,
                        struct error *err) must_check;

/* The body is the next revision. ?format= says what its bytes are ("bytes"), header Firn-Metadata
 * holds a JSON object, percent-encoded (or Firn-Metadata-Bytes says how many bytes of the body
 * are one), ?expect=: only if that is the newest revision now (0:
 * none); ?append: behind what is there. 201, or 200 when nothing changed. */
enum status objects_put(struct request *request, struct response *response, const char *kind,
                        struct error *err) must_check;

/* The same; `check` (registry/object.h's words, server/datasets/check.h) may refuse the bytes. */
typedef enum status objects_check(struct registry *registry, const struct object_put *put,
                                  struct bytes bytes, int64_t *newest, struct arena *scratch,
                                  struct error *err);
enum status objects_put_checked(struct request *request, struct response *response,
                                const char *kind, objects_check *check, struct error *err)
    must_check;
/* What objects_put_checked does when the bytes are there. */
enum status objects_store(struct request *request, struct object_writer *writer,
                          const struct object_put *put, objects_check *check, struct object *object,
                          bool *unchanged, struct error *err) must_check;

/* All revisions, or the one that is named. */
enum status objects_drop(struct request *request, struct response *response, const char *kind,
                         struct error *err) must_check;
