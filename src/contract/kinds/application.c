// SPDX-License-Identifier: Apache-2.0
/* kind: Application. `singular` is one model, `pipeline` a list of stages: of the first generation
 * maps with a signature and a model or several modelservices, later lists of variants. */
#include "contract/kinds/internal.h"

enum { STAGES_MAX = 100, VARIANTS_MAX = 100, WEIGHT_ALL = 100 };

/* --- variants --- */

static bool is_word(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
              (text[i] >= '0' && text[i] <= '9') || strchr("-_./", text[i])))
            return false;
    return size > 0;
}

/* "name", "name:version", "name@alias" */
static void model_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest_variant *variant = into;
    const char *text = NULL, *rest;
    char quoted[TEXT_QUOTE_SIZE];
    size_t size;

    text_read(r, value, &text);
    if (!text)
        return;
    size = strcspn(text, ":@");
    rest = text + size;
    if (!is_word(text, size) || (*rest && !is_word(rest + 1, strlen(rest + 1))) ||
        (*rest == ':' && strspn(rest + 1, "0123456789") != strlen(rest + 1)))
        fault(r, value->line, "write it like name:3 or name@alias", "\"%s\" names no model",
              text_quote(bytes_of(text), quoted, sizeof quoted));
    else
        variant->model = text;
}

static void weight_read(struct reading *r, const struct yaml *value, void *into)
{
    integer_read(r, value, 0, WEIGHT_ALL, &((struct manifest_variant *)into)->weight);
}

static void runtime_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest_variant *)into)->runtime);
    note(r, value->line, "runtime is kept and not used: firn serves the model itself");
}

static void shadow_read(struct reading *r, const struct yaml *value, void *into)
{
    if (value->kind == YAML_BOOL)
        ((struct manifest_variant *)into)->shadow = value->boolean;
    else
        fault(r, value->line, NULL, "\"shadow\" is true or false");
}

static void digest_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest_variant *)into)->digest);
}

static void placed_read(struct reading *r, const struct yaml *value, void *into)
{
    (void)into;
    note(r, value->key_line, "\"%s\" says where a container runs; it has no meaning here",
         value->key);
}

static void monitoring_read(struct reading *r, const struct yaml *value, void *into)
{
    (void)into;
    note(r, value->key_line,
         "monitoring of a stage is not used: monitors belong to the model's own manifest");
}

static const struct key VARIANT[] = {{"model", model_read},
                                     {"weight", weight_read},
                                     {"shadow", shadow_read},
                                     {"digest", digest_read},
                                     {"runtime", runtime_read},
                                     {"environment", placed_read},
                                     {"deployment-config", placed_read},
                                     {"monitoring", monitoring_read}};

static void variant_read(struct reading *r, const struct yaml *value, struct manifest_variant *into)
{
    into->weight = -1;
    if (keys_read(r, value, "a variant", VARIANT, ARRAY_COUNT(VARIANT), into))
        key_required(r, value, "a variant", "model");
}

/* Weights of a stage are of 100; one variant alone has them all. */
static void weights_check(struct reading *r, size_t line, struct manifest_stage *stage)
{
    struct manifest_variant *alone = NULL;
    size_t answering = 0;
    int64_t sum = 0;

    for (size_t i = 0; i < stage->variant_count; i++) {
        struct manifest_variant *variant = &stage->variants[i];

        if (variant->shadow) {
            if (variant->weight > 0)
                fault(r, line, NULL, "a shadow answers nobody and has no weight");
            variant->weight = 0;
            continue;
        }
        answering++;
        alone = variant;
        sum += variant->weight < 0 ? 0 : variant->weight;
    }
    if (!answering) {
        fault(r, line, NULL, "a stage needs a variant that answers");
    } else if (answering == 1) {
        if (alone->weight >= 0 && alone->weight != WEIGHT_ALL)
            note(r, line, "the only variant of a stage has weight 100, not %lld",
                 (long long)alone->weight);
        alone->weight = WEIGHT_ALL;
    } else if (sum != WEIGHT_ALL) {
        fault(r, line, NULL, "the weights of a stage sum to %lld, not 100", (long long)sum);
    }
    for (size_t i = 0; i < stage->variant_count; i++)
        if (stage->variants[i].weight < 0)
            stage->variants[i].weight = 0;
}

static void variants_read(struct reading *r, const struct yaml *value, struct manifest_stage *stage)
{
    size_t count;
    const struct yaml *items = list_read(r, value, VARIANTS_MAX, &count);

    stage->variants = ROOM(r, struct manifest_variant, count);
    if (value->kind == YAML_LIST && !value->count)
        fault(r, value->line, NULL, "a stage needs a model");
    if (!items || !stage->variants)
        return;
    stage->variant_count = count;
    for (size_t i = 0; i < count; i++)
        variant_read(r, &items[i], &stage->variants[i]);
    weights_check(r, value->line, stage);
}

/* --- stages of the first generation --- */

static void signature_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest_stage *)into)->signature);
}

static struct manifest_variant *only(struct reading *r, struct manifest_stage *stage)
{
    if (!stage->variants) {
        stage->variants = ROOM(r, struct manifest_variant, 1);
        stage->variant_count = stage->variants ? 1 : 0;
    }
    return stage->variants;
}

static void stage_model_read(struct reading *r, const struct yaml *value, void *into)
{
    if (only(r, into))
        model_read(r, value, only(r, into));
}

static void stage_runtime_read(struct reading *r, const struct yaml *value, void *into)
{
    if (only(r, into))
        runtime_read(r, value, only(r, into));
}

static void services_read(struct reading *r, const struct yaml *value, void *into)
{
    variants_read(r, value, into);
}

static bool has_value(const struct yaml *map, const char *key)
{
    const struct yaml *value = yaml_get(map, key);

    return value && value->kind != YAML_NULL;
}

static void stage_read(struct reading *r, const struct yaml *value, struct manifest_stage *stage)
{
    static const struct key KEYS[] = {
        {"signature", signature_read},   {"model", stage_model_read},
        {"runtime", stage_runtime_read}, {"modelservices", services_read},
        {"environment", placed_read},    {"deployment-config", placed_read},
        {"monitoring", monitoring_read}};

    if (value->kind == YAML_LIST) {
        variants_read(r, value, stage);
        return;
    }
    if (!keys_read(r, value, "a stage", KEYS, ARRAY_COUNT(KEYS), stage))
        return;
    if (has_value(value, "model") == has_value(value, "modelservices")) {
        fault(r, value->line, NULL, "a stage has either a model or modelservices");
        return;
    }
    if (has_value(value, "model") && stage->variants)
        stage->variants[0].weight = WEIGHT_ALL;
}

/* --- the document --- */

static void singular_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest_application *application = into;

    if (application->stages) {
        fault(r, value->key_line, NULL, "an application is either singular or a pipeline");
        return;
    }
    application->stages = ROOM(r, struct manifest_stage, 1);
    if (!application->stages)
        return;
    application->stage_count = 1;
    stage_read(r, value, application->stages);
}

static void pipeline_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest_application *application = into;
    size_t count;
    const struct yaml *items;

    if (application->stages) {
        fault(r, value->key_line, NULL, "an application is either singular or a pipeline");
        return;
    }
    items = list_read(r, value, STAGES_MAX, &count);
    application->stages = ROOM(r, struct manifest_stage, count);
    if (value->kind == YAML_LIST && !value->count)
        fault(r, value->line, NULL, "a pipeline needs a stage");
    if (!items || !application->stages)
        return;
    application->stage_count = count;
    for (size_t i = 0; i < count; i++)
        stage_read(r, &items[i], &application->stages[i]);
}

static void name_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest_application *application = into;
    char quoted[TEXT_QUOTE_SIZE];

    text_read(r, value, &application->name);
    for (const char *c = application->name; c && *c; c++)
        if (*c == '.' || *c == '/' || !is_word(c, 1)) {
            fault(r, value->line, "letters, digits, - and _", "\"%s\" cannot name an application",
                  text_quote(bytes_of(application->name), quoted, sizeof quoted));
            return;
        }
}

/* --- what keeps a user with one variant --- */

static void header_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest_application *application = into;
    const char *text = NULL;
    char quoted[TEXT_QUOTE_SIZE], *small;

    text_read(r, value, &text);
    if (!text)
        return;
    small = arena_text(r->keep, bytes_of(text));
    r->no_memory = r->no_memory || !small;
    for (char *c = small; c && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 'a' - 'A');
    if (!is_word(text, strlen(text)) || strpbrk(text, "./"))
        fault(r, value->line, "letters, digits, - and _", "\"%s\" cannot name a header",
              text_quote(bytes_of(text), quoted, sizeof quoted));
    else
        application->sticky_header = small;
}

static void field_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest_application *)into)->sticky_field);
}

static void sticky_read(struct reading *r, const struct yaml *value, void *into)
{
    static const struct key KEYS[] = {{"header", header_read}, {"field", field_read}};

    keys_read(r, value, "sticky", KEYS, ARRAY_COUNT(KEYS), into);
}

static void metadata_read(struct reading *r, const struct yaml *value, void *into)
{
    struct manifest_application *application = into;

    pairs_read(r, value, &application->metadata, &application->metadata_count);
}

static void streaming_read(struct reading *r, const struct yaml *value, void *into)
{
    (void)into;
    note(r, value->key_line, "streaming is not used: firn reads no Kafka topics");
}

static void read(struct reading *r, const struct yaml *root, struct manifest_document *document)
{
    static const struct key KEYS[] = {
        {"kind", NULL},
        {"name", name_read},
        {"singular", singular_read},
        {"pipeline", pipeline_read},
        {"sticky", sticky_read},
        {"metadata", metadata_read},
        {"streaming", streaming_read},
    };

    document->application = ROOM(r, struct manifest_application, 1);
    if (!document->application)
        return;
    keys_read(r, root, "an application", KEYS, ARRAY_COUNT(KEYS), document->application);
    key_required(r, root, "an application", "name");
    if (!document->application->stages) /* also a key without a value */
        fault(r, root->line, NULL, "an application is either singular or a pipeline");
    document->name = document->application->name;
}

const struct manifest_kind kind_application = {"Application", read};
