// SPDX-License-Identifier: Apache-2.0
/* TensorFlow Serving's predictions from tf.train.Example: Classify, Regress, MultiInference. */
#include "server/internal.h"
#include "server/tensorflow_serving/examples.h"
#include "server/tensorflow_serving/model_spec.h"

/* --- Input {example_list 1 {examples 1} | example_list_with_context 2 {examples 1, context 2}} ---
 */

static enum status list_read(const struct protobuf_field *field, struct examples *examples,
                             struct arena *arena, struct error *err)
{
    struct protobuf message, reader;
    struct protobuf_field part;
    struct bytes context = {NULL, 0};

    TRY(protobuf_message(field, &message, err));
    TRY(protobuf_all_bytes(&message, 1, &examples->list, &examples->count, arena, err));
    if (field->number != 2)
        return STATUS_OK;
    for (reader = message;;) {
        TRY(protobuf_next(&reader, &part, err));
        if (!part.number)
            return examples_add_context(examples, context, arena, err);
        if (part.number == 2)
            TRY(protobuf_bytes(&part, &context, err));
    }
}

static enum status examples_read(struct request *request, struct examples *examples,
                                 struct error *err)
{
    struct protobuf message = protobuf_over(request->body), input;
    struct protobuf_field field, part;

    *examples = (struct examples){0};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number != 2)
            continue;
        TRY(protobuf_message(&field, &input, err));
        for (;;) {
            TRY(protobuf_next(&input, &part, err));
            if (!part.number)
                break;
            if (part.number <= 2)
                TRY(list_read(&part, examples, request_arena(request), err));
        }
    }
    return examples_check(examples, err);
}

static enum status parse(struct prediction *p, struct error *err)
{
    struct examples *examples = arena_new(request_arena(p->request), struct examples, 1);
    struct model_spec spec;

    if (!examples)
        return error_no_memory(err, "examples");
    p->state = examples;
    TRY(model_spec_read(p->request, p->request->body, 1, &spec, err));
    TRY(model_spec_signature(p, &spec, err));
    TRY(examples_read(p->request, examples, err));
    return examples_give(p, examples, err);
}

static size_t example_count(const struct prediction *p)
{
    return ((const struct examples *)p->state)->count;
}

/* --- Classify: {result 1 {classifications 1 {classes 1 {label 1, score 2}}}, model_spec 2} --- */

static enum status classify_answer(struct prediction *p, struct error *err)
{
    struct text *text = &p->response->body;
    struct classification found;
    size_t result = protobuf_write_begin(text), row, class;
    char label[LABEL_SIZE];

    TRY(classification_find(p, example_count(p), &found, err));
    for (size_t i = 0; i < example_count(p); i++) {
        row = protobuf_write_begin(text);
        for (size_t k = 0; k < found.count; k++) {
            class = protobuf_write_begin(text);
            if (found.labels || found.classes)
                protobuf_write_bytes(text, 1, classification_label(&found, i, k, label));
            if (found.scores)
                protobuf_write_f32(text, 2, classification_score(&found, i, k));
            protobuf_write_end(text, 1, class);
        }
        protobuf_write_end(text, 1, row);
    }
    protobuf_write_end(text, 1, result);
    model_spec_write(text, 2, p);
    return STATUS_OK;
}

/* --- Regress: {result 1 {regressions 1 {value 1}}, model_spec 2} --- */

static enum status regress_answer(struct prediction *p, struct error *err)
{
    struct text *text = &p->response->body;
    const struct tensor *values;
    size_t result = protobuf_write_begin(text), row;

    TRY(regression_find(p, example_count(p), &values, err));
    for (size_t i = 0; i < example_count(p); i++) {
        row = protobuf_write_begin(text);
        protobuf_write_f32(text, 1, (float)tensor_f64(values, i));
        protobuf_write_end(text, 1, row);
    }
    protobuf_write_end(text, 1, result);
    model_spec_write(text, 2, p);
    return STATUS_OK;
}

static const struct prediction_wire CLASSIFY = {parse, classify_answer},
                                    REGRESS = {parse, regress_answer};

static enum status handle(struct request *request, struct response *response,
                          const struct prediction_wire *wire, struct error *err)
{
    struct model_spec spec;

    TRY(model_spec_read(request, request->body, 1, &spec, err));
    return prediction_handle(request, response, bytes_of(spec.name), bytes_of(spec.version), wire,
                             err);
}

static enum status classify(struct request *request, struct response *response, struct error *err)
{
    return handle(request, response, &CLASSIFY, err);
}

static enum status regress(struct request *request, struct response *response, struct error *err)
{
    return handle(request, response, &REGRESS, err);
}

/* --- MultiInference: {tasks 1 {model_spec 1, method_name 2}, input 2} -> {results 1} --- */

struct inference {
    struct bytes spec, method;
};

static enum status task_read(const struct protobuf_field *field, struct inference *task,
                             struct error *err)
{
    struct protobuf message;
    struct protobuf_field part;

    *task = (struct inference){0};
    TRY(protobuf_message(field, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &part, err));
        if (!part.number)
            return STATUS_OK;
        if (part.number == 1)
            TRY(protobuf_bytes(&part, &task->spec, err));
        if (part.number == 2)
            TRY(protobuf_bytes(&part, &task->method, err));
    }
}

/* The response of one task as InferenceResult {model_spec 1, classification 2 | regression 3}. */
static enum status result_write(struct text *text, struct bytes response, bool classifies,
                                struct error *err)
{
    struct protobuf message = protobuf_over(response);
    struct protobuf_field field;
    size_t result = protobuf_write_begin(text);

    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        protobuf_write_bytes(text, field.number == 2 ? 1 : classifies ? 2 : 3, field.bytes);
    }
    protobuf_write_end(text, 1, result);
    return STATUS_OK;
}

/* As a request of its own. `body` and `single` are the caller's buffers. */
static enum status task_run(struct request *request, const struct inference *task,
                            struct bytes input, struct text *body, struct response *single,
                            struct text *out, struct error *err)
{
    bool classifies = bytes_is(task->method, "tensorflow/serving/classify");
    struct request one = *request;
    char quoted[TEXT_QUOTE_SIZE];

    if (!classifies && !bytes_is(task->method, "tensorflow/serving/regress"))
        return error_set(err, STATUS_UNSUPPORTED, "method_name '%s' is not classify or regress",
                         text_quote(task->method, quoted, sizeof quoted));
    text_clear(body);
    text_clear(&single->body);
    protobuf_write_bytes(body, 1, task->spec);
    protobuf_write_bytes(body, 2, input);
    TRY(text_check(body, err));
    one.body = text_bytes(body);
    TRY(handle(&one, single, classifies ? &CLASSIFY : &REGRESS, err));
    request->later = one.later;
    if (one.later != LATER_NO)
        return STATUS_OK;
    TRY(text_check(&single->body, err));
    return result_write(out, text_bytes(&single->body), classifies, err);
}

static enum status tasks_run(struct request *request, struct text *body, struct response *single,
                             struct text *out, struct error *err)
{
    struct protobuf message = protobuf_over(request->body), reader = message;
    struct protobuf_field field;
    struct bytes input = {NULL, 0};
    struct inference task;
    size_t tasks = 0;

    do {
        TRY(protobuf_next(&reader, &field, err));
        if (field.number == 2)
            TRY(protobuf_bytes(&field, &input, err));
    } while (field.number);
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number || request->later != LATER_NO)
            break;
        if (field.number != 1)
            continue;
        tasks++;
        TRY(task_read(&field, &task, err));
        if (task_run(request, &task, input, body, single, out, err))
            return error_within(err, "task %zu", tasks);
    }
    return tasks ? STATUS_OK : error_set(err, STATUS_INVALID_INPUT, "the request has no tasks");
}

static enum status several(struct request *request, struct response *response, struct error *err)
{
    const size_t limit = (size_t)request->server->settings.answer_bytes_max;
    struct response single = {.body.limit = limit};
    struct text body = {0};
    enum status status = tasks_run(request, &body, &single, &response->body, err);

    if (status != STATUS_OK || request->later != LATER_NO)
        text_clear(&response->body); /* it is all asked again */
    response_release(&single);
    text_release(&body);
    return status;
}

#define SERVICE "/tensorflow.serving.PredictionService/"

static const struct route ROWS[] = {
    {HTTP_POST, SERVICE "Classify", classify, "classes and scores of examples", ROUTE_GRPC},
    {HTTP_POST, SERVICE "Regress", regress, "a number for each example", ROUTE_GRPC},
    {HTTP_POST, SERVICE "MultiInference", several, "several of them for the same examples",
     ROUTE_GRPC},
};

const struct route_set routes_grpc_examples = {
    .name = "grpc_examples",
    .summary = "gRPC: TensorFlow Serving, from tf.train.Example",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
