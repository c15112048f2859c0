// SPDX-License-Identifier: Apache-2.0
/* EncodeWav: samples (frames, channels) float, rate () int32 -> STRING (): a WAV file of 16 bits
 * PCM. Source: tensorflow/core/lib/wav/wav_io.cc. */
#include <math.h>

#include "ops/kernels/call.h"

enum { HEADER_BYTES = 44, SAMPLE_BYTES = 2, FORMAT_BYTES = 16, PCM = 1 };

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out = shape_scalar();

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants_rank(call, 1, 0, 0, err));
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

static uint8_t *put(uint8_t *at, uint64_t value, size_t size)
{
    memcpy(at, &value, size); /* little-endian, as all that we run on */
    return at + size;
}

static uint8_t *put_name(uint8_t *at, const char *name)
{
    memcpy(at, name, 4);
    return at + 4;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const float *x = call->in[0].data;
    uint64_t channels = (uint64_t)call->in[0].shape.dims[1], count = tensor_count(&call->in[0]);
    int64_t rate = tensor_i64(&call->in[1], 0);
    uint8_t *data, *at;

    if (rate < 1 || channels < 1 || channels > UINT16_MAX ||
        count > (UINT32_MAX - HEADER_BYTES) / SAMPLE_BYTES)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%llu samples of %llu channels at a rate of %lld",
                        (unsigned long long)count, (unsigned long long)channels, (long long)rate);
    data = at = arena_new(call->memory, uint8_t, HEADER_BYTES + count * SAMPLE_BYTES);
    if (!data)
        return error_no_memory(err, "strings");
    at = put(put_name(at, "RIFF"), HEADER_BYTES - 8 + count * SAMPLE_BYTES, 4);
    at = put(put_name(put_name(at, "WAVE"), "fmt "), FORMAT_BYTES, 4);
    at = put(put(at, PCM, 2), channels, 2);
    at = put(put(at, (uint64_t)rate, 4), (uint64_t)rate * SAMPLE_BYTES * channels, 4);
    at = put(put(at, SAMPLE_BYTES * channels, 2), SAMPLE_BYTES * 8, 2);
    at = put(put_name(at, "data"), count * SAMPLE_BYTES, 4);
    for (uint64_t i = 0; i < count; i++) {
        float level = roundf(x[i] * 32768);

        level = level > INT16_MIN ? level : INT16_MIN; /* a NaN too */
        at = put(at, (uint16_t)(int16_t)(level < INT16_MAX ? level : INT16_MAX), SAMPLE_BYTES);
    }
    *(struct bytes *)call->out[0].data = (struct bytes){data, (size_t)(at - data)};
    return STATUS_OK;
}

const struct op_set ops_firn_encode_wav = OP_SET({.name = "EncodeWav",
                                                  .summary = "a WAV file of samples",
                                                  .in_min = 2,
                                                  .in_max = 2,
                                                  .out_min = 1,
                                                  .out_max = 1,
                                                  .infer = infer,
                                                  .run = run});
