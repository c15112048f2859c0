# SPDX-License-Identifier: Apache-2.0
"""om.datasets: what was put comes back, or is refused."""

import datetime
import decimal
import io
import os
import tempfile
import threading
import uuid

import numpy
import pandas

import firn
from live import Live

FRAME = {
    "a": [1, 2, 3], "b": [1.5, numpy.nan, 2], "s": ["x", None, "é"],
    "c": pandas.Categorical(["u", "v", None], categories=["v", "u"], ordered=True),
    "t": pandas.to_datetime(["2020-01-01", "2021-01-01", None]),
    "tz": pandas.to_datetime(["2020-01-01", "2021-01-01", None]).tz_localize("Europe/Berlin"),
    "td": pandas.to_timedelta([1, 2, None], "D"), "I": pandas.array([1, None, 3], dtype="Int64"),
    "B": pandas.array([True, None, False], dtype="boolean"),
    "str": pandas.array(["a", None, "c"], dtype="string"),
    "o": [{"x": 1}, [1, 2], (3, 4)], "m": [1, "a", None], "bool": [True, False, True],
    "u": numpy.array([1, 2, 3], "u2"), "z": [1j, 2, 3], 5: [1, 2, 3],
    "cd": pandas.Categorical(pandas.to_datetime(["2020-01-01", "2021-01-01", "2020-01-01"])),
    "os": pandas.Series(["a", None, "b"], dtype=object),
    "n": pandas.Series([None, numpy.nan, pandas.NA], dtype=object),
}
INDEXES = [
    pandas.Index([5, 6, 7]), pandas.Index(["a", "b", "c"], name="n"),
    pandas.date_range("2020", "2022", periods=3),
    pandas.date_range("2020", periods=3, freq="D", tz="UTC"),
    pandas.timedelta_range("1D", periods=3, freq="D"),
    pandas.MultiIndex.from_tuples([("a", 1), ("b", 2), ("c", 3)], names=["p", "q"]),
    pandas.Index(["a", "b", "c"], dtype=object), pandas.CategoricalIndex(["a", "b", "c"]), pandas.RangeIndex(2, 8, 2),
    pandas.Index([1.5, 2, 3]), pandas.Index([1, 2, 3], name=("x", 1)),
]
FRAMES = [
    pandas.DataFrame(), pandas.DataFrame({"a": []}), pandas.DataFrame(index=[1, 2]),
    pandas.DataFrame(numpy.zeros((2, 3))),
    pandas.DataFrame(numpy.zeros((2, 2)), columns=pandas.MultiIndex.from_tuples(
        [("a", 1), ("a", 2)], names=["x", "y"])),
    pandas.DataFrame(columns=pandas.MultiIndex.from_arrays([[], []])),
    pandas.DataFrame(numpy.zeros((2, 2)), columns=pandas.Index([1, "x"], name="cc")),
]
ARRAYS = [
    numpy.arange(12.0).reshape(3, 4), numpy.asfortranarray(numpy.arange(12.0).reshape(3, 4)),
    numpy.array(["a", "bcé"]), numpy.array(5), numpy.zeros((0, 3), "f4"), numpy.arange(10)[::2],
    numpy.array(["2020-01-01"], "M8[D]"), numpy.zeros(3, [("a", "i4"), ("b", "U3")]),
    numpy.arange(3, dtype=">i4"), numpy.array([1 + 2j]), numpy.array([True]), numpy.array(["", ""]),
    numpy.random.default_rng(1).random((1200, 1000)),
]
VALUES = [
    None, True, 1, 2 ** 70, 1.5, float("inf"), [], {}, [1, "a", None, {"x": (1, 2)}],
    {"a": {1, 2}}, {1: 2, (3, 4): 5}, {"$x": 1}, {"$set": [1]}, (1,), b"xx", 1 + 2j,
    frozenset({"a"}), datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc),
    {"d": datetime.date(2020, 1, 2), "t": datetime.time(1, 2), "e": datetime.timedelta(-1, 2, 3)},
    [decimal.Decimal("1.50"), uuid.UUID(int=5)],
]


class Datasets(Live):
    def back(self, obj, **options):
        put = self.om.datasets.put(obj, "tmp/x", **options)
        self.assertEqual(self.om.datasets.metadata("tmp/x").digest, put.digest)
        return self.om.datasets.get("tmp/x")

    def test_arrays(self):
        for array in ARRAYS:
            got = self.back(array)
            self.assertEqual((got.dtype, got.shape), (array.dtype, array.shape))
            self.assertTrue(numpy.array_equal(got, array))
            self.assertTrue(got.flags.writeable)
        got = self.back({"x": numpy.arange(3), "y": numpy.array(["q"])})
        self.assertEqual((got["x"].tolist(), got["y"].tolist()), ([0, 1, 2], ["q"]))

    def test_frames(self):
        frame = pandas.DataFrame(FRAME)
        pandas.testing.assert_frame_equal(self.back(frame), frame)
        self.assertIsNone(self.om.datasets.get("tmp/x")["n"][0])
        self.assertIs(self.om.datasets.get("tmp/x")["n"][2], pandas.NA)
        for index in INDEXES:
            other = frame.set_axis(index)
            pandas.testing.assert_frame_equal(self.back(other), other)
            pandas.testing.assert_series_equal(self.back(other["b"]), other["b"])
        for other in FRAMES:
            pandas.testing.assert_frame_equal(self.back(other), other)

    def test_values(self):
        for value in VALUES:
            got = self.back(value)
            self.assertEqual((got, type(got)), (value, type(value)))
        self.assertNotEqual(self.back([float("nan")])[0], 0)
        self.assertEqual(self.back("text", format="json"), "text")
        self.assertEqual(self.back([numpy.float32(1.5), numpy.int64(3)]), [1.5, 3])

    def test_files(self):
        path = os.path.join(self.store, "some.bin")
        data = os.urandom(9 << 20)
        with open(path, "wb") as file:
            file.write(data)
        put = self.om.datasets.put(path, "files/some")
        self.assertEqual((put.bytes, put.facts["file"]), (len(data), "some.bin"))
        self.assertEqual(self.om.datasets.get("files/some").read(), data)
        copy = path + ".copy"
        self.assertEqual(self.om.datasets.get("files/some", copy), copy)
        with open(copy, "rb") as file:
            self.assertEqual(file.read(), data)
        self.assertEqual(self.back(io.BytesIO(b"abc")).read(), b"abc")
        with open(path, "rb") as file:
            self.assertEqual(self.om.datasets.put(file, "open").facts["file"], "some.bin")
        with self.assertRaises(firn.InvalidInput):
            self.om.datasets.put(io.StringIO("abc"), "no")

    def test_folders(self):
        folder = os.path.join(self.store, "folder")
        os.makedirs(folder + "/deep")
        for name in ("a.txt", "deep/b.txt"):
            with open(os.path.join(folder, name), "w") as file:
                file.write(name)
        self.om.datasets.put(folder, "folders/one")
        with self.assertRaises(firn.InvalidInput) as caught:
            self.om.datasets.get("folders/one")
        self.assertIn("get(name, path)", str(caught.exception))
        copy = folder + "-copy"
        self.om.datasets.get("folders/one", copy)
        with open(copy + "/deep/b.txt") as file:
            self.assertEqual(file.read(), "deep/b.txt")

    def test_appending(self):
        d = self.om.datasets
        frame = pandas.DataFrame({"a": [1, 2], "s": ["x", None]})
        twice = pandas.concat([frame, frame], ignore_index=True)
        for _ in range(2):
            put = d.put(frame, "log", append=True)
        self.assertEqual((put.revision, put.parts), (2, 2))
        pandas.testing.assert_frame_equal(d.get("log"), twice)
        pandas.testing.assert_frame_equal(d.get("log^"), frame)
        dates = frame.set_axis(pandas.date_range("2020", periods=2, freq="D"))
        d.put(dates, "dates")
        d.put(dates, "dates", append=True)
        pandas.testing.assert_frame_equal(d.get("dates"), pandas.concat([dates, dates]))
        d.put(numpy.ones((2, 3)), "rows")
        d.put(numpy.zeros((1, 3)), "rows", append=True)
        self.assertEqual(d.get("rows").shape, (3, 3))
        d.put([1], "list")
        d.put([2, 3], "list", append=True)
        d.put({"x": 4}, "list", append=True)
        self.assertEqual(d.get("list"), [1, 2, 3, {"x": 4}])
        with self.assertRaises(firn.Conflict):
            d.put(frame, "list", append=True)

    def test_records_without_tensorflow(self):
        d = self.om.datasets
        d.put([b"a", b""], "records", format="tfrecord")
        d.put([b"x" * (2 << 20)], "records", append=True, format="tfrecord")
        self.assertEqual([len(r) for r in d.get("records")], [1, 0, 2 << 20])
        self.assertEqual(d.metadata("records").bytes, 3 * 16 + 1 + (2 << 20))
        with self.assertRaises(firn.Unsupported):
            d.put(["text"], "records", format="tfrecord")

    def test_names_and_revisions(self):
        d = self.om.datasets
        for i in range(3):
            put = d.put([i], "shop/prices", attributes={"by": "test"})
            self.assertEqual((put.revision, put.unchanged), (i + 1, False))
        self.assertTrue(d.put([2], "shop/prices", attributes={"by": "test"}).unchanged)
        self.assertEqual([r.revision for r in d.revisions("shop/prices")], [3, 2, 1])
        self.assertEqual(d.metadata("shop/prices").attributes, {"by": "test"})
        for name, value in (("shop/prices", 2), ("shop/prices@1", 0), ("shop/prices^", 1),
                            ("shop/prices:2", 1), ("shop/prices^^", 0)):
            self.assertEqual(d.get(name), [value], name)
        self.assertEqual([s.name for s in d.list("shop/*")], ["shop/prices"])
        self.assertEqual(d.list("none*"), [])
        for name in ("shop/none", "shop/prices@9", "shop/prices^^^"):
            self.assertFalse(d.exists(name))
            with self.assertRaises(firn.NotFound, msg=name):
                d.get(name)
        with self.assertRaises(firn.Conflict):
            d.put([9], "shop/prices", expect=1)
        self.assertTrue(d.drop("shop/prices@1"))
        self.assertFalse(d.exists("shop/prices@1"))
        self.assertTrue(d.drop("shop/*"))
        self.assertFalse(d.drop("shop/*", force=True))
        self.assertFalse(d.drop("shop/prices", force=True))
        for name in ("shop/*", "shop/prices"):
            with self.assertRaises(firn.NotFound):
                d.drop(name)
        self.assertEqual(d.put([5], "shop/prices").revision, 4)

    def people(self, name="people"):
        frame = pandas.DataFrame({"name": ["ann", "bob", None, "dan"], "age": [20, 31, 42, 53], "x": [0.0, 1, 2, 3]})
        self.om.datasets.put(frame, name)
        return frame

    def test_conditions(self):
        frame, get = self.people(), self.om.datasets.get
        for conditions, rows in (({"age__gte": 31}, [1, 2, 3]), ({"age": 20}, [0]), ({"age__ne": 20, "x__lt": 3}, [1, 2]),
                                 ({"age__in": [20, 53]}, [0, 3]), ({"age__nin": [20, 53]}, [1, 2]), ({"age__between": (25, 45)}, [1, 2]),
                                 ({"name__contains": "n"}, [0, 3]), ({"name__startswith": "b"}, [1]), ({"name__endswith": "n"}, [0, 3]),
                                 ({"name__regex": "^[ab]"}, [0, 1]), ({"name__isnull": True}, [2]), ({"name__isnull": False}, [0, 1, 3]),
                                 ({"age__gt": 99}, []), ({"x__lte": 1, "age__lt": 31}, [0]), ({"age__eq": 42}, [2])):
            pandas.testing.assert_frame_equal(get("people", **conditions), frame.iloc[rows])
        for conditions, kind in (({"age__near": 1}, firn.InvalidInput), ({"none": 1}, firn.NotFound), ({"name__regex": "("}, firn.InvalidInput),
                                 ({"age__contains": "x"}, firn.InvalidInput), ({"age__between": 3}, firn.InvalidInput)):
            with self.assertRaises(kind, msg=conditions):
                get("people", **conditions)

    def test_what_names_choose(self):
        frame, get = self.people(), self.om.datasets.get
        for name, want in (("people[age]", frame[["age"]]), ("people[x, name]", frame[["x", "name"]]), ("people[name:age]", frame[["name", "age"]]),
                           ("people[age:]", frame[["age", "x"]]), ("people[:age]", frame[["name", "age"]]), ("people[:]", frame),
                           ("people[^age,x]", frame[["name"]]), ("people@1[x]", frame[["x"]]), ("people#rows:start=1,end=3", frame.iloc[1:3]),
                           ("people#rows:end=1", frame.iloc[:1]), ("people[age]#rows:start=3", frame[["age"]].iloc[3:])):
            pandas.testing.assert_frame_equal(get(name), want)
        self.assertEqual([len(chunk) for chunk in get("people#iterchunks:chunksize=3")], [3, 1])
        pandas.testing.assert_frame_equal(pandas.concat(get("people#")), frame)
        self.assertEqual(get("people[age]", age__gt=50)["age"].tolist(), [53])
        self.om.datasets.put(numpy.arange(10), "numbers")
        self.assertEqual(get("numbers#rows:start=8").tolist(), [8, 9])
        for name, kind in (("people[none]", firn.NotFound), ("people[a:b]", firn.NotFound), ("people[^none]", firn.NotFound), ("people#all", firn.InvalidInput),
                           ("people#rows:start=x", firn.InvalidInput), ("people#rows:chunksize=1", firn.InvalidInput),
                           ("numbers[a]", firn.Unsupported), ("none[a]", firn.NotFound), ("none#", firn.NotFound)):
            with self.assertRaises(kind, msg=name):
                get(name)
        with self.assertRaises(firn.InvalidInput):
            get("people[age]", os.path.join(tempfile.gettempdir(), "never"))

    def test_lazy(self):
        d, frame = self.om.datasets, self.people("lazy")
        d.put(frame, "lazy", append=True)
        lazy = d.getl("lazy")
        d.put(frame.iloc[:1], "lazy")
        whole = pandas.concat([frame, frame], ignore_index=True)
        pandas.testing.assert_frame_equal(lazy.value, whole)  # as it was when it was asked for
        self.assertEqual((len(lazy), repr(lazy)), (8, "<Lazy lazy@2>"))
        pandas.testing.assert_frame_equal(lazy.query(age__gte=42).value, whole[whole.age >= 42])
        pandas.testing.assert_frame_equal(lazy.query(age__gte=42)[["x", "age"]].rows(1, 3).value, whole[whole.age >= 42][["x", "age"]].iloc[1:3])
        pandas.testing.assert_frame_equal(lazy["age"].head(5), whole[["age"]].head(5))
        pandas.testing.assert_frame_equal(lazy.filter(x__lt=1).filter(age=20).value, whole[whole.x < 1])
        self.assertEqual([len(chunk) for chunk in lazy.iterchunks(3)], [3, 1, 3, 1])
        self.assertEqual(sum(chunk["age"].sum() for chunk in lazy), whole["age"].sum())
        self.assertEqual(len(d.getl("lazy@2#rows:start=6")), 2)
        self.assertEqual(d.getl("lazy@2[age]", age=20).value.shape, (2, 1))
        for wrong in (lambda: lazy[1:2], lambda: lazy.rows(0, 1).rows(0, 1), lambda: lazy.rows(0, 1).query(age=1), lambda: lazy.rows(-1),
                      lambda: list(lazy.iterchunks(0)), lambda: lazy.query(a__odd=1)):
            with self.assertRaises(firn.FirnError):
                wrong()
        d.put([1, 2, 3], "list")
        self.assertEqual(d.getl("list").rows(1).value, [2, 3])
        d.put(numpy.arange(3), "array")
        d.put(numpy.arange(2), "array", append=True)
        self.assertEqual(d.getl("array").rows(2, 4).value.tolist(), [2, 0])

    def test_tags_and_reports(self):
        d = self.om.datasets
        for number, tag in ((1, "first"), (2, None), (3, "good"), (4, "good")):
            self.assertEqual(d.put([number], "tagged", tag=tag).tag, tag)
        for name, want in (("tagged@first", [1]), ("tagged@good", [4]), ("tagged", [4]), ("tagged@2", [2])):
            self.assertEqual(d.get(name), want)
        self.assertEqual(d.metadata("tagged@first").revision, 1)
        self.assertTrue(d.exists("tagged@good") and not d.exists("tagged@bad"))
        self.assertTrue(d.drop("tagged@good"))
        self.assertEqual(d.get("tagged@good"), [3])
        d.put([3], "tagged", tag="again")
        self.assertEqual(d.get("tagged@again"), [3])
        for bad in ("3", "", "a b", 5):
            with self.assertRaises(firn.InvalidInput):
                d.put([1], "tagged", tag=bad)
        d.put([1], "report/a")
        d.put([1], "report/b")
        self.assertEqual(d.drop("report/*", report=True), {"report/a": True, "report/b": True})
        self.assertEqual(d.drop("report/a", force=True, report=True), {"report/a": False})

    def test_what_cannot_be_saved_is_refused_with_a_list(self):
        loop = []
        loop.append(loop)
        for bad in (object(), numpy.array([object()]), {"a": object()}, [numpy.zeros(3)],
                    pandas.DataFrame({"a": [object()]}), loop, "\ud800", ["\ud800"],
                    pandas.DataFrame(numpy.zeros((1, 2)), columns=["a", "a"]),
                    pandas.DataFrame({"p": pandas.period_range("2020", periods=1)}),
                    pandas.DataFrame({"p": ["\ud800"]}), numpy.ma.masked_array([1], [True]),
                    pandas.DataFrame({pandas.Timestamp(0): [1]}), "/no/such/file"):
            with self.assertRaises(firn.FirnError, msg=repr(bad)):
                self.om.datasets.put(bad, "bad")
        with self.assertRaises(firn.Unsupported) as caught:
            self.om.datasets.put(object(), "bad")
        for words in ("builtins.object", "numpy arrays", "pandas frames", "tf.train.Example"):
            self.assertIn(words, str(caught.exception))
        with self.assertRaises(firn.InvalidInput):
            self.om.datasets.put([1], "bad", attributes={"x": object()})
        for name in ("a[b]", "a b", "../x", "", "a//b", "x@3"):
            with self.assertRaises(firn.FirnError, msg=name):
                self.om.datasets.put([1], name)
        self.assertFalse(self.om.datasets.exists("bad"))

    def test_attributes_may_be_large(self):
        put = self.om.datasets.put([1], "large", attributes={"x": "é" * 100000})
        self.assertEqual(len(put.attributes["x"]), 100000)

    def test_two_clients_put_one_name(self):
        """None lost, none doubled."""
        def work(who):
            with firn.connect(self.om.url) as om:
                for i in range(100):
                    om.datasets.put([who, i], "same", append=i % 2 == 1)
        threads = [threading.Thread(target=work, args=(who,)) for who in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([r.revision for r in self.om.datasets.revisions("same")],
                         list(range(200, 0, -1)))

    def test_shown(self):
        put = self.om.datasets.put(pandas.DataFrame({"<a>": [1]}), "shown")
        self.assertIn("shown@1 frame", repr(put))
        self.assertIn("&lt;a&gt;", put._repr_html_())


def squares(count=3):
    return {"squares": [i * i for i in range(int(count))]}


def fails():
    raise KeyError("nothing here")


class Virtual(Live):
    """A function whose result is the data, run by the server in a worker."""
    workers = True

    def test_virtual(self):
        d = self.om.datasets
        put = d.put(squares, "virtual/squares", requirements=[])
        self.assertEqual((put.format, put.facts["function"]), ("function", "squares"))
        self.assertEqual(d.get("virtual/squares"), {"squares": [0, 1, 4]})
        self.assertEqual(d.get("virtual/squares{count=5}")["squares"][-1], 16)
        self.assertEqual(d.get("virtual/squares", count=2, local=True), {"squares": [0, 1]})
        d.put(fails, "virtual/fails", requirements=[])
        with self.assertRaises(firn.Failed) as caught:
            d.get("virtual/fails")
        self.assertIn("nothing here", str(caught.exception))
        with self.assertRaises(firn.FirnError):
            d.get("virtual/squares", wrong=1)
        with self.assertRaises(firn.InvalidInput):
            d.get("virtual/squares{1=2}")
        d.put([1], "virtual/plain")
        with self.assertRaises(firn.InvalidInput):
            d.get("virtual/plain{a=1}")
        with self.assertRaises(firn.Conflict):
            d.put(squares, "virtual/squares", requirements=[], append=True)
