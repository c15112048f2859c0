// SPDX-License-Identifier: Apache-2.0
#include "cli/applications.h"

#include <string.h>

void application_print_stages(const struct manifest_application *application, struct text *text)
{
    for (size_t s = 0; s < application->stage_count; s++) {
        const struct manifest_stage *stage = &application->stages[s];

        text_append(text, s ? " > " : "");
        for (size_t v = 0; v < stage->variant_count; v++) {
            const struct manifest_variant *variant = &stage->variants[v];

            text_printf(text, "%s%s", v ? ", " : "", variant->model);
            if (variant->shadow)
                text_append(text, " shadow");
            else if (stage->variant_count > 1)
                text_printf(text, " %lld %%", (long long)variant->weight);
        }
    }
}

void application_print_facts(const struct manifest_application *application, struct text *text)
{
    char key[TEXT_QUOTE_SIZE], value[512];

    if (application->sticky_header || application->sticky_field)
        text_printf(text, "sticky       by header %s%s%s\n",
                    application->sticky_header ? application->sticky_header : "firn-sticky",
                    application->sticky_field ? ", else by input " : "",
                    application->sticky_field ? application->sticky_field : "");
    for (size_t i = 0; i < application->metadata_count; i++)
        text_printf(text, "%-11s  %s: %s\n", i ? "" : "metadata",
                    text_quote(bytes_of(application->metadata[i].key), key, sizeof key),
                    text_quote(bytes_of(application->metadata[i].value), value, sizeof value));
}

enum status application_of(struct store_call *call, const char *reference, struct version *version,
                           const struct manifest_application **application)
{
    TRY(store_of(call));
    TRY(call->store->class->resolve(call->store, reference, version, call->keep, call->err));
    if (strcmp(version->format, APPLICATION_FORMAT)) {
        if (error_set(call->err, STATUS_INVALID_INPUT, "%s is a model, not an application",
                      reference))
            error_fix(call->err, "`firn show %s` shows it", reference);
        return call->err->status;
    }
    return application_manifest(bytes_of(version->manifest), version->model, application,
                                call->keep, call->err);
}
