// SPDX-License-Identifier: Apache-2.0
#include "engine/servable.h"

struct session *servable_session(struct servable *servable)
{
    return servable->class->session_new(servable);
}

void session_free(struct session *session)
{
    if (session)
        session->servable->class->session_free(session);
}

enum status session_run(struct session *session, size_t signature, const struct tensor *inputs,
                        struct tensor *outputs, struct error *err)
{
    return session->servable->class->run(session, signature, inputs, outputs, err);
}

double session_estimate_us(struct session *session, size_t signature, const struct tensor *inputs)
{
    return session->servable->class->estimate_us(session, signature, inputs);
}

void servable_free(struct servable *servable)
{
    if (servable)
        servable->class->free(servable);
}

struct servable_account servable_account(const struct servable *servable)
{
    return servable->class->account(servable);
}

bool servable_count(const struct servable *servable, size_t index, struct servable_count *count)
{
    return servable->class->count && servable->class->count(servable, index, count);
}
