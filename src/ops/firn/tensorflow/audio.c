// SPDX-License-Identifier: Apache-2.0
/* Sound, as TensorFlow's speech models take it.
 *
 * DecodeWav: contents () string -> samples (samples, channels) float in [-1, 1), rate () int32.
 *   attributes channels, samples: how many are wanted; -1: as the file has them. Missing ones are 0
 * AudioSpectrogram: samples (samples, channels) -> (channels, frames, frequencies) float.
 *   attributes window, stride, squared
 * Mfcc: spectrogram (channels, frames, frequencies), squared; rate () int32 -> (channels, frames,
 *   coefficients) float. attributes high, low (Hz), bands, coefficients
 *
 * Sources: tensorflow/core/lib/wav/wav_io.cc, kernels/{decode_wav_op,spectrogram,mfcc,
 * mfcc_mel_filterbank,mfcc_dct}.cc. */
#include <math.h>

#include "base/cursor.h"
#include "ops/kernels/call.h"
#include "ops/kernels/math/fft.h"

/* --- DecodeWav: RIFF, 16 bits PCM --- */

enum { PCM = 1, PCM_BITS = 16, CHANNELS_MAX = 1 << 10 };

struct wav {
    uint16_t channels;
    uint32_t rate;
    struct bytes data; /* int16, channels interleaved */
};

static enum status format_read(const struct op_call *call, struct bytes chunk, struct wav *wav,
                               struct error *err)
{
    struct cursor cursor = cursor_over(chunk);
    uint16_t format = cursor_u16le(&cursor), align, bits;

    wav->channels = cursor_u16le(&cursor);
    wav->rate = cursor_u32le(&cursor);
    cursor_skip(&cursor, 4); /* bytes per second */
    align = cursor_u16le(&cursor);
    bits = cursor_u16le(&cursor);
    if (cursor_check(&cursor, err))
        return op_error(call, err, STATUS_INVALID_INPUT, "a WAV file's format ends early");
    if (format != PCM || bits != PCM_BITS || align != wav->channels * 2 || !wav->channels ||
        wav->channels > CHANNELS_MAX || wav->rate > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "a WAV file of format %u, %u channels, %u bits: only PCM of 16 is read",
                        format, wav->channels, bits);
    return STATUS_OK;
}

static enum status wav_read(const struct op_call *call, struct wav *wav, struct error *err)
{
    struct cursor cursor = cursor_over(*(const struct bytes *)call->in[0].data);
    struct bytes riff = cursor_take(&cursor, 4), chunk, name;

    *wav = (struct wav){0};
    cursor_skip(&cursor, 4);
    name = cursor_take(&cursor, 4);
    if (cursor_check(&cursor, err) || !bytes_is(riff, "RIFF") || !bytes_is(name, "WAVE"))
        return op_error(call, err, STATUS_INVALID_INPUT, "this is no WAV file");
    while (cursor_left(&cursor) >= 8 && !wav->data.data) {
        uint32_t size;

        name = cursor_take(&cursor, 4);
        size = cursor_u32le(&cursor);
        chunk = cursor_take(&cursor, size);
        if (cursor_check(&cursor, err))
            return op_error(call, err, STATUS_INVALID_INPUT, "a WAV file ends early");
        if (bytes_is(name, "fmt "))
            TRY(format_read(call, chunk, wav, err));
        else if (bytes_is(name, "data"))
            wav->data = chunk;
    }
    if (!wav->data.data || !wav->channels)
        return op_error(call, err, STATUS_INVALID_INPUT, "a WAV file without format or data");
    return STATUS_OK;
}

static enum status infer_wav(struct op_call *call, struct error *err)
{
    int64_t channels = attribute_int(call->attributes, "channels", -1);
    int64_t samples = attribute_int(call->attributes, "samples", -1);
    struct shape out =
        SHAPE(samples < 0 ? DIM_UNKNOWN : samples, channels < 1 ? DIM_UNKNOWN : channels);
    const struct shape scalar = shape_scalar();
    struct wav wav;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants_rank(call, 0, 0, 0, err));
    if (op_is_known(call, 0)) {
        TRY(wav_read(call, &wav, err));
        if (out.dims[0] < 0)
            out.dims[0] = (int64_t)(wav.data.size / 2 / wav.channels);
        if (out.dims[1] < 0)
            out.dims[1] = wav.channels;
    }
    op_give(call, 0, DTYPE_F32, &out);
    op_give(call, 1, DTYPE_I32, &scalar);
    return STATUS_OK;
}

static enum status run_wav(const struct op_call *call, struct error *err)
{
    struct tensor *y = &call->out[0];
    size_t samples = (size_t)y->shape.dims[0], channels = (size_t)y->shape.dims[1], stored;
    float *out = y->data;
    struct wav wav;

    TRY(wav_read(call, &wav, err));
    stored = wav.data.size / 2 / wav.channels;
    *(int32_t *)call->out[1].data = (int32_t)wav.rate;
    for (size_t i = 0; i < samples; i++)
        for (size_t c = 0; c < channels; c++) {
            /* fewer channels than wanted: the first stands for those that are missing */
            size_t from = i * wav.channels + (c < wav.channels ? c : 0);
            int16_t value = 0;

            if (i < stored)
                memcpy(&value, wav.data.data + 2 * from, sizeof value);
            out[i * channels + c] = (float)value * (1.0F / 32768.0F);
        }
    return STATUS_OK;
}

/* --- AudioSpectrogram --- */

static size_t power_of_two(size_t n)
{
    size_t power = 1;

    while (power < n)
        power *= 2;
    return power;
}

static enum status infer_spectrogram(struct op_call *call, struct error *err)
{
    int64_t window = attribute_int(call->attributes, "window", 0);
    int64_t stride = attribute_int(call->attributes, "stride", 0);
    const struct shape *x = &call->in[0].shape;
    struct shape out = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN);

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    if (window < 2 || stride < 1 || window > 1 << 24)
        return op_error(call, err, STATUS_INVALID_INPUT, "a window of %lld, a stride of %lld",
                        (long long)window, (long long)stride);
    out.dims[2] = (int64_t)power_of_two((size_t)window) / 2 + 1;
    if (x->rank == 2) {
        out.dims[0] = x->dims[1];
        if (dim_is_known(x->dims[0]))
            out.dims[1] = x->dims[0] < window ? 0 : (x->dims[0] - window) / stride + 1;
    }
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

static size_t spectrogram_scratch(const struct op_call *call)
{
    size_t n = power_of_two((size_t)attribute_int(call->attributes, "window", 2));

    return (n + fft_scratch(n)) * sizeof(struct complex_f64);
}

static enum status run_spectrogram(const struct op_call *call, struct error *err)
{
    size_t window = (size_t)attribute_int(call->attributes, "window", 2);
    size_t stride = (size_t)attribute_int(call->attributes, "stride", 1);
    bool squared = attribute_int(call->attributes, "squared", 0);
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    size_t channels = (size_t)x->shape.dims[1], frames = (size_t)y->shape.dims[1];
    size_t n = power_of_two(window), half = n / 2 + 1;
    struct complex_f64 *z = call->scratch;
    const float *in = x->data;
    float *out = y->data;

    (void)err;
    for (size_t c = 0; c < channels; c++)
        for (size_t f = 0; f < frames; f++, out += half) {
            for (size_t i = 0; i < n; i++) {
                double weight = 0.5 - 0.5 * cos(2.0 * M_PI * (double)i / (double)window);
                double sample = i < window ? (double)in[(f * stride + i) * channels + c] : 0;

                z[i] = (struct complex_f64){i < window ? sample * weight : 0, 0};
            }
            fft(z, n, false, z + n);
            for (size_t k = 0; k < half; k++) {
                double power = z[k].re * z[k].re + z[k].im * z[k].im;

                out[k] = (float)(squared ? power : sqrt(power));
            }
        }
    return STATUS_OK;
}

/* --- Mfcc --- */

static const double FLOOR = 1e-12;

static double mel(double frequency)
{
    return 1127.0 * log1p(frequency / 700.0);
}

static int64_t bands_of(const struct op_call *call)
{
    return attribute_int(call->attributes, "bands", 40);
}

static enum status infer_mfcc(struct op_call *call, struct error *err)
{
    int64_t bands = bands_of(call);
    int64_t coefficients = attribute_int(call->attributes, "coefficients", 13);
    double low = attribute_float(call->attributes, "low", 20);
    double high = attribute_float(call->attributes, "high", 4000);
    struct shape out = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN, coefficients);

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, 0, 3, 3, err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_I32), err));
    if (bands < 1 || bands > 1 << 16 || coefficients < 1 || coefficients > bands || !(low >= 0) ||
        !(high > low))
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "%lld coefficients of %lld bands from %g to %g Hz", (long long)coefficients,
                        (long long)bands, low, high);
    for (int d = 0; d < 2 && call->in[0].shape.rank == 3; d++)
        out.dims[d] = call->in[0].shape.dims[d];
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

/* bands energies; for each frequency its band, and how much of it goes there. */
static size_t mfcc_scratch(const struct op_call *call)
{
    return ((size_t)bands_of(call) + 2 * (size_t)call->in[0].shape.dims[2]) * sizeof(double);
}

struct filters {
    size_t frequencies, bands, first, end;
    double *energies, *weights, *band; /* band: a whole number, -1: below the first centre */
};

static double centre(double low, double spacing, double band)
{
    return low + spacing * (band + 1);
}

static void filters_make(struct filters *f, double low_hz, double high_hz, double rate)
{
    double step = 0.5 * rate / (double)(f->frequencies - 1), low = mel(low_hz);
    double spacing = (mel(high_hz) - low) / (double)(f->bands + 1);
    double band = 0;

    f->first = (size_t)(1.5 + low_hz / step);
    f->end = (size_t)(high_hz / step) + 1;
    f->end = f->end > f->frequencies ? f->frequencies : f->end;
    for (size_t i = f->first; i < f->end; i++) {
        double at = mel((double)i * step);

        while (band < (double)f->bands && centre(low, spacing, band) < at)
            band++;
        f->band[i] = band - 1;
        f->weights[i] = band > 0 ? (centre(low, spacing, band) - at) / spacing
                                 : (centre(low, spacing, 0) - at) / (centre(low, spacing, 0) - low);
    }
}

static void frame_run(const struct filters *f, const float *x, float *y, size_t coefficients)
{
    double norm = sqrt(2.0 / (double)f->bands), arc = M_PI / (double)f->bands;

    memset(f->energies, 0, f->bands * sizeof *f->energies);
    for (size_t i = f->first; i < f->end; i++) {
        double value = sqrt((double)x[i]), right = value * f->weights[i];
        size_t next = (size_t)(f->band[i] + 1);

        if (f->band[i] >= 0)
            f->energies[next - 1] += right;
        if (next < f->bands)
            f->energies[next] += value - right;
    }
    for (size_t b = 0; b < f->bands; b++)
        f->energies[b] = log(f->energies[b] < FLOOR ? FLOOR : f->energies[b]);
    for (size_t k = 0; k < coefficients; k++) {
        double sum = 0;

        for (size_t b = 0; b < f->bands; b++)
            sum += norm * cos((double)k * arc * ((double)b + 0.5)) * f->energies[b];
        y[k] = (float)sum;
    }
}

static enum status run_mfcc(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->out[0];
    size_t frames = (size_t)(x->shape.dims[0] * x->shape.dims[1]);
    size_t coefficients = (size_t)y->shape.dims[2];
    double high = attribute_float(call->attributes, "high", 4000);
    double *scratch = call->scratch;
    struct filters f = {.frequencies = (size_t)x->shape.dims[2], .bands = (size_t)bands_of(call)};
    int64_t rate = 0;

    if (tensor_count(&call->in[1]) != 1 || (rate = tensor_i64(&call->in[1], 0)) < 1 ||
        f.frequencies < 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu frequencies at a rate of %lld",
                        f.frequencies, (long long)rate);
    if (high > (double)rate / 2)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "up to %g Hz, of which a rate of %lld knows nothing", high,
                        (long long)rate);
    f.energies = scratch;
    f.weights = f.energies + f.bands;
    f.band = f.weights + f.frequencies;
    filters_make(&f, attribute_float(call->attributes, "low", 20), high, (double)rate);
    for (size_t i = 0; i < frames; i++)
        frame_run(&f, (const float *)x->data + i * f.frequencies,
                  (float *)y->data + i * coefficients, coefficients);
    return STATUS_OK;
}

const struct op_set ops_firn_audio = OP_SET({.name = "DecodeWav",
                                             .summary = "samples of a WAV file, as TensorFlow",
                                             .in_min = 1,
                                             .in_max = 1,
                                             .out_min = 2,
                                             .out_max = 2,
                                             .infer = infer_wav,
                                             .run = run_wav},
                                            {.name = "AudioSpectrogram",
                                             .summary = "frequencies of windows of samples",
                                             .in_min = 1,
                                             .in_max = 1,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer_spectrogram,
                                             .scratch_size = spectrogram_scratch,
                                             .run = run_spectrogram},
                                            {.name = "Mfcc",
                                             .summary = "mel-frequency cepstral coefficients",
                                             .in_min = 2,
                                             .in_max = 2,
                                             .out_min = 1,
                                             .out_max = 1,
                                             .infer = infer_mfcc,
                                             .scratch_size = mfcc_scratch,
                                             .run = run_mfcc}, );
