#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two clients, each a process, put one name COUNT times at once: a model, then a data set. Every
put is a version of its own, with what was put: none lost, none doubled.

    tests/client/two_clients.py [COUNT]     1000 unless said otherwise"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "python"))
os.environ.setdefault("FIRN_PROGRAM", os.path.join(ROOT, "build", "firn"))

import firn


def put(url, kind, who, count):
    """`who` is 0 or 1; each put says which it is, and the number it was given is printed."""
    from sklearn.linear_model import LinearRegression
    om = firn.connect(url)
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    for i in range(count):
        mine = 2 * i + who + 1
        if kind == "models":
            model.intercept_ = float(mine)
            print(om.models.put(model, "same").number, mine)
        else:
            print(om.datasets.put([mine], "same").revision, mine)


def check(om, kind, count):
    began = time.monotonic()
    clients = [subprocess.Popen([sys.executable, __file__, om.url, kind, str(who), str(count)],
                                stdout=subprocess.PIPE, text=True) for who in (0, 1)]
    lines = [line.split() for client in clients for line in client.communicate()[0].splitlines()]
    took = time.monotonic() - began
    assert all(client.returncode == 0 for client in clients), "a client failed"
    given = {int(number): int(mine) for number, mine in lines}
    assert len(lines) == len(given) == 2 * count, "%d numbers for %d puts" % (len(given), len(lines))
    assert set(given) == set(range(1, 2 * count + 1)), "numbers are missing"
    assert set(given.values()) == set(range(1, 2 * count + 1))
    if kind == "models":
        stored = {v.number for v in om.models.revisions("same")}
        for number in list(given)[::max(1, len(given) // 20)]:
            assert om.models.get("same:%d" % number).intercept_ == given[number], number
    else:
        stored = {r.revision for r in om.datasets.revisions("same")}
        for number in list(given)[::max(1, len(given) // 200)]:
            assert om.datasets.get("same@%d" % number) == [given[number]], number
    assert stored == set(given), "%d versions are stored" % len(stored)
    print("two clients, %s: %d versions of one name, none lost, none doubled, %.1f s"
          % (kind, len(stored), took), flush=True)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    store = tempfile.mkdtemp(prefix="firn-test-")
    try:
        with firn.connect(store=store) as om:
            for kind in ("datasets", "models"):
                check(om, kind, count)
    finally:
        shutil.rmtree(store)


if len(sys.argv) == 5:
    put(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    main()
