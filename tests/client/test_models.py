# SPDX-License-Identifier: Apache-2.0
"""om.models and om.runtime with scikit-learn's estimators."""

import asyncio
import os
import threading
import warnings

import numpy
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

import firn
from live import Live


def iris(frame=False):
    x, y = load_iris(return_X_y=True, as_frame=frame)
    return x, y


class Put(Live):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.x, cls.y = iris()
        cls.one = LogisticRegression(max_iter=500).fit(cls.x, cls.y)
        cls.two = LogisticRegression(max_iter=500, C=0.1).fit(cls.x, cls.y)
        cls.om.models.put(cls.one, "shop/churn", alias="prod")
        cls.om.models.put(cls.two, "shop/churn")

    def test_versions_and_names(self):
        models = self.om.models
        self.assertEqual([v.number for v in models.revisions("shop/churn")], [2, 1])
        for name, number in (("shop/churn", 2), ("shop/churn^", 1), ("shop/churn@prod", 1),
                             ("shop/churn:1", 1), ("shop/churn@2", 2)):
            self.assertEqual(models.metadata(name).number, number, name)
        self.assertIn("prod", models.metadata("shop/churn@prod").aliases)
        self.assertTrue(models.exists("shop/churn@prod"))
        self.assertEqual([v.name for v in models.list("shop/*")], ["shop/churn"])
        self.assertEqual(models.list("other/*"), [])

    def test_unknown_names_are_errors(self):
        for name in ("shop/none", "shop/churn@none", "shop/churn:9", "shop/churn^^"):
            with self.assertRaises(firn.NotFound, msg=name):
                self.om.models.metadata(name)
            self.assertFalse(self.om.models.exists(name))
        for name in ("shop/churn^2", "shop/churn:x", "shop/churn@"):
            with self.assertRaises(firn.InvalidInput, msg=name):
                self.om.models.metadata(name)
        with self.assertRaises(firn.NotFound) as caught:
            self.om.models.put("/no/such/file", "x")
        self.assertIn("/no/such/file", str(caught.exception))

    def test_bad_names_and_objects_store_nothing(self):
        for name in ("a//b", "/a", "a/", ".a", "a b", "", "a@b", "a:1", "a^", "a[b]", "a{b=c}", "a#b", "*", "x" * 129):
            with self.assertRaises(firn.FirnError, msg=name):
                self.om.models.put(self.one, name)
        with self.assertRaises(firn.Unsupported) as caught:
            self.om.models.put(object(), "thing")
        self.assertIn("builtins.object", str(caught.exception))
        self.assertFalse(self.om.models.exists("thing"))

    def test_unchanged(self):
        again = self.om.models.put(self.two, "shop/churn")
        self.assertTrue(again.unchanged)
        self.assertEqual(again.number, 2)

    def test_get_is_what_was_put(self):
        back = self.om.models.get("shop/churn@prod")
        self.assertTrue(numpy.array_equal(back.coef_, self.one.coef_))
        path = os.path.join(self.store, "copy.joblib")
        self.assertEqual(self.om.models.get("shop/churn:2", path), path)
        self.assertEqual(self.om.models.put(path, "copy").digest[:7], "sha256:")
        self.assertTrue(numpy.array_equal(self.om.models.get("copy").coef_, self.two.coef_))

    def test_alias_moves_with_expectation(self):
        self.om.models.alias("shop/churn:2", "blue")
        with self.assertRaises(firn.Conflict):
            self.om.models.alias("shop/churn:1", "blue", expect=1)
        self.om.models.alias("shop/churn:1", "blue", expect=2)
        self.assertEqual(self.om.models.metadata("shop/churn@blue").number, 1)

    def test_drop(self):
        self.om.models.put(self.one, "gone")
        self.om.models.put(self.two, "gone")
        self.assertTrue(self.om.models.drop("gone:2"))
        self.assertEqual([v.number for v in self.om.models.revisions("gone")], [1])
        self.assertTrue(self.om.models.drop("gone"))
        with self.assertRaises(firn.NotFound):
            self.om.models.drop("gone")
        self.assertFalse(self.om.models.drop("gone", force=True))
        with self.assertRaises(firn.Conflict):
            self.om.models.drop("shop/churn:1")  # prod stands on it

    def test_shown_well(self):
        version = self.om.models.metadata("shop/churn")
        self.assertIn("predict_proba", str(version))
        self.assertIn("<td>double[-1,4]</td>", version._repr_html_())
        self.assertIn("shop/churn:2", repr(version))


class Predict(Live):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.x, cls.y = iris()
        cls.model = LogisticRegression(max_iter=500).fit(cls.x, cls.y)
        cls.om.models.put(cls.model, "iris")
        frame, target = iris(True)
        frame.columns = ["sl", "sw", "pl", "pw"]
        cls.frame, cls.framed = frame, LogisticRegression(max_iter=500).fit(frame, target)
        cls.om.models.put(cls.framed, "framed")
        cls.remote = cls.om.runtime.model("iris")

    def test_same_answers(self):
        self.assertTrue(numpy.array_equal(self.remote.predict(self.x), self.model.predict(self.x)))
        proba = self.remote.predict_proba(self.x)
        numpy.testing.assert_allclose(proba, self.model.predict_proba(self.x), rtol=1e-12)
        self.assertEqual(proba.classes, [0, 1, 2])
        self.assertEqual(proba.get(5).shape, (150, 3))
        numpy.testing.assert_allclose(self.remote.decision_function(self.x),
                                      self.model.decision_function(self.x), rtol=1e-12)
        self.assertAlmostEqual(self.remote.score(self.x, self.y), self.model.score(self.x, self.y))

    def test_lists_one_row_and_text_labels(self):
        self.assertEqual(self.remote.predict([5.1, 3.5, 1.4, 0.2]).tolist(), [0])
        self.assertEqual(self.remote.predict([[5.1, 3.5, 1.4, 0.2]] * 2).tolist(), [0, 0])
        labels = numpy.array(["setosa", "versicolor", "virginica"])[self.y]
        named = LogisticRegression(max_iter=500).fit(self.x, labels)
        self.om.models.put(named, "named")
        got = self.om.runtime.model("named").predict(self.x)
        self.assertEqual(got.tolist(), named.predict(self.x).tolist())
        self.assertEqual(self.om.runtime.model("named").score(self.x, labels),
                         named.score(self.x, labels))

    def test_frames_by_name(self):
        remote = self.om.runtime.model("framed")
        want = self.framed.predict(self.frame).tolist()
        self.assertEqual(remote.predict(self.frame[["pw", "sl", "pl", "sw"]]).tolist(), want)
        self.assertEqual(remote.predict(self.frame.to_numpy()).tolist(), want)
        self.assertEqual(remote.predict(self.frame.to_dict("list")).tolist(), want)
        with self.assertRaises(firn.InvalidInput) as caught:
            remote.predict(self.frame[["pw", "sl"]])
        self.assertIn("pl", str(caught.exception))

    def test_errors_say_what_is_wrong(self):
        with self.assertRaises(firn.InvalidInput):
            self.remote.predict([[1, 2, 3]])
        with self.assertRaises(firn.InvalidInput) as caught:
            self.remote.predict([[1, 2, 3, 4], [1, 2]])
        self.assertIn("ragged", str(caught.exception))
        with self.assertRaises(firn.NotFound):
            self.remote.transform(self.x)
        with self.assertRaises(firn.NotFound):
            self.om.runtime.model("nobody").predict([1])
        with self.assertRaises(firn.InvalidInput):
            self.remote.predict([[object()] * 4])

    def test_regression_and_transform(self):
        model = LinearRegression().fit(self.x[:, :3], self.x[:, 3])
        self.om.models.put(model, "line")
        self.assertAlmostEqual(self.om.runtime.model("line").score(self.x[:, :3], self.x[:, 3]),
                               model.score(self.x[:, :3], self.x[:, 3]), places=12)
        scaler = StandardScaler().fit(self.x)
        self.om.models.put(scaler, "scale")
        numpy.testing.assert_allclose(self.om.runtime.model("scale").transform(self.x),
                                      scaler.transform(self.x), rtol=1e-12)

    def test_later(self):
        pending = self.remote.predict(self.x, wait=False)
        self.assertEqual(pending.get(30).shape, (150,))
        self.assertEqual((pending.status, pending.ready()), ("SUCCESS", True))
        wrong = self.remote.predict([[1]], wait=False)
        with self.assertRaises(firn.InvalidInput):
            wrong.get(30)
        self.assertEqual(wrong.status, "FAILURE")

    def test_coroutines(self):
        async def both():
            aio = self.om.aio
            return await asyncio.gather(aio.models.metadata("iris"),
                                        aio.runtime.model("iris").predict(self.x))
        version, got = asyncio.run(both())
        self.assertEqual(version.reference, "iris:1")
        self.assertEqual(len(got), 150)

    def test_threads_and_large_batches(self):
        rows = numpy.tile(self.x, (300, 1))
        want = self.model.predict(rows)
        wrong = []

        def ask():
            if not numpy.array_equal(self.remote.predict(rows), want):
                wrong.append(1)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_without_numpy(self):
        from firn import tensors
        keep = tensors._numpy
        tensors._numpy = lambda: None
        try:
            got = self.remote.predict([[5.1, 3.5, 1.4, 0.2]])
            self.assertEqual((list(got), got.get()), ([0], [0]))
            self.assertEqual(len(self.remote.predict_proba([[5.1, 3.5, 1.4, 0.2]])[0]), 3)
            with self.assertRaises(firn.InvalidInput):
                self.remote.predict([[1, 2], [3]])
        finally:
            tensors._numpy = keep


class Races(Live):
    def test_two_clients_put_at_once(self):
        """Every put is a version of its own: none lost, none doubled."""
        rounds, numbers, lock = 40, [], threading.Lock()

        def put(which):
            om = firn.connect(self.om.url)
            for i in range(rounds):
                path = os.path.join(self.store, "race-%d-%d.joblib" % (which, i))
                import joblib
                joblib.dump(LinearRegression().fit([[0.0], [1.0]], [which * 1000.0, i]), path)
                version = om.models.put(path, "race")
                with lock:
                    numbers.append(version.number)
        threads = [threading.Thread(target=put, args=(w,)) for w in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(numbers), list(range(1, 2 * rounds + 1)))
        self.assertEqual(len(self.om.models.revisions("race")), 2 * rounds)


class Servers(Live):
    def test_kept_connection_that_was_closed(self):
        self.om.models.list()
        sock = self.om.connection._local.sock
        import socket
        sock.shutdown(socket.SHUT_RDWR)
        self.assertEqual(self.om.models.list(), [])

    def test_nobody_there(self):
        with self.assertRaises(firn.Unavailable) as caught:
            firn.connect("http://127.0.0.1:1").models.list()
        self.assertIn("firn serve", str(caught.exception))
        with self.assertRaises(ValueError):
            firn.connect("ftp://x")

    def test_other_servers(self):
        """Not HTTP, and an answer cut short."""
        import socket
        for said, words in ((b"SSH-2.0\r\n\r\n", "no HTTP server"),
                            (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[]", "middle"),
                            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "middle")):
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)

            def answer():
                peer = listener.accept()[0]
                peer.recv(65536)
                peer.sendall(said)
                peer.close()
            thread = threading.Thread(target=answer)
            thread.start()
            with self.assertRaises(firn.Unavailable) as caught:
                firn.connect("http://127.0.0.1:%d" % listener.getsockname()[1]).models.list()
            self.assertIn(words, str(caught.exception))
            thread.join()
            listener.close()

    def test_server_ends_with_the_client(self):
        with firn.connect(store=os.path.join(self.store, "own")) as om:
            url = om.url
            self.assertEqual(om.models.list(), [])
        with self.assertRaises(firn.Unavailable):
            firn.connect(url).models.list()

    def test_progress(self):
        import contextlib
        import io
        out = io.StringIO()
        with contextlib.redirect_stderr(out):
            self.om.models.put(StandardScaler().fit([[1.0], [2.0]]), "bar", progress=True)
        self.assertIn("100 %", out.getvalue())


warnings.simplefilter("error", ResourceWarning)
