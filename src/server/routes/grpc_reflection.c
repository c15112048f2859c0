// SPDX-License-Identifier: Apache-2.0
/* The reflection service of gRPC: which services there are, and the files that describe them. */
#include <stdlib.h>

#include "formats/protobuf.h"
#include "server/feed.h"
#include "server/grpc/descriptors.h"
#include "server/grpc/grpc.h"
#include "server/internal.h"

enum {
    NOT_FOUND = 5, /* status of gRPC, in an ErrorResponse */
    ANSWERS_BYTES_MAX = 4 << 20,
    FILES_MAX = 64,
};

/* ServerReflectionRequest */
struct question {
    struct bytes host, text;
    uint32_t kind; /* number of the field that asks */
};

enum { BY_FILENAME = 3, BY_SYMBOL = 4, BY_EXTENSION = 5, EXTENSION_NUMBERS = 6, SERVICES = 7 };

static enum status read_question(struct bytes message, struct question *question, struct error *err)
{
    struct protobuf reader = protobuf_over(message);
    struct protobuf_field field;

    *question = (struct question){.kind = 0};
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 1:
            TRY(protobuf_bytes(&field, &question->host, err));
            break;
        case BY_FILENAME:
        case BY_SYMBOL:
        case BY_EXTENSION:
        case EXTENSION_NUMBERS:
        case SERVICES:
            TRY(protobuf_bytes(&field, &question->text, err));
            question->kind = field.number;
            break;
        default:
            break;
        }
    }
}

/* A file and all that it imports, each once. */
static void write_files(const struct descriptor *file, struct text *text)
{
    const struct descriptor *files[FILES_MAX] = {file};
    size_t count = 1, begin = protobuf_write_begin(text);

    for (size_t at = 0; at < count; at++) {
        const char *imports = files[at]->imports;
        struct bytes name;

        protobuf_write_bytes(text, 1, files[at]->bytes);
        while (descriptor_next_name(&imports, &name) && count < FILES_MAX) {
            const struct descriptor *import = descriptor_of_file(name);
            size_t i = 0;

            while (i < count && files[i] != import)
                i++;
            if (import && i == count)
                files[count++] = import;
        }
    }
    protobuf_write_end(text, 4, begin);
}

static void write_error(const char *why, struct text *text)
{
    size_t begin = protobuf_write_begin(text);

    protobuf_write_i64(text, 1, NOT_FOUND);
    protobuf_write_text(text, 2, why);
    protobuf_write_end(text, 7, begin);
}

static void write_service(struct bytes name, void *context)
{
    struct text *text = context;
    size_t begin = protobuf_write_begin(text);

    protobuf_write_bytes(text, 1, name);
    protobuf_write_end(text, 1, begin);
}

static void write_answer(struct server *server, const struct question *question, struct text *text)
{
    const struct descriptor *file = NULL;
    size_t begin;

    switch (question->kind) {
    case SERVICES:
        begin = protobuf_write_begin(text);
        router_services(server->router, write_service, text);
        protobuf_write_end(text, 6, begin);
        return;
    case BY_FILENAME:
        file = descriptor_of_file(question->text);
        break;
    case BY_SYMBOL:
        file = descriptor_of_symbol(question->text);
        break;
    case EXTENSION_NUMBERS:
        if (!descriptor_of_symbol(question->text))
            break;
        begin = protobuf_write_begin(text);
        protobuf_write_bytes(text, 1, question->text);
        protobuf_write_end(text, 5, begin); /* nothing here has extensions */
        return;
    default:
        break;
    }
    if (file)
        write_files(file, text);
    else
        write_error("there is no such file, symbol or extension", text);
}

/* --- a stream of questions, a stream of answers --- */

struct reflection_feed {
    struct feed base;
    struct server *server;
    struct text answers; /* frames of gRPC; those before `at` were sent */
    size_t at;
    bool over; /* no further question comes */
};

static enum status answer(struct reflection_feed *feed, struct bytes message, struct error *err)
{
    struct text *text = &feed->answers;
    struct question question;
    size_t start = text->size;

    TRY(read_question(message, &question, err));
    if (!text_reserve(text, GRPC_FRAME))
        return error_no_memory(err, "a stream");
    text->size += GRPC_FRAME;
    if (question.host.size)
        protobuf_write_bytes(text, 1, question.host);
    protobuf_write_bytes(text, 2, message);
    write_answer(feed->server, &question, text);
    TRY(text_check(text, err));
    grpc_frame((uint8_t *)text->data + start, text->size - start - GRPC_FRAME, false);
    return STATUS_OK;
}

static void received(struct feed *base, struct bytes message)
{
    struct reflection_feed *feed = (struct reflection_feed *)base;
    struct error err;

    if (!message.data || feed->over || answer(feed, message, &err))
        feed->over = true;
}

static enum feed_state next(struct feed *base, struct executor *executor, struct text *out)
{
    struct reflection_feed *feed = (struct reflection_feed *)base;
    struct bytes rest = text_bytes(&feed->answers);
    struct grpc_message message;
    struct error err;
    bool whole;

    (void)executor;
    rest.data += feed->at;
    rest.size -= feed->at;
    if (feed->answers.failed || grpc_next(&rest, ANSWERS_BYTES_MAX, &message, &whole, &err))
        return FEED_END;
    if (!whole) {
        text_clear(&feed->answers);
        feed->at = 0;
        return feed->over ? FEED_END : FEED_WAIT;
    }
    text_append_bytes(out, message.bytes);
    feed->at = feed->answers.size - rest.size;
    return FEED_MORE;
}

static void feed_free(struct feed *base)
{
    struct reflection_feed *feed = (struct reflection_feed *)base;

    text_release(&feed->answers);
    free(feed);
}

static const struct feed_class REFLECTION_FEED = {next, received, feed_free};

static enum status reflect(struct request *request, struct response *response, struct error *err)
{
    struct reflection_feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        return error_no_memory(err, "a stream");
    feed->base.class = &REFLECTION_FEED;
    feed->server = request->server;
    feed->answers.limit = ANSWERS_BYTES_MAX;
    response->feed = &feed->base;
    return answer(feed, request->body, err);
}

static const struct route ROWS[] = {
    {HTTP_POST, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", reflect,
     "gRPC: which services there are", ROUTE_GRPC},
    {HTTP_POST, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", reflect,
     "gRPC: which services there are", ROUTE_GRPC},
};

const struct route_set routes_grpc_reflection = {
    .name = "grpc_reflection",
    .summary = "gRPC's reflection service",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
