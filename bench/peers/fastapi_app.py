"""FastAPI and ONNX Runtime as people put them together: a typed body, one worker. MODEL: an ONNX file."""

import os
from typing import List

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
name, first = session.get_inputs()[0].name, session.get_outputs()[0].name
app = FastAPI()


class Tensor(BaseModel):
    name: str
    shape: List[int]
    datatype: str
    data: List[float]


class Body(BaseModel):
    inputs: List[Tensor]


@app.post("/v2/models/{model}/infer")
def infer(model: str, body: Body):
    x = body.inputs[0]
    y = session.run([first], {name: np.array(x.data, np.float32).reshape(x.shape)})[0]
    output = {"name": "predict", "shape": list(y.shape), "datatype": "INT64", "data": y.ravel().tolist()}
    return {"model_name": model, "model_version": "1", "outputs": [output]}
