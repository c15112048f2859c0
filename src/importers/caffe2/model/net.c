// SPDX-License-Identifier: Apache-2.0
#include "importers/caffe2/internal.h"

#include "base/text.h"

enum dtype caffe2_dtype(int64_t code)
{
    static const enum dtype DTYPES[] = {
        [1] = DTYPE_F32,  [2] = DTYPE_I32,  [3] = DTYPE_U8,   [4] = DTYPE_STRING,
        [5] = DTYPE_BOOL, [6] = DTYPE_U8,   [7] = DTYPE_I8,   [8] = DTYPE_U16,
        [9] = DTYPE_I16,  [10] = DTYPE_I64, [12] = DTYPE_F16, [13] = DTYPE_F64,
    };

    return code >= 0 && code < (int64_t)ARRAY_COUNT(DTYPES) ? DTYPES[code] : DTYPE_NONE;
}

static enum status argument_read(struct protobuf message, struct caffe2_argument *argument,
                                 struct arena *keep, struct error *err)
{
    struct protobuf_field field;

    *argument = (struct caffe2_argument){.name = "", .message = message};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 1:
            TRY(protobuf_text(&field, &argument->name, keep, err));
            break;
        case 2:
            TRY(protobuf_f32(&field, &argument->f, err));
            argument->has_f = true;
            break;
        case 3:
            TRY(protobuf_i64(&field, &argument->i, err));
            argument->has_i = true;
            break;
        case 4:
            TRY(protobuf_bytes(&field, &argument->s, err));
            argument->has_s = true;
            break;
        }
    }
}

/* The strings of field `number`. */
static enum status names_read(const struct protobuf *message, uint32_t number, const char ***names,
                              size_t *count, struct arena *keep, struct error *err)
{
    struct bytes *texts;

    TRY(protobuf_all_bytes(message, number, &texts, count, keep, err));
    *names = arena_new(keep, const char *, *count);
    if (!*names)
        return error_no_memory(err, "a net");
    for (size_t i = 0; i < *count; i++) {
        if (memchr(texts[i].data, 0, texts[i].size) || !text_is_utf8(texts[i]))
            return error_set(err, STATUS_INVALID_INPUT, "the name of a blob is no text");
        (*names)[i] = arena_text(keep, texts[i]);
        if (!(*names)[i])
            return error_no_memory(err, "a net");
    }
    return STATUS_OK;
}

static enum status operator_read(struct protobuf message, struct caffe2_operator *op,
                                 struct arena *keep, struct error *err)
{
    struct protobuf inner;
    struct protobuf_field field;
    size_t count;

    *op = (struct caffe2_operator){.type = "", .name = ""};
    TRY(names_read(&message, 1, &op->inputs, &op->input_count, keep, err));
    TRY(names_read(&message, 2, &op->outputs, &op->output_count, keep, err));
    TRY(protobuf_count(&message, 5, &count, err));
    op->arguments = arena_new(keep, struct caffe2_argument, count);
    if (!op->arguments)
        return error_no_memory(err, "a net");
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 3:
            TRY(protobuf_text(&field, &op->name, keep, err));
            break;
        case 4:
            TRY(protobuf_text(&field, &op->type, keep, err));
            break;
        case 5:
            TRY(protobuf_message(&field, &inner, err));
            TRY(argument_read(inner, &op->arguments[op->argument_count++], keep, err));
            break;
        }
    }
}

enum status caffe2_net_read(struct bytes bytes, struct caffe2_net *net, struct arena *keep,
                            struct error *err)
{
    struct protobuf message = protobuf_over(bytes), inner;
    struct protobuf_field field;
    size_t count;

    *net = (struct caffe2_net){.name = ""};
    TRY(names_read(&message, 7, &net->inputs, &net->input_count, keep, err));
    TRY(names_read(&message, 8, &net->outputs, &net->output_count, keep, err));
    TRY(protobuf_count(&message, 2, &count, err));
    net->operators = arena_new(keep, struct caffe2_operator, count);
    if (!net->operators)
        return error_no_memory(err, "a net");
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_text(&field, &net->name, keep, err));
        if (field.number != 2)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        if (operator_read(inner, &net->operators[net->operator_count], keep, err))
            return error_within(err, "operator %zu", net->operator_count);
        net->operator_count++;
    }
}
