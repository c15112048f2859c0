# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the package hydro_serving_grpc, for handlers that were written for Hydrosphere's runtimes."""
from .messages import *  # noqa: F401,F403
from .messages import DataType, PredictRequest, PredictResponse, TensorProto, TensorShapeProto  # noqa: F401
