// SPDX-License-Identifier: Apache-2.0
#include "server/zeromind/wire.h"

#include "server/internal.h"

const struct zeromind_pool *zeromind_pool_of(const struct request *request)
{
    static const struct zeromind_pool NONE = {.id = "0", .config = {.kind = JSON_OBJECT}};

    return request->server->zeromind ? request->server->zeromind : &NONE;
}

/* --- errors --- */

static void write_error(enum zeromind_code code, const struct error *err, struct text *text)
{
    text_printf(text, "{\"errors\":[{\"code\":%d,\"message\":", zeromind_code_number(code));
    json_write_text(text, err->text);
    text_append(text, ",\"params\":{");
    if (err->fix[0]) {
        text_append(text, "\"fix\":");
        json_write_text(text, err->fix);
    }
    text_append(text, "}}]}");
}

void zeromind_write_error(const struct error *err, struct text *text)
{
    write_error(err->status == STATUS_UNAVAILABLE ? ZEROMIND_NO_IDLE_MODEL : ZEROMIND_UNKNOWN, err,
                text);
}

/* A GET changes things here, and a page may make a browser send one: browsers say so. */
static enum status page_check(const struct request *request, struct error *err)
{
    struct bytes site;

    if (!request_header(request, "sec-fetch-site", &site) || bytes_is(site, "same-origin") ||
        bytes_is(site, "none"))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "this request came from a foreign page");
}

static enum status type_check(const struct request *request, struct error *err)
{
    static const char JSON[] = "application/json";
    enum { SIZE = sizeof JSON - 1 };
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes type = {0};

    if (!request->body.size)
        return STATUS_OK;
    request_header(request, "content-type", &type);
    if (type.size >= SIZE && !strncasecmp((const char *)type.data, JSON, SIZE) &&
        (type.size == SIZE || strchr("; \t", type.data[SIZE])))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "Content-Type is \"%s\", not application/json",
                     text_quote(type, quoted, sizeof quoted));
}

enum status zeromind_handle(struct request *request, struct response *response,
                            zeromind_handler *handler, struct error *err)
{
    enum zeromind_code code = ZEROMIND_CONTENT_TYPE;
    enum status status = type_check(request, err);

    if (!status) {
        code = ZEROMIND_UNKNOWN;
        status = page_check(request, err);
    }
    if (!status)
        status = handler(request, response, &code, err);
    if (request->later != LATER_NO)
        return status;
    if (status) {
        response_clear(response);
        response->status = zeromind_code_http(code, status);
        response->error = status;
        write_error(code, err, &response->body);
    }
    response_header(response, "Server", "0Mind");
    return STATUS_OK;
}

/* --- requests --- */

enum status zeromind_query_id(struct request *request, const char **id, enum zeromind_code *code,
                              struct error *err)
{
    *code = ZEROMIND_ATTRIBUTE;
    TRY(request_query(request, "id", id, err));
    if (*id && **id)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "the query has no id: ?id=NAME");
}

enum status zeromind_body(struct request *request, bool required, struct json *body,
                          enum zeromind_code *code, struct error *err)
{
    *body = (struct json){.kind = JSON_OBJECT};
    *code = ZEROMIND_NO_DATA;
    if (!request->body.size)
        return required ? error_set(err, STATUS_INVALID_INPUT, "the request has no body")
                        : STATUS_OK;
    if (request->body.size > ZEROMIND_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "the body has more than %d bytes",
                         ZEROMIND_BYTES_MAX);
    *code = ZEROMIND_UNKNOWN;
    TRY(json_parse(request->body, 0, body, request_arena(request), err));
    if (body->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "the body is %s, not an object",
                         json_kind_name(body->kind));
    return STATUS_OK;
}
