"""`freeseg segment --engine ray` and `freeseg label --engine ray`: what is refused before Ray starts, and a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from commands import Run, one_line
from freeseg.cli.many import place
from freeseg.distributed import on_ray
from freeseg.distributed.drivers import in_this_process
from freeseg.extras import is_installed
from many_photos import draw_photos, rows_of

pytestmark = pytest.mark.skipif(not is_installed("ray"), reason="Ray is not installed")


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are done in this process: what Ray does with them, tests/distributed/test_ray.py tries."""
    from contextlib import nullcontext

    monkeypatch.setattr(on_ray, "cluster", lambda address: nullcontext(2))
    monkeypatch.setattr(on_ray, "on_ray", in_this_process)


def test_a_run_and_the_same_again(run: Run, tmp_path: Path, without_ray: None) -> None:
    photos, out = draw_photos(tmp_path / "photos", 20), tmp_path / "out"
    command = ("segment", photos, "--labels", "cat, dog", "--engine", "ray", "--short-side", "64", "--out", out)
    first = run(*command)
    assert first.code == 0, first.err
    assert "20 photos done (1 of them could not be read: see the column error); " in first.out
    assert len(rows_of(out)) == 20
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert run(*command).out == f"all 20 photos were done before; they are in {out}\n"
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    Image.new("RGB", (80, 60)).save(photos / "019.png")
    assert run(*command).out.startswith("all 20 photos were done before")
    assert "1 photos done, 19 done before; " in run(*command, "--retry-errors").out
    assert not any(row["error"] for row in rows_of(out))
    refused = one_line(run(*command[:3], "cat", *command[4:]))
    assert "holds what was made otherwise (other: labels); choose another folder" in refused


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--save", "mask"), "--save does not go with --engine ray; leave it out"),
        (("--frames",), "--frames, --every or --allow-private-addresses does not go with --engine ray"),
        (("--device", "cuda"), "--device does not go with --engine ray"),
        (("--address", "127.0.0.1:1"), "no cluster of Ray answers at 127.0.0.1:1"),
    ],
)
def test_what_does_not_go_with_it_is_refused(run: Run, tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    photos = draw_photos(tmp_path / "photos", 2)
    common = ("segment", photos, "--labels", "cat", "--short-side", "64", "--out", tmp_path / "out")
    assert told in one_line(run(*common, "--engine", "ray", *options))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--workers", 2), "--workers does not go with --engine ray; leave it out"),
        (("--device", "cuda"), "--device does not go with --engine ray"),
        (
            ("--out", "s3://bucket/masks"),
            "free masks are not written to a store, as s3://bucket/masks is; choose a folder",
        ),
        (("--views", "32,64", "--address", "127.0.0.1:1"), "no cluster of Ray answers at 127.0.0.1:1"),
    ],
)
def test_labelling_on_ray_takes_less(run: Run, tmp_path: Path, options: tuple[object, ...], told: str) -> None:
    photos = draw_photos(tmp_path / "photos", 2)
    done = run("label", photos, "--labels", "cat", "--engine", "ray", "--out", tmp_path / "out", *options)
    assert told in one_line(done)


def test_an_address_is_for_ray(run: Run, tmp_path: Path) -> None:
    done = run("segment", tmp_path, "--labels", "cat", "--address", "head:6379")
    assert "--address does not go with another engine than ray" in one_line(done)


@pytest.mark.parametrize("command", ["segment", "label"])
def test_ray_is_named_where_it_is_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = run(command, tmp_path, "--labels", "cat", "--engine", "ray", "--out", tmp_path / "out")
    assert '--engine ray needs Ray; run: pip install "freeseg[ray]"' in one_line(done)


def test_a_url_that_was_a_path_is_one_again() -> None:
    assert place(Path("s3://bucket/out")) == "s3://bucket/out"
    assert place(Path("out/parts")) == "out/parts"


def test_embed_and_query_in_this_process(run: Run, tmp_path: Path) -> None:
    photos, seen, out = draw_photos(tmp_path / "photos", 4), tmp_path / "seen", tmp_path / "out"
    first = run("embed", photos, "--short-side", "64", "--out", seen)
    assert "4 photos done (1 of them could not be read: see the column error); " in first.out, first.err
    asked = run("query", seen, "--labels", "cat, dog", "--out", out)
    assert "4 photos done (1 of them could not be read: see the column error); " in asked.out, asked.err
    assert len(rows_of(out)) == 4
    assert run("query", seen, "--labels", "cat, dog", "--out", out, "--quiet").out == ""
    assert "name a folder that freeseg embed wrote" in one_line(run("query", out, "--labels", "cat", "--out", seen))
    assert "--address does not go with another engine" in one_line(
        run("embed", photos, "--out", out, "--address", "a:1")
    )


def test_free_masks_in_parquet_files_and_the_same_again(run: Run, tmp_path: Path) -> None:
    photos, out = draw_photos(tmp_path / "photos", 5), tmp_path / "out"
    command = ("label", photos, "--labels", "cat, dog", "--format", "parquet", "--views", "64", "--out", out)
    first = run(*command)
    assert first.code == 0, first.err
    assert "5 photos done (1 of them could not be read: see the column error); " in first.out
    assert sum(row["mask"] is not None for row in rows_of(out)) == 4
    assert run(*command).out == f"all 5 photos were done before; they are in {out}\n"
    Image.new("RGB", (80, 60)).save(photos / "004.png")
    assert "1 photos done, 4 done before; " in run(*command, "--retry-errors").out
    refused = one_line(run(*command, "--ignore-below", "0.5"))
    assert "holds what was made otherwise (other: --ignore-below, model); choose another folder" in refused


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--format", "parquet", "--workers", "2"), "--workers does not go with --format parquet; leave it out"),
        (("--format", "parquet", "--sample", "3"), "--sample does not go with --format parquet"),
        (("--format", "parquet", "--device", "cuda"), "--device does not go with --format parquet"),
        (("--retry-errors",), "--retry-errors does not go with --format masks"),
    ],
)
def test_what_does_not_go_with_parquet_is_refused(
    run: Run, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    photos = draw_photos(tmp_path / "photos", 2)
    assert told in one_line(run("label", photos, "--labels", "cat", "--out", tmp_path / "out", *options))
    assert not (tmp_path / "out").exists()


def test_masks_of_one_kind_are_not_written_among_those_of_another(run: Run, tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "photos", 2)
    common = ("label", photos, "--labels", "cat", "--views", "64", "--out")
    assert run(*common, tmp_path / "rows", "--format", "parquet").code == 0
    run(*common, tmp_path / "files", "--workers", "1")
    told = one_line(run(*common, tmp_path / "rows", "--workers", "1"))
    assert told.endswith("rows holds Parquet files; choose another folder, or go on with --format parquet")
    told = one_line(run(*common, tmp_path / "files", "--format", "parquet"))
    assert told.endswith("files holds masks that are files; choose another folder for --format parquet")


def test_free_masks_in_a_store_are_not_trained_on(run: Run) -> None:
    told = one_line(run("train", "--masks", "s3://bucket/rows", "--out", "mine"))
    assert "free masks are not read from a store, as s3://bucket/rows is; copy them to a folder" in told
