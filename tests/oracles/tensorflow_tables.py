#!/usr/bin/env python3
"""Tables about TensorFlow that TensorFlow itself knows: the messages of a SavedModel, for the text format;
the output arguments and default attributes of its operators.

    scripts/python tests/oracles/tensorflow_tables.py          are the committed tables up to date?
    scripts/python tests/oracles/tensorflow_tables.py --write  write them anew
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # a neighbour is called tensorflow
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import re
from pathlib import Path

from google.protobuf.descriptor import FieldDescriptor as F
from tensorflow.core.framework import op_def_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.core.protobuf import trackable_object_graph_pb2
from tensorflow.python.client import pywrap_tf_session

SOURCE = Path(HERE).parent.parent / "src"
MADE = "/* Made by tests/oracles/tensorflow_tables.py from TensorFlow itself; do not edit. {} */\n"

# What is not read, however long.
SKIPPED_FIELDS = {"debug_info", "experimental_debug_info", "any_info", "description", "explanation", "experimental_full_type", "experimental_type",
                  "slot_variables", "saveable_objects", "bounded_tensor_spec_value"}
KINDS = {F.TYPE_DOUBLE: "DOUBLE", F.TYPE_FLOAT: "FLOAT", F.TYPE_BOOL: "BOOL", F.TYPE_STRING: "BYTES", F.TYPE_BYTES: "BYTES", F.TYPE_ENUM: "ENUM",
         F.TYPE_MESSAGE: "MESSAGE", F.TYPE_SINT64: "SIGNED", F.TYPE_SINT32: "SIGNED", F.TYPE_FIXED32: "FIXED32", F.TYPE_FIXED64: "FIXED64"}


def identifier(descriptor):
    return descriptor.full_name.split(".", 1)[1].replace(".", "_")


def schema():
    messages, enums = {}, {}

    def walk(d):
        if d.full_name in messages:
            return
        messages[d.full_name] = d
        for f in d.fields:
            if f.name not in SKIPPED_FIELDS:
                if f.enum_type:
                    enums[f.enum_type.full_name] = f.enum_type
                if f.message_type:
                    walk(f.message_type)

    walk(saved_model_pb2.SavedModel.DESCRIPTOR)
    walk(trackable_object_graph_pb2.TrackableObjectGraph.DESCRIPTOR)
    rows = [MADE.format("MESSAGE(name), its FIELD(name, number, kind, of) and VALUE(name, number) of an ENUM(name).")]
    for d in sorted(messages.values(), key=identifier):
        rows.append(f"MESSAGE({identifier(d)})")
        for f in sorted(d.fields, key=lambda f: f.number):
            if f.name in SKIPPED_FIELDS:
                continue
            of = identifier(f.message_type) if f.message_type else identifier(f.enum_type) if f.enum_type else "NOTHING"
            rows.append(f'FIELD("{f.name}", {f.number}, {KINDS.get(f.type, "INT")}, {of})')
    for e in sorted(enums.values(), key=identifier):
        rows.append(f"ENUM({identifier(e)})")
        rows += [f'VALUE("{v.name}", {v.number})' for v in e.values]
    return "\n".join(rows) + "\n"


def operators():
    ops = op_def_pb2.OpList()
    ops.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    # Operators of other machines, of input pipelines and of training alone
    never = re.compile(r"TPU|Dataset|Xla|Iterator|^_|Collective|Nccl|BoostedTrees|Summary|Test|Reader|Rpc|Debug|Sdca|Stub|Cudnn|Mkl|SparseCore|Infeed|Outfeed")
    return sorted((o for o in ops.op if not never.search(o.name)), key=lambda o: o.name)


def outputs():
    rows = [MADE.format("OUTPUTS(operator, its output arguments where there are several; * says the attribute that gives the length).")]
    for o in operators():
        if len(o.output_arg) > 1:
            items = [a.name + ("*" + (a.number_attr or a.type_list_attr) if a.number_attr or a.type_list_attr else "") for a in o.output_arg]
            rows.append(f'OUTPUTS("{o.name}", "{",".join(items)}")')
    return "\n".join(rows) + "\n"


def literal(data):
    return "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in data)


def defaults():
    plain = {"use_locking", "container", "shared_name", "memory_limit", "parallel_iterations", "timeout_ms", "capacity", "use_cudnn_on_gpu",
             "bad_indices_policy", "update_slots", "use_nesterov", "use_node_name_sharing", "debug_name"}
    rows = [MADE.format("DEFAULT(operator, attribute, size, AttrValue on the wire).")]
    for o in operators():
        for a in sorted(o.attr, key=lambda a: a.name):
            if a.HasField("default_value") and a.name not in plain:
                data = a.default_value.SerializeToString(deterministic=True)
                rows.append(f'DEFAULT("{o.name}", "{a.name}", {len(data)}, "{literal(data)}")')
    return "\n".join(rows) + "\n"


TABLES = {"formats/tensorflow/schema.def": schema, "importers/tensorflow/model/op_outputs.def": outputs,
          "importers/tensorflow/model/op_defaults.def": defaults}


def main():
    stale = []
    for path, table in TABLES.items():
        text = table()
        if sys.argv[1:] == ["--write"]:
            (SOURCE / path).write_text(text)
        elif not (SOURCE / path).exists() or (SOURCE / path).read_text() != text:
            stale.append(path)
    print(f"tensorflow_tables: {len(TABLES) - len(stale)} up to date, {len(stale)} stale" + "".join(f"\n  {path}" for path in stale))
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
