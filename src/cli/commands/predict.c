// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/text.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/target.h"

struct predict {
    const char *signature, *output;
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
    TARGET_OPTIONS(struct predict, target),
    {0},
};

enum { INPUT_MEMORY_SHIFT = 36 };

static enum status answer(const struct predict *predict, const struct target *target,
                          const struct signature *signature, const struct tensor *outputs,
                          struct text *text, struct error *err)
{
    if (predict->output)
        TRY(answer_files(signature, outputs, predict->output, err));
    if (predict->json)
        answer_json(signature, outputs, target->name, target->version, text);
    else if (!predict->output)
        answer_table(signature, outputs, output_is_terminal(), text);
    return STATUS_OK;
}

static enum status call(const struct predict *predict, const struct target *target,
                        const struct inputs *inputs, struct arena *keep, struct text *text,
                        struct error *err)
{
    const struct contract *contract = target->servable->contract;
    const char *name = predict->signature ? predict->signature : inputs->signature;
    struct session *session;
    struct tensor *bound, *outputs;
    enum status status;
    size_t index;

    TRY(contract_signature(contract, name, &index, err));
    if (contract->signatures[index].reason)
        return error_set(err, STATUS_UNSUPPORTED, "%s", contract->signatures[index].reason);
    TRY(inputs_bind(inputs, &contract->signatures[index], &bound, keep, err));
    outputs = arena_new(keep, struct tensor, contract->signatures[index].output_count);
    session = servable_session(target->servable);
    if (!outputs || !session) {
        if (session)
            session_free(session);
        return error_no_memory(err, "a session");
    }
    status = session_run(session, index, bound, outputs, err);
    if (!status)
        status = answer(predict, target, &contract->signatures[index], outputs, text, err);
    session_free(session);
    return status;
}

static int run(int argc, char **argv)
{
    struct predict predict = {0};
    struct arguments arguments = {0};
    struct target target = {0};
    struct inputs inputs = {0};
    struct arena keep;
    struct text text = {0};
    struct error err = {0};
    const char *name = "a model";
    enum status status = options_parse(OPTIONS, argc, argv, 1, 1, &predict, &arguments, &err);

    arena_init(&keep, (size_t)1 << INPUT_MEMORY_SHIFT);
    if (!status) {
        name = arguments.items[0];
        status = target_open(name, &predict.target, &target, &err);
    }
    if (!status)
        status = inputs_open(predict.inputs.items, predict.inputs.count, &inputs, &keep, &err);
    if (!status)
        status = call(&predict, &target, &inputs, &keep, &text, &err);
    inputs_close(&inputs);
    target_close(&target);
    arena_release(&keep);
    arguments_release(&arguments);
    if (status) {
        text_release(&text);
        return output_error(&err, "predict with \"%s\"", name);
    }
    return output_text(&text);
}

const struct command command_predict = {
    .name = "predict",
    .usage = "predict TARGET [--signature NAME] [--input [NAME=]FILE]... [--json | --output DIR]",
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
