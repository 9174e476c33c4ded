"""Photos and output in a store that speaks the protocol of S3: moto's server on this machine.

What takes a while is for `make test-scale`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from captioned import PAIRS, as_tar
from freeseg import places
from freeseg.data import open_sources
from freeseg.distributed import Block, Parts, Plan, forget_errors, missing_blocks, photo_references
from freeseg.distributed.drivers import in_this_process
from freeseg.distributed.on_ray import cluster, on_ray
from freeseg.errors import OutputError, PhotoError
from freeseg.extras import is_installed
from many_photos import blocks_of, draw_photos, rows_of, small_plan

pytest.importorskip("moto.server")
ONLY_AT_SCALE = pytest.mark.skipif("FREESEG_TEST_SCALE" not in os.environ, reason="takes a while: make test-scale")
START_SECONDS = 60
SERVER = str(Path(__file__).parents[1] / "flaky_store.py")


@contextmanager
def running_store(failing: float = 0, late: float = 0) -> Iterator[str]:
    """An empty store, to which `s3://` leads; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, SERVER, str(port), str(failing), str(late)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    names = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        begun = time.monotonic()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() - begun < START_SECONDS
                time.sleep(0.1)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**names, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}.items():
                patch.setenv(name, value)
            places._system.cache_clear()  # it knows a store that has gone
            yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def upload(photos: Path) -> None:
    """Put photos into the bucket that the tests use."""
    from pyarrow import fs

    system, _ = fs.FileSystem.from_uri("s3://bucket?allow_bucket_creation=true")
    system.create_dir("bucket")
    fs.copy_files(str(photos), "bucket/photos", destination_filesystem=system)


def blocks_in_store(plan: Plan) -> list[Block]:
    """The blocks that are missing in the store."""
    return list(missing_blocks(photo_references(["s3://bucket/photos"]), plan, Parts("s3://bucket/out"), size=3))


def check_rows(there: list[dict[str, Any]]) -> None:
    """Compare the rows in the store with those of the same photos in a folder."""
    parts = Parts("s3://bucket/out")
    found = sorted((r for name in parts.names() for r in parts.read(name).to_pylist()), key=lambda row: row["photo"])
    assert [row["photo"] for row in found] == [f"s3://bucket/photos/{Path(row['photo']).name}" for row in there]
    columns = ("width", "height", "labels", "areas", "confidences", "rles")
    assert [[row[name] for name in columns] for row in found] == [[row[name] for name in columns] for row in there]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("many") / "photos", 25)


@pytest.fixture(scope="module")
def there(photos: Path) -> list[dict[str, Any]]:
    """The rows that there should be."""
    plan, out = small_plan(), photos.parent / "out"
    list(in_this_process(blocks_of(photos, plan, out), plan, str(out)))
    return rows_of(out)


@pytest.mark.parametrize(
    ("failing", "late"), [(0, 0), pytest.param(0.2, 0.2, marks=ONLY_AT_SCALE)], ids=["calm", "flaky"]
)
def test_a_store_gives_what_a_folder_gives(
    photos: Path, there: list[dict[str, Any]], failing: float, late: float
) -> None:
    plan, parts = small_plan(), Parts("s3://bucket/out")
    with running_store(failing, late):
        upload(photos)
        with parts.begun(plan):
            outcomes = list(in_this_process(blocks_in_store(plan), plan, parts.folder, threads=4))
        assert sum(each.photos for each in outcomes) == 25
        assert blocks_in_store(plan) == []
        check_rows(there)
        with parts.begun(plan):
            assert forget_errors(parts, plan) == 1
        assert [len(block.photos) for block in blocks_in_store(plan)] == [1]


def test_captions_from_shards_in_a_store(tmp_path: Path) -> None:
    from pyarrow import fs

    for number, pair in enumerate(PAIRS):
        as_tar(tmp_path / f"{number:03}.tar", [pair])
    with running_store():
        system, _ = fs.FileSystem.from_uri("s3://bucket?allow_bucket_creation=true")
        system.create_dir("bucket")
        fs.copy_files(str(tmp_path), "bucket/shards", destination_filesystem=system)
        for given in ("s3://bucket/shards/{000..002}.tar", "s3://bucket/shards"):
            assert list(open_sources([given])[0]) == PAIRS
        with pytest.raises(PhotoError, match=r"cannot read s3://bucket/shards/003\.tar: nothing is there"):
            open_sources(["s3://bucket/shards/{002..003}.tar"])


@ONLY_AT_SCALE
@pytest.mark.skipif(not is_installed("ray"), reason="Ray is not installed")
def test_machines_read_from_a_store_and_write_to_it(photos: Path, there: list[dict[str, Any]]) -> None:
    plan, parts = small_plan(), Parts("s3://bucket/out")
    with running_store(0.2, 0.2), tempfile.TemporaryDirectory(prefix="fs-") as short:
        upload(photos)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", short)
            with cluster(), parts.begun(plan):
                outcomes = list(on_ray(blocks_in_store(plan), plan, parts.folder))
        assert not any(each.problem for each in outcomes)
        check_rows(there)


@ONLY_AT_SCALE
def test_what_is_wrong_with_a_store_is_one_line(tmp_path: Path) -> None:
    plan, parts = small_plan(), Parts("s3://bucket/out")
    with running_store():
        upload(draw_photos(tmp_path / "photos", 2))
        with pytest.raises(PhotoError, match="cannot read s3://bucket/gone: nothing is there"):
            next(photo_references(["s3://bucket/gone"]))
        with parts.begun(plan):
            pass
        with pytest.raises(OutputError, match="other: labels"), parts.begun(small_plan("cat")):
            pass
        with pytest.raises(OutputError, match=r"cannot list s3://closed/out.*your rights$"):
            Parts("s3://closed/out?endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1").names()


def test_a_bucket_without_permission_is_one_line(tmp_path: Path) -> None:
    plan = small_plan()
    with running_store() as address:
        upload(draw_photos(tmp_path / "photos", 2))
        block = blocks_in_store(plan)[0]
        # From now on, moto asks who somebody is, and nobody has the key of these tests.
        kind = {"Content-Type": "text/plain"}
        asked = urllib.request.Request(f"{address}/moto-api/reset-auth", b"0", kind, method="POST")  # noqa: S310
        urllib.request.urlopen(asked).close()  # noqa: S310
        denied = r"(?s)cannot {} s3://bucket/{}: .*; check .*your rights$"
        with pytest.raises(PhotoError, match=denied.format("read", "photos")) as unread:
            next(photo_references(["s3://bucket/photos"]))
        assert "\n" not in str(unread.value)
        with pytest.raises(OutputError, match=denied.format("list", "out")) as told:
            Parts("s3://bucket/out").names()
        assert "\n" not in str(told.value)
        with pytest.raises(OutputError, match=denied.format("write", r".*\.parquet")) as told:
            list(in_this_process([block], plan, "s3://bucket/out"))
        assert "\n" not in str(told.value)
