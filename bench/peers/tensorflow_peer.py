"""A peer of bench/tensorflow.py in a process of its own, for TensorFlow fixes its threads when it starts.

    tensorflow_peer.py make NAME FOLDER                       writes the network
    tensorflow_peer.py signature|function|onnx NAME FOLDER BATCH THREADS

prints "load MILLISECONDS MEBIBYTES", from opening the file to the first answer, and saves that answer as
FOLDER/NAME-PEER.npy; then for each line of standard input, a number of seconds, the median run in µs.
"""

import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", KERAS_BACKEND="tensorflow")

import statistics
import sys
import time
from pathlib import Path

import numpy as np


def signature(name, folder, x, threads):
    """The SavedModel's serving signature."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    start = time.perf_counter()
    loaded = tf.saved_model.load(str(folder / name))
    call = loaded.signatures["serving_default"]
    given = tf.constant(x)
    run = lambda: next(iter(call(x=given).values())).numpy()
    run()
    run.loaded = loaded
    return start, run


def function(name, folder, x, threads):
    """tf.function of the Keras model."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras

    start = time.perf_counter()
    model = keras.models.load_model(folder / f"{name}.keras")
    call = tf.function(lambda x: model(x, training=False))
    given = tf.constant(x)
    run = lambda: call(given).numpy()
    run()
    return start, run


def onnx(name, folder, x, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    start = time.perf_counter()
    session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    run = lambda: session.run(None, {"x": x})[0]
    run()
    return start, run


def main():
    kind, name, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if kind == "make":
        import keras_networks

        keras_networks.write(name, folder)
        return
    batch, threads = int(sys.argv[4]), int(sys.argv[5])
    x = np.load(folder / f"{name}-{batch}.npy")
    start, run = {"signature": signature, "function": function, "onnx": onnx}[kind](name, folder, x, threads)
    took = time.perf_counter() - start
    peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    np.save(folder / f"{name}-{kind}.npy", run())
    print("load", 1e3 * took, int(peak) / 1024, flush=True)
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        while len(times) < 3 or time.perf_counter() < end:
            begin = time.perf_counter()
            run()
            times.append((time.perf_counter() - begin) * 1e6)
        print(statistics.median(times), flush=True)


if __name__ == "__main__":
    main()
