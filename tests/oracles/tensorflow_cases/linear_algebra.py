"""Matrices: decompositions, solvers, transforms of Fourier."""

import numpy as np
import tensorflow as tf

from .operators import K, GraphCase, normal, one, sweep

A = normal(2, 3, 3) + 3 * np.eye(3, dtype=np.float32)
SPD = A @ A.swapaxes(1, 2) + np.eye(3, dtype=np.float32)


def decompositions():
    for op in ("MatrixDeterminant", "LogMatrixDeterminant"):
        yield from sweep(op, input=A)
        yield from one(op, "one", input=A[0])
        yield from one(op, "singular", input=np.ones((2, 3, 3), np.float32))
    yield from one("MatrixDeterminant", "empty", input=np.zeros((2, 0, 0), np.float32))
    for adjoint in (False, True):
        yield from sweep("MatrixInverse", input=A, adjoint=adjoint)
        yield from sweep("MatrixSolve", matrix=A, rhs=normal(2, 3, 2), adjoint=adjoint)
        for lower in (False, True):
            yield from sweep("MatrixTriangularSolve", matrix=A, rhs=normal(2, 3, 2), lower=lower, adjoint=adjoint)
            yield from one("BandedTriangularSolve", matrix=normal(2, 4) + 3, rhs=normal(4, 2), lower=lower, adjoint=adjoint)
    yield from one("MatrixTriangularSolve", "broadcast", matrix=A[0], rhs=normal(2, 3, 2))
    for fast in (False, True):
        yield from one("MatrixSolveLs", matrix=normal(2, 5, 3), rhs=normal(2, 5, 2), l2_regularizer=K(0.1, np.float64), fast=fast)
        yield from one("MatrixSolveLs", "wide", matrix=normal(3, 5), rhs=normal(3, 2), l2_regularizer=K(0.1, np.float64), fast=fast)
    yield from sweep("Cholesky", input=SPD)
    yield from sweep("Lu", _only=("T", "output_idx_type"), input=A)
    for x in (A, normal(2, 4, 3), normal(2, 3, 4)):
        for full in (False, True):
            yield from one("Qr", input=x, full_matrices=full)
    yield from sweep("Qr", input=A)
    for x in (A, normal(4, 3), normal(2, 3, 4)):
        yield from one("Svd", "values", input=x, compute_uv=False)
    yield from one("SelfAdjointEigV2", "values", input=SPD, compute_v=False)

    def rebuilt(full):
        def build(x):
            s, u, v = tf.raw_ops.Svd(input=x, full_matrices=full)
            n = 3
            return tf.matmul(u[..., :n] * s[..., None, :], v[..., :n], adjoint_b=True)

        return build

    for full in (False, True):
        yield GraphCase(f"Svd.rebuilt.{full}", rebuilt(full), {"x": normal(2, 4, 3)}, operator="Svd")

    def diagonal(x):
        e, v = tf.raw_ops.SelfAdjointEigV2(input=x)
        return [e, tf.matmul(v * e[..., None, :], v, adjoint_b=True)]

    yield GraphCase("SelfAdjointEigV2.rebuilt", diagonal, {"x": SPD}, operator="SelfAdjointEigV2")
    far = np.array([[1e6, 3, 0.5j], [2, 1e-3, 1j], [0, 0.25, -2 + 1e-2j]])
    for x in (SPD, A + 1j * normal(2, 3, 3), np.eye(4)[None] + 0.01 * normal(2, 4, 4), normal(6, 6) + 1j * normal(6, 6), np.zeros((2, 0, 0)), 1j * np.ones((1, 1)), far):
        for dtype in (np.complex64, np.complex128):
            yield from one("MatrixLogarithm", f"{np.shape(x)}.{dtype.__name__}", input=np.asarray(x, dtype), _rtol=1e-4 if dtype is np.complex64 else 1e-9)  # near 1 a float has few digits
    yield from one("MatrixSquareRoot", input=SPD)
    for pivoting in (False, True):
        yield from one("TridiagonalSolve", diagonals=normal(3, 4) + np.array([[0], [5], [0]], np.float32), rhs=normal(4, 2), partial_pivoting=pivoting)
    yield from one("TridiagonalMatMul", superdiag=normal(1, 4), maindiag=normal(1, 4), subdiag=normal(1, 4), rhs=normal(4, 2))


def fourier():
    z = (normal(2, 4, 4, 6) + 1j * normal(2, 4, 4, 6)).astype(np.complex64)
    for op in ("FFT", "FFT2D", "FFT3D", "IFFT", "IFFT2D", "IFFT3D"):
        yield from sweep(op, input=z)
        yield from one(op, "odd", input=z[:, :3, :3, :5])
    x = normal(2, 4, 4, 8)
    for rank in (1, 2, 3):
        suffix = "" if rank == 1 else f"{rank}D"
        full = list(x.shape[-rank:])
        for length in (full, [n - 1 for n in full], [n + 3 for n in full]):
            yield from one(f"RFFT{suffix}", input=x, fft_length=K(length))
            yield from one(f"IRFFT{suffix}", input=z, fft_length=K(length))
        yield from one(f"RFFT{suffix}", "double", input=x.astype(np.float64), fft_length=K(full), Tcomplex=tf.complex128)
        yield from one(f"IRFFT{suffix}", "double", input=z.astype(np.complex128), fft_length=K(full), Treal=tf.float64)
    yield from one("AudioSpectrogram", input=normal(64, 2), window_size=16, stride=8)
    yield from one("AudioSpectrogram", "squared", input=normal(64, 1), window_size=20, stride=8, magnitude_squared=True)
    yield from one("Mfcc", spectrogram=np.abs(normal(2, 5, 65)), sample_rate=K(16000))
    yield from one("Mfcc", "options", spectrogram=np.abs(normal(1, 4, 129)), sample_rate=np.int32(8000), upper_frequency_limit=3600.0, lower_frequency_limit=100.0, filterbank_channel_count=26, dct_coefficient_count=20)
    for k in (1, 3, 9):
        yield from one("NearestNeighbors", points=normal(6, 4), centers=normal(5, 4), k=K(k, np.int64))
    for channels in (1, 2):
        wav = tf.audio.encode_wav(np.clip(normal(300, channels) / 3, -1, 1), 16000).numpy()
        for wanted in ({}, {"desired_channels": 1}, {"desired_samples": 200}, {"desired_samples": 400, "desired_channels": channels}):
            yield from one("DecodeWav", f"{channels}.{wanted}".replace(" ", ""), contents=np.array(wav, object), **wanted)

    def speech(contents):
        audio = tf.raw_ops.DecodeWav(contents=contents, desired_channels=1, desired_samples=1600)
        spectrogram = tf.raw_ops.AudioSpectrogram(input=audio[0], window_size=480, stride=160, magnitude_squared=True)
        return tf.raw_ops.Mfcc(spectrogram=spectrogram, sample_rate=audio[1], dct_coefficient_count=40)

    yield GraphCase("speech", speech, {"contents": np.array(tf.audio.encode_wav(normal(1500, 1) / 4, 16000).numpy(), object)}, operator="Mfcc")

    def windows(signal):
        return [tf.abs(tf.signal.stft(signal, 16, 4, 16)), tf.signal.frame(signal, 8, 3)]

    yield GraphCase("stft", windows, {"signal": normal(2, 40)})
    yield GraphCase("dct", lambda x: [tf.signal.dct(x), tf.signal.idct(x), tf.signal.mfccs_from_log_mel_spectrograms(x)], {"x": normal(2, 8)})
    yield GraphCase("mel", lambda x: tf.matmul(x, tf.signal.linear_to_mel_weight_matrix(10, 65, 16000)), {"x": normal(2, 65)})


def cases():
    yield from decompositions()
    yield from fourier()
