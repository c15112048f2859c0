# SPDX-License-Identifier: Apache-2.0
"""The process behind a worker of firn: what it says to the server is src/workers/frame.h."""
