# SPDX-License-Identifier: Apache-2.0
"""pandas frames and series, column by column: a tar of frame.json and one npy file an array.
docs/datasets.md has the format; src/formats/frame/ reads it."""

import json
import tarfile
from itertools import chain
from typing import Any, Dict, Iterator, List, Tuple

from . import Packed, Stored, module_is
from . import arrays, values
from .. import pieces
from ..errors import InvalidInput, Unsupported

FORMATS = ("frame",)
WHAT = "pandas frames and series"
COLUMNS_MAX = 100000
NAN, NONE, NA = 1, 2, 3  # why a value is missing


def takes(obj: Any, options: Dict[str, Any]) -> bool:
    return module_is(obj, "pandas") and type(obj).__name__ in ("DataFrame", "Series") \
        or hasattr(obj, "iloc") and hasattr(obj, "to_numpy")


# --- writing ---

class _Members:
    """Files of the archive, in the order in which columns name them."""

    def __init__(self) -> None:
        self.files: List[Tuple[str, List[Any]]] = []

    def array(self, array: Any) -> str:
        import numpy
        array = numpy.ascontiguousarray(array)
        name = "%d.npy" % len(self.files)
        self.files.append((name, [arrays.head(array), arrays.elements(array)]))
        return name

    def bytes(self, data: bytes) -> str:
        name = "%d.bytes" % len(self.files)
        self.files.append((name, [data]))
        return name

    def pieces(self, head: Dict[str, Any]) -> Iterator[Any]:
        text = json.dumps(head, ensure_ascii=False, allow_nan=False).encode()
        for name, blobs in [("frame.json", [text])] + self.files:
            yield from pieces.tar_member(name, sum(map(len, blobs)), chain(*map(pieces.slices, blobs)))
        yield pieces.TAR_END


def _label(name: Any, what: str) -> Any:
    """A name of a column as JSON says it; a tuple is an array."""
    import numpy
    if isinstance(name, numpy.generic):
        name = name.item()
    if isinstance(name, tuple):
        return [_label(part, what) for part in name]
    if name is None or type(name) in (str, int, bool) or type(name) is float and name == name:
        return name
    raise Unsupported("%s is named by a %s, not a text or a number" % (what, type(name).__name__),
                      fix="rename it")


def _texts(members: _Members, texts: List[Any], what: str) -> Dict[str, Any]:
    """Values as one run of UTF-8 and where each begins."""
    import numpy
    for text in texts:
        values.check_unicode(text, what)
    encoded = [text.encode() for text in texts]
    offsets = numpy.zeros(len(encoded) + 1, "<i8")
    numpy.cumsum([len(text) for text in encoded], out=offsets[1:])
    return {"data": members.array(offsets), "bytes": members.bytes(b"".join(encoded))}


def _objects(members: _Members, objects: List[Any], what: str) -> Dict[str, Any]:
    """Texts, or whatever JSON can say; what is missing says why."""
    import numpy
    import pandas
    missing = numpy.zeros(len(objects), "u1")
    for i, value in enumerate(objects):
        if value is None:
            missing[i] = NONE
        elif value is pandas.NA:
            missing[i] = NA
        elif type(value) is float and value != value:
            missing[i] = NAN
    if all(type(v) is str or missing[i] for i, v in enumerate(objects)):
        spec = _texts(members, ["" if missing[i] else v for i, v in enumerate(objects)],
                      what)
        spec["type"] = "text"
    else:
        plain = ["null" if missing[i] else values.text(v, what) for i, v in enumerate(objects)]
        spec = _texts(members, plain, what)
        spec["type"] = "json"
    if missing.any():
        spec["missing"] = members.array(missing)
    return spec


def _column(members: _Members, column: Any, what: str) -> Dict[str, Any]:
    """A series or index as its description; its arrays become members."""
    import numpy
    import pandas
    dtype = column.dtype
    spec: Dict[str, Any]
    if isinstance(dtype, pandas.CategoricalDtype):
        codes = column.cat.codes if hasattr(column, "cat") else column.codes
        spec = {"type": "category", "data": members.array(numpy.asarray(codes)),
                "ordered": bool(dtype.ordered),
                "categories": _column(members, dtype.categories, "the categories of " + what),
                "count": len(dtype.categories)}
    elif isinstance(dtype, pandas.DatetimeTZDtype) or getattr(dtype, "kind", "") in "mM":
        spec = _times(members, column, what)
    elif isinstance(dtype, numpy.dtype) and dtype.kind in "biufc":
        spec = {"type": "number", "data": members.array(column.to_numpy())}
    elif isinstance(dtype, numpy.dtype) and dtype.kind == "O" or str(dtype).startswith("str"):
        spec = _objects(members, list(column.to_numpy(dtype=object)), what)
    elif str(dtype) in _NULLABLE:
        missing = numpy.asarray(column.isna(), dtype="u1") * NA
        data = column.to_numpy(dtype=_NULLABLE[str(dtype)], na_value=0)
        spec = {"type": "number", "data": members.array(data)}
        if missing.any():
            spec["missing"] = members.array(missing)
    else:
        raise Unsupported("%s is of dtype %s" % (what, dtype), fix="numbers, texts, times, "
                          "durations, categories or plain values: .astype() makes one of them")
    spec["dtype"] = str(dtype) if spec["type"] != "category" else "category"
    return spec


_NULLABLE = {"boolean": "?", "Float32": "<f4", "Float64": "<f8"}
_NULLABLE.update({"%s%d" % (name, bits): "<%s%d" % (kind, bits // 8)
                  for name, kind in (("Int", "i"), ("UInt", "u")) for bits in (8, 16, 32, 64)})


def _times(members: _Members, column: Any, what: str) -> Dict[str, Any]:
    import numpy
    import pandas
    zone = getattr(column.dtype, "tz", None)
    if zone is not None:
        try:
            if pandas.DatetimeTZDtype(column.dtype.unit, str(zone)) != column.dtype:
                raise ValueError(str(zone))
        except Exception as error:
            raise Unsupported("%s has the time zone %r, which has no name" % (what, str(zone)),
                              fix='.dt.tz_convert("UTC")') from error
        plain = column.dt.tz_convert(None) if hasattr(column, "dt") else column.tz_convert(None)
    else:
        plain = column
    data = plain.to_numpy()
    unit = numpy.datetime_data(data.dtype)[0]
    spec = {"type": "time" if data.dtype.kind == "M" else "duration", "unit": unit,
            "data": members.array(data.view("i8"))}
    if zone is not None:
        spec["zone"] = str(zone)
    return spec


def _level(members: _Members, level: Any, what: str) -> Dict[str, Any]:
    import pandas
    if isinstance(level, pandas.RangeIndex):
        spec: Dict[str, Any] = {"type": "range", "start": level.start, "stop": level.stop,
                                "step": level.step, "dtype": "int64"}
    else:
        spec = _column(members, level, what)
        if getattr(level, "freq", None) is not None:
            spec["freq"] = level.freqstr
    spec["name"] = _label(level.name, what)
    return spec


def pack(obj: Any, options: Dict[str, Any]) -> Packed:
    import pandas
    series = isinstance(obj, pandas.Series)
    frame = obj.to_frame() if series else obj
    if not isinstance(frame, pandas.DataFrame):
        raise Unsupported("a %s.%s is no frame of pandas" % (type(obj).__module__,
                                                             type(obj).__name__),
                          fix="convert it to pandas first")
    labels = [obj.name] if series else list(frame.columns)
    if len(labels) > COLUMNS_MAX:
        raise Unsupported("the frame has %d columns; %d is most" % (len(labels), COLUMNS_MAX))
    if len(set(labels)) < len(labels):
        twice = next(name for name in labels if labels.count(name) > 1)
        raise Unsupported("the frame has two columns named %r" % (twice,), fix="rename one")
    members = _Members()
    columns = []
    for at, label in enumerate(labels):
        what = "column %r" % (label,)
        spec = _column(members, frame.iloc[:, at], what)
        spec["name"] = _label(label, what)
        columns.append(spec)
    index = frame.index
    levels = [index.get_level_values(i) for i in range(index.nlevels)] if index.nlevels > 1 \
        else [index]
    head = {"frame": 1, "rows": len(frame), "series": series, "columns": columns,
            "index": [_level(members, level, "the index") for level in levels],
            "labels": {"names": [_label(n, "the columns") for n in frame.columns.names],
                       "dtype": str(frame.columns.dtype), "levels": frame.columns.nlevels}}
    return Packed("frame", members.pieces(head), sum(len(b) for _, bs in members.files for b in bs),
                  columns=[str(label) for label in labels[:100]],
                  dtypes=[spec["dtype"] for spec in columns[:100]], series=series)


# --- reading ---

class _Archive:
    def __init__(self, data: memoryview, what: str):
        self.data, self.what, self.members = data, what, {}
        self.raw = pieces.View(data)
        with tarfile.open(fileobj=self.raw, mode="r:") as tar:
            for info in tar:
                if info.isreg():
                    self.members[info.name] = data[info.offset_data:info.offset_data + info.size]

    members: Dict[str, memoryview]

    def bytes(self, name: Any) -> memoryview:
        if name not in self.members:
            raise InvalidInput("%s has no member %r" % (self.what, name))
        return self.members[name]

    def array(self, name: Any) -> Any:
        return arrays.read(self.bytes(name), "%s: %s" % (self.what, name))


def _name(label: Any) -> Any:
    return tuple(_name(part) for part in label) if isinstance(label, list) else label


def _missing_values(archive: _Archive, spec: Dict[str, Any], rows: int) -> Any:
    import numpy
    return archive.array(spec["missing"]) if "missing" in spec else numpy.zeros(rows, "u1")


def _read_objects(archive: _Archive, spec: Dict[str, Any], rows: int) -> Any:
    import numpy
    import pandas
    offsets = archive.array(spec["data"]).tolist()
    data = bytes(archive.bytes(spec["bytes"]))
    whole = data.decode()
    if len(whole) == len(data):
        texts: List[Any] = [whole[a:b] for a, b in zip(offsets, offsets[1:])]
    else:
        texts = [data[a:b].decode() for a, b in zip(offsets, offsets[1:])]
    if spec["type"] == "json":
        texts = [values.read(text.encode(), archive.what) for text in texts]
    out = numpy.empty(rows, dtype=object)
    out[:] = [None] * rows
    for i, value in enumerate(texts):
        out[i] = value
    missing = _missing_values(archive, spec, rows)
    for code, word in ((NAN, float("nan")), (NONE, None), (NA, pandas.NA)):
        if (missing == code).any():
            for i in numpy.flatnonzero(missing == code):
                out[i] = word
    return out


def _read_column(archive: _Archive, spec: Dict[str, Any], rows: int) -> Any:
    """An array of numpy or pandas."""
    import numpy
    import pandas
    kind, dtype = spec["type"], spec["dtype"]
    if kind == "range":
        return pandas.RangeIndex(spec["start"], spec["stop"], spec["step"])
    if kind in ("text", "json"):
        objects = _read_objects(archive, spec, rows)
        return objects if dtype == "object" else pandas.array(objects, dtype=dtype)
    data = archive.array(spec["data"])
    if kind == "category":
        categories = _as_index(_read_column(archive, spec["categories"], spec["count"]),
                               spec["categories"])
        return pandas.Categorical.from_codes(data, categories, ordered=spec["ordered"])
    if kind in ("time", "duration"):
        data = data.view("%s8[%s]" % ("M" if kind == "time" else "m", spec["unit"]))
        if spec.get("zone") is None:
            return data
        return pandas.DatetimeIndex(data).tz_localize("UTC").tz_convert(spec["zone"])
    if dtype in _NULLABLE:
        array = pandas.array(data, dtype=dtype)
        array[_missing_values(archive, spec, rows) != 0] = pandas.NA
        return array
    return data if data.dtype == numpy.dtype(dtype) else data.astype(dtype)


def _as_index(array: Any, spec: Dict[str, Any]) -> Any:
    import pandas
    if isinstance(array, pandas.RangeIndex):
        index = array
    elif spec["type"] in ("text", "json") and spec["dtype"] == "object":
        index = pandas.Index(array, dtype=object)
    else:
        index = pandas.Index(array)
    if spec.get("freq"):
        index = pandas.DatetimeIndex(index, freq=spec["freq"]) if spec["type"] == "time" \
            else pandas.TimedeltaIndex(index, freq=spec["freq"])
    return index


def _read(data: memoryview, what: str) -> Tuple[Any, bool]:
    """The frame of one archive, and whether it is a series."""
    import pandas
    try:
        archive = _Archive(data, what)
        head = json.loads(bytes(archive.bytes("frame.json")))
        rows = head["rows"]
        levels = [_as_index(_read_column(archive, spec, rows), spec) for spec in head["index"]]
        names = [_name(spec["name"]) for spec in head["index"]]
        index = pandas.MultiIndex.from_arrays(levels, names=names) if len(levels) > 1 \
            else levels[0].rename(names[0])
        columns = {i: pandas.Series(_read_column(archive, spec, rows), index=index, copy=False,
                                    dtype=object if spec["dtype"] == "object" else None)
                   for i, spec in enumerate(head["columns"])}
        frame = pandas.DataFrame(columns, index=index, copy=False)
        labels = head["labels"]
        frame.columns = _labels([_name(spec["name"]) for spec in head["columns"]], labels)
        return frame, head["series"]
    except (KeyError, TypeError, IndexError, ValueError, AttributeError,
            tarfile.TarError) as error:
        raise InvalidInput("%s is no frame" % what, repr(error)) from error


def _labels(names: List[Any], said: Dict[str, Any]) -> Any:
    import pandas
    words = [_name(name) for name in said["names"]]
    if said["levels"] > 1:
        if not names:
            return pandas.MultiIndex.from_arrays([[]] * said["levels"], names=words)
        return pandas.MultiIndex.from_tuples(names, names=words)
    if names == list(range(len(names))) and said["dtype"] == "int64" \
            and not any(isinstance(n, bool) for n in names):
        return pandas.RangeIndex(len(names), name=words[0])
    dtype = said["dtype"] if said["dtype"] in ("object", "int64", "float64", "bool", "str",
                                               "string") else None
    return pandas.Index(names, dtype=dtype, name=words[0], tupleize_cols=False)


def are_numbered(parts: List[memoryview], what: str) -> bool:
    """Has each part a plain range as index, so that the numbers go on from one to the next?"""
    plain = {"type": "range", "start": 0, "step": 1, "name": None}
    indices = (json.loads(bytes(_Archive(part, what).bytes("frame.json")))["index"] for part in parts)
    return all(len(index) == 1 and plain.items() <= index[0].items() for index in indices)


def unpack(stored: Stored, options: Dict[str, Any]) -> Any:
    try:
        import pandas
    except ImportError as error:
        raise Unsupported("%s is a frame, and pandas is not here" % stored.dataset.reference,
                          str(error), "pip install pandas") from error
    read = [_read(part, stored.dataset.reference) for part in stored.parts]
    frames = [frame for frame, _ in read]
    if len(frames) > 1:
        numbered = are_numbered(stored.parts, stored.dataset.reference)
        frame = pandas.concat(frames, ignore_index=numbered)
    else:
        frame = frames[0]
    if read[0][1]:
        series = frame.iloc[:, 0]
        return series
    return frame
