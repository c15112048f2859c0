// SPDX-License-Identifier: Apache-2.0
/* What a worker sends: the first two bytes say where the arena begins in the input, then a packet,
 * then the arena. Everything goes the way that a RESULT of a request goes. */
#include <stdlib.h>

#include "base/text.h"
#include "workers/calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Three outputs: one of free shape, strings, and named dimensions with booleans. */
static const struct signature *signature_make(void)
{
    static const char *names[] = {"n", NULL};
    static struct field inputs[1] = {
        {.name = "x", .dtype = DTYPE_F32, .shape = {2, {-1, 3}}, .dim_names = names}};
    static struct field outputs[3] = {
        {.name = "any", .dtype = DTYPE_NONE, .shape = {.rank = RANK_UNKNOWN}},
        {.name = "words", .dtype = DTYPE_STRING, .shape = {1, {-1}}},
        {.name = "yes", .dtype = DTYPE_BOOL, .shape = {2, {-1, 2}}, .dim_names = names},
    };
    static struct signature signature = {
        .name = "f", .inputs = inputs, .outputs = outputs, .input_count = 1, .output_count = 3};

    return &signature;
}

/* What was accepted must be readable as what it says it is. */
static void use(const struct tensor *outputs, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        size_t elements = tensor_count(&outputs[i]), bytes = tensor_bytes(&outputs[i]);

        for (size_t k = 0; k < bytes; k++)
            sum += ((const uint8_t *)outputs[i].data)[k];
        for (size_t k = 0; outputs[i].dtype == DTYPE_STRING && k < elements; k++) {
            struct bytes text = ((const struct bytes *)outputs[i].data)[k];

            for (size_t j = 0; j < text.size; j++)
                sum += text.data[j];
        }
        for (size_t k = 0; outputs[i].dtype == DTYPE_BOOL && k < elements; k++)
            if (((const uint8_t *)outputs[i].data)[k] > 1)
                __builtin_trap();
    }
    __asm__ volatile("" : : "r"(sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct process process;
    struct results results = {0};
    struct tensor input = {.dtype = DTYPE_F32, .shape = {2, {4, 3}}}, outputs[3] = {0};
    struct frame frame;
    struct error err;
    char text[256];
    size_t packet;

    if (size < 2)
        return 0;
    packet = (size_t)(data[0] | data[1] << 8);
    packet = packet < size - 2 ? packet : size - 2;
    process.memory = (struct shared_memory){.fd = -1, .size = size - 2 - packet};
    process.memory.data = malloc(process.memory.size + 1);
    memcpy(process.memory.data, data + 2 + packet, process.memory.size);
    if (!frame_read((struct bytes){data + 2, packet}, &frame, &err)) {
        process_text(&process, &frame, text, sizeof text);
        if (strlen(text) >= sizeof text)
            __builtin_trap();
        if (!call_receive(&process, &frame, signature_make(), &input, 8, NULL, &results, outputs,
                          &err))
            use(outputs, 3);
    }
    free(process.memory.data);
    free(results.data);
    return 0;
}
