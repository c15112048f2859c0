// SPDX-License-Identifier: Apache-2.0
/* TensorFlow Serving's predictions from tf.train.Example: Classify, Regress, MultiInference. A
 * signature with one input of strings gets the examples as they are, as TensorFlow's own parse
 * them; others get their features by name. */
#include <stdio.h>

#include "formats/tensorflow/example.h"
#include "server/internal.h"
#include "server/tensorflow.h"

enum { EXAMPLES_MAX = 1 << 20, LABEL_SIZE = 64 };

/* --- Input {example_list 1 {examples 1} | example_list_with_context 2 {examples 1, context 2}} ---
 */

struct examples {
    struct bytes *list; /* (count,) messages */
    size_t count;
};

/* The context's features belong to each example: messages merge by standing behind each other. */
static enum status context_add(struct examples *examples, struct bytes context, struct arena *arena,
                               struct error *err)
{
    for (size_t i = 0; context.size && i < examples->count; i++) {
        size_t size = context.size + examples->list[i].size;
        uint8_t *both = arena_alloc(arena, size, 1);

        if (!both)
            return error_no_memory(err, "examples");
        memcpy(both, context.data, context.size);
        if (examples->list[i].size)
            memcpy(both + context.size, examples->list[i].data, examples->list[i].size);
        examples->list[i] = (struct bytes){both, size};
    }
    return STATUS_OK;
}

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
            return context_add(examples, context, arena, err);
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
    if (examples->count == 0)
        return error_set(err, STATUS_INVALID_INPUT, "the input has no examples");
    if (examples->count > EXAMPLES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%zu examples, at most %d", examples->count,
                         EXAMPLES_MAX);
    return STATUS_OK;
}

/* --- features as tensors --- */

static enum status feature_of(const struct examples *examples, size_t i, const char *name,
                              struct feature_list *feature, struct error *err)
{
    const struct bytes key = bytes_of(name);

    if (example_features(examples->list[i], &key, 1, feature, err))
        return error_within(err, "example %zu", i);
    return STATUS_OK;
}

/* Values of one example: what the field's dimensions behind the first say, or those of the first
 * example. */
static size_t values_each(const struct field *field, const struct feature_list *first)
{
    size_t each = 1;

    for (int d = 1; d < field->shape.rank; d++) {
        if (field->shape.dims[d] < 0)
            return first->count;
        each *= (size_t)field->shape.dims[d];
    }
    return field->shape.rank < 0 ? first->count : each;
}

static struct shape shape_for(const struct field *field, size_t examples, size_t each)
{
    struct shape shape = field->shape;
    size_t free_dims = 0;

    for (int d = 1; d < shape.rank; d++)
        free_dims += shape.dims[d] < 0;
    if (shape.rank == 1 || (shape.rank < 0 && each == 1))
        return SHAPE((int64_t)examples);
    if (shape.rank < 1 || free_dims)
        return SHAPE((int64_t)examples, (int64_t)each);
    shape.dims[0] = (int64_t)examples;
    return shape;
}

/* *given has no dtype when no example has the feature and the field is optional. */
static enum status field_read(const struct examples *examples, const struct field *field,
                              struct given *given, struct arena *arena, struct error *err)
{
    struct feature_list feature;
    struct shape shape;
    size_t each, size;

    *given = (struct given){.name = field->name};
    TRY(feature_of(examples, 0, field->name, &feature, err));
    if (feature.dtype == DTYPE_NONE && field->optional)
        return STATUS_OK;
    each = values_each(field, &feature);
    shape = shape_for(field, examples->count, each);
    if (feature.dtype != DTYPE_NONE) {
        TRY(shape_check(&shape, feature.dtype, SIZE_MAX / 2, NULL, err));
        TRY(tensor_new(&given->tensor, feature.dtype, &shape, arena, err));
    }
    size = each * dtype_size(feature.dtype);
    for (size_t i = 0; i < examples->count; i++) {
        if (i)
            TRY(feature_of(examples, i, field->name, &feature, err));
        if (feature.dtype == DTYPE_NONE)
            return error_set(err, STATUS_INVALID_INPUT, "example %zu has no feature '%.64s'", i,
                             field->name);
        if (feature.dtype != given->tensor.dtype || feature.count != each)
            return error_set(err, STATUS_INVALID_INPUT,
                             "example %zu has %zu %s as '%.64s', not %zu %s", i, feature.count,
                             dtype_name(feature.dtype), field->name, each,
                             dtype_name(given->tensor.dtype));
        TRY(feature_values(&feature, (char *)given->tensor.data + i * size, err));
    }
    return STATUS_OK;
}

/* Does the signature take examples as they are? */
static enum status takes_examples(const struct signature *signature,
                                  const struct examples *examples, bool *takes, struct error *err)
{
    struct feature_list feature;

    *takes = signature->input_count == 1 && signature->inputs[0].dtype == DTYPE_STRING;
    if (!*takes)
        return STATUS_OK;
    TRY(feature_of(examples, 0, signature->inputs[0].name, &feature, err));
    *takes = feature.dtype == DTYPE_NONE;
    return STATUS_OK;
}

static enum status parse(struct prediction *p, struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct examples *examples = arena_new(arena, struct examples, 1);
    struct model_spec spec;
    struct given *given;
    bool takes;

    if (!examples)
        return error_no_memory(err, "examples");
    TRY(model_spec_read(p->request, p->request->body, 1, &spec, err));
    TRY(model_spec_signature(p, &spec, err));
    TRY(examples_read(p->request, examples, err));
    p->state = examples;
    TRY(takes_examples(p->signature, examples, &takes, err));
    given = arena_new(arena, struct given, p->signature->input_count);
    if (!given)
        return error_no_memory(err, "a request");
    p->given = given;
    if (takes) {
        given[p->given_count++] =
            (struct given){p->signature->inputs[0].name,
                           {DTYPE_STRING, SHAPE((int64_t)examples->count), examples->list, NULL}};
        return STATUS_OK;
    }
    for (size_t i = 0; i < p->signature->input_count; i++) {
        TRY(field_read(examples, &p->signature->inputs[i], &given[p->given_count], arena, err));
        p->given_count += given[p->given_count].tensor.dtype != DTYPE_NONE;
    }
    return STATUS_OK;
}

static size_t example_count(const struct prediction *p)
{
    return ((const struct examples *)p->state)->count;
}

/* --- Classify: {result 1 {classifications 1 {classes 1 {label 1, score 2}}}, model_spec 2} --- */

struct classification {
    const struct tensor *labels;  /* strings (examples, classes); or NULL */
    const struct tensor *scores;  /* (examples, classes); or NULL */
    const struct tensor *classes; /* (classes,): labels of all examples; or NULL */
};

static bool is_rows(const struct prediction *p, const struct tensor *tensor)
{
    return tensor->shape.rank >= 1 && tensor->shape.rank <= 2 &&
           (size_t)tensor->shape.dims[0] == example_count(p);
}

static size_t columns(const struct tensor *tensor)
{
    return tensor->shape.rank == 2 ? (size_t)tensor->shape.dims[1] : 1;
}

/* "classes" and "scores", as TensorFlow calls them; else the first matrix of numbers, with the
 * classes that the contract knows. */
static enum status classification_find(const struct prediction *p, struct classification *found,
                                       struct error *err)
{
    *found = (struct classification){0};
    for (size_t i = 0; i < p->signature->output_count; i++) {
        const struct field *field = &p->signature->outputs[i];
        const struct tensor *output = &p->outputs[i];

        if (!is_rows(p, output))
            continue;
        if (strcmp(field->name, "classes") == 0 && output->dtype == DTYPE_STRING)
            found->labels = output;
        if (!dtype_is_float(output->dtype) || output->shape.rank != 2)
            continue;
        if (found->scores && strcmp(field->name, "scores") != 0)
            continue;
        found->scores = output;
        found->classes = field->classes && tensor_count(field->classes) == columns(output)
                             ? field->classes
                             : NULL;
    }
    if (!found->labels && !found->scores)
        return error_set(err, STATUS_INVALID_INPUT,
                         "signature '%s' is no classification: it has neither classes nor scores "
                         "for each example",
                         p->signature->name);
    if (found->labels && found->scores && columns(found->labels) != columns(found->scores))
        found->scores = NULL;
    return STATUS_OK;
}

static void write_label(struct text *text, const struct tensor *labels, size_t i)
{
    char buffer[LABEL_SIZE];

    if (labels->dtype == DTYPE_STRING) {
        protobuf_write_bytes(text, 1, ((const struct bytes *)labels->data)[i]);
        return;
    }
    if (dtype_is_float(labels->dtype))
        snprintf(buffer, sizeof buffer, "%.17g", tensor_f64(labels, i));
    else
        snprintf(buffer, sizeof buffer, "%lld", (long long)tensor_i64(labels, i));
    protobuf_write_text(text, 1, buffer);
}

static enum status classify_answer(struct prediction *p, struct error *err)
{
    struct text *text = &p->response->body;
    struct classification c;
    size_t result = protobuf_write_begin(text), row, class, count;

    TRY(classification_find(p, &c, err));
    count = columns(c.labels ? c.labels : c.scores);
    for (size_t i = 0; i < example_count(p); i++) {
        row = protobuf_write_begin(text);
        for (size_t k = 0; k < count; k++) {
            class = protobuf_write_begin(text);
            if (c.labels)
                write_label(text, c.labels, i * count + k);
            else if (c.classes)
                write_label(text, c.classes, k);
            if (c.scores)
                protobuf_write_f32(text, 2, (float)tensor_f64(c.scores, i * count + k));
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
    const struct tensor *values = NULL;
    size_t result = protobuf_write_begin(text), row;

    for (size_t i = 0; i < p->signature->output_count && !values; i++)
        if (dtype_is_float(p->outputs[i].dtype) && is_rows(p, &p->outputs[i]) &&
            columns(&p->outputs[i]) == 1)
            values = &p->outputs[i];
    if (!values)
        return error_set(err, STATUS_INVALID_INPUT,
                         "signature '%s' is no regression: it has no number for each example",
                         p->signature->name);
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
