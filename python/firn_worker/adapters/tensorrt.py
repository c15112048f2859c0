# SPDX-License-Identifier: Apache-2.0
"""TensorRT: an engine (PLAN) is opened as it is; UFF and Caffe networks are compiled when they are loaded, by versions of
TensorRT that still have their parsers (up to 8). Needs an NVIDIA GPU, its driver, and cuda-python.

UFF and Caffe name no types: the contract's inputs and outputs are what the parser is told."""
import ctypes
import os

from firn_worker import adapter, frame, values
from firn_worker.fault import Fault


class Engine(adapter.Loaded):
    def __init__(self, tensorrt, engine):
        self.tensorrt, self.engine, self.memory = tensorrt, engine, Memory()
        self.context = engine.create_execution_context()
        if self.context is None:
            raise Fault(frame.UNAVAILABLE, "TensorRT cannot run this engine on this GPU")

    def tensors(self, mode):
        """[(name, dtype, shape)] of the inputs or outputs."""
        engine, trt = self.engine, self.tensorrt
        if hasattr(engine, "num_io_tensors"):  # since 8.5
            names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
            return [(name, trt.nptype(engine.get_tensor_dtype(name)), tuple(engine.get_tensor_shape(name)))
                    for name in names if engine.get_tensor_mode(name) == getattr(trt.TensorIOMode, mode)]
        batch = (-1,) if engine.has_implicit_batch_dimension else ()
        return [(engine.get_binding_name(i), trt.nptype(engine.get_binding_dtype(i)),
                 batch + tuple(engine.get_binding_shape(i)))
                for i in range(engine.num_bindings) if engine.binding_is_input(i) == (mode == "INPUT")]

    def contract(self):
        return [adapter.signature("predict", *[[adapter.field(name, dtype, shape) for name, dtype, shape in
                                                self.tensors(mode)] for mode in ("INPUT", "OUTPUT")])]

    def predict(self, signature, inputs):
        numpy = values.numpy
        given = {name: numpy.ascontiguousarray(inputs[name], dtype=dtype) for name, dtype, _ in self.tensors("INPUT")}
        if hasattr(self.engine, "num_io_tensors"):
            results = self.run_by_name(given)
        else:
            results = self.run_by_binding(given)
        return {field.name: results[field.name] for field in signature.outputs}

    def run_by_name(self, given):
        for name, value in given.items():
            if not self.context.set_input_shape(name, value.shape):
                raise values.ValueFault("input \"%s\" may not have the shape %s" % (name, list(value.shape)))
            self.context.set_tensor_address(name, self.memory.put(name, value))
        results = {}
        for name, dtype, _ in self.tensors("OUTPUT"):
            results[name] = values.numpy.empty(tuple(self.context.get_tensor_shape(name)), dtype=dtype)
            self.context.set_tensor_address(name, self.memory.room(name, results[name].nbytes))
        if not self.context.execute_async_v3(0):
            raise Fault(frame.FAILED, "TensorRT did not run the engine")
        return {name: self.memory.take(name, value) for name, value in results.items()}

    def run_by_binding(self, given):
        rows = {value.shape[0] for value in given.values()}
        implicit = self.engine.has_implicit_batch_dimension
        if implicit and (len(rows) != 1 or max(rows) > self.engine.max_batch_size):
            raise values.ValueFault("a batch of %s rows: the engine was made for up to %d" % (
                sorted(rows), self.engine.max_batch_size))
        addresses, results = {}, {}
        for name, value in given.items():
            addresses[name] = self.memory.put(name, value)
            if not implicit:
                self.context.set_binding_shape(self.engine.get_binding_index(name), value.shape)
        for name, dtype, shape in self.tensors("OUTPUT"):
            if not implicit:
                shape = tuple(self.context.get_binding_shape(self.engine.get_binding_index(name)))
            results[name] = values.numpy.empty(tuple(max(rows) if n < 0 else n for n in shape), dtype=dtype)
            addresses[name] = self.memory.room(name, results[name].nbytes)
        order = [addresses[self.engine.get_binding_name(i)] for i in range(self.engine.num_bindings)]
        done = self.context.execute(max(rows), order) if implicit else self.context.execute_v2(order)
        if not done:
            raise Fault(frame.FAILED, "TensorRT did not run the engine")
        return {name: self.memory.take(name, value) for name, value in results.items()}


class Memory:
    """Of the GPU: one piece for each tensor, which grows."""

    def __init__(self):
        try:
            from cuda.bindings import runtime
        except ImportError:
            try:
                from cuda import cudart as runtime
            except ImportError:
                runtime = adapter.need("cuda", "TensorRT models")
        self.cuda, self.pieces = runtime, {}

    def checked(self, result):
        if int(result[0]):
            raise Fault(frame.UNAVAILABLE, "CUDA: error %d" % int(result[0]))
        return result[1] if len(result) > 1 else None

    def room(self, name, size):
        at, has = self.pieces.get(name, (0, 0))
        if has < max(size, 1):
            if at:
                self.checked(self.cuda.cudaFree(at))
            at = self.checked(self.cuda.cudaMalloc(max(size, 1)))
            self.pieces[name] = (at, max(size, 1))
        return int(at)

    def put(self, name, value):
        at = self.room(name, value.nbytes)
        self.checked(self.cuda.cudaMemcpy(at, value.ctypes.data, value.nbytes,
                                          self.cuda.cudaMemcpyKind.cudaMemcpyHostToDevice))
        return at

    def take(self, name, value):
        self.checked(self.cuda.cudaDeviceSynchronize())
        self.checked(self.cuda.cudaMemcpy(value.ctypes.data, self.pieces[name][0], value.nbytes,
                                          self.cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost))
        return value


# --- opening ---

def driver():
    """Without one TensorRT ends the process in places."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        raise Fault(frame.UNAVAILABLE, "TensorRT models need an NVIDIA GPU, and this machine has no driver of one")


def parser(trt, name, kind):
    if not hasattr(trt, name):
        raise Fault(frame.UNSUPPORTED, "TensorRT %s has no parser for %s any more: version 8 is the last" % (trt.__version__, kind))
    return getattr(trt, name)()


def build(trt, logger, fill, batch):
    """Compile a network that `fill` parses."""
    builder = trt.Builder(logger)
    network = builder.create_network()
    fill(network)
    builder.max_batch_size = batch
    config = builder.create_builder_config()
    config.max_workspace_size = 1 << 30
    engine = builder.build_engine(network, config)
    if engine is None:
        raise Fault(frame.FAILED, "TensorRT could not compile the network")
    return engine


def from_uff(trt, logger, path, model):
    reader = parser(trt, "UffParser", "UFF")
    signature = told(model, "UFF")
    for field in signature.inputs:
        reader.register_input(field.name, field.shape[1:])
    for field in signature.outputs:
        reader.register_output(field.name)

    def fill(network):
        if not reader.parse(path, network):
            raise Fault(frame.INVALID_INPUT, "TensorRT cannot read the UFF file")
    return build(trt, logger, fill, int(model.options.get("batch", 32)))


def from_caffe(trt, logger, path, model):
    reader = parser(trt, "CaffeParser", "Caffe")
    deploy = deployed(model)
    signature = told(model, "Caffe")

    def fill(network):
        tensors = reader.parse(deploy=deploy, model=path, network=network, dtype=trt.float32)
        if tensors is None:
            raise Fault(frame.INVALID_INPUT, "TensorRT cannot read the Caffe model")
        for field in signature.outputs:
            network.mark_output(tensors.find(field.name))
    return build(trt, logger, fill, int(model.options.get("batch", 32)))


def deployed(model):
    """The prototxt that the manifest's metadata name, else the one that there is."""
    name = metadata(model).get("deployfile")
    if name is None:
        return model.path(".prototxt")
    for path in model.paths():
        if os.path.relpath(path, model.files) == name:
            return path
    raise values.ValueFault("the deployfile \"%s\" is not among the model's files" % name)


def metadata(model):
    return model.options.get("metadata") or {}


def told(model, kind):
    if not model.signatures:
        raise values.ValueFault("a %s network needs a contract: it names no types" % kind)
    return model.signatures[0]


def from_plan(trt, logger, path, model):
    with open(path, "rb") as file:
        engine = trt.Runtime(logger).deserialize_cuda_engine(file.read())
    if engine is None:
        raise Fault(frame.UNSUPPORTED, "TensorRT %s cannot open this engine: one is made for a version and a GPU" % trt.__version__)
    return engine


KINDS = ((("uff",), (".uff",), from_uff), (("c1", "caffe"), (".caffemodel",), from_caffe),
         (("plan",), (".plan", ".engine", ".trt"), from_plan))


def load(model):
    """The manifest's metadata say what the file is (`framework`, as 0Mind calls them), else its suffix does."""
    trt = adapter.need("tensorrt", "TensorRT models")
    driver()
    logger = trt.Logger(trt.Logger.WARNING)
    framework = metadata(model).get("framework")
    for names, suffixes, opening in KINDS:
        if str(framework).lower() in names:
            return Engine(trt, opening(trt, logger, model.path(*suffixes), model))
    if framework is not None:
        raise Fault(frame.UNSUPPORTED, "the framework \"%s\" of a TensorRT model: PLAN, uff and c1 can be opened" % framework)
    for _, suffixes, opening in KINDS[:-1]:
        for path in model.paths():
            if path.endswith(suffixes):
                return Engine(trt, opening(trt, logger, path, model))
    return Engine(trt, from_plan(trt, logger, model.path(*KINDS[-1][1]), model))
