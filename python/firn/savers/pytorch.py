# SPDX-License-Identifier: Apache-2.0
"""PyTorch: form="state" (the state dict and the class: args= and kwargs= make it), "script" (TorchScript) or "export"
(torch.export, the default). sample= a tensor, or a tuple of them: what forward takes; the first dimension is the batch."""

import inspect
import os
from typing import Any, Dict, List

from . import _sample, saved
from .. import functions
from ..errors import InvalidInput, Unsupported

ROOTS = {"torch"}
FORMATS = {"torchscript", "torch-export", "torch-zip", "torch-legacy"}
TAKES = "a torch.nn.Module with sample= its input, a TorchScript module, a torch.export program"
FORMS = ("state", "script", "export")
FILES = {"state": "model.pt", "script": "model.pt", "export": "model.pt2"}


def takes(obj: Any) -> bool:
    import torch
    return isinstance(obj, (torch.nn.Module, torch.export.ExportedProgram))


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    return _save(obj, folder, **options)


def _form(obj: Any, form: Any) -> str:
    import torch
    own = "export" if isinstance(obj, torch.export.ExportedProgram) else \
        "script" if isinstance(obj, torch.jit.ScriptModule) else None
    if form is not None and (form not in FORMS or own not in (None, form)):
        raise InvalidInput("form=%r does not fit a %s" % (form, type(obj).__name__), fix="one of " + ", ".join(FORMS))
    return own or form or "export"


def _save(obj: Any, folder: str, form: Any = None, sample: Any = None, args: Any = (), kwargs: Any = None,
          requirements: Any = None) -> str:
    import torch
    form = _form(obj, form)
    given = sample if isinstance(sample, tuple) else (sample,) if sample is not None else ()
    is_program = isinstance(obj, torch.export.ExportedProgram)
    if not given and not is_program:
        raise InvalidInput("what the %s takes is not known" % type(obj).__name__, "sample= is missing",
                           "put(module, name, sample=torch.zeros(1, 3, 224, 224)): forward is called once with it")
    path = saved.folder(folder)
    contract = saved.contract("pytorch", obj) if is_program else _contract(obj, given)
    file, facts = os.path.join(path, FILES[form]), {}
    lines: Any = requirements
    if form == "state":
        facts, lines = _state(obj, path, file, args, kwargs or {}, requirements)
    elif form == "script":
        torch.jit.save(_script(obj, given), file)
    else:
        torch.export.save(obj if is_program else _export(obj, given), file)
    return saved.describe(path, "pytorch", "pytorch", "PyTorch", "torch", contract, lines, ("numpy",), **facts)


def _contract(module: Any, given: Any) -> List[Dict[str, Any]]:
    import torch
    was = module.training
    module.eval()
    with torch.no_grad():
        result = module(*given)
    module.train(was)
    names = _names(module, len(given))
    if not isinstance(result, dict):
        parts = list(result) if isinstance(result, (list, tuple)) else [result]
        result = {"output" if len(parts) == 1 else "output_%d" % i: part for i, part in enumerate(parts)}
    return [_sample.signature("forward", dict(zip(names, given)), result)]


def _names(module: Any, count: int) -> List[str]:
    schema = getattr(getattr(module, "forward", None), "schema", None)
    if schema is not None:
        names = [argument.name for argument in schema.arguments][1:]
    else:
        names = [p.name for p in inspect.signature(module.forward).parameters.values()
                 if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else "input_%d" % i for i in range(count)]


def _script(module: Any, given: Any) -> Any:
    import torch
    if isinstance(module, torch.jit.ScriptModule):
        return module
    module.eval()
    try:
        return torch.jit.script(module)
    except Exception:  # what the language of scripts has not: its calls with the sample then
        return torch.jit.trace(module, given)


def _export(module: Any, given: Any) -> Any:
    """With any batch where the program allows it."""
    import torch
    module.eval()
    batch = torch.export.Dim("batch", min=1)
    wide = tuple(t if t.ndim == 0 or t.shape[0] > 1 else torch.cat([t, t]) for t in given)
    try:
        return torch.export.export(module, wide, dynamic_shapes=tuple({0: batch} if t.ndim else None for t in wide))
    except Exception as error:
        raise Unsupported("torch.export cannot take the %s" % type(module).__name__, str(error).strip()[:400],
                          "form=\"script\", or form=\"state\" with args= of its class") from None


def _state(module: Any, path: str, file: str, args: Any, kwargs: Dict[str, Any], requirements: Any) -> Any:
    """Its class must be made again with the same state; what does not fit is found here."""
    import json
    import torch
    kind = type(module)
    packed = functions.pack(kind, requirements)
    torch.save(module.state_dict(), file)
    try:
        json.dumps([list(args), kwargs])
        made = kind(*args, **kwargs)
        made.load_state_dict(torch.load(file, weights_only=True))
    except Exception as error:
        raise Unsupported("the state of a %s does not come back" % kind.__name__, "%s: %s"
                          % (type(error).__name__, str(error)[:300]),
                          "args= and kwargs= of put() are what its class is made with (numbers, texts, lists)") from None
    packed.write(os.path.join(path, "code"))
    lines = packed.requirements if requirements is not None else None
    return {"class": packed.name, "args": list(args), "kwargs": kwargs}, lines


def load(path: str) -> Any:
    """The module (a program for form="export"). A state dict's class is run, and a pickle what is in it."""
    import torch
    from firn_worker.adapter import find
    said = saved.read(path)
    file = saved.path_of(path, ".pt2", ".pt", ".pth")
    if "class" in said:
        made = functions.read(os.path.join(path, "code")).load()(*said["args"], **said["kwargs"])
        made.load_state_dict(torch.load(file, weights_only=True))
        return made
    module, form, program = find("pytorch").opened(torch, path if os.path.isdir(path) else os.path.dirname(path), file)
    return program if form == "export" else module
