// SPDX-License-Identifier: Apache-2.0
/* Spectra of sounds: STFTSpectrogram, whose windowed waves are weights, and MelSpectrogram. */
#include <math.h>

#include "importers/keras/internal.h"

enum { FFT_MAX = 1 << 20, BINS_MAX = 1 << 16 };

/* --- STFTSpectrogram: x (batch, steps, channels) --- */

/* A convolution of each channel alone: (batch, channels, frequencies, frames). */
static enum status waves(struct call *c, const char *what, int64_t step, int64_t channels,
                         value_id x, value_id *y, struct error *err)
{
    static const int PERM[] = {2, 1, 0};
    bool same = bytes_is(config_text_or(c, "padding", NULL, "valid"), "same");
    struct tensor stored, kernel;
    struct attribute attributes[3];
    value_id in[2];

    TRY(weight_take(c, what, 3, &stored, err));
    TRY(tensor_permute(&stored, PERM, &kernel, c->k->keep, err));
    TRY(emit_reshape(c->e, x, (const int64_t[]){-1, 1, 0}, 3, &in[0], err)); /* 0: as it is */
    TRY(emit_constant(c->e, &kernel, &in[1], err));
    attributes[0] = attribute_of_ints("strides", &step, 1);
    attributes[1] = attribute_of_text("auto_pad", same ? "SAME_UPPER" : "VALID");
    TRY(emit(c->e, "", "Conv", in, 2, attributes, 2, y, 1, err));
    TRY(emit_unsqueeze(c->e, *y, 0, y, err));
    return emit_reshape(c->e, *y, (const int64_t[]){-1, channels, 0, 0}, 4, y, err);
}

/* (batch, channels, frequencies, frames) as the layer gives it. */
static enum status arrange(struct call *c, bool first, value_id *y, struct error *err)
{
    const struct shape *s = emit_shape(c->e, *y);
    bool expand = config_bool_or(c, "expand_dims", NULL, false);
    int64_t joined = s->dims[1] * s->dims[2];

    if (expand)
        return emit_transpose(c->e, *y,
                              first ? (const int64_t[]){0, 1, 3, 2} : (const int64_t[]){0, 3, 2, 1},
                              4, y, err);
    TRY(emit_transpose(c->e, *y, (const int64_t[]){0, 3, 1, 2}, 4, y, err));
    TRY(emit_reshape(c->e, *y, (const int64_t[]){0, 0, joined}, 3, y, err));
    return first ? emit_transpose(c->e, *y, (const int64_t[]){0, 2, 1}, 3, y, err) : STATUS_OK;
}

/* The inner frequencies count twice. */
static enum status density(struct call *c, value_id power, value_id *y, struct error *err)
{
    static const int64_t PADS[] = {0, 0, 1, 0, 0, 0, 1, 0};
    value_id inner, list;

    TRY(emit_slice(c->e, power, 2, 1, -1, 1, &inner, err));
    TRY(emit_ints(c->e, PADS, 8, &list, err));
    TRY(emit_2(c->e, "Pad", inner, list, &inner, err));
    return emit_2(c->e, "Add", power, inner, y, err);
}

static enum status magnitude(struct call *c, value_id power, bool log, value_id *y,
                             struct error *err)
{
    TRY(emit_clip(c->e, power, 1e-7, HUGE_VAL, y, err));
    TRY(emit_1(c->e, "Sqrt", *y, y, err));
    if (!log)
        return STATUS_OK;
    TRY(emit_clip(c->e, *y, 1e-7, HUGE_VAL, y, err));
    return emit_1(c->e, "Log", *y, y, err);
}

static enum status stft_spectrogram(struct call *c, struct error *err)
{
    struct bytes mode = config_text_or(c, "mode", NULL, "log");
    bool first = config_channels_first(c, 1), real_alone = bytes_is(mode, "real");
    int64_t length = config_int_or(c, "frame_length", 256);
    int64_t step = config_int_or(c, "frame_step", length / 2), channels;
    value_id x = c->in[0].value, re, im, y;

    TRY(call_wants(c, 1, err));
    seen_keys(c, "fft_length window scaling periodic"); /* the kernels have them */
    TRY(call_dim(c, 0, first ? 1 : 2, &channels, err));
    if (step < 1)
        return error_set(err, STATUS_INVALID_INPUT, "its 'frame_step' is %lld", (long long)step);
    if (!first)
        TRY(emit_transpose(c->e, x, (const int64_t[]){0, 2, 1}, 3, &x, err));
    if (!bytes_is(mode, "imag"))
        TRY(waves(c, "real kernel", step, channels, x, &re, err));
    if (!real_alone)
        TRY(waves(c, "imaginary kernel", step, channels, x, &im, err));
    if (real_alone || bytes_is(mode, "imag")) {
        y = real_alone ? re : im;
    } else if (bytes_is(mode, "angle")) {
        TRY(emit_node(c->e, "firn", "Special", EMIT(im, re),
                      EMIT_ATTRIBUTES(attribute_of_text("function", "atan2")), &y, err));
    } else if (bytes_is(mode, "stft")) {
        TRY(emit_concat(c->e, EMIT(re, im), 2, &y, err));
    } else {
        TRY(emit_2(c->e, "Mul", re, re, &re, err));
        TRY(emit_2(c->e, "Mul", im, im, &im, err));
        TRY(emit_2(c->e, "Add", re, im, &y, err));
        if (bytes_is(mode, "psd"))
            TRY(density(c, y, &y, err));
        else if (bytes_is(mode, "log") || bytes_is(mode, "magnitude"))
            TRY(magnitude(c, y, bytes_is(mode, "log"), &y, err));
        else
            return error_set(err, STATUS_UNSUPPORTED, "its 'mode' is not supported");
    }
    TRY(arrange(c, first, &y, err));
    return call_give(c, y);
}

/* --- MelSpectrogram: x (batch, steps) --- */

struct mel {
    int64_t fft, step, length, bins;
    double rate, low, high, min_power, ref_power, top_db, exponent;
    bool decibels;
};

static enum status mel_read(const struct call *c, struct mel *m, struct error *err)
{
    *m = (struct mel){
        .fft = config_int_or(c, "fft_length", 2048),
        .step = config_int_or(c, "sequence_stride", 512),
        .bins = config_int_or(c, "num_mel_bins", 128),
        .rate = config_number_or(c, "sampling_rate", 16000),
        .low = config_number_or(c, "min_freq", 20),
        .min_power = config_number_or(c, "min_power", 1e-10),
        .ref_power = config_number_or(c, "ref_power", 1),
        .top_db = config_number_or(c, "top_db", 80),
        .exponent = config_number_or(c, "mag_exp", 2),
        .decibels = config_bool_or(c, "power_to_db", NULL, true),
    };
    m->length = config_int_or(c, "sequence_length", m->fft);
    m->high = config_number_or(c, "max_freq", floor(m->rate / 2));
    if (m->fft < 2 || m->fft > FFT_MAX || m->step < 1 || m->length < 1 || m->length > m->fft ||
        m->bins < 1 || m->bins > BINS_MAX || m->rate <= 0 || m->fft * m->bins > 1 << 28)
        return error_set(err, STATUS_INVALID_INPUT, "sizes out of range");
    return STATUS_OK;
}

/* Periodic windows (scipy.signal.get_window), in the middle of a frame. */
static enum status window_new(struct call *c, const struct mel *m, struct tensor *window,
                              struct error *err)
{
    static const struct {
        const char *name;
        double a[3];
    } COSINES[] = {
        {"hann", {0.5, 0.5, 0}}, {"hamming", {0.54, 0.46, 0}}, {"blackman", {0.42, 0.5, 0.08}}};
    struct bytes name = config_text_or(c, "window", NULL, "hann");
    struct shape shape = SHAPE(m->fft);
    size_t from = (size_t)(m->fft - m->length) / 2, kind = 0;

    while (kind < ARRAY_COUNT(COSINES) && !bytes_is(name, COSINES[kind].name))
        kind++;
    if (kind == ARRAY_COUNT(COSINES))
        return error_set(err, STATUS_UNSUPPORTED, "its 'window' is not supported");
    TRY(tensor_new(window, c->dtype, &shape, c->k->keep, err));
    for (size_t i = 0; i < (size_t)m->length; i++) {
        double turn = 2 * M_PI * (double)i / (double)m->length;
        const double *a = COSINES[kind].a;

        tensor_set_f64(window, from + i, a[0] - a[1] * cos(turn) + a[2] * cos(2 * turn));
    }
    return STATUS_OK;
}

static double mel_of(double hertz)
{
    return 1127 * log(1 + hertz / 700);
}

/* (frequencies, bins): triangles, equally wide in mels; nothing for frequency 0. */
static enum status matrix_new(struct call *c, const struct mel *m, struct tensor *matrix,
                              struct error *err)
{
    size_t frequencies = (size_t)m->fft / 2 + 1, bins = (size_t)m->bins;
    struct shape shape = SHAPE((int64_t)frequencies, m->bins);
    double low = mel_of(m->low), width = (mel_of(m->high) - low) / (double)(m->bins + 1);

    TRY(tensor_new(matrix, c->dtype, &shape, c->k->keep, err));
    for (size_t f = 1; f < frequencies; f++)
        for (size_t b = 0; b < bins; b++) {
            double hertz = m->rate / 2 * (double)f / (double)(frequencies - 1);
            double place = (mel_of(hertz) - low) / width - (double)b;
            double height = place < 1 ? place : 2 - place;

            tensor_set_f64(matrix, f * bins + b, height > 0 ? height : 0);
        }
    return STATUS_OK;
}

/* |STFT|^exponent of frames around each step: (batch, frames, frequencies). */
static enum status spectrum(struct call *c, const struct mel *m, value_id x, value_id *y,
                            struct error *err)
{
    const int64_t pads[] = {0, m->fft / 2, 0, m->fft / 2}, last = -1;
    value_id in[4], list, power;
    struct tensor window;

    TRY(window_new(c, m, &window, err));
    TRY(emit_ints(c->e, pads, 4, &list, err));
    TRY(emit_node(c->e, "", "Pad", EMIT(x, list),
                  EMIT_ATTRIBUTES(attribute_of_text("mode", "reflect")), &in[0], err));
    TRY(emit_unsqueeze(c->e, in[0], 2, &in[0], err));
    TRY(emit_number(c->e, DTYPE_I64, (double)m->step, &in[1], err));
    TRY(emit_constant(c->e, &window, &in[2], err));
    TRY(emit_number(c->e, DTYPE_I64, (double)m->fft, &in[3], err));
    TRY(emit(c->e, "", "STFT", in, 4, NULL, 0, y, 1, err));
    TRY(emit_reduce(c->e, "ReduceSumSquare", *y, &last, 1, false, y, err));
    if (m->exponent == 2)
        return STATUS_OK;
    TRY(emit_number(c->e, c->dtype, m->exponent / 2, &power, err));
    return emit_2(c->e, "Pow", *y, power, y, err);
}

/* 10 log10 of it over the reference, at most top_db below the largest of all. */
static enum status decibels(struct call *c, const struct mel *m, value_id *y, struct error *err)
{
    double reference = fabs(m->ref_power) > m->min_power ? fabs(m->ref_power) : m->min_power;
    value_id factor, offset, floor_;

    TRY(emit_clip(c->e, *y, m->min_power, HUGE_VAL, y, err));
    TRY(emit_1(c->e, "Log", *y, y, err));
    TRY(emit_number(c->e, c->dtype, 10 / log(10), &factor, err));
    TRY(emit_2(c->e, "Mul", *y, factor, y, err));
    TRY(emit_number(c->e, c->dtype, 10 * log10(reference), &offset, err));
    TRY(emit_2(c->e, "Sub", *y, offset, y, err));
    TRY(emit_reduce(c->e, "ReduceMax", *y, (const int64_t[]){0, 1, 2}, 3, true, &floor_, err));
    TRY(emit_number(c->e, c->dtype, m->top_db, &offset, err));
    TRY(emit_2(c->e, "Sub", floor_, offset, &floor_, err));
    return emit_2(c->e, "Max", *y, floor_, y, err);
}

static enum status mel_spectrogram(struct call *c, struct error *err)
{
    struct tensor matrix;
    struct mel m;
    value_id w, x, y;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    if (rank != 2)
        return error_set(err, STATUS_UNSUPPORTED, "sounds of %d dimensions", rank);
    TRY(mel_read(c, &m, err));
    TRY(matrix_new(c, &m, &matrix, err));
    TRY(emit_cast(c->e, c->in[0].value, c->dtype, &x, err));
    TRY(spectrum(c, &m, x, &y, err));
    TRY(emit_constant(c->e, &matrix, &w, err));
    TRY(emit_2(c->e, "MatMul", y, w, &y, err));
    if (m.decibels)
        TRY(decibels(c, &m, &y, err));
    TRY(emit_transpose(c->e, y, (const int64_t[]){0, 2, 1}, 3, &y, err));
    return call_give(c, y);
}

const struct layer_set layers_spectrogram =
    LAYER_SET({.name = "STFTSpectrogram", .lower = stft_spectrogram},
              {.name = "MelSpectrogram", .lower = mel_spectrogram}, );
