// SPDX-License-Identifier: Apache-2.0
/* kind: DeploymentConfiguration. Checked, and nothing is done with it: it says how Kubernetes runs
 * containers. */
#include "contract/kinds/internal.h"

static void name_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct manifest_document *)into)->name);
}

static void read(struct reading *r, const struct yaml *root, struct manifest_document *document)
{
    static const struct key KEYS[] = {
        {"kind", NULL},       {"name", name_read}, {"hpa", NULL},
        {"deployment", NULL}, {"container", NULL}, {"pod", NULL},
    };

    keys_read(r, root, "a deployment configuration", KEYS, ARRAY_COUNT(KEYS), document);
    key_required(r, root, "a deployment configuration", "name");
    note(r, root->line,
         "DeploymentConfiguration is not used: it says how Kubernetes runs containers");
}

const struct manifest_kind kind_deployment_configuration = {"DeploymentConfiguration", read};
