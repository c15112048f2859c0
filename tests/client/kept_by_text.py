# SPDX-License-Identifier: Apache-2.0
"""A user's own module, for test_functions.py."""

import functools
import math as m
from collections import OrderedDict

import kept_helper

FACTOR = 3
TABLE = {"a": [1, 2.5, None], "b": (True, "x")}
HANDLE = object()
calls = 0


def twice(f):
    @functools.wraps(f)
    def both(x):
        return f(f(x))
    return both


class Scale:
    by = FACTOR

    def __init__(self, more=0):
        self.more = more

    def __call__(self, x):
        return x * self.by + self.more


@twice
def scaled(x):
    return Scale(1)(x)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def everything(x, table=TABLE):
    import json
    ordered = OrderedDict(table)
    return [m.floor(scaled(x)), kept_helper.shout("hi"), json.dumps(ordered), [i * FACTOR for i in range(3)],
            even(4), isinstance(x, int)]


def counts():
    global calls
    calls += 1
    return calls


def with_handle():
    return HANDLE is not None


def made(n):
    def add(x):
        return x + n
    return add


def lost_name():
    return not_there  # noqa: F821
