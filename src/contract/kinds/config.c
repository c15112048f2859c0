// SPDX-License-Identifier: Apache-2.0
/* kind: Config. Nothing is done with it: firn is told its server by --server or FIRN_SERVER. */
#include "contract/kinds/internal.h"

static void read(struct reading *r, const struct yaml *root, struct manifest_document *document)
{
    static const struct key KEYS[] = {
        {"kind", NULL}, {"name", unused_name_read}, {"clusters", NULL}, {"current-cluster", NULL}};

    unused_read(r, root, KEYS, ARRAY_COUNT(KEYS), "",
                "firn is told its server by --server or FIRN_SERVER", document);
}

const struct manifest_kind kind_config = {"Config", read};
