// SPDX-License-Identifier: Apache-2.0
/* TensorFlow's graphs as text, turned into messages. */
#include "base/arena.h"
#include "formats/tensorflow/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size}, wire;
    struct arena keep;
    struct error err;

    arena_init(&keep, 64 << 20);
    for (int message = TF_MESSAGE_SAVED_MODEL; message <= TF_MESSAGE_GRAPH; message++)
        (void)!tf_message_from_text(text, (enum tf_message)message, &wire, &keep, &err);
    (void)tf_message_is_text(text, TF_MESSAGE_GRAPH);
    arena_release(&keep);
    return 0;
}
