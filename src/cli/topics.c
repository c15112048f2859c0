// SPDX-License-Identifier: Apache-2.0
#include "cli/topics.h"

#include <stdlib.h>

#include "filters/filter.h"
#include "gen/importers.h"
#include "importers/importer.h"
#include "monitoring/metrics.h"
#include "ops/op.h"
#include "server/route.h"
#include "server/settings.h"
#include "tensor/tensor.h"

static void exit_codes(struct text *text)
{
    text_append(text, "  0  done\n");
#define STATUS(name, http, grpc, exit, meaning, fix)                                               \
    text_printf(text, "%3d  %-16s  %s\n", exit, meaning, fix);
#include "base/status.def"
#undef STATUS
}

static void formats(struct text *text)
{
    static const char *const RECOGNISED[] = {
#define FILE_FORMAT(format, framework, bid, check, what) what,
#define DATA_FORMAT FILE_FORMAT
#define FOLDER_FORMAT FILE_FORMAT
#include "importers/recognised/recognised.def"
#undef FILE_FORMAT
#undef DATA_FORMAT
#undef FOLDER_FORMAT
    };

    text_append(text, "What a file is follows from its content, never from its name.\n\nserved\n");
    for (size_t i = 0; IMPORTERS[i]; i++)
        if (strcmp(IMPORTERS[i]->name, "recognised") != 0)
            text_printf(text, "  %-16s  %s\n", IMPORTERS[i]->name, IMPORTERS[i]->summary);
    text_append(text, "\nrecognised, not yet served\n");
    for (size_t i = 0; i < ARRAY_COUNT(RECOGNISED); i++)
        text_printf(text, "  %s\n", RECOGNISED[i]);
}

static void types(struct text *text)
{
    text_append(text, "Types of fields; the sizes are bytes.\n\n");
    for (int i = 1; i < DTYPE_COUNT; i++)
        text_printf(text, "  %-14s  %zu\n", dtype_name((enum dtype)i), dtype_size((enum dtype)i));
}

static void inputs(struct text *text)
{
    text_append(
        text,
        "--input [NAME=]FILE, as often as needed. NAME= says which input; without it, inputs are\n"
        "taken in contract order.\n\n"
        "  .npy   one array; also numbers without a dimension, strings and booleans\n"
        "  .npz   arrays, whose names are the inputs'\n"
        "  .csv   a table, whose header names the fields; an empty cell is missing; columns that\n"
        "         the model does not use are ignored; , ; or a tab between the cells\n"
        "  .json  the body of an Open Inference request: {\"inputs\": [{\"name\", \"shape\",\n"
        "         \"datatype\", \"data\"}]}\n"
        "  an image file, as it is, for a field that takes them (the filter `image`)\n"
        "  .pb    an ONNX TensorProto; for a field that is a sequence or optional a\n"
        "         SequenceProto or OptionalProto\n"
        "  records of a TFRecord file, one string each (serialized tf.train.Examples); also\n"
        "         compressed, with gzip or zlib\n"
        "  -      JSON (or a table, or .npy) on standard input\n\n"
        "A contract of columns takes one 2-D array of all of them in contract order, too.\n");
}

static void manifest(struct text *text)
{
    text_append(
        text, "serving.yaml in the folder of a model (or --manifest FILE) declares what the file\n"
              "does not store. What it stores cannot be contradicted.\n\n"
              "  kind: Model\n"
              "  name: iris                     # the model's name; else that of the file\n"
              "  model-type: scikit-learn:1.5.2 # <framework>:<version>\n"
              "  payload:                       # what belongs to it; else everything\n"
              "    - \"model.joblib\"\n"
              "    - \"assets/*.txt\"\n"
              "  contract:\n"
              "    predict:                     # a signature\n"
              "      inputs:\n"
              "        age:                     # a field\n"
              "          shape: [-1]            # -1: any size; [] or scalar: one value\n"
              "          type: double           # `firn help types`\n"
              "          profile: numerical     # categorical, text, image, audio, none\n"
              "      outputs:\n"
              "        species: {shape: [-1], type: string, profile: categorical}\n\n"
              "`firn inspect --contract PATH` prints one to start from, `firn validate` checks "
              "one.\n\n"
              "Manifests of Hydrosphere of all generations are read, several documents in a file "
              "too:\nof a Model also description, runtime, install-command, training-data, "
              "metadata,\nmonitoring, monitoring-configuration, and a contract that is one "
              "signature (name,\ninputs, outputs), in which `float` has 64 bits as its tools had "
              "it; kind Application;\nRuntime, Environment, HostSelector, "
              "DeploymentConfiguration and Config are checked\nand not used.\n");
}

static void filters(struct text *text)
{
    text_append(
        text,
        "What stands between clients and the fields of a model, in serving.yaml, in order:\n\n"
        "  filters:\n"
        "    inputs:\n"
        "      image: [{image: {aspect: crop, scale: 1/255}}]\n"
        "    outputs:\n"
        "      scores: [softmax, {top-k: {k: 5, labels: labels.txt}}]\n\n"
        "or `firn upload net.onnx --filter 'scores: [softmax, top-k]'`. Lists of texts may\n"
        "be the name of a file in the folder of the model, with one a line.\n");
    for (size_t i = 0; filter_at(i); i++) {
        const struct filter *filter = filter_at(i);

        text_printf(text, "\n  %s%s%s\n      %s\n", filter->name, filter->alias ? ", " : "",
                    filter->alias ? filter->alias : "", filter->summary);
        for (const struct filter_option *o = filter->options; o && o->name; o++)
            text_printf(text, "      %-14s %s\n", o->name, o->help);
    }
}

static void settings(struct text *text)
{
    text_append(text,
                "`firn serve --set NAME=VALUE`, or FIRN_NAME in the environment. Bytes take k, "
                "M, G;\ntimes are milliseconds, or take s, m, h.\n\n");
    for (size_t i = 0; i < SETTING_ROWS; i++)
        text_printf(text, "  %-20s  %12lld  %s\n", SETTINGS[i].name, (long long)SETTINGS[i].value,
                    SETTINGS[i].help);
}

static void http(struct text *text)
{
    for (const struct route_set *const *set = routes_all(); *set; set++) {
        text_printf(text, "%s%s\n", set == routes_all() ? "" : "\n", (*set)->summary);
        for (size_t i = 0; i < (*set)->count; i++)
            text_printf(text, "  %-6s  %-45s  %s\n", http_method_name((*set)->routes[i].method),
                        (*set)->routes[i].path, (*set)->routes[i].summary);
    }
}

static void metrics(struct text *text)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        text_printf(text, "  firn_%-30s  %-24s  %s\n", METRICS[i].name, METRICS[i].labels,
                    METRICS[i].help);
}

enum { OPERATORS_MAX = 1024 };

struct operators { /* of one domain */
    const char *domain;
    const struct op *ops[OPERATORS_MAX];
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct op *const *)a)->name, (*(const struct op *const *)b)->name);
}

static void operators_flush(struct operators *operators, struct text *text)
{
    if (operators->count)
        qsort(operators->ops, operators->count, sizeof *operators->ops, by_name);
    for (size_t i = 0; i < operators->count; i++)
        text_printf(text, "  %-26s  %s\n", operators->ops[i]->name, operators->ops[i]->summary);
    operators->count = 0;
}

struct printing {
    struct operators operators;
    struct text *text;
};

static void operators_add(const char *domain, const struct op *op, void *context)
{
    struct printing *printing = context;
    struct operators *operators = &printing->operators;

    if (!operators->domain || strcmp(operators->domain, domain) != 0) {
        operators_flush(operators, printing->text);
        text_printf(printing->text, "%s%s\n", operators->domain ? "\n" : "",
                    domain[0] ? domain : "ai.onnx");
        operators->domain = domain;
    }
    if (operators->count < OPERATORS_MAX)
        operators->ops[operators->count++] = op;
}

static void operators(struct text *text)
{
    struct printing *printing = calloc(1, sizeof *printing);

    if (!printing) {
        text->failed = true;
        return;
    }
    printing->text = text;
    op_each(operators_add, printing);
    operators_flush(&printing->operators, text);
    free(printing);
}

const struct topic TOPICS[] = {
    {"exit-codes", "what the exit codes mean", exit_codes},
    {"formats", "what can be read", formats},
    {"types", "types of fields", types},
    {"inputs", "what --input takes", inputs},
    {"manifest", "serving.yaml", manifest},
    {"filters", "what stands between clients and fields", filters},
    {"operators", "operators that there are kernels for", operators},
    {"settings", "settings of the server", settings},
    {"http", "paths of the server", http},
    {"metrics", "what /metrics shows", metrics},
    {0},
};
