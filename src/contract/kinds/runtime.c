// SPDX-License-Identifier: Apache-2.0
/* kind: Runtime. Checked, and nothing is done with it: firn serves models itself. */
#include "contract/kinds/internal.h"

static void name_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest_document *)into)->name);
}

static void read(struct reading *r, const struct yaml *root, struct manifest_document *document)
{
    static const struct key KEYS[] = {
        {"kind", NULL},
        {"name", name_read},
        {"version", NULL},
        {"model-type", NULL},
    };

    keys_read(r, root, "a runtime", KEYS, ARRAY_COUNT(KEYS), document);
    key_required(r, root, "a runtime", "name");
    key_required(r, root, "a runtime", "version");
    key_required(r, root, "a runtime", "model-type");
    note(r, root->line, "Runtime is not used: firn serves models itself");
}

const struct manifest_kind kind_runtime = {"Runtime", read};
