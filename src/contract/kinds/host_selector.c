// SPDX-License-Identifier: Apache-2.0
/* kind: HostSelector. Checked, and nothing is done with it: it says where containers run. */
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
        {"node-selector", NULL},
        {"selector", NULL},
    };

    keys_read(r, root, "a host selector", KEYS, ARRAY_COUNT(KEYS), document);
    key_required(r, root, "a host selector", "name");
    note(r, root->line, "HostSelector is not used: it says where containers run");
}

const struct manifest_kind kind_host_selector = {"HostSelector", read};
