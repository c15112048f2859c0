# SPDX-License-Identifier: Apache-2.0
"""A server with a store of its own for the tests of a class."""

import shutil
import tempfile
import unittest

import firn


class Live(unittest.TestCase):
    workers = False

    @classmethod
    def setUpClass(cls):
        cls.store = tempfile.mkdtemp(prefix="firn-test-")
        cls.om = firn.connect(store=cls.store, workers=cls.workers)

    @classmethod
    def tearDownClass(cls):
        cls.om.close()
        shutil.rmtree(cls.store)
