#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write tests/fuzz/corpus/http2: connections of HTTP/2 behind preface and settings, as tests/fuzz/http2.c reads them."""
import gzip
import struct
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus" / "http2"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def head(stream, path, *fields, method=b"\x83", end=False, ends_block=True):
    block = method + b"\x86\x04" + bytes([len(path)]) + path + b"\x01\x01a" + b"".join(literal(n, v) for n, v in fields)
    return frame(1, (4 if ends_block else 0) | (1 if end else 0), stream, block)


def data(stream, payload, end=True):
    return frame(0, 1 if end else 0, stream, payload)


def message(payload, flag=0):
    return bytes([flag]) + struct.pack(">I", len(payload)) + payload


GRPC = (b"content-type", b"application/grpc"), (b"te", b"trailers")
PACKED = *GRPC, (b"grpc-encoding", b"gzip"), (b"grpc-accept-encoding", b"identity,gzip")
CASES = {
    "echo": head(1, b"/e") + data(1, b"hello") + head(3, b"/e", (b"later", b"1")) + data(3, b"hello"),
    "feed": head(1, b"/f", method=b"\x82", end=True) + frame(3, 0, 1, struct.pack(">I", 8)),
    "upload": head(1, b"/u") + data(1, b"x" * 600, end=False) + data(1, b"y" * 600) + head(3, b"/u", end=True) + head(5, b"/u") + data(5, b"z", end=False) + frame(3, 0, 5, struct.pack(">I", 8)),
    "refused": head(1, b"/none") + data(1, b"x") + head(3, b"/e", (b"content-length", b"99999")) + head(5, b"/e", (b"host", b"b"), end=True) + head(7, b"/e", (b"x", b"y" * 100), end=True) + head(9, b"/e#", end=True),
    "unary": head(1, b"/t.T/E", *GRPC) + data(1, message(b"hello")) + head(3, b"/t.T/E", *GRPC, (b"grpc-timeout", b"1S")) + data(3, message(b"fail")) + head(5, b"/t.T/X", *GRPC, end=True),
    "pieces": head(1, b"/t.T/E", *GRPC) + data(1, b"\0\0\0", end=False) + data(1, b"\0\2a", end=False) + data(1, b"b"),
    "packed": head(1, b"/t.T/E", *PACKED) + data(1, message(gzip.compress(b"hello " * 20, mtime=0), 1)) + head(3, b"/t.T/E", *GRPC) + data(3, message(b"x", 1)),
    "packed_later": head(1, b"/t.T/E", *PACKED) + data(1, message(gzip.compress(bytes(i * i % 251 for i in range(3000)), 0, mtime=0), 1)),
    "chat": head(1, b"/t.T/C", *GRPC) + data(1, message(b"a") + message(b"b")[:3], end=False) + data(1, message(b"b")[3:] + message(b"c"), end=False) + data(1, b""),
    "chat_cut": head(1, b"/t.T/C", *PACKED) + data(1, message(b"a"), end=False) + data(1, message(gzip.compress(b"b", mtime=0), 1) + b"\0\0"),
    "too_large": head(1, b"/t.T/E", *GRPC) + data(1, b"\0\0\1\0\0x") + head(3, b"/e") + data(3, b"x" * 5000),
    "windows": frame(4, 0, 0, struct.pack(">HI", 4, 1)) + head(1, b"/e") + data(1, b"hello") + frame(8, 0, 1, struct.pack(">I", 3)) + frame(8, 0, 0, struct.pack(">I", 9)) + frame(8, 0, 1, struct.pack(">I", 100)),
    "block": head(1, b"/e", ends_block=False) + frame(9, 0, 1, literal(b"x", b"y")) + frame(9, 4, 1, literal(b"later", b"1")) + data(1, b"x"),
    "goodbye": frame(6, 0, 0, b"12345678") + frame(7, 0, 0, struct.pack(">II", 0, 0)) + head(1, b"/e", end=True),
}
FOLDER.mkdir(parents=True, exist_ok=True)
for name, frames in CASES.items():
    (FOLDER / name).write_bytes(b"\x7f" + frames)
