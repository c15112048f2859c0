// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/remote_predict.h"
#include "cli/store.h"
#include "cli/target.h"

struct predict {
    const char *signature, *output, *server;
    struct option_list inputs;
    bool json;
    struct target_options target;
};

static const struct option OPTIONS[] = {
    {"input", OPTION_LIST, offsetof(struct predict, inputs), "[NAME=]FILE",
     ".npy, .npz, .csv, .json, .pb, or - for standard input; may be repeated"},
    {"signature", OPTION_TEXT, offsetof(struct predict, signature), "NAME",
     "the signature to call (the first)"},
    {"json", OPTION_FLAG, offsetof(struct predict, json), NULL, "print an Open Inference response"},
    {"output", OPTION_TEXT, offsetof(struct predict, output), "DIR", "write NAME.npy per output"},
    {"server", OPTION_TEXT, offsetof(struct predict, server), "URL",
     "TARGET is served there (FIRN_SERVER, or http://127.0.0.1:8080)"},
    TARGET_OPTIONS(struct predict, target),
    {0},
};

enum { INPUT_MEMORY_SHIFT = 36 };

static enum status answer(const struct predict *predict, const char *name, const char *version,
                          const struct signature *signature, const struct tensor *outputs,
                          struct text *text, struct error *err)
{
    if (predict->output)
        TRY(answer_files(signature, outputs, predict->output, err));
    if (predict->json || (!predict->output && answer_has_containers(signature, outputs)))
        answer_json(signature, outputs, name, version, text);
    else if (!predict->output)
        answer_table(signature, outputs, output_is_terminal(), text);
    return STATUS_OK;
}

/* --- in this process --- */

static enum status call(const struct predict *predict, const struct target *target,
                        struct inputs *inputs, struct arena *keep, struct text *text,
                        struct error *err)
{
    const struct contract *contract = target->servable->contract;
    const struct signature *signature;
    struct session *session;
    struct tensor *bound, *outputs;
    enum status status;
    size_t index;

    TRY(inputs_open(predict->inputs.items, predict->inputs.count, inputs, keep, err));
    TRY(contract_signature(contract, predict->signature ? predict->signature : inputs->signature,
                           &index, err));
    signature = &contract->signatures[index];
    if (signature->reason)
        return error_set(err, STATUS_UNSUPPORTED, "%s", signature->reason);
    TRY(inputs_bind(inputs, signature, &bound, keep, err));
    outputs = arena_new(keep, struct tensor, signature->output_count);
    session = servable_session(target->servable);
    if (session)
        session->team = target->team;
    status = outputs && session ? session_run(session, index, bound, outputs, err)
                                : error_no_memory(err, "a session");
    if (!status)
        status = answer(predict, target->name, target->version, signature, outputs, text, err);
    session_free(session);
    return status;
}

static enum status predict_here(const struct predict *predict, const char *name,
                                struct inputs *inputs, struct arena *keep, struct text *text,
                                struct error *err)
{
    struct target target = {0};
    enum status status = target_open(name, &predict->target, &target, err);

    if (!status)
        status = call(predict, &target, inputs, keep, text, err);
    target_close(&target);
    return status;
}

/* --- on a server --- */

static enum status predict_there(const struct predict *predict, const char *name,
                                 struct inputs *inputs, struct arena *keep, struct text *text,
                                 struct error *err)
{
    const char *server = store_server(predict->server);
    struct remote_answer remote = {0};
    char number[24], quoted[TEXT_QUOTE_SIZE];
    enum status status;

    TRY(inputs_open(predict->inputs.items, predict->inputs.count, inputs, keep, err));
    status = remote_predict(server, name, predict->signature, inputs, &remote, keep, err);
    if (status == STATUS_UNAVAILABLE && !predict->server && !getenv("FIRN_SERVER")) {
        status = error_set(err, STATUS_NOT_FOUND, "there is no file \"%s\", and no server at %s",
                           text_quote(bytes_of(name), quoted, sizeof quoted), server);
        error_fix(err, "check the path, give --store DIR, or start a server");
    }
    if (status)
        return status;
    snprintf(number, sizeof number, "%lld", (long long)remote.version.number);
    return answer(predict, remote.version.model, number, remote.signature, remote.outputs, text,
                  err);
}

/* A name that is no file is a model on the server. */
static bool is_there(const struct predict *predict, const char *name)
{
    return predict->server || (!predict->target.store && access(name, F_OK) != 0);
}

static int run(int argc, char **argv)
{
    struct predict predict = {0};
    struct arguments arguments = {0};
    struct inputs inputs = {0};
    struct arena keep;
    struct text text = {0};
    struct error err = {0};
    const char *name = "a model";
    enum status status = options_parse(OPTIONS, argc, argv, 1, 1, &predict, &arguments, &err);

    arena_init(&keep, (size_t)1 << INPUT_MEMORY_SHIFT);
    if (!status) {
        name = arguments.items[0];
        status = (is_there(&predict, name) ? predict_there : predict_here)(&predict, name, &inputs,
                                                                           &keep, &text, &err);
    }
    inputs_close(&inputs);
    arena_release(&keep);
    if (status) {
        int code = output_error(&err, "predict with \"%s\"", name);
        text_release(&text);
        arguments_release(&arguments);
        return code;
    }
    arguments_release(&arguments);
    return output_text(&text);
}

const struct command command_predict = {
    .name = "predict",
    .usage = "predict TARGET [--signature NAME] [--input [NAME=]FILE]... [--json | --output DIR] "
             "[--store DIR | --server URL]",
    .summary = "answer for given inputs, from a file or a stored version",
    .help = "TARGET is a path, or NAME, NAME:3 or NAME@ALIAS of a store or server.\n"
            "\n"
            "  firn predict model.joblib --input table.csv\n"
            "  firn predict iris@prod --store store --input x.npy --json\n"
            "  curl -s example/body.json | firn predict model.onnx --input -\n",
    .group = "models",
    .options = OPTIONS,
    .run = run,
};
