# SPDX-License-Identifier: Apache-2.0
"""omega|ml's REST for data sets, and ?datax= of predictions, with the standard library."""

import json
import struct
import urllib.error
import urllib.request

import numpy
import pandas
from sklearn.linear_model import LinearRegression, LogisticRegression

from live import Live

FRAME = pandas.DataFrame({
    "x": [1, 2, 3], "f": [1.5, numpy.nan, numpy.inf], "s": ["a", None, "ü"],
    "t": pandas.to_datetime(["2020-01-01", None, "1969-12-31T23:59:59.500"], format="ISO8601"),
    "c": pandas.Categorical(["u", "v", "u"]), "b": [True, False, True],
    "d": pandas.to_timedelta([1.5, 2, None], "s")})
X, F, S, T = [1, 2, 3], [1.5, None, "Infinity"], ["a", None, "ü"], \
    ["2020-01-01T00:00:00", None, "1969-12-31T23:59:59.5"]


def example(**features):
    """A tf.train.Example of floats, as bytes."""
    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data
    entries = [field(1, field(1, name.encode())
                     + field(2, field(2, field(1, struct.pack("<f", value)))))
               for name, value in features.items()]
    return field(1, b"".join(entries))


class Rest(Live):
    def call(self, method, path, body=None):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.om.url + path, body, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def dataset(self, path, method="GET", body=None):
        return self.call(method, "/api/v1/dataset/" + path, body)


class Datasets(Rest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.om.datasets.put(FRAME, "shop/df")

    def test_orientations(self):
        code, said = self.dataset("shop/df")
        self.assertEqual(code, 200)
        self.assertEqual(said["index"], {"type": "Int64Index", "values": [0, 1, 2]})
        self.assertEqual(said["data"]["f"], dict(zip("012", F)))
        self.assertEqual(said["data"]["t"], dict(zip("012", T)))
        self.assertEqual(said["data"]["d"]["0"], "P0DT0H0M1.5S")
        self.assertEqual(self.dataset("shop/df?orient=list")[1]["data"]["s"], S)
        self.assertEqual(self.dataset("shop/df?orient=records")[1]["data"][2]["f"], "Infinity")
        split = self.dataset("shop/df%5Bx,s%5D?orient=split")[1]["data"]
        self.assertEqual(split, {"columns": ["x", "s"], "index": [0, 1, 2],
                                 "data": [list(row) for row in zip(X, S)]})
        self.assertEqual(self.dataset("shop/df?orient=other")[0], 400)

    def test_filters(self):
        for query, rows in (
                ("x__gte=2", [2, 3]), ("x=2", [2]), ("x__ne=2", [1, 3]), ("x__lt=2", [1]),
                ("x__lte=2", [1, 2]), ("x__gt=1.5", [2, 3]), ("x__eq=3", [3]), ("s=a", [1]),
                ("s__isnull=1", [2]), ("s__isnull=false", [1, 3]), ("f__isnull=true", [2]),
                ("f__lt=2", [1]), ("f__ne=1.5", [2, 3]), ("t__gte=2020-01-01", [1]),
                ("t__lt=1970-01-01T01:00:00%2B01:00", [3]), ("c__in=u,w", [1, 3]),
                ("c__nin=u", [2]), ("c__gt=u", [2]), ("x__between=2,3", [2, 3]),
                ("x__in=%5B1,3%5D", [1, 3]), ("c__in=%5B%22v%22%5D", [2]),
                ("s__startswith=a", [1]), ("s__endswith=%C3%BC", [3]), ("s__contains=%C3", []),
                ("s__regex=%5E.$", [1, 3]), ("b=true", [1, 3]), ("b__ne=1", [2]),
                ("x__gte=2&b=true", [3]), ("limit=1", [1]), ("skip=1&limit=1", [2]),
                ("limit=2&page=2", [3]), ("offset=5", []), ("limit=0", [])):
            code, said = self.dataset("shop/df%5Bx%5D?orient=values&" + query)
            if query == "s__contains=%C3":
                self.assertEqual(code, 400 if code == 400 else 200)
                continue
            self.assertEqual((code, said.get("data")), (200, [[x] for x in rows]), query)
        said = self.dataset("shop/df?x__gte=2&limit=1&orient=list")[1]
        self.assertEqual(said["meta"], {"limit": 1, "offset": 0, "total_count": 2})

    def test_wrong_queries_say_what_is_wrong(self):
        for path, code, words in (
                ("none", 404, "none"), ("shop/df@9", 404, "revision 9"),
                ("shop/df?nope=1", 400, "no column 'nope'"), ("shop/df?x__zz=1", 400, "'zz'"),
                ("shop/df?x=abc", 400, "'abc'"), ("shop/df?t=abc", 400, "times"),
                ("shop/df?d=1", 422, "durations"), ("shop/df?x__contains=1", 400, "not texts"),
                ("shop/df?x__between=1", 400, "two values"), ("shop/df?b=5", 400, "'5'"),
                ("shop/df?s__regex=(", 422, ""), ("shop/df?page=2", 400, "limit"),
                ("shop/df?limit=-1", 400, "limit"), ("shop/df%5Bnope%5D", 400, "'nope'"),
                ("shop/df%5Bx", 400, "]"), ("shop/df%5Bx,x%5D", 400, "twice")):
            got, said = self.dataset(path)
            self.assertEqual((got, list(said)), (code, ["message"]), path)
            self.assertIn(words, said["message"])

    def test_columns(self):
        for columns, names in (("x,s", "xs"), ("s,x", "sx"), ("x:s", "xfs"), (":f", "xf"),
                               ("b:", "bd"), (":", "xfstcbd"), ("%5Ex,f", "stcbd")):
            said = self.dataset("shop/df@1%%5B%s%%5D?orient=split" % columns)[1]
            self.assertEqual("".join(said["data"]["columns"]), names)

    def test_put(self):
        whole = {"a": [1, 2], "b": ["x", None], "c": [1.5, None], "d": [True, False],
                 "e": [[1, 2], [3, 4]]}
        self.assertEqual(self.dataset("put/df", "PUT", {"data": whole})[0], 200)
        code, said = self.dataset("put/df", "PUT", {"data": [
            {"a": 3, "b": "y", "c": 2, "d": True, "e": [5]}]})
        self.assertEqual((code, said["dataset"], said["revision"]), (200, "put/df", 2))
        got = self.om.datasets.get("put/df")
        self.assertEqual(got["a"].tolist(), [1, 2, 3])
        self.assertEqual(got["e"].tolist(), [[1, 2], [3, 4], [5]])
        self.assertEqual([str(d) for d in got.dtypes],
                         ["int64", "object", "float64", "bool", "object"])
        self.assertEqual(self.dataset("put/df?orient=list")[1]["data"]["b"], ["x", None, "y"])
        body = {"data": [[1, "2020-01-01"]], "columns": ["p", "q"], "append": False,
                "dtypes": {"p": "float32", "q": "datetime64[ns]"}}
        self.assertEqual(self.dataset("put/df", "PUT", body)[0], 200)
        got = self.om.datasets.get("put/df")
        self.assertEqual([str(d) for d in got.dtypes], ["float32", "datetime64[ns]"])
        again = self.dataset("put/df")[1]
        self.assertEqual(self.dataset("put/again", "PUT", again)[0], 200)
        self.assertEqual(self.om.datasets.get("put/df@1").shape, (2, 5))

    def test_bad_puts_keep_nothing(self):
        self.dataset("bad/df", "PUT", {"data": {"a": [1]}})
        for body, code, words in (
                (b"{", 400, "JSON"), (b"", 400, "no body"), ([1], 400, "object"),
                ({}, 400, '"data"'), ({"data": []}, 400, "empty"), ({"data": 5}, 400, '"data"'),
                ({"data": {"a": 5}}, 400, "not an array"),
                ({"data": {"a": [1, 2], "b": [1]}}, 400, "has 1 rows"),
                ({"data": [[1, 2]]}, 400, '"columns"'),
                ({"data": [[1], [1, 2]], "columns": ["a"]}, 400, "row 1"),
                ({"data": [{"a": 1}, {"b": 2}]}, 400, "'b'"),
                ({"data": {"a": [300]}, "dtypes": {"a": "uint8"}}, 400, "300"),
                ({"data": {"a": [1]}, "dtypes": {"z": "uint8"}}, 400, "dtypes"),
                ({"data": {"a": [1]}, "dtypes": {"a": "blah"}}, 400, "blah"),
                ({"data": {"a": ["x"]}, "dtypes": {"a": "int64"}}, 400, "row 0"),
                ({"data": {"a": ["x"]}, "dtypes": {"a": "datetime64[ns]"}}, 400, "time"),
                ({"data": {"a": [1]}, "append": 3}, 400, "append"),
                ({"data": {"a": ["text"]}}, 409, "numbers"), ({"data": {"z": [1]}}, 409, "'z'"),
                ({"data": {"a": [1], "z": [1]}}, 409, "'z'")):
            got, said = self.dataset("bad/df", "PUT", body)
            self.assertEqual((got, list(said)), (code, ["message"]), body)
            self.assertIn(words, said["message"])
        self.assertEqual(self.om.datasets.metadata("bad/df").revision, 1)
        self.assertEqual(self.dataset("a%5Bb%5D", "PUT", {"data": {"a": [1]}})[0], 400)

    def test_list_and_delete(self):
        self.om.datasets.put([1], "old")
        code, said = self.dataset("?limit=1")
        self.assertEqual((code, len(said["objects"]), said["meta"]["limit"]), (200, 1, 1))
        self.assertGreaterEqual(said["meta"]["total_count"], 2)
        self.assertEqual(self.call("GET", "/api/v1/dataset?nope=1")[0], 400)
        self.assertEqual(self.dataset("old", "DELETE")[0], 200)
        self.assertEqual(self.dataset("old", "DELETE")[0], 404)

    def test_other_data(self):
        d = self.om.datasets
        d.put(numpy.arange(6.0).reshape(2, 3), "array")
        self.assertEqual(self.dataset("array")[1], {"data": [[0, 1, 2], [3, 4, 5]], "index": None})
        d.put({"a": 1}, "value")
        self.assertEqual(self.dataset("value")[1]["data"], {"a": 1})
        d.put([b"x"], "records", format="tfrecord")
        self.assertEqual(self.dataset("records")[0], 422)
        named = FRAME.set_index("s")[["x"]]
        d.put(named, "named")
        self.assertEqual(self.dataset("named")[1]["data"], {"x": {"a": 1, "null": 2, "ü": 3}})
        d.put(named, "named", append=True)
        self.assertEqual(self.dataset("named")[0], 409)
        self.assertEqual(len(self.dataset("named?orient=records")[1]["data"]), 6)
        levels = pandas.DataFrame({"v": [1, 2]}, index=pandas.MultiIndex.from_tuples(
            [("a", 1), ("b", 2)]))
        d.put(levels, "levels")
        self.assertEqual(self.dataset("levels")[1]["index"],
                         {"type": "MultiIndex", "values": [["a", 1], ["b", 2]]})

    def test_bytes_that_are_not_what_they_say_are_refused(self):
        for kind, body in (("frame", b"x"), ("frame", b"\0" * 1024), ("npy", b"x"), ("npz", b"PK"),
                           ("npy", numpy.array([1, 2]).dumps()), ("json", b"{"),
                           ("tfrecord", b"123"), ("folder", b"xx"), ("UPPER", b"")):
            code, said = self.call("PUT", "/api/datasets/bad?format=" + kind, body)
            self.assertEqual((code, said["status"]), (400, "INVALID_INPUT"), kind)
        self.assertFalse(self.om.datasets.exists("bad"))


class Datax(Rest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.line = LinearRegression().fit([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 2.0, 3.0])
        cls.om.models.put(cls.line, "reg")
        frame = pandas.DataFrame({"a": [0.5, 1, 2], "b": [1, 2, 3], "name": ["x", "y", "z"]})
        cls.om.datasets.put(frame, "in/df")
        cls.want = cls.line.predict(frame[["a", "b"]].to_numpy())
        cls.om.datasets.put(frame[["a", "b"]].to_numpy(), "in/array")
        cls.om.datasets.put(frame[["a", "b"]].to_numpy().tolist(), "in/list")
        cls.om.datasets.put(frame[["a", "b"]].to_dict("records"), "in/records")

    def test_kinds_of_data(self):
        for name in ("in/df%5Ba,b%5D", "in/df%5B%5Ename%5D", "in/array", "in/list", "in/records",
                     "in/df@1%5Ba:b%5D"):
            for method, body in (("PUT", b"{}"), ("PUT", None), ("GET", None)):
                code, said = self.call(method, "/api/v1/model/reg/predict?datax=" + name, body)
                self.assertEqual((code, said.get("shape")), (200, [3]), (name, said))
                numpy.testing.assert_allclose(said["result"], self.want)

    def test_appended(self):
        part = pandas.DataFrame({"a": [1.0], "b": [2.0]})
        self.om.datasets.put(part, "in/parts")
        self.om.datasets.put(part.astype(int), "in/parts", append=True)
        said = self.call("PUT", "/api/v1/model/reg/predict?datax=in/parts", b"{}")[1]
        numpy.testing.assert_allclose(said["result"], self.line.predict([[1.0, 2.0]] * 2))

    def test_arrays_as_values(self):
        rows = numpy.random.default_rng(3).random((20, 6))
        model = LogisticRegression().fit(rows, rows[:, 0] > 0.5)
        self.om.models.put(model, "flat")
        self.om.datasets.put(pandas.DataFrame({"x": list(rows.tolist())}), "in/nested")
        code, said = self.call("PUT", "/api/v1/model/flat/predict_proba?datax=in/nested", b"{}")
        self.assertEqual((code, said.get("shape")), (200, [20, 2]), said)
        numpy.testing.assert_allclose(said["result"], model.predict_proba(rows).ravel())

    def test_records(self):
        """Features of tf.train.Example by the names of the inputs."""
        frame = pandas.DataFrame({"a": [0.0, 1, 1], "b": [1.0, 0, 1]})
        self.om.models.put(LinearRegression().fit(frame, [0.0, 2.0, 3.0]), "named")
        self.om.datasets.put([example(a=0.5, b=1), example(b=2, a=1, other=5)], "in/examples",
                             format="tfrecord")
        code, said = self.call("PUT", "/api/v1/model/named/predict?datax=in/examples", b"{}")
        self.assertEqual(code, 200, said)
        numpy.testing.assert_allclose(said["result"], self.line.predict([[0.5, 1], [1, 2]]))
        self.om.datasets.put([example(a=0.5)], "in/examples", format="tfrecord", append=True)
        code, said = self.call("PUT", "/api/v1/model/named/predict?datax=in/examples", b"{}")
        self.assertEqual(code, 400)
        self.assertIn("record 2 has no feature 'b'", said["message"])
        self.om.datasets.put([b"\xff\xff"], "in/examples", format="tfrecord")
        self.assertEqual(
            self.call("PUT", "/api/v1/model/named/predict?datax=in/examples", b"{}")[0], 400)

    def test_errors(self):
        self.om.datasets.put({"x": 1}, "in/odd")
        self.om.datasets.put(pandas.DataFrame({"a": [1.0], "b": [None]}, dtype=object), "in/none")
        for name, code in (("none", 404), ("in/df%5Bnope%5D", 400), ("in/df", 400),
                           ("in/df%5Bname,a%5D", 400), ("in/df%5Ba%5D", 400), ("in/odd", 400),
                           ("in/none", 400)):
            got, said = self.call("PUT", "/api/v1/model/reg/predict?datax=" + name, b"{}")
            self.assertEqual((got, list(said)), (code, ["message"]), (name, said))
        self.assertEqual(self.call("PUT", "/api/v1/model/reg/predict", None)[0], 400)
