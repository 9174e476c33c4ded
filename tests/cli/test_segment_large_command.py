"""`freeseg segment-large`: a GeoTIFF and words in; a GeoTIFF of labels, polygons and a few lines out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from commands import Run, one_line, written


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """A GeoTIFF of noise in four bands of 16 bits."""
    path = tmp_path / "field.tif"
    place = {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 0.5, 0.5)}
    with rasterio.open(path, "w", driver="GTiff", width=200, height=150, count=4, dtype="uint16", **place) as file:
        file.write(np.random.default_rng(0).integers(100, 1100, (4, 150, 200), np.uint16))
    return path


def test_mask_polygons_and_a_report(run: Run, field: Path, on_tiny: None) -> None:
    out = field.parent / "out"
    done = run(
        *("segment-large", field, "-l", "cat, sofa|couch", "-o", out, "--geojson", "--no-background"),
        *("--window", 100, "--overlap", 20, "--bands", "4,3,2"),
    )
    assert (done.code, done.err) == (0, "")
    assert written(out) == ["field.geojson", "field.mask.tif"]
    with rasterio.open(out / "field.mask.tif") as file:
        mask, labels = file.read(1), json.loads(file.tags()["labels"])
    *shares, windows, files = done.out.splitlines()
    counted = {label: 100 * float((mask == value).mean()) for value, label in enumerate(labels)}
    expected = sorted((each for each in counted.items() if each[1]), key=lambda each: -each[1])
    assert shares == [f"{label}: {share:.1f} %" for label, share in expected]
    assert windows.startswith("6 windows; bands 4, 3, 2, shown from black at 1")
    assert files == f"{out / 'field.mask.tif'} and {out / 'field.geojson'}"
    quiet = run("segment-large", field, "-l", "cat", "-o", out, "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


MISTAKES = {
    "has no band 5; it has 4": ["--bands", "1,2,5"],
    "--bands takes whole numbers separated by commas, such as 4,3,2, not 'red'": ["--bands", "red"],
    "window is 32": ["--window", "32"],
    "overlap 512 is too much for windows of 1024 pixels": ["--overlap", "512"],
}


@pytest.mark.parametrize("problem", MISTAKES)
def test_mistakes_are_one_line(run: Run, field: Path, problem: str) -> None:
    assert problem in one_line(run("segment-large", field, "-l", "cat", "-o", field.parent / "out", *MISTAKES[problem]))
    assert not (field.parent / "out").exists()
