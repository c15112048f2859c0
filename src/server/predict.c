// SPDX-License-Identifier: Apache-2.0
#include "server/predict.h"

#include "base/map.h"
#include "base/text.h"
#include "server/internal.h"

enum status prediction_signature(struct prediction *p, const char *name, struct error *err)
{
    const struct contract *contract = loaded_contract(p->loaded);

    TRY(contract_signature(contract, name, &p->index, err));
    p->signature = &contract->signatures[p->index];
    if (p->signature->reason)
        return error_set(err, STATUS_UNSUPPORTED, "signature '%s': %s", p->signature->name,
                         p->signature->reason);
    return STATUS_OK;
}

static enum status bind_inputs(struct prediction *p, struct error *err)
{
    struct arena *arena = request_arena(p->request);

    p->inputs = arena_new(arena, struct tensor, p->signature->input_count);
    p->outputs = arena_new(arena, struct tensor, p->signature->output_count);
    if (!p->inputs || !p->outputs)
        return error_no_memory(err, "a request");
    return contract_bind(p->signature, p->given, p->given_count, p->inputs, arena, err);
}

static enum status check_time(const struct prediction *p, struct error *err)
{
    uint64_t waited = clock_ns() - p->request->received_ns;

    if (p->timeout_us <= 0 || waited / 1000 <= (uint64_t)p->timeout_us)
        return STATUS_OK;
    return error_set(err, STATUS_DEADLINE, "the request's timeout of %lld us has passed",
                     (long long)p->timeout_us);
}

/* Until when the run may take: the server's limit, or the request's own. */
static uint64_t deadline_ns(const struct prediction *p)
{
    uint64_t allowed = (uint64_t)p->request->server->settings.request_timeout_ms * 1000000;

    if (p->timeout_us > 0 && (uint64_t)p->timeout_us < allowed / 1000)
        allowed = (uint64_t)p->timeout_us * 1000;
    allowed += p->request->received_ns;
    return p->request->deadline_ns && p->request->deadline_ns < allowed ? p->request->deadline_ns
                                                                        : allowed;
}

/* Requests of one key get the same variant of an application. 0: any. */
static uint64_t sticky_key(const struct request *request, const struct loaded *loaded)
{
    struct bytes key;

    if (!request_header(request, loaded_sticky_header(loaded), &key) || !key.size)
        return 0;
    return bytes_hash(key) | 1;
}

static enum status run(struct prediction *p, struct session *session, struct error *err)
{
    enum status status;

    session->team = p->request->server->team;
    session->deadline_ns = deadline_ns(p);
    session->cancelled = p->request->cancelled;
    session->sticky = sticky_key(p->request, p->loaded);
    status = session_run(session, p->index, p->inputs, p->outputs, err);
    session->cancelled = NULL; /* it goes with the request */
    return status;
}

static enum status predict(struct prediction *p, const struct prediction_wire *wire,
                           struct error *err)
{
    struct session *session = loaded_session(p->loaded, p->request->executor->index);

    if (!session)
        return error_no_memory(err, "a session");
    TRY(wire->parse(p, err));
    TRY(check_time(p, err));
    TRY(bind_inputs(p, err));
    TRY(run(p, session, err));
    return wire->answer(p, err);
}

static uint64_t count_rows(const struct prediction *p)
{
    return p->signature->input_count && p->inputs[0].shape.rank > 0
               ? (uint64_t)p->inputs[0].shape.dims[0]
               : 1;
}

/* Would it hold up an I/O thread? Nobody knows before the first run. */
static bool takes_long(const struct request *request, const struct loaded *loaded)
{
    double cost = loaded_cost_us(loaded, request->body.size);

    return cost < 0 || cost > (double)request->server->settings.inline_us;
}

enum status prediction_handle(struct request *request, struct response *response,
                              struct bytes model, struct bytes version,
                              const struct prediction_wire *wire, struct error *err)
{
    struct prediction p = {.request = request, .response = response, .state = wire->state};
    uint64_t began;
    enum status status;

    TRY(model_access_named(request, model, version, true, &p.loaded, err));
    if (!p.loaded)
        return STATUS_OK;
    if (loaded_waits(p.loaded) && !request->executor->waits) {
        model_release(request);
        return request_later(request, LATER_WAITING);
    }
    if (request->executor->io && takes_long(request, p.loaded)) {
        model_release(request);
        return request_later(request, LATER_COMPUTE);
    }
    began = request->executor->io ? request->received_ns : clock_ns();
    status = predict(&p, wire, err);
    if (status == STATUS_OK)
        loaded_ran(p.loaded, request->body.size, count_rows(&p), began, clock_ns());
    else
        loaded_failed(request->server->models, p.loaded, status);
    model_release(request);
    return status;
}
