// SPDX-License-Identifier: Apache-2.0
/* kind: DeploymentConfiguration. Nothing is done with it: it says how Kubernetes runs containers.
 */
#include "contract/kinds/internal.h"

static void read(struct reading *r, const struct yaml *root, struct manifest_document *document)
{
    static const struct key KEYS[] = {{"kind", NULL},      {"name", unused_name_read},
                                      {"hpa", NULL},       {"deployment", NULL},
                                      {"container", NULL}, {"pod", NULL}};

    unused_read(r, root, KEYS, ARRAY_COUNT(KEYS), "name", "it says how Kubernetes runs containers",
                document);
}

const struct manifest_kind kind_deployment_configuration = {"DeploymentConfiguration", read};
