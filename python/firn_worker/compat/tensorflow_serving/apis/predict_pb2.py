# SPDX-License-Identifier: Apache-2.0
from hydro_serving_grpc.tf.api.predict_pb2 import *  # noqa: F401,F403
