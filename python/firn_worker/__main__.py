# SPDX-License-Identifier: Apache-2.0
"""`python3 PATH/firn_worker` and `python3 -m firn_worker`, descriptors 3 and 4 as frame.h says."""
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))

sys.dont_write_bytecode = True

# Names of this package must not hide modules of the model.
sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != FOLDER]
sys.path.insert(0, os.path.dirname(FOLDER))

from firn_worker import places  # noqa: E402

places.install()

from firn_worker.main import main  # noqa: E402

sys.exit(main())
