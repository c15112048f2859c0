// SPDX-License-Identifier: Apache-2.0
/* What a model keeps from one run to the next: variables that its signatures write. One copy per
 * servable, under a lock; a run works on a copy of its own and gives back what it changed when it
 * went well. Runs that change something come one after another; those that only read do not wait
 * for each other's computing. Models without such variables never come here. */
#include <stdlib.h>

#include "base/text.h"
#include "engine/internal.h"

static bool buffer_hold(struct state_buffer *buffer, const struct tensor *tensor)
{
    size_t bytes = tensor_bytes(tensor);
    void *data = buffer->tensor.data;

    if (bytes > buffer->capacity || !data) {
        data = realloc(data, bytes ? bytes : 1);
        if (!data)
            return false;
        buffer->capacity = bytes;
    }
    if (bytes)
        memcpy(data, tensor->data, bytes);
    buffer->tensor = *tensor;
    buffer->tensor.data = data;
    return true;
}

static void buffers_free(struct state_buffer *buffers, size_t count)
{
    for (size_t i = 0; buffers && i < count; i++)
        free(buffers[i].tensor.data);
    free(buffers);
}

/* --- of the servable --- */

enum status states_make(struct native *native, struct error *err)
{
    const struct graph *graph = native->graph;

    if (!graph->state_count)
        return STATUS_OK;
    native->states = calloc(1, sizeof *native->states);
    if (native->states)
        native->states->buffers = calloc(graph->state_count, sizeof(struct state_buffer));
    if (!native->states || !native->states->buffers)
        return error_no_memory(err, "the variables");
    pthread_mutex_init(&native->states->lock, NULL);
    for (; native->states->count < graph->state_count; native->states->count++)
        if (!buffer_hold(&native->states->buffers[native->states->count],
                         &graph->states[native->states->count].initial))
            return error_no_memory(err, "the variables");
    return STATUS_OK;
}

void states_free(struct states *states)
{
    if (!states)
        return;
    if (states->buffers)
        pthread_mutex_destroy(&states->lock);
    buffers_free(states->buffers, states->count);
    free(states);
}

/* --- of a session --- */

static enum status session_room(struct native_session *session, struct error *err)
{
    const struct graph *graph = session_native(session)->graph;
    size_t most = 1;

    if (session->run_tensors)
        return STATUS_OK;
    for (size_t s = 0; s < graph->signature_count; s++) {
        const struct graph_signature *signature = &graph->signatures[s];

        if (signature->input_count + signature->output_count > most)
            most = signature->input_count + signature->output_count;
    }
    session->run_tensors = arena_new(&session->keep, struct tensor, most);
    session->copies = calloc(graph->state_count, sizeof(struct state_buffer));
    return session->run_tensors && session->copies ? STATUS_OK
                                                   : error_no_memory(err, "the variables");
}

void session_states_free(struct native_session *session)
{
    if (session->copies)
        buffers_free(session->copies, session_native(session)->states->count);
}

/* The copies of what this signature reads, as its last inputs. */
static enum status states_take(struct native_session *session,
                               const struct graph_signature *signature, struct tensor *inputs,
                               struct error *err)
{
    const struct states *states = session_native(session)->states;

    for (size_t i = 0; i < signature->state_in_count; i++) {
        uint32_t number = signature->states_in[i];

        if (!buffer_hold(&session->copies[number], &states->buffers[number].tensor))
            return error_no_memory(err, "the variables");
        inputs[i] = session->copies[number].tensor;
    }
    return STATUS_OK;
}

static bool fits(const struct shape *shape, const struct shape *declared)
{
    if (declared->rank < 0)
        return true;
    for (int d = 0; d < shape->rank && shape->rank == declared->rank; d++)
        if (declared->dims[d] >= 0 && declared->dims[d] != shape->dims[d])
            return false;
    return shape->rank == declared->rank;
}

/* All or nothing: a run that fails changes nothing. */
static enum status states_give(const struct native_session *session,
                               const struct graph_signature *signature,
                               const struct tensor *outputs, struct error *err)
{
    const struct native *native = session_native(session);
    char shape[SHAPE_PRINT_SIZE], declared[SHAPE_PRINT_SIZE];

    for (size_t i = 0; i < signature->state_out_count; i++) {
        const struct graph_state *state = &native->graph->states[signature->states_out[i]];

        if (!fits(&outputs[i].shape, &state->shape))
            return error_set(err, STATUS_INVALID_INPUT,
                             "variable '%.64s' would become %s, but it is %s", state->name,
                             shape_print(&outputs[i].shape, shape, sizeof shape),
                             shape_print(&state->shape, declared, sizeof declared));
    }
    for (size_t i = 0; i < signature->state_out_count; i++)
        if (!buffer_hold(&native->states->buffers[signature->states_out[i]], &outputs[i]))
            return error_no_memory(err, "the variables");
    return STATUS_OK;
}

static enum status run(struct native_session *session, size_t signature,
                       const struct graph_signature *stored, struct tensor *inputs,
                       struct tensor *outputs, struct error *err)
{
    struct states *states = session_native(session)->states;
    bool writes = stored->state_out_count > 0;
    struct plan *plan;
    enum status status;

    pthread_mutex_lock(&states->lock);
    status =
        states_take(session, stored, &inputs[stored->input_count - stored->state_in_count], err);
    if (!writes)
        pthread_mutex_unlock(&states->lock);
    if (!status)
        status = session_plan(session, signature, inputs, &plan, err);
    if (!status) {
        session->last = plan;
        status = plan_execute(session, plan, inputs, outputs, err);
    }
    if (!status && writes)
        status = states_give(session, stored,
                             &outputs[stored->output_count - stored->state_out_count], err);
    if (writes)
        pthread_mutex_unlock(&states->lock);
    return status;
}

enum status states_run(struct native_session *session, size_t signature,
                       const struct tensor *inputs, struct tensor *outputs, struct error *err)
{
    const struct graph_signature *stored = session->recipes[signature].signature;
    size_t visible = stored->input_count - stored->state_in_count;
    struct tensor *in, *out;

    TRY(session_room(session, err));
    in = session->run_tensors;
    out = in + stored->input_count;
    if (visible)
        memcpy(in, inputs, visible * sizeof *in);
    TRY(run(session, signature, stored, in, out, err));
    visible = stored->output_count - stored->state_out_count;
    if (visible)
        memcpy(outputs, out, visible * sizeof *out);
    return STATUS_OK;
}
