# SPDX-License-Identifier: Apache-2.0
"""Caffe2: init_net.pb makes the weights, predict_net.pb is the network. The package came with PyTorch before 1.9."""
from firn_worker import adapter, values


class Net(adapter.Loaded):
    def __init__(self, core, workspace, init, net):
        self.core, self.workspace, self.net = core, workspace, net
        made = {name: operator for operator in init.op for name in operator.output}
        inner = {name for operator in net.op for name in operator.output}
        self.inputs = [name for name in net.external_input if name not in made]
        for name in net.external_input if not self.inputs else ():  # data stands before weights
            if not is_placeholder(made[name]):
                break
            self.inputs.append(name)
        self.outputs = [name for name in net.external_output if name in inner]
        workspace.ResetWorkspace()
        workspace.RunNetOnce(init)
        for name in self.inputs:
            if name not in made:
                workspace.FeedBlob(name, values.numpy.zeros(1, dtype="float32"))
        if not net.name:
            net.name = "firn"
        workspace.CreateNet(net)

    def contract(self):
        return [adapter.signature("predict", [adapter.field(name, "float", None) for name in self.inputs],
                                  [adapter.field(name, "float", None) for name in self.outputs])]

    def predict(self, signature, inputs):
        missing = [name for name in self.inputs if name not in inputs]
        if missing:
            raise values.ValueFault("the net needs the blob \"%s\", which is no input" % missing[0])
        for name, value in inputs.items():
            self.workspace.FeedBlob(name, values.numpy.array(value))
        self.workspace.RunNet(self.net.name)
        return {field.name: self.workspace.FetchBlob(field.name) for field in signature.outputs}


def is_placeholder(operator):
    """Exporters fill an input with one number, so that the blob is there."""
    shapes = [list(argument.ints) for argument in operator.arg if argument.name == "shape"]
    return operator.type.endswith("Fill") and len(shapes) == 1 and set(shapes[0]) == {1}


def net(path):
    from caffe2.proto import caffe2_pb2
    made = caffe2_pb2.NetDef()
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".pbtxt"):
        from google.protobuf import text_format
        return text_format.Parse(data, made)
    made.ParseFromString(data)
    return made


def load(model):
    adapter.need("caffe2.python", "Caffe2 models")
    from caffe2.python import core, workspace
    paths = {kind: [path for path in model.paths() if path.rsplit("/", 1)[-1].startswith(kind + "_net.pb")]
             for kind in ("init", "predict")}
    for kind, found in paths.items():
        if len(found) != 1:
            raise values.ValueFault("a model has one %s_net.pb, not %d" % (kind, len(found)))
    return Net(core, workspace, net(paths["init"][0]), net(paths["predict"][0]))
