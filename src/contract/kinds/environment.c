// SPDX-License-Identifier: Apache-2.0
/* kind: Environment. Nothing is done with it: it says where containers run. */
#include "contract/kinds/internal.h"

static void read(struct reading *r, const struct yaml *root, struct manifest_document *document)
{
    static const struct key KEYS[] = {
        {"kind", NULL}, {"name", unused_name_read}, {"selector", NULL}};

    unused_read(r, root, KEYS, ARRAY_COUNT(KEYS), "name,selector", "it says where containers run",
                document);
}

const struct manifest_kind kind_environment = {"Environment", read};
