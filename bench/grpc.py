#!/usr/bin/env python3
"""A tiny predict over gRPC: what a call costs firn's server, and a server made of grpcio and ONNX Runtime.

    bench/grpc.py [--rounds 3] [--seconds 2]

Servers run on core 0, the load (bench/peers/grpc_load.c) on core 1. CPU per call is (utime + stime of the server
after - before) / answered calls. The servers take turns in every round; median and minimum are shown.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
sys.path.append(HERE)
import environment

environment.enter("requirements-grpc.txt", "bench-grpc")

import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import grpc
import joblib
from models import logistic, rows, to_onnx

FIRN = environment.ROOT / "build" / "firn"
TICK = os.sysconf("SC_CLK_TCK")
PATH = "/inference.GRPCInferenceService/ModelInfer"
LOADS = ((1, 1), (8, 16))  # connections, calls at once on each


def option(name, default):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, name, command, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen(["taskset", "-c", "0", *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answer(self, message, limit=60):
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            return channel.unary_unary(PATH)(message, timeout=limit, wait_for_ready=True)

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def load(self, program, message_file, connections, streams, seconds):
        """-> (CPU microseconds a call, calls a second, p50, p99 in microseconds)"""
        before = self.cpu()
        done = subprocess.run(["taskset", "-c", "1", program, str(self.port), PATH, message_file, str(connections), str(streams), str(seconds * 1000)],
                              capture_output=True, text=True)
        spent = self.cpu() - before
        if not done.stdout.startswith("RESULT"):
            raise RuntimeError(f"load on {self.name}: {done.returncode} {done.stdout}{done.stderr}")
        answered, failed, p50, p99 = map(int, done.stdout.split()[1:])
        if failed or not answered:
            raise RuntimeError(f"{self.name}: {failed} failed, {answered} answered")
        return spent / answered * 1e6, answered / seconds, p50, p99

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(folder):
    """The model in both forms, the message, the servers and the load's program."""
    model, x = logistic(), rows(1)
    joblib.dump(model, folder / "tiny.joblib")
    (folder / "tiny.onnx").write_bytes(to_onnx(model))
    subprocess.run([FIRN, "upload", folder / "tiny.joblib", "--name", "tiny", "--store", folder / "store"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE}/peers", f"--python_out={folder}", "open_inference.proto"], check=True)
    sys.path.insert(0, str(folder))
    import open_inference_pb2 as pb

    request = pb.ModelInferRequest(model_name="tiny")
    given = request.inputs.add(name="x", datatype="FP64", shape=[1, 20])
    given.contents.fp64_contents.extend(x.ravel().tolist())
    (folder / "message").write_bytes(request.SerializeToString())
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libnghttp2"], check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", folder / "load", Path(HERE) / "peers" / "grpc_load.c", *flags], check=True)
    first, second = free_port(), free_port()
    servers = [Server("firn", [FIRN, "serve", "--store", folder / "store", "--http", f"127.0.0.1:{first}"], first),
               Server("grpcio + ONNX Runtime", [sys.executable, Path(HERE) / "peers" / "grpc_peer.py", second, folder / "tiny.onnx", folder], second)]
    want = int(model.predict(x)[0])
    for server in servers:
        reply = pb.ModelInferResponse.FromString(server.answer(request.SerializeToString()))
        said = list(reply.outputs[0].contents.int64_contents) or [int.from_bytes(reply.raw_output_contents[0], "little", signed=True)]
        if said != [want]:
            raise RuntimeError(f"{server.name} says {reply}, not {want}")
    return servers


def report(figures, rounds):
    names = list(dict.fromkeys(who for who, _ in figures))
    print(f"\nserver CPU in microseconds a call, median (minimum) of {rounds} interleaved rounds; load {os.getloadavg()[0]:.1f}")
    for who in names:
        for load in LOADS:
            runs = figures[who, load]
            cpu = [run[0] for run in runs]
            rate, p50, p99 = (statistics.median(run[i] for run in runs) for i in (1, 2, 3))
            print(f"{who:<24}{load[0]} x {load[1]:<4}{statistics.median(cpu):>9.1f} ({min(cpu):.1f}){rate:>12.0f} calls/s   p50 {p50:.0f} us, p99 {p99:.0f} us")
    for load in LOADS:
        ours = min(run[0] for run in figures["firn", load])
        ratio = statistics.median(run[0] for run in figures[names[1], load]) / statistics.median(run[0] for run in figures["firn", load])
        print(f"at {load[0]} x {load[1]}: {ours:.1f} us (goal <= 25{'' if ours <= 25 else ': MISSED'}), {names[1]} / firn: {ratio:.1f} (goal >= 10{'' if ratio >= 10 else ': MISSED'})")


def main():
    rounds, seconds = option("--rounds", 3), option("--seconds", 2)
    figures, servers = {}, []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        try:
            servers = start(folder)
            for _ in range(rounds):
                for load in LOADS:
                    for server in servers:
                        figures.setdefault((server.name, load), []).append(server.load(folder / "load", folder / "message", *load, seconds))
        finally:
            for server in servers:
                server.stop()
    report(figures, rounds)


if __name__ == "__main__":
    main()
