// SPDX-License-Identifier: Apache-2.0
/* kind: Model */
#include "contract/kinds/internal.h"

enum { PAYLOAD_MAX = 10000, MONITORS_MAX = 1000 };

static void name_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest *)into)->name);
}

static void description_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest *)into)->description);
}

static void install_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest *)into)->install_command);
}

static void training_data_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest *)into)->training_data);
}

/* "image:tag": firn needs none, but keeps what was said. */
static void runtime_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest *model = into;

    text_read(r, value, &model->runtime);
    if (model->runtime && !model->runtime[0])
        fault(r, value->line, "write it like image:tag, or leave it out", "\"runtime\" is empty");
    else if (model->runtime)
        note(r, value->line,
             "runtime is kept and not used, but for a version of Python in it: firn serves the "
             "model itself");
}

/* "<framework>:<version>" */
static void model_type_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest *model = into;
    const char *text = NULL, *colon;
    char quoted[TEXT_QUOTE_SIZE];

    text_read(r, value, &text);
    if (!text)
        return;
    colon = strchr(text, ':');
    if (!colon || colon == text || !colon[1] || strchr(colon + 1, ':'))
        fault(r, value->line, "write it like scikit-learn:1.5.2 or python:3.6",
              "model-type \"%s\" is not <framework>:<version>",
              text_quote(bytes_of(text), quoted, sizeof quoted));
    else
        model->model_type = text;
}

/* --- payload --- */

static bool leaves_folder(const char *path)
{
    if (path[0] == '/')
        return true;
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (part[0] == '.' && part[1] == '.' && (!part[2] || part[2] == '/'))
            return true;
    return false;
}

static void payload_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest *model = into;
    char quoted[TEXT_QUOTE_SIZE];
    size_t count;
    const struct yaml *items = list_read(r, value, PAYLOAD_MAX, &count);

    model->payload = ROOM(r, const char *, count);
    for (size_t i = 0; model->payload && i < count; i++) {
        if (!is_scalar(&items[i]) || !items[i].text[0])
            fault(r, items[i].line, NULL, "a path of \"payload\" is %s",
                  is_scalar(&items[i]) ? "empty" : yaml_kind_name(items[i].kind));
        else if (leaves_folder(items[i].text))
            fault(r, items[i].line, NULL, "path \"%s\" of \"payload\" leaves the folder",
                  text_quote(bytes_of(items[i].text), quoted, sizeof quoted));
        else
            model->payload[model->payload_count++] = items[i].text;
    }
}

static void model_contract_read(struct reading *r, const struct yaml *value, void *into)
{
    contract_read(r, value, &((struct manifest *)into)->contract);
}

static void metadata_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest *model = into;

    pairs_read(r, value, &model->metadata, &model->metadata_count);
}

static void filters_read(struct reading *r, const struct yaml *value, void *into)
{
    chains_read(r, value, into);
}

/* --- monitoring --- */

static void monitor_name_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest_monitor *)into)->name);
}

static void monitor_model_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest_monitor *)into)->model);
}

static void threshold_read(struct reading *r, const struct yaml *value, void *into)
{
    number_read(r, value, &((struct manifest_monitor *)into)->threshold);
}

static void comparison_read(struct reading *r, const struct yaml *value, void *into)
{
    static const struct {
        const char *name, *comparison;
    } KNOWN[] = {
        {"==", "=="},     {"!=", "!="},  {">", ">"},          {"<", "<"},
        {">=", ">="},     {"<=", "<="},  {"Eq", "=="},        {"NotEq", "!="},
        {"Greater", ">"}, {"Less", "<"}, {"GreaterEq", ">="}, {"LessEq", "<="},
    };
    struct manifest_monitor *monitor = into;
    const char *text = NULL;

    text_read(r, value, &text);
    for (size_t i = 0; text && i < ARRAY_COUNT(KNOWN); i++)
        if (!strcmp(KNOWN[i].name, text))
            monitor->comparison = KNOWN[i].comparison;
    if (text && !monitor->comparison)
        fault(r, value->line, "operators are == != > < >= <=", "unknown operator \"%.40s\"", text);
}

static void monitor_config_read(struct reading *r, const struct yaml *value, void *into)
{
    static const struct key KEYS[] = {{"monitoring-model", monitor_model_read},
                                      {"threshold", threshold_read},
                                      {"operator", comparison_read}};

    if (keys_read(r, value, "the config of a monitor", KEYS, ARRAY_COUNT(KEYS), into))
        for (size_t i = 0; i < ARRAY_COUNT(KEYS); i++)
            key_required(r, value, "the config of a monitor", KEYS[i].name);
}

/* Of the release candidates of 2.0: metrics that the manager computed itself. */
static void typed_monitor_read(struct reading *r, const struct yaml *item)
{
    static const char *const KINDS[] = {"KSMetricSpec", "GANMetricSpec", "AEMetricSpec"};
    static const struct key CONFIG[] = {
        {"input", NULL}, {"application", NULL}, {"threshold", NULL}};
    static const struct key KEYS[] = {
        {"kind", NULL}, {"name", NULL}, {"with-health", NULL}, {"config", NULL}};
    const struct yaml *kind = yaml_get(item, "kind"), *config = yaml_get(item, "config");
    char name[TEXT_QUOTE_SIZE];
    bool known = false;

    for (size_t i = 0; kind->kind == YAML_TEXT && i < ARRAY_COUNT(KINDS); i++)
        known = known || !strcmp(kind->text, KINDS[i]);
    if (!known) {
        fault(r, kind->line,
              kind->kind == YAML_TEXT ? did_you_mean(r, kind->text, KINDS, ARRAY_COUNT(KINDS))
                                      : NULL,
              "unknown kind of a monitor: %s",
              is_scalar(kind) ? text_quote(bytes_of(kind->text), name, sizeof name)
                              : yaml_kind_name(kind->kind));
        return;
    }
    keys_read(r, item, "a monitor", KEYS, ARRAY_COUNT(KEYS), NULL);
    if (config)
        keys_read(r, config, "the config of a monitor", CONFIG, ARRAY_COUNT(CONFIG), NULL);
    note(r, kind->line,
         "%s is not used: a monitor is another model, which its config names as monitoring-model",
         kind->text);
}

static void monitoring_read(struct reading *r, const struct yaml *value, void *into)
{
    static const struct key KEYS[] = {{"name", monitor_name_read}, {"config", monitor_config_read}};
    struct manifest *model = into;
    size_t count;
    const struct yaml *items = list_read(r, value, MONITORS_MAX, &count);

    model->monitors = ROOM(r, struct manifest_monitor, count);
    for (size_t i = 0; model->monitors && i < count; i++) {
        if (items[i].kind == YAML_MAP && yaml_get(&items[i], "kind")) {
            typed_monitor_read(r, &items[i]);
            continue;
        }
        if (!keys_read(r, &items[i], "a monitor", KEYS, ARRAY_COUNT(KEYS),
                       &model->monitors[model->monitor_count++]))
            continue;
        for (size_t k = 0; k < ARRAY_COUNT(KEYS); k++)
            key_required(r, &items[i], "a monitor", KEYS[k].name);
    }
}

static void batch_read(struct reading *r, const struct yaml *value, void *into)
{
    integer_read(r, value, 1, INT32_MAX, &((struct manifest *)into)->monitoring_batch);
}

static void monitoring_configuration_read(struct reading *r, const struct yaml *value, void *into)
{
    static const struct key KEYS[] = {{"batch-size", batch_read}};

    keys_read(r, value, "monitoring-configuration", KEYS, ARRAY_COUNT(KEYS), into);
}

/* --- the oldest form: all under `model`, the contract in a file of its own --- */

/* "python:3.6", or a name alone. */
static void type_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest *)into)->model_type);
}

static void contract_file_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest *model = into;
    char quoted[TEXT_QUOTE_SIZE];

    text_read(r, value, &model->contract_file);
    model->contract_line = value->line;
    if (!model->contract_file)
        return;
    if (!model->contract_file[0] || leaves_folder(model->contract_file))
        fault(r, value->line, "name a file in the folder of the model",
              "contract \"%s\" leaves the folder",
              text_quote(bytes_of(model->contract_file), quoted, sizeof quoted));
    while (!strncmp(model->contract_file, "./", 2))
        model->contract_file += 2;
}

static void model_read(struct reading *r, const struct yaml *value, void *into)
{
    static const struct key KEYS[] = {{"name", name_read},
                                      {"type", type_read},
                                      {"contract", contract_file_read},
                                      {"payload", payload_read},
                                      {"description", description_read}};

    keys_read(r, value, "model", KEYS, ARRAY_COUNT(KEYS), into);
}

static void local_deploy_read(struct reading *r, const struct yaml *value, void *into)
{
    static const struct key KEYS[] = {
        {"name", NULL}, {"runtime", NULL}, {"port", NULL}, {"build", NULL}};

    if (keys_read(r, value, "local_deploy", KEYS, ARRAY_COUNT(KEYS), into))
        note(r, value->key_line, "local_deploy is not used: `firn serve` serves the model");
}

void oldest_model_read(struct reading *r, const struct yaml *root,
                       struct manifest_document *document)
{
    static const struct key KEYS[] = {{"model", model_read}, {"local_deploy", local_deploy_read}};

    document->kind = "Model";
    r->generation = GENERATION_0;
    if (!yaml_get(root, "model")) {
        fault(r, root->line, "write `kind: Model`, with name, payload and contract at the top",
              "local_deploy without a model");
        return;
    }
    document->model = ROOM(r, struct manifest, 1);
    if (!document->model)
        return;
    note(r, root->line,
         "this is the oldest form of a manifest; now it is `kind: Model`, with name, model-type, "
         "payload and contract at the top");
    keys_read(r, root, "a manifest", KEYS, ARRAY_COUNT(KEYS), document->model);
    document->name = document->model->name;
}

/* --- the document --- */

/* What only later generations have, or only the first. */
static enum generation generation_of(const struct yaml *root)
{
    static const char *const LATER[] = {"runtime",  "install-command", "training-data",
                                        "metadata", "monitoring",      "monitoring-configuration"};
    const struct yaml *contract = yaml_get(root, "contract");

    if (yaml_get(root, "model-type"))
        return GENERATION_1;
    for (size_t i = 0; i < ARRAY_COUNT(LATER); i++)
        if (yaml_get(root, LATER[i]))
            return GENERATION_2;
    return contract && (yaml_get(contract, "inputs") || yaml_get(contract, "outputs")) &&
                   yaml_get(contract, "name")
               ? GENERATION_2
               : GENERATION_1;
}

static void read(struct reading *r, const struct yaml *root, struct manifest_document *document)
{
    static const struct key KEYS[] = {
        {"kind", NULL},
        {"name", name_read},
        {"model-type", model_type_read},
        {"runtime", runtime_read},
        {"payload", payload_read},
        {"contract", model_contract_read},
        {"description", description_read},
        {"install-command", install_read},
        {"training-data", training_data_read},
        {"metadata", metadata_read},
        {"monitoring", monitoring_read},
        {"monitoring-configuration", monitoring_configuration_read},
        {"filters", filters_read},
    };

    document->model = ROOM(r, struct manifest, 1);
    if (!document->model)
        return;
    r->generation = generation_of(root);
    document->model->generation = r->generation == GENERATION_1 ? 1 : 2;
    keys_read(r, root, "a manifest", KEYS, ARRAY_COUNT(KEYS), document->model);
    document->name = document->model->name;
}

const struct manifest_kind kind_model = {"Model", read};
