// SPDX-License-Identifier: Apache-2.0
/* kind: Config. Checked, and nothing is done with it: firn is told its server by --server or
 * FIRN_SERVER. */
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
        {"clusters", NULL},
        {"current-cluster", NULL},
    };

    keys_read(r, root, "the file of the old command line", KEYS, ARRAY_COUNT(KEYS), document);

    note(r, root->line, "Config is not used: firn is told its server by --server or FIRN_SERVER");
}

const struct manifest_kind kind_config = {"Config", read};
