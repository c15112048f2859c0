// SPDX-License-Identifier: Apache-2.0
/* What Hydrosphere's manager answers, as JSON. One answer serves clients of the second and of the
 * third generation wherever their keys differ (modelContract and modelSignature, dim and dims); a
 * servable's status is the one key that both have and read differently: see struct view. */
#pragma once

#include "server/hydrosphere/hydrosphere.h"

struct view {
    const struct model_table *table; /* pinned */
    struct registry *registry;       /* NULL: what records say is left out */
    int generation;                  /* 2 or 3: of a servable's status */
    struct arena *arena;
    struct text *text;
    struct view_uses *uses; /* of all versions, once they were looked for; NULL: not kept */
};

/* Over the request's table, pinned until model_release; the answer goes into `response`. */
struct view view_of(struct request *request, struct response *response);

/* The errors of the manager: {"error": "NotFound", "message"}. */
void view_write_error(const struct error *err, struct text *text);
/* Those of the monitoring too: {"error", "message", "errors": ["..."]}. */
void view_write_error_monitoring(const struct error *err, struct text *text);
/* What firn has not: 501, the route's summary is the reason. */
enum status view_refuse(struct request *request, struct response *response, struct error *err)
    must_check;
/* What is wrong and what to do, as a JSON string. */
void view_write_reason(const struct error *err, struct text *text);

/* An id in path parameter `index`; INVALID_INPUT when it is no number. */
enum status view_id(const struct request *request, size_t index, int64_t *id, struct error *err)
    must_check;
/* Pin the table as the store has it now: another process may have changed it a moment ago. */
void view_look_again(struct request *request, struct view *view);
/* The table's version of that id, after another look at the store. On a control thread, nothing
 * pinned before. NOT_FOUND. */
enum status view_find_version(struct request *request, struct view *view, int64_t id,
                              struct loaded **loaded, struct error *err) must_check;
/* The application of that name or, a number, id. */
enum status view_find_application(struct request *request, struct view *view, struct bytes name,
                                  const struct table_model **model, struct error *err) must_check;

/* One model or application of a pinned table. */
typedef enum status view_writer(const struct view *view, const struct table_model *model,
                                struct error *err);
bool view_is_model(const struct table_model *model);
bool view_is_application(const struct table_model *model); /* that is served */
/* [...] of those in the request's table that `is` says. */
enum status view_list(struct request *request, struct response *response,
                      bool (*is)(const struct table_model *model), view_writer *write,
                      struct error *err) must_check;

/* After `model` was found and written, of which `status` tells: delete all its versions. What is
 * pinned is released. */
enum status view_delete(struct request *request, enum status status,
                        const struct table_model *model, struct error *err) must_check;

/* Every version's applications are found once. */
struct view_uses {
    struct view_use {
        int64_t version; /* id */
        const char *application;
    } * items;
    size_t count;
    bool known;
};
enum status view_uses(const struct view *view, struct view_uses *uses, struct error *err)
    must_check;

/* "Released" or "Failed". */
const char *view_version_status(const struct loaded *loaded);
bool view_is_external(const struct version *row);

enum status view_version(const struct view *view, const struct loaded *loaded,
                         const struct view_uses *uses, struct error *err) must_check;
/* A version that is not there yet, or never will be: without digest. */
enum status view_version_built(const struct view *view, const struct version *row,
                               const char *status, const char *finished, struct error *err)
    must_check;
/* `model`: of a pinned table. With what the record HYDROSPHERE_APPLICATION says. */
enum status view_application(const struct view *view, const struct table_model *model,
                             struct error *err) must_check;
enum status view_servable(const struct view *view, const struct table_servable *servable,
                          struct error *err) must_check;

/* Those of the first generation. */
enum status view_version_1(const struct view *view, const struct loaded *loaded, struct error *err)
    must_check;
enum status view_application_1(const struct view *view, const struct table_model *model,
                               struct error *err) must_check;
void view_contract_1(const struct contract *contract, const char *model, struct text *text);

/* An example of a request: every free dimension is 1, values 1, "foo" or the first class, true. */
enum status view_example(const struct view *view, const struct signature *signature,
                         struct error *err) must_check;

/* NULL: one without a name; `shapes`: of contract/hydrosphere.h. */
void view_signature(const struct view *view, const struct signature *signature, unsigned shapes);

void view_text(struct text *text, const char *key, const char *value); /* "key":"value" or null */
void view_pairs(struct text *text, const struct manifest_pair *pairs, size_t count);

/* Kind of the record beside an application's version: what was said that firn does not use, as it
 * was sent: {"kafkaStreaming", "namespace", "executionGraph"}. */
#define HYDROSPHERE_APPLICATION "application-request"
