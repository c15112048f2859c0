// SPDX-License-Identifier: Apache-2.0
/* Every importer bids on the bytes; the best one describes them. */
#include "base/text.h"
#include "importers/importer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct artifact *artifact;
    struct description description;
    struct graph *graph;
    struct text text = {0};
    struct arena keep;
    struct error err = {0};

    if (artifact_open_bytes((struct bytes){data, size}, "input", NULL, &artifact, &err))
        return 0;
    arena_init(&keep, 256 << 20);
    if (!import_artifact(artifact, &description, &graph, &keep, &err))
        description_print_json(&description, &text);
    text_release(&text);
    arena_release(&keep);
    artifact_close(artifact);
    return 0;
}
