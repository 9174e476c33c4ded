"""Photos and output in a store that speaks the protocol of S3: moto's server on this machine, where it is installed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from captioned import PAIRS, as_tar
from freeseg import places
from freeseg.data import open_sources
from freeseg.distributed import Parts, missing_blocks, photo_references
from freeseg.distributed.drivers import in_this_process
from freeseg.errors import OutputError, PhotoError
from many_photos import blocks_of, draw_photos, rows_of, small_plan

pytest.importorskip("moto.server")
pytestmark = pytest.mark.skipif("FREESEG_TEST_SCALE" not in os.environ, reason="takes a while: make test-scale")
START_SECONDS = 60


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty store, to which `s3://` leads."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    places._system.cache_clear()  # of an earlier server
    names = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**names, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        begun = time.monotonic()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() - begun < START_SECONDS
                time.sleep(0.1)
        yield
    finally:
        server.kill()
        server.wait()


def test_a_store_gives_what_a_folder_gives(tmp_path: Path, store: None) -> None:
    from pyarrow import fs

    photos, plan = draw_photos(tmp_path / "photos", 7), small_plan()
    list(in_this_process(blocks_of(photos, plan, tmp_path / "out"), plan, str(tmp_path / "out")))
    system, _ = fs.FileSystem.from_uri("s3://bucket?allow_bucket_creation=true")
    system.create_dir("bucket")
    fs.copy_files(str(photos), "bucket/photos", destination_filesystem=system)
    parts = Parts("s3://bucket/out")

    def blocks() -> list[object]:
        return list(missing_blocks(photo_references(["s3://bucket/photos"]), plan, parts, size=3))

    with parts.begun(plan):
        assert sum(each.photos for each in in_this_process(blocks(), plan, parts.folder)) == 7
    assert blocks() == []
    found = sorted((r for name in parts.names() for r in parts.read(name).to_pylist()), key=lambda row: row["photo"])
    there = rows_of(tmp_path / "out")
    assert [row["photo"] for row in found] == [f"s3://bucket/photos/{Path(row['photo']).name}" for row in there]
    columns = ("width", "height", "labels", "areas", "confidences", "rles")
    assert [[row[name] for name in columns] for row in found] == [[row[name] for name in columns] for row in there]
    with pytest.raises(PhotoError, match="cannot read s3://bucket/gone: nothing is there"):
        next(photo_references(["s3://bucket/gone"]))
    with pytest.raises(OutputError, match="other: labels"), parts.begun(small_plan("cat")):
        pass
    with pytest.raises(OutputError, match=r"cannot list s3://closed/out.*your rights$"):
        Parts("s3://closed/out?endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1").names()


def test_captions_from_shards_in_a_store(tmp_path: Path, store: None) -> None:
    from pyarrow import fs

    system, _ = fs.FileSystem.from_uri("s3://bucket?allow_bucket_creation=true")
    system.create_dir("bucket")
    for number, pair in enumerate(PAIRS):
        as_tar(tmp_path / f"{number:03}.tar", [pair])
    fs.copy_files(str(tmp_path), "bucket/shards", destination_filesystem=system)
    for given in ("s3://bucket/shards/{000..002}.tar", "s3://bucket/shards"):
        assert list(open_sources([given])[0]) == PAIRS
    with pytest.raises(PhotoError, match=r"cannot read s3://bucket/shards/003\.tar: nothing is there"):
        open_sources(["s3://bucket/shards/{002..003}.tar"])
