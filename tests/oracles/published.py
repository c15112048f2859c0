"""What others published on PyPI, as clients see it: wheels, and the protos inside them without running their code."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = Path(__file__).resolve().parents[2]


def package(requirement):
    """The unpacked wheel of NAME==VERSION, kept in build/published; None when it cannot be had."""
    folder = ROOT / "build" / "published" / requirement.replace("==", "-")
    if not folder.exists():
        wheels = folder.with_suffix(".wheels")
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", str(wheels), requirement]
        if subprocess.run(command, capture_output=True).returncode:
            return None
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
    return folder


def _serialized(path):
    """FileDescriptorProtos that generated code of any age holds as a literal."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        values = [k.value for k in node.keywords if k.arg == "serialized_pb"]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "AddSerializedFile":
            values += node.args[:1]
        for value in values:
            if isinstance(value, ast.Call):  # _b('...')
                yield ast.literal_eval(value.args[0]).encode("latin1")
            elif isinstance(value, ast.Constant) and isinstance(value.value, bytes):
                yield value.value


class Protos:
    """The messages and services of some *_pb2.py files, in a pool of their own."""

    def __init__(self, *folders, known=()):
        self.pool = descriptor_pool.DescriptorPool()
        files = {}
        for folder in folders:
            for path in sorted(Path(folder).rglob("*_pb2.py")):
                for data in _serialized(path):
                    file = descriptor_pb2.FileDescriptorProto.FromString(data)
                    files[file.name] = file
        for module in known:
            file = descriptor_pb2.FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(file)
            files[file.name] = file
        added = set()

        def add(name):
            if name in added:
                return
            added.add(name)
            if name not in files:  # Google's own
                from google.protobuf import any_pb2, empty_pb2, timestamp_pb2, wrappers_pb2  # noqa: F401

                file = descriptor_pb2.FileDescriptorProto()
                descriptor_pool.Default().FindFileByName(name).CopyToProto(file)
            else:
                file = files[name]
            for dependency in file.dependency:
                add(dependency)
            self.pool.Add(file)

        for name in files:
            add(name)

    def __getitem__(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def has(self, name):
        try:
            return bool(self.pool.FindMessageTypeByName(name))
        except KeyError:
            return False

    def call(self, channel, service, method):
        """A callable of a method, as the published service says what it takes and gives."""
        row = self.pool.FindServiceByName(service).FindMethodByName(method)
        request = message_factory.GetMessageClass(row.input_type)
        response = message_factory.GetMessageClass(row.output_type)
        kind = ("stream" if row.client_streaming else "unary") + "_" + ("stream" if row.server_streaming else "unary")
        return getattr(channel, kind)(f"/{service}/{method}", request_serializer=request.SerializeToString,
                                      response_deserializer=response.FromString)
