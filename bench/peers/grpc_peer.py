"""Open Inference's ModelInfer with grpcio and ONNX Runtime: grpc_peer.py PORT MODEL.onnx FOLDER-OF-open_inference_pb2"""

import sys
from concurrent import futures

import grpc
import numpy
import onnxruntime

sys.path.insert(0, sys.argv[3])
import open_inference_pb2 as pb

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])
feed = session.get_inputs()[0]
dtype = {"tensor(double)": numpy.float64, "tensor(float)": numpy.float32}[feed.type]


def infer(request, context):
    given = request.inputs[0]
    x = numpy.array(given.contents.fp64_contents, dtype).reshape(given.shape)
    label = session.run([session.get_outputs()[0].name], {feed.name: x})[0]
    reply = pb.ModelInferResponse(model_name=request.model_name, model_version="1")
    out = reply.outputs.add(name="predict", datatype="INT64", shape=label.shape)
    out.contents.int64_contents.extend(label.ravel().tolist())
    return reply


server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {
    "ModelInfer": grpc.unary_unary_rpc_method_handler(infer, pb.ModelInferRequest.FromString, pb.ModelInferResponse.SerializeToString)}),))
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
