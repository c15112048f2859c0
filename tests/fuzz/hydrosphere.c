// SPDX-License-Identifier: Apache-2.0
/* What clients of Hydrosphere say about a model: metadata of an upload as JSON, a ModelContract or
 * a ModelSignature. What is taken must be a manifest that reads again. */
#include <stdlib.h>

#include "contract/hydrosphere.h"
#include "server/hydrosphere/upload.h"

/* Written as a manifest and read again it has the same signatures. */
static void check_manifest(const struct hydrosphere_upload *upload, struct arena *keep)
{
    struct text yaml = {0};
    struct manifest manifest;
    struct error err;

    hydrosphere_upload_manifest(upload, &yaml);
    if (!manifest_parse(text_bytes(&yaml), "serving.yaml", &manifest, keep, &err)) {
        if (manifest.contract.count != upload->contract.count)
            abort();
        for (size_t i = 0; i < manifest.contract.count; i++) {
            const struct signature *a = &manifest.contract.signatures[i];
            const struct signature *b = &upload->contract.signatures[i];

            if (strcmp(a->name, b->name) || a->input_count != b->input_count ||
                a->output_count != b->output_count)
                abort();
            for (size_t f = 0; f < a->input_count; f++)
                if (strcmp(a->inputs[f].name, b->inputs[f].name) ||
                    a->inputs[f].dtype != b->inputs[f].dtype)
                    abort();
        }
    }
    text_release(&yaml);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hydrosphere_upload upload = {.name = NULL};
    struct bytes input = {data, size};
    struct contract contract;
    struct text text = {0};
    struct arena keep;
    struct error err;

    arena_init(&keep, 64 << 20);
    if (hydrosphere_upload_json(input, &upload, &keep, &err) == STATUS_OK)
        check_manifest(&upload, &keep);
    for (int signature = 0; signature < 2; signature++)
        if (hydrosphere_contract_protobuf(input, signature, "contract", &contract, &keep, &err) ==
            STATUS_OK)
            for (size_t i = 0; i < contract.count; i++)
                hydrosphere_print_signature(&contract.signatures[i],
                                            HYDROSPHERE_DIM | HYDROSPHERE_DIMS, &text);
    text_release(&text);
    text_release(&upload.log);
    arena_release(&keep);
    return 0;
}
