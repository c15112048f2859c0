// SPDX-License-Identifier: Apache-2.0
/* kind: Runtime. Nothing is done with it: firn serves models itself. */
#include "contract/kinds/internal.h"

static void read(struct reading *r, const struct yaml *root, struct manifest_document *document)
{
    static const struct key KEYS[] = {
        {"kind", NULL}, {"name", unused_name_read}, {"version", NULL}, {"model-type", NULL}};

    unused_read(r, root, KEYS, ARRAY_COUNT(KEYS), "name,version,model-type",
                "firn serves models itself", document);
}

const struct manifest_kind kind_runtime = {"Runtime", read};
