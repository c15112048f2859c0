// SPDX-License-Identifier: Apache-2.0
#include "loading/adapt.h"

#include <stdlib.h>

#include "base/text.h"
#include "tensor/convert.h"

struct adapted {
    struct servable base;
    struct servable *inner;
};

struct adapted_session {
    struct session base;
    struct session *inner;
    struct arena arena;     /* of one run's converted tensors */
    struct tensor *tensors; /* inputs and outputs of the largest signature */
};

static size_t most_fields(const struct contract *contract)
{
    size_t most = 0;

    for (size_t i = 0; i < contract->count; i++) {
        const struct signature *s = &contract->signatures[i];
        most = s->input_count + s->output_count > most ? s->input_count + s->output_count : most;
    }
    return most;
}

static void adapted_free(struct servable *servable)
{
    struct adapted *adapted = (struct adapted *)servable;

    servable_free(adapted->inner);
    free(adapted);
}

static void adapted_session_free(struct session *base)
{
    struct adapted_session *session = (struct adapted_session *)base;

    session_free(session->inner);
    arena_release(&session->arena);
    free(session->tensors);
    free(session);
}

static struct session *adapted_session_new(struct servable *servable)
{
    struct adapted *adapted = (struct adapted *)servable;
    struct adapted_session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->base.servable = servable;
    session->inner = servable_session(adapted->inner);
    session->tensors = calloc(most_fields(servable->contract) + 1, sizeof *session->tensors);
    arena_init(&session->arena, (size_t)1 << 36);
    if (session->inner && session->tensors)
        return &session->base;
    adapted_session_free(&session->base);
    return NULL;
}

/* [n,1] for [n] and back; what the shape says otherwise is the plan's to check. */
static void fit_rank(struct shape *shape, const struct shape *wanted)
{
    if (wanted->rank < 0 || wanted->rank == shape->rank)
        return;
    if (wanted->rank == 1 && shape->rank == 2 && shape->dims[1] == 1) {
        shape->rank = 1;
    } else if (wanted->rank == 2 && shape->rank == 1) {
        shape->rank = 2;
        shape->dims[1] = 1;
    }
}

static enum status convert(const struct tensor *from, const struct field *to, struct tensor *result,
                           struct arena *arena, struct error *err)
{
    char name[TEXT_QUOTE_SIZE];

    *result = *from;
    fit_rank(&result->shape, &to->shape);
    if (from->dtype == to->dtype || from->dtype == DTYPE_NONE || to->dtype == DTYPE_NONE)
        return STATUS_OK;
    if (tensor_new(result, to->dtype, &result->shape, arena, err) ||
        tensor_convert(from, result, err))
        return error_within(err, "\"%s\"", text_quote(bytes_of(to->name), name, sizeof name));
    return STATUS_OK;
}

static enum status adapted_run(struct session *base, size_t index, const struct tensor *inputs,
                               struct tensor *outputs, struct error *err)
{
    struct adapted_session *session = (struct adapted_session *)base;
    const struct signature *face, *model;
    struct tensor *to = session->tensors, *from;

    if (index >= base->servable->contract->count)
        return error_set(err, STATUS_NOT_FOUND, "there is no signature %zu", index);
    face = &base->servable->contract->signatures[index];
    model = &session->inner->servable->contract->signatures[index];
    from = to + model->input_count;
    session->inner->team = base->team;
    session->inner->deadline_ns = base->deadline_ns;
    session->inner->cancelled = base->cancelled;
    arena_reset(&session->arena);
    for (size_t i = 0; i < model->input_count; i++)
        TRY(convert(&inputs[i], &model->inputs[i], &to[i], &session->arena, err));
    TRY(session_run(session->inner, index, to, from, err));
    for (size_t i = 0; i < model->output_count; i++)
        TRY(convert(&from[i], &face->outputs[i], &outputs[i], &session->arena, err));
    return STATUS_OK;
}

static double adapted_estimate_us(struct session *base, size_t index, const struct tensor *inputs)
{
    struct adapted_session *session = (struct adapted_session *)base;
    const struct signature *model;

    if (index >= base->servable->contract->count)
        return -1;
    model = &session->inner->servable->contract->signatures[index];
    for (size_t i = 0; i < model->input_count; i++) {
        session->tensors[i] = inputs[i];
        session->tensors[i].dtype = model->inputs[i].dtype;
        fit_rank(&session->tensors[i].shape, &model->inputs[i].shape);
    }
    return session_estimate_us(session->inner, index, session->tensors);
}

static struct servable_account adapted_account(const struct servable *servable)
{
    return servable_account(((const struct adapted *)servable)->inner);
}

static const struct servable_class ADAPTED = {
    .name = "native",
    .free = adapted_free,
    .session_new = adapted_session_new,
    .session_free = adapted_session_free,
    .run = adapted_run,
    .estimate_us = adapted_estimate_us,
    .account = adapted_account,
};

enum status adapted_servable(struct servable *inner, const struct contract *face,
                             struct servable **servable, struct error *err)
{
    struct adapted *adapted = calloc(1, sizeof *adapted);

    if (!adapted) {
        servable_free(inner);
        return error_no_memory(err, "a model");
    }
    *adapted = (struct adapted){{&ADAPTED, face, inner->waits}, inner};
    *servable = &adapted->base;
    return STATUS_OK;
}

struct session *adapted_inner(struct session *session)
{
    return session->servable->class == &ADAPTED ? ((struct adapted_session *)session)->inner
                                                : session;
}

/* --- does the face fit? --- */

static bool convertible(const struct field *face, const struct field *model)
{
    int a = face->shape.rank, b = model->shape.rank;
    bool shapes = a < 0 || b < 0 || a == b || a + b == 3;

    return shapes && (face->dtype == model->dtype || (dtype_kind(face->dtype) != KIND_STRING &&
                                                      dtype_kind(model->dtype) != KIND_STRING));
}

static enum status fields_fit(const struct signature *signature, const struct field *face,
                              size_t face_count, const struct field *model, size_t model_count,
                              bool *same, struct error *err)
{
    char name[TEXT_QUOTE_SIZE], field[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(signature->name), name, sizeof name);
    if (face_count != model_count)
        return error_set(err, STATUS_CONFLICT,
                         "signature \"%s\" is stored with %zu fields, but the file has %zu now",
                         name, face_count, model_count);
    for (size_t i = 0; i < face_count; i++) {
        if (!convertible(&face[i], &model[i]))
            return error_set(err, STATUS_CONFLICT,
                             "field \"%s\" of \"%s\" is stored with another type",
                             text_quote(bytes_of(face[i].name), field, sizeof field), name);
        *same =
            *same && face[i].dtype == model[i].dtype && face[i].shape.rank == model[i].shape.rank;
    }
    return STATUS_OK;
}

enum status contract_fits(const struct contract *face, const struct contract *model, bool *same,
                          struct error *err)
{
    *same = true;
    if (face->count != model->count)
        return error_set(err, STATUS_CONFLICT,
                         "%zu signatures are stored, but the file has %zu now", face->count,
                         model->count);
    for (size_t i = 0; i < face->count; i++) {
        const struct signature *a = &face->signatures[i], *b = &model->signatures[i];
        if (strcmp(a->name, b->name) != 0)
            return error_set(err, STATUS_CONFLICT, "signature %zu is stored under another name", i);
        TRY(fields_fit(a, a->inputs, a->input_count, b->inputs, b->input_count, same, err));
        TRY(fields_fit(a, a->outputs, a->output_count, b->outputs, b->output_count, same, err));
    }
    return STATUS_OK;
}
