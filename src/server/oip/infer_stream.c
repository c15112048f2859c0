// SPDX-License-Identifier: Apache-2.0
/* What comes on a stream is kept in order; the I/O thread runs what is quick and hands on what is
 * not, one at a time. */
#include "server/oip/infer_stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "formats/oip_message.h"
#include "server/grpc/tensor_wire.h"
#include "server/internal.h"
#include "server/oip/oip.h"

/* --- one message --- */

static enum status parse(struct prediction *p, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct oip_message *message = arena_new(arena, struct oip_message, 1);

    if (!message)
        return error_no_memory(err, "a request");
    p->state = message;
    TRY(oip_message_read(p->request->body, message, arena, err));
    TRY(oip_give(p, &message->request, err));
    return tensor_wire_check(p, err);
}

static enum status answer(struct prediction *p, struct error *err)
{
    const struct oip_message *message = p->state;
    const struct version *row = loaded_row(p->loaded);
    struct oip_response oip = {.model_name = row->model, .id = message->request.id};
    struct oip_tensor *outputs;
    char number[24];

    TRY(oip_choose_outputs(p, &message->request, &outputs, &oip.output_count, err));
    snprintf(number, sizeof number, "%lld", (long long)row->number);
    oip.outputs = outputs;
    oip.model_version = number;
    return oip_message_write(&oip, &p->response->body, err);
}

static const struct prediction_wire WIRE = {parse, answer};

enum status infer_message(struct request *request, struct response *response, struct error *err)
{
    const char *model, *version;

    TRY(oip_message_model(request->body, &model, &version, request_arena(request), err));
    if (!*model)
        return error_set(err, STATUS_INVALID_INPUT, "the request has no model_name");
    return prediction_handle(request, response, bytes_of(model), bytes_of(version), &WIRE, err);
}

/* --- a stream of them --- */

struct message {
    struct message *next;
    size_t size;
    uint8_t data[];
};

struct infer_feed {
    struct feed feed; /* first */
    struct server *server;
    _Atomic unsigned users; /* the stream, and the work that is under way */
    struct message *first, **last;
    size_t bytes; /* of all messages */
    bool ended;   /* the client has said all, */
    bool drowned; /* or too much at once */

    struct work work; /* the first message, on another thread */
    bool working;
    _Atomic bool done;
    _Atomic bool cancelled; /* the client has gone */
    enum later later;       /* of that work: it asks for another thread */
    struct text answer;
};

enum { WAITING_BYTES_FACTOR = 2 }; /* of body_bytes_max: how much of a stream may wait */

static void release(struct infer_feed *feed)
{
    if (atomic_fetch_sub(&feed->users, 1) > 1)
        return;
    while (feed->first) {
        struct message *message = feed->first;

        feed->first = message->next;
        free(message);
    }
    text_release(&feed->answer);
    free(feed);
}

static bool push(struct infer_feed *feed, struct bytes bytes)
{
    size_t limit = (size_t)feed->server->settings.body_bytes_max * WAITING_BYTES_FACTOR;
    struct message *message;

    if (feed->drowned || bytes.size > limit || feed->bytes > limit - bytes.size)
        return false;
    message = malloc(sizeof *message + bytes.size);
    if (!message)
        return false;
    message->next = NULL;
    message->size = bytes.size;
    if (bytes.size)
        memcpy(message->data, bytes.data, bytes.size);
    *feed->last = message;
    feed->last = &message->next;
    feed->bytes += sizeof *message + bytes.size;
    return true;
}

static void pop(struct infer_feed *feed)
{
    struct message *message = feed->first;

    feed->first = message->next;
    if (!feed->first)
        feed->last = &feed->first;
    feed->bytes -= sizeof *message + message->size;
    free(message);
}

/* ModelStreamInferResponse {error_message 1, infer_response 2 {id 3}} */
static void write_error(struct text *out, struct bytes request, const struct error *err)
{
    struct protobuf message = protobuf_over(request);
    struct protobuf_field field;
    struct error ignored;
    size_t begin;

    protobuf_write_text(out, 1, err->text);
    begin = protobuf_write_begin(out);
    while (protobuf_next(&message, &field, &ignored) == STATUS_OK && field.number)
        if (field.number == 3 && field.wire == PROTOBUF_BYTES && text_is_utf8(field.bytes))
            protobuf_write_bytes(out, 3, field.bytes);
    protobuf_write_end(out, 2, begin);
}

/* Answer the first message; or say where that is to be done. */
static enum later run(struct infer_feed *feed, struct executor *executor, struct text *out)
{
    static const struct http1_head NO_HEAD;
    const struct bytes body = {feed->first->data, feed->first->size};
    struct request request = {.server = feed->server,
                              .executor = executor,
                              .head = &NO_HEAD,
                              .data = "",
                              .body = body,
                              .received_ns = clock_ns(),
                              .cancelled = &feed->cancelled};
    struct response response = {.body.limit = (size_t)feed->server->settings.answer_bytes_max};
    struct error err;
    enum status status = infer_message(&request, &response, &err);

    if (status == STATUS_OK && request.later == LATER_NO)
        status = text_check(&response.body, &err);
    if (status != STATUS_OK)
        write_error(out, body, &err);
    else if (request.later == LATER_NO)
        protobuf_write_bytes(out, 2, text_bytes(&response.body));
    response_release(&response);
    return status == STATUS_OK ? request.later : LATER_NO;
}

static void work_run(struct work *work, struct executor *executor)
{
    struct infer_feed *feed =
        (struct infer_feed *)((char *)work - offsetof(struct infer_feed, work));
    struct server *server = feed->server;

    text_clear(&feed->answer);
    feed->later = run(feed, executor, &feed->answer);
    executor_reset(executor);
    atomic_store(&feed->done, true);
    release(feed);
    feeds_wake(server);
}

/* False: there is no place. LATER_LOADED waits for the next look. */
static bool hand_on(struct infer_feed *feed, enum later later)
{
    struct server *server = feed->server;
    struct pool *pool = later == LATER_CONTROL   ? server->control
                        : later == LATER_WAITING ? server->waiting
                                                 : server->compute;

    if (later == LATER_LOADED)
        return true;
    feed->work = (struct work){.run = work_run};
    atomic_store(&feed->done, false);
    atomic_fetch_add(&feed->users, 1);
    feed->working = pool_submit(pool, &feed->work);
    if (!feed->working)
        atomic_fetch_sub(&feed->users, 1);
    return feed->working;
}

static enum feed_state advance(struct infer_feed *feed, enum later later, struct text *out)
{
    struct error err;

    if (later == LATER_NO) {
        pop(feed);
        return FEED_MORE;
    }
    if (hand_on(feed, later))
        return FEED_WAIT;
    (void)!error_set(&err, STATUS_UNAVAILABLE, "too many requests wait");
    write_error(out, (struct bytes){feed->first->data, feed->first->size}, &err);
    pop(feed);
    return FEED_MORE;
}

static enum feed_state next(struct feed *base, struct executor *executor, struct text *out)
{
    struct infer_feed *feed = (struct infer_feed *)base;

    if (feed->working && !atomic_load(&feed->done))
        return FEED_WAIT;
    if (feed->working) {
        feed->working = false;
        if (feed->later == LATER_NO)
            text_append_bytes(out, text_bytes(&feed->answer));
        return advance(feed, feed->later, out);
    }
    if (feed->first)
        return advance(feed, run(feed, executor, out), out);
    if (feed->drowned) {
        protobuf_write_text(out, 1, "too many requests wait: read the answers as they come");
        return FEED_END;
    }
    return feed->ended ? FEED_END : FEED_WAIT;
}

static void received(struct feed *base, struct bytes bytes)
{
    struct infer_feed *feed = (struct infer_feed *)base;

    if (!bytes.data)
        feed->ended = true;
    else if (!push(feed, bytes))
        feed->drowned = true;
}

static void free_feed(struct feed *base)
{
    struct infer_feed *feed = (struct infer_feed *)base;

    atomic_store(&feed->cancelled, true);
    release(feed);
}

static const struct feed_class CLASS = {.next = next, .received = received, .free = free_feed};

enum status infer_stream(struct request *request, struct response *response, struct error *err)
{
    struct infer_feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        return error_no_memory(err, "a stream");
    feed->feed.class = &CLASS;
    feed->server = request->server;
    feed->last = &feed->first;
    atomic_init(&feed->users, 1);
    if (!push(feed, request->body)) {
        release(feed);
        return error_no_memory(err, "a stream");
    }
    response->feed = &feed->feed;
    return STATUS_OK;
}
