# SPDX-License-Identifier: Apache-2.0
from hydro_serving_grpc.messages import *  # noqa: F401,F403
