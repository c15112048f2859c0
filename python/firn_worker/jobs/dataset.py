# SPDX-License-Identifier: Apache-2.0
"""A virtual data set: what a stored function returns."""
from firn_worker.jobs.script import run  # noqa: F401

WHAT = "the function of the data set"
