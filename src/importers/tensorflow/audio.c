// SPDX-License-Identifier: Apache-2.0
/* Sound: WAV files, spectrograms, the coefficients that speech models take. */
#include "importers/tensorflow/internal.h"

static enum status wav(struct tf_call *c, struct error *err)
{
    int64_t channels, samples;
    value_id y[2];

    TRY(tf_int(c->node, "desired_channels", -1, &channels, err));
    TRY(tf_int(c->node, "desired_samples", -1, &samples, err));
    TRY(emit(c->e, "firn", "DecodeWav", c->in, 1,
             (struct attribute[]){attribute_of_int("channels", channels),
                                  attribute_of_int("samples", samples)},
             2, y, 2, err));
    TRY(tf_add(c, y[0], err));
    return tf_add(c, y[1], err);
}

static enum status spectrogram(struct tf_call *c, struct error *err)
{
    int64_t window, stride;
    bool squared;
    value_id y;

    TRY(tf_int(c->node, "window_size", 0, &window, err));
    TRY(tf_int(c->node, "stride", 0, &stride, err));
    TRY(tf_bool(c->node, "magnitude_squared", false, &squared, err));
    TRY(emit_node(c->e, "firn", "AudioSpectrogram", EMIT(c->in[0]),
                  EMIT_ATTRIBUTES(attribute_of_int("window", window),
                                  attribute_of_int("stride", stride),
                                  attribute_of_int("squared", squared)),
                  &y, err));
    return tf_give(c, y);
}

static enum status mfcc(struct tf_call *c, struct error *err)
{
    int64_t bands, coefficients;
    double high, low;
    value_id y;

    TRY(tf_float(c->node, "upper_frequency_limit", 4000, &high, err));
    TRY(tf_float(c->node, "lower_frequency_limit", 20, &low, err));
    TRY(tf_int(c->node, "filterbank_channel_count", 40, &bands, err));
    TRY(tf_int(c->node, "dct_coefficient_count", 13, &coefficients, err));
    TRY(emit_node(c->e, "firn", "Mfcc", EMIT(c->in[0], c->in[1]),
                  EMIT_ATTRIBUTES(attribute_of_float("high", high), attribute_of_float("low", low),
                                  attribute_of_int("bands", bands),
                                  attribute_of_int("coefficients", coefficients)),
                  &y, err));
    return tf_give(c, y);
}

static enum status encode(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_node(c->e, "firn", "EncodeWav", EMIT(c->in[0], c->in[1]), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_audio =
    TF_OP_SET({.name = "DecodeWav", .lower = wav, .inputs = 1},
              {.name = "EncodeWav", .lower = encode, .inputs = 2},
              {.name = "AudioSpectrogram", .lower = spectrogram, .inputs = 1},
              {.name = "Mfcc", .lower = mfcc, .inputs = 2}, );
