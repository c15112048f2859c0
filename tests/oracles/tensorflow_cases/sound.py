"""Spectrograms of sound of any length: what tf.signal and tf.audio make of [None] samples."""

import numpy as np
import tensorflow as tf

from .operators import free, normal
from .savedmodel import function_case

F = tf.float32


def mel(x, frame, step, bins, rate=8000, pad=False):
    power = tf.abs(tf.signal.stft(x, frame, step, pad_end=pad)) ** 2
    matrix = tf.signal.linear_to_mel_weight_matrix(bins, power.shape[-1], rate, 80.0, 3600.0)
    return tf.math.log(tf.tensordot(power, matrix, 1) + 1e-6)


def cepstrum(x):
    return tf.signal.mfccs_from_log_mel_spectrograms(mel(x, 64, 32, 20))[..., :13]


def commands(x):
    """As TensorFlow's tutorial of simple audio: cut or filled to a second, spectrogram, channel."""
    x = x[:512]
    x = tf.concat([x, tf.zeros([512] - tf.shape(x))], 0)
    return tf.expand_dims(tf.abs(tf.signal.stft(x, frame_length=255, frame_step=128)), -1)


WINDOWS = {"hann": tf.signal.hann_window, "hamming": tf.signal.hamming_window, "kaiser": tf.signal.kaiser_window, "vorbis": tf.signal.vorbis_window, "none": None}
MADE = {
    "frame": lambda x: tf.signal.frame(x, 16, 5),
    "frame.pad": lambda x: tf.signal.frame(x, 16, 5, pad_end=True, pad_value=-1.0),
    "frame.wide": lambda x: tf.signal.frame(x, 5, 16),
    "overlap": lambda x: tf.signal.overlap_and_add(tf.signal.frame(x, 16, 4), 4),
    "overlap.odd": lambda x: tf.signal.overlap_and_add(tf.signal.frame(x, 16, 7), 7),
    "stft": lambda x: tf.abs(tf.signal.stft(x, 16, 4)),
    "stft.long": lambda x: tf.abs(tf.signal.stft(x, 20, 10, 64)),
    "stft.pad": lambda x: tf.math.angle(tf.signal.stft(x, 16, 8, pad_end=True)) * 0 + 1,
    "inverse": lambda x: tf.signal.inverse_stft(tf.signal.stft(x, 32, 8), 32, 8, window_fn=tf.signal.inverse_stft_window_fn(8)),
    "mdct": lambda x: tf.signal.mdct(x, 32, pad_end=True),
    "mdct.inverse": lambda x: tf.signal.inverse_mdct(tf.signal.mdct(x, 32)),
    "mel": lambda x: mel(x, 64, 32, 20),
    "mel.pad": lambda x: mel(x, 60, 20, 12, pad=True),
    "cepstrum": cepstrum,
    "dct": lambda x: tf.signal.dct(tf.signal.frame(x, 16, 8), norm="ortho"),
    "rfft": lambda x: tf.abs(tf.signal.rfft(tf.signal.frame(x, 12, 6), [16])),
    "rfft.all": lambda x: tf.abs(tf.signal.rfft(x)),
}
ALONE = {
    "commands": commands,
    "spectrogram": lambda x: tf.raw_ops.AudioSpectrogram(input=x[:, None], window_size=32, stride=10),
    "coefficients": lambda x: tf.raw_ops.Mfcc(spectrogram=tf.raw_ops.AudioSpectrogram(input=x[:, None], window_size=128, stride=40, magnitude_squared=True), sample_rate=tf.constant(16000), dct_coefficient_count=20),
}


def cases():
    for length in (200, 137):
        for name, make in MADE.items():
            yield function_case(f"{name}.{length}", lambda x, make=make: {"y": make(x)}, [tf.TensorSpec([None], F)], {"x": normal(length)}, rtol=1e-4)
            yield function_case(f"{name}.batch.{length}", lambda x, make=make: {"y": make(x)}, [tf.TensorSpec([None, None], F)], {"x": normal(2, length)}, rtol=1e-4)
        for name, make in ALONE.items():
            yield function_case(f"{name}.{length}", lambda x, make=make: {"y": make(x)}, [tf.TensorSpec([None], F)], {"x": normal(length)}, rtol=1e-4)
        for name, window in WINDOWS.items():
            yield function_case(f"window.{name}.{length}", lambda x, window=window: {"y": tf.abs(tf.signal.stft(x, 24, 12, window_fn=window))}, [tf.TensorSpec([None, None], F)], {"x": normal(2, length)}, rtol=1e-4)
    yield function_case("stft.short", lambda x: {"y": tf.abs(tf.signal.stft(x, 16, 4))}, [tf.TensorSpec([None], F)], {"x": normal(9)}, rtol=1e-4)
    steps = [tf.TensorSpec([None], F), tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int32)]
    yield function_case("stft.fed", lambda x, length, step: {"y": tf.abs(tf.signal.stft(x, length, step, 32))}, steps, {"x": normal(100), "length": np.int32(20), "step": np.int32(7)}, rtol=1e-4)
    yield function_case("frame.fed", lambda x, length, step: {"y": tf.signal.frame(x, length, step, pad_end=True)}, steps, {"x": normal(100), "length": np.int32(20), "step": np.int32(7)})
    yield function_case("wav", lambda c: {"y": tf.abs(tf.signal.stft(tf.squeeze(tf.audio.decode_wav(c, 1)[0], -1), 64, 32))}, [tf.TensorSpec([], tf.string)], {"c": np.array(tf.audio.encode_wav(normal(700, 1) / 4, 16000).numpy(), object)}, rtol=1e-4)
    yield from free("AudioSpectrogram", input=normal(64, 2), window_size=16, stride=8, _rtol=1e-4)
    yield from free("Mfcc", spectrogram=np.abs(normal(2, 5, 65)), sample_rate=np.int32(16000), _rtol=1e-4)
