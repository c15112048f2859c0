# SPDX-License-Identifier: Apache-2.0
"""PyTorch: TorchScript, exported programs, a state dict with its class (code/src/func_main.py and saved.json say
which), or a pickled module. Loading the last two runs code: only inside the sandbox.

The signature is `forward`; inputs are given in its order."""
import importlib
import json
import os
import sys
import zipfile

from firn_worker import adapter, values

SUFFIXES = (".pt2", ".pt", ".pth", ".ts", ".bin")


class Module(adapter.Loaded):
    def __init__(self, module, form, path=None, program=None):
        self.torch = adapter.need("torch", "PyTorch models")
        self.module, self.form, self.path, self.program = module, form, path, program
        if form != "export":
            module.eval()

    # --- contract ---

    def contract(self):
        return program_contract(self.program) if self.program is not None else []

    # --- asking ---

    def tensor(self, value):
        return self.torch.from_numpy(values.numpy.array(value))  # its own memory

    def predict(self, signature, inputs):
        given = [self.tensor(inputs[field.name]) for field in signature.inputs]
        with self.torch.no_grad():
            result = self.module(*given)
        return outputs(result, [field.name for field in signature.outputs])

    # --- training ---

    def fit(self, x, y=None, epochs=1, batch_size=32, lr=1e-3, loss=None, optimizer="Adam", shuffle=True, seed=0,
            **options):
        """`loss`: the name of a class of torch.nn; None: cross entropy for whole numbers, else the squared error."""
        torch = self.torch
        if self.form == "export":
            raise self.cannot("fit")
        torch.manual_seed(seed)
        x, y = self.tensor(x), self.tensor(y)
        whole = not y.is_floating_point()
        measure = getattr(torch.nn, loss or ("CrossEntropyLoss" if whole else "MSELoss"))()
        steps = getattr(torch.optim, optimizer)(self.module.parameters(), lr=lr, **options)
        told = []
        self.module.train()
        for _ in range(epochs):
            order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
            total = 0.0
            for at in range(0, len(x), batch_size):
                rows = order[at:at + batch_size]
                steps.zero_grad()
                cost = measure(self.module(x[rows]), y[rows])
                cost.backward()
                steps.step()
                total += float(cost.detach()) * len(rows)
            told.append(total / max(1, len(x)))
        self.module.eval()
        return {"loss": told}

    def partial_fit(self, x, y=None, **options):
        return self.fit(x, y, **options)

    def score(self, x, y=None, **options):
        torch, truth = self.torch, self.tensor(y)
        with torch.no_grad():
            result = self.module(self.tensor(x))
        if not truth.is_floating_point() and result.ndim > 1:
            return float((result.argmax(dim=1) == truth).double().mean())
        return float(1 - ((truth - result) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())

    def save(self, folder):
        path = os.path.join(folder, os.path.basename(self.path) if self.path else "model.pt")
        if self.form == "script":
            self.torch.jit.save(self.module, path)
        elif self.form == "state":
            self.torch.save(self.module.state_dict(), path)
        elif self.form == "module":
            self.torch.save(self.module, path)
        else:
            raise self.cannot("save")
        return path


def outputs(result, names):
    """{name: array} of what forward returned."""
    if hasattr(result, "keys"):
        parts = dict(result)
    else:
        parts = list(result) if isinstance(result, (list, tuple)) else [result]
        if len(parts) != len(names):
            raise values.ValueFault("it returned %d tensors, not %d" % (len(parts), len(names)))
        parts = dict(zip(names, parts))
    return {name: part.detach().cpu().numpy() if hasattr(part, "detach") else part for name, part in parts.items()}


def tensor_field(name, value):
    """Of a tensor, fake ones with symbols in their shape too."""
    shape = [int(n) if isinstance(n, int) else -1 for n in value.shape]
    dtype = str(value.dtype).replace("torch.", "")
    return adapter.field(name, {"float32": "float", "float64": "double", "float16": "half"}.get(dtype, dtype), shape)


def program_contract(program):
    nodes = {node.name: node for node in program.graph.nodes}
    parts = []
    for given, plain in ((program.graph_signature.user_inputs, True), (program.graph_signature.user_outputs, False)):
        tensors = [nodes[name] for name in given if isinstance(name, str) and hasattr(nodes[name].meta.get("val"), "shape")]
        if len(tensors) != len(given):
            return []  # numbers or nothing among them
        parts.append([tensor_field(node.name if plain else "output" if len(tensors) == 1 else "output_%d" % i,
                                   node.meta["val"]) for i, node in enumerate(tensors)])
    return [adapter.signature("forward", *parts)]


# --- opening ---

def saved_class(files):
    """The class that src/func_main.py binds, and what it is made with."""
    with open(os.path.join(files, "saved.json")) as file:
        said = json.load(file)
    sys.path.insert(0, os.path.join(files, "code", "src"))
    module = importlib.import_module("func_main")
    return getattr(module, said["class"]), said.get("args", []), said.get("kwargs", {})


def is_script(path):
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def is_program(path):
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(("archive_format", "serialized_exported_program.json")) for name in archive.namelist())


def opened(torch, files, path):
    """(module, form, program)"""
    if is_program(path):
        program = torch.export.load(path)
        return program.module(), "export", program
    if is_script(path):
        return torch.jit.load(path, map_location="cpu"), "script", None
    if os.path.isfile(os.path.join(files, "saved.json")):
        kind, args, kwargs = saved_class(files)
        module = kind(*args, **kwargs)
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        return module, "state", None
    if os.path.isdir(os.path.join(files, "code", "src")):
        sys.path.insert(0, os.path.join(files, "code", "src"))
    loaded = torch.load(path, map_location="cpu", weights_only=False)
    if not callable(loaded):
        raise values.ValueFault("the file holds %s, not a module: a state dict needs its class, in code/src/func_main.py with "
                                "saved.json" % type(loaded).__name__)
    return loaded, "module", None


def of(program):
    """Of an exported program."""
    return Module(program.module(), "export", None, program)


def load(model):
    torch = adapter.need("torch", "PyTorch models")
    path = model.path(*SUFFIXES)
    module, form, program = opened(torch, model.files, path)
    return Module(module, form, path, program)
