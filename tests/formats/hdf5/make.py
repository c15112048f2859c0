#!/usr/bin/env python3
"""Writes the HDF5 cases beside it, with h5py 3.16: the same content in several generations of the format.

    pip install h5py==3.16.0 && tests/formats/hdf5/make.py
"""

from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).parent


def fill(f, groups):
    f.attrs["config"] = '{"name": "é"}'
    f.attrs["layer_names"] = np.array([b"dense", b"conv_1"], dtype="S8")
    f.attrs["none"] = np.zeros((0,))
    f.attrs["flag"] = True
    for i in range(groups):
        f.create_group(f"layer_{i}/vars")["0"] = np.arange(i + 1, dtype="f4")
    f["plain/big_endian"] = np.arange(20).reshape(4, 5).astype(">f8") / 4
    f["plain/half"] = np.arange(5, dtype="f2") / 2
    f["plain/names"] = np.array(["hello", "", "wörld"], dtype=object)
    f["soft"] = h5py.SoftLink("/plain/half")
    f["plain/pair"] = np.zeros(3, dtype=[("a", "f4"), ("b", "i8")])
    f.create_dataset("chunked/many", data=np.arange(17 * 23, dtype="i4").reshape(17, 23), chunks=(5, 7), compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("chunked/single", data=np.arange(64.0).reshape(8, 8), chunks=(8, 8), compression="gzip")
    f.create_dataset("plain/unwritten", (3,), "f4")


for name, low, block, groups in (("earliest", "earliest", 0, 30), ("user_block", "earliest", 1024, 1), ("v110", "v110", 0, 1), ("heap", "latest", 0, 30)):
    with h5py.File(HERE / f"{name}.h5", "w", libver=(low, "latest") if low != "latest" else low, userblock_size=block) as f:
        fill(f, groups)
