# SPDX-License-Identifier: Apache-2.0
"""firn.functions: a function as files and bytes, and back in a process that has nothing of ours."""

import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

import firn
from firn import functions, origins
import kept_by_text as kept

HERE = os.path.dirname(os.path.abspath(__file__))
CLEAN = """
import json, sys
sys.path.insert(0, sys.argv[1])
import func_main
print(json.dumps(getattr(func_main, sys.argv[2])(*json.loads(sys.argv[3]))))
"""


def elsewhere(packed, *arguments):
    """What it returns in a process that sees only its files."""
    import json
    with tempfile.TemporaryDirectory() as folder:
        functions.read(packed.to_bytes()).write(folder)
        done = subprocess.run([sys.executable, "-c", CLEAN, os.path.join(folder, "src"), packed.name,
                               json.dumps(arguments)], capture_output=True, text=True, cwd=folder,
                              env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"})
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class ByText(unittest.TestCase):
    def test_all_that_it_uses_comes_along(self):
        packed = functions.pack(kept.everything)
        self.assertEqual((packed.kind, packed.requirements), ("source", []))
        self.assertIn("src/kept_helper.py", packed.files)
        self.assertNotIn("HANDLE", packed.files["src/func_main.py"].decode())
        self.assertEqual(elsewhere(packed, 5), kept.everything(5))
        self.assertEqual(packed.load()(5), kept.everything(5))

    def test_the_same_bytes_for_the_same_function(self):
        one = functions.pack(kept.everything)
        self.assertEqual(one.to_bytes(), functions.pack(kept.everything).to_bytes())
        again = functions.read(one.to_bytes())
        self.assertEqual((again.name, again.files, again.to_bytes()), (one.name, one.files, one.to_bytes()))
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(functions.read(one.write(folder)).files, one.files)

    def test_state_of_a_module_starts_anew(self):
        kept.counts()
        packed = functions.pack(kept.counts, name="tick")
        self.assertEqual(elsewhere(packed), 2)  # the value it had when it was packed
        self.assertEqual(packed.name, "tick")

    def test_a_file_that_changed_is_not_taken(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "changing_module.py")
            with open(path, "w") as file:
                file.write("def f(x):\n    return x + 1\n")
            sys.path.insert(0, folder)
            try:
                import changing_module
                self.assertEqual(functions.pack(changing_module.f).kind, "source")
                with open(path, "w") as file:
                    file.write("def f(x):\n    return x + 2000\n")
                try:
                    packed = functions.pack(changing_module.f)
                    self.assertEqual((packed.kind, packed.load()(1)), ("pickle", 2))
                except firn.Unsupported as why:  # without cloudpickle and dill
                    self.assertIn("no longer what runs", str(why))
            finally:
                sys.path.remove(folder)
                del sys.modules["changing_module"]

    def test_functions_of_packages_are_imported(self):
        import json
        packed = functions.pack(json.dumps)
        self.assertEqual((packed.kind, packed.requirements), ("import", []))
        self.assertEqual(elsewhere(packed, [1, 2]), "[1, 2]")

    def test_requirements(self):
        def of(source):
            scope = {}
            exec(textwrap.dedent(source), scope)
            return scope["f"]

        self.assertEqual(functions.pack(kept.even, ["numpy>1", "x==2"]).requirements, ["numpy>1", "x==2"])
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        self.assertEqual(functions.pack(numpy.linalg.norm).requirements, ["numpy==" + numpy.__version__])
        with self.assertRaises(firn.InvalidInput):
            functions.pack(kept.even, ["a\nb"])
        self.assertEqual(origins.requirements(["os", "json", "kept_by_text"]), [])
        self.assertTrue(of("def f(): return 1"))


class ByPickle(unittest.TestCase):
    def setUp(self):
        if functions.pickler() is None:
            self.skipTest("neither cloudpickle nor dill is installed")

    def test_lambda_closure_object(self):
        for function, arguments, name in ((lambda x: x + kept.FACTOR, (1,), "function"), (kept.made(5), (2,), "add"),
                                          (kept.Scale(2), (4,), "function"), (kept.with_handle, (), "with_handle")):
            packed = functions.pack(function)
            self.assertEqual((packed.kind, packed.name), ("pickle", name))
            self.assertEqual(packed.python, "%d.%d" % sys.version_info[:2])
            self.assertEqual(packed.requirements, [origins.requirement(functions.pickler().__name__)])
            self.assertEqual(elsewhere(packed, *arguments), function(*arguments))
            self.assertEqual(packed.load()(*arguments), function(*arguments))

    def test_what_cannot_be_pickled(self):
        lock = threading.Lock()
        with self.assertRaises(firn.Unsupported) as caught:
            functions.pack(lambda: lock)
        self.assertIn("lock", str(caught.exception))


class Refused(unittest.TestCase):
    def test_without_a_pickler(self):
        hidden, functions.pickler = functions.pickler, lambda: None
        try:
            for function, why in ((lambda: 1, "lambda"), (kept.made(1), "closure over n"),
                                  (kept.with_handle, "HANDLE is a value of builtins.object"),
                                  (kept.Scale(), "no function of Python"), (kept.lost_name, "not_there")):
                with self.assertRaises(firn.Unsupported) as caught:
                    functions.pack(function)
                self.assertIn(why, str(caught.exception))
                self.assertIn("install cloudpickle", str(caught.exception))
        finally:
            functions.pickler = hidden

    def test_no_function_at_all(self):
        for thing in (1, "text", None, [kept.even]):
            with self.assertRaises(firn.Unsupported):
                functions.pack(thing)
        with self.assertRaises(firn.InvalidInput):
            functions.pack(kept.even, name="not a name")

    def test_what_is_no_packed_function(self):
        import io
        import tarfile
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("../evil.py"))
        for data in (b"", b"nothing", out.getvalue(), functions.pack(kept.even).to_bytes()[:700]):
            with self.assertRaises(firn.InvalidInput):
                functions.read(data)
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(firn.InvalidInput):
            functions.read(folder)
