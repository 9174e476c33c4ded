"""For tests and doctests alike: nothing is read from or written to the user's own folders, and no hub is asked.

This runs when it is imported, before anything else is: huggingface_hub reads its variables once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker has them from the process that started it
    folder = Path(tempfile.mkdtemp(prefix="freeseg-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["FREESEG_CACHE"] = str(folder / "freeseg")
    os.environ["HF_HOME"] = str(folder / "huggingface")
    os.environ["HF_HUB_OFFLINE"] = "1"
