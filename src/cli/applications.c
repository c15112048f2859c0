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
