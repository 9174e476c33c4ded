"""Large pictures: masks without seams, in the picture's place on the earth, and polygons of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.features import rasterize
from rasterio.transform import from_origin
from rasterio.warp import transform_geom

from freeseg.decision.rule import Decision
from freeseg.errors import FreeSegError, OutputError
from freeseg.large import WindowSettings, open_picture, segment_large
from freeseg.large.mask_file import TILE, new_mask
from freeseg.mask_values import IGNORE
from freeseg.models import Config, Preprocessing, TowerPair
from freeseg.photos import photos_in
from freeseg.pipeline import FreeSeg
from freeseg.results.marks import read_mark
from freeseg.words import Vocabulary
from freeseg.words.embedded import WordEmbeddings

PLACE = {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 0.5, 0.5)}
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "grey": (80, 80, 80)}
WORDS = Vocabulary.of(["red", "green", "blue"], ["grey"])
SMALL = WindowSettings(window=128, overlap=32)


class ColourEngine:
    """An engine that knows colours by their names: its answer is right at every patch of 8 x 8 pixels."""

    name = precision = weights_sha256 = identity = "colours"
    stride, max_concurrent = 8, 2

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        rows = np.array([COLOURS[word] for word in words], np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return WordEmbeddings(rows, rows)

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        return []

    def similarity_maps(self, pixels: NDArray[np.uint8], texts: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = (side // 8 for side in pixels.shape[:2])
        cells = pixels[: 8 * height, : 8 * width].reshape(height, 8, width, 8, 3).mean(axis=(1, 3))
        cells /= np.linalg.norm(cells, axis=2, keepdims=True) + 1e-6
        return np.tensordot(texts, cells, (1, 2)).astype(np.float32)


@pytest.fixture
def colours() -> FreeSeg:
    config = Config("colours", TowerPair("tiny", "tiny"), preprocessing=Preprocessing(128))
    return FreeSeg(ColourEngine(), config)


def truth(height: int = 500, width: int = 600) -> NDArray[np.uint8]:
    """0 grey, 1 red, 2 green, 3 blue: a ring that is larger than a window, and two discs."""
    y, x = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.uint8)
    far = np.hypot(y - 240, x - 280)
    labels[(far > 100) & (far < 190)] = 1
    labels[far < 60] = 2
    labels[np.hypot(y - 430, x - 530) < 45] = 3
    return labels


def painted(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    table = np.array([COLOURS[name] for name in ("grey", "red", "green", "blue")], np.uint8)
    return np.moveaxis(table[labels], -1, 0)


def save(path: Path, bands: NDArray[Any], **options: Any) -> Path:
    profile = {"driver": "GTiff", "width": bands.shape[2], "height": bands.shape[1], "count": len(bands)}
    with rasterio.open(path, "w", **{**profile, **PLACE, **options}, dtype=bands.dtype.name) as file:
        file.write(bands)
    return path


def read(path: Path) -> NDArray[np.uint8]:
    with rasterio.open(path) as file:
        mask: NDArray[np.uint8] = file.read(1)
    return mask


def away_from_edges(labels: NDArray[np.uint8], reach: int = 10) -> NDArray[np.bool_]:
    """Pixels whose whole neighbourhood has one label."""
    wide = np.pad(labels, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (2 * reach + 1,) * 2)[:, :, ::reach, ::reach]
    return np.asarray((windows == labels[..., None, None]).all(axis=(2, 3)))


def test_no_seams(colours: FreeSeg, tmp_path: Path) -> None:
    labels = truth()
    picture = save(tmp_path / "field.tif", painted(labels))
    result = segment_large(colours, picture, WORDS, tmp_path / "out", settings=SMALL)
    mask = read(result.mask)
    inside = away_from_edges(labels)
    assert result.windows == 30
    assert inside.mean() > 0.75
    assert (mask == labels)[inside].all()
    assert (mask == labels).mean() > 0.98
    assert result.candidates == ("red", "green", "blue")
    assert result.pixels == tuple(np.bincount(mask.ravel()).tolist())


def test_the_place_on_the_earth_and_the_labels_are_kept(colours: FreeSeg, tmp_path: Path) -> None:
    picture = save(tmp_path / "field.tif", painted(truth(100, 90)))
    result = segment_large(colours, picture, WORDS, tmp_path / "out", settings=SMALL)
    with rasterio.open(result.mask) as mask:
        assert mask.crs.to_epsg() == 32633
        assert mask.transform == PLACE["transform"]
        assert (mask.shape, mask.dtypes, mask.nodata) == ((100, 90), ("uint8",), 255)
        assert (mask.profile["tiled"], mask.compression.name) == (True, "deflate")
        assert json.loads(mask.tags()["labels"]) == ["background", "red", "green", "blue"]
        assert mask.colormap(1)[1] == (128, 0, 0, 255)  # VOC's second colour
    assert read_mark(result.mask).photo == "../field.tif"
    assert photos_in(tmp_path / "out") == []


@pytest.mark.parametrize("background", [True, False])
def test_a_picture_of_one_window_has_the_mask_of_a_photo(tiny: FreeSeg, tmp_path: Path, background: bool) -> None:
    rule = Decision(presence_ratio=0, presence_floor=0, background_margin=-0.2)  # a meaningless model has few labels
    model, rng = tiny.with_config(replace(tiny.config, decision=rule)), np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 256, (12, 15, 3), np.uint8), np.ones((40, 40, 1), np.uint8))  # 480 x 600
    picture = save(tmp_path / "photo.tif", np.moveaxis(pixels, -1, 0), crs=None, transform=None)
    result = segment_large(model, picture, "cat, dog, sofa", tmp_path, background=background)
    expected = model.segment(pixels, "cat, dog, sofa", background=background)
    assert len(np.unique(expected.mask)) > 1
    np.testing.assert_array_equal(read(result.mask), expected.mask)
    assert result.labels == expected.labels
    assert result.candidates == expected.candidates


def test_more_labels_than_a_byte_holds(tiny: FreeSeg, tmp_path: Path) -> None:
    names = [f"label {number}" for number in range(300)]
    rule = Decision(presence_ratio=0, presence_floor=0)
    model = tiny.with_config(replace(tiny.config, decision=rule))
    pixels = np.kron(np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8), np.ones((40, 40, 1), np.uint8))
    bands = np.moveaxis(pixels, -1, 0).copy()
    bands[:, :20] = 0
    result = segment_large(
        model, save(tmp_path / "field.tif", bands, nodata=0), names, tmp_path, background=False, geojson=True
    )
    with rasterio.open(result.mask) as file:
        mask = file.read(1)
    assert (mask.dtype, mask.shape) == (np.uint16, (240, 360))
    assert (mask[:20] == IGNORE).all()
    assert mask.max() > IGNORE
    assert sum(result.pixels) == (mask != IGNORE).sum()
    features = json.loads(result.polygons.read_text())["features"]
    assert {each["properties"]["label"] for each in features} == {
        result.labels[value] for value in np.unique(mask) if value != IGNORE
    }


def test_a_label_of_one_window_is_in_the_whole_picture(colours: FreeSeg, tmp_path: Path) -> None:
    labels = np.zeros((600, 600), np.uint8)
    labels[500:560, 40:100] = 3  # 1 % of the picture: too little to be in it, were it one photo
    picture = save(tmp_path / "field.tif", painted(labels))
    whole = segment_large(colours, picture, WORDS, tmp_path / "whole")
    windows = segment_large(colours, picture, WORDS, tmp_path / "windows", settings=SMALL)
    assert (whole.windows, whole.candidates) == (1, ())
    assert windows.candidates == ("blue",)
    assert (read(windows.mask) == 3)[510:550, 50:90].all()


def test_no_data_is_dont_know(colours: FreeSeg, tmp_path: Path) -> None:
    labels = truth(300, 400)
    bands = painted(labels)
    bands[:, :150] = 7  # whole windows, and parts of others
    bands[0, 200:, :] = 7  # one band alone does not make a pixel unknown
    picture = save(tmp_path / "field.tif", bands, nodata=7)
    result = segment_large(colours, picture, WORDS, tmp_path, settings=SMALL)
    mask = read(result.mask)
    assert (mask[:150] == IGNORE).all()
    assert not (mask[150:] == IGNORE).any()
    assert sum(result.pixels) == 150 * 400


def test_transparent_pixels_are_dont_know(colours: FreeSeg, tmp_path: Path) -> None:
    labels = truth(300, 400)
    alpha = np.where(np.arange(400) < 250, 255, 0).astype(np.uint8)
    bands = np.concatenate([painted(labels), np.broadcast_to(alpha, (1, 300, 400))])
    picture = save(tmp_path / "field.tif", bands, photometric="RGB", alpha="YES")
    result = segment_large(colours, picture, WORDS, tmp_path, settings=SMALL)
    assert result.bands == (1, 2, 3)
    np.testing.assert_array_equal(read(result.mask) == IGNORE, np.broadcast_to(alpha == 0, (300, 400)))


def test_jpeg_2000(colours: FreeSeg, tmp_path: Path) -> None:
    labels = truth()
    picture = save(tmp_path / "field.jp2", painted(labels), driver="JP2OpenJPEG", quality=100, reversible=True)
    result = segment_large(colours, picture, WORDS, tmp_path, settings=SMALL)
    assert (read(result.mask) == labels)[away_from_edges(labels)].all()


def test_ground_control_points_are_kept(colours: FreeSeg, tmp_path: Path) -> None:
    points = [GroundControlPoint(row=0, col=0, x=15, y=45), GroundControlPoint(row=90, col=100, x=15.1, y=44.9)]
    picture = save(tmp_path / "field.tif", painted(truth(90, 100)), crs=None, transform=None)
    with rasterio.open(picture, "r+") as file:
        file.gcps = (points, CRS.from_epsg(4326))
    result = segment_large(colours, picture, WORDS, tmp_path)
    with rasterio.open(result.mask) as mask:
        kept, crs = mask.gcps
    assert [(each.row, each.col, each.x, each.y) for each in kept] == [(0, 0, 15, 45), (90, 100, 15.1, 44.9)]
    assert crs.to_epsg() == 4326


def test_a_picture_without_data(colours: FreeSeg, tmp_path: Path) -> None:
    picture = save(tmp_path / "field.tif", np.zeros((3, 300, 200), np.uint8), nodata=0)
    result = segment_large(colours, picture, WORDS, tmp_path, settings=SMALL)
    assert (read(result.mask) == IGNORE).all()
    assert result.candidates == ()


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_deep_values_are_stretched(colours: FreeSeg, tmp_path: Path, kind: str) -> None:
    labels = truth()
    deep = painted(labels).astype(kind) * 10 + 300
    if kind == "float32":
        deep[:, :20] = np.nan
    picture = save(tmp_path / "field.tif", deep)
    result = segment_large(colours, picture, WORDS, tmp_path / "out", settings=SMALL)
    mask, inside = read(result.mask), away_from_edges(labels)
    inside[:40] = False
    assert result.stretch == (300, 2850)
    assert (mask == labels)[inside].all()
    assert (mask[:20] == IGNORE).all() == (kind == "float32")


def test_bands_are_chosen(tmp_path: Path) -> None:
    values = np.stack([np.full((20, 30), value, np.uint8) for value in (10, 20, 30, 40)])
    plain = save(tmp_path / "plain.tif", values)
    named = save(tmp_path / "named.tif", values)
    with rasterio.open(named, "r+") as file:
        file.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.undefined]
    grey = save(tmp_path / "grey.tif", values[:1])
    palette = save(tmp_path / "palette.tif", values[:1], photometric="palette")
    with rasterio.open(palette, "r+") as file:
        file.write_colormap(1, {10: (7, 8, 9, 255)})

    def seen(path: Path, bands: Sequence[int] = ()) -> list[int]:
        with open_picture(path, bands) as picture:
            return picture.read(0, 0, 20, 30).values[5, 5].tolist()

    assert seen(plain) == [10, 20, 30]
    assert seen(plain, [4, 3, 2]) == [40, 30, 20]
    assert seen(plain, [2]) == [20, 20, 20]
    assert seen(named) == [30, 20, 10]
    assert seen(grey) == [10, 10, 10]
    assert seen(palette) == [7, 8, 9]


def test_polygons_lie_where_the_picture_does(colours: FreeSeg, tmp_path: Path) -> None:
    labels = truth()
    picture = save(tmp_path / "field.tif", painted(labels))
    result = segment_large(colours, picture, WORDS, tmp_path / "out", settings=SMALL, geojson=True)
    mask = read(result.mask)
    content = json.loads(result.polygons.read_text())
    features = content["features"]
    assert sorted(each["properties"]["label"] for each in features) == ["blue", "green", "red"]
    ring = next(each for each in features if each["properties"]["label"] == "red")
    outline, hole = ring["geometry"]["coordinates"]
    assert outline[0] == outline[-1]
    assert signed(outline) > 0 > signed(hole)  # counterclockwise, and clockwise
    for feature in features:
        value, properties = feature["properties"]["value"], feature["properties"]
        pixels = int((mask == value).sum())
        assert properties["pixels"] == pixels
        assert properties["area_m2"] == pytest.approx(pixels / 4, rel=1e-5)
        back = transform_geom("EPSG:4326", "EPSG:32633", feature["geometry"])
        area = sum(signed(each) for each in back["coordinates"])
        assert area == pytest.approx(pixels / 4, rel=0.01)
        drawn = rasterize([back], mask.shape, transform=PLACE["transform"])
        assert ((drawn > 0) == (mask == value)).mean() > 0.995
    assert read_mark(result.polygons).photo == "../field.tif"


def signed(ring: Sequence[Sequence[float]]) -> float:
    x, y = np.array(ring).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def test_polygons_without_a_place_are_in_pixels(colours: FreeSeg, tmp_path: Path) -> None:
    labels = np.zeros((128, 128), np.uint8)
    labels[32:96, 16:64] = 1
    picture = save(tmp_path / "field.tif", painted(labels), crs=None, transform=None)
    result = segment_large(colours, picture, WORDS, tmp_path, settings=SMALL, geojson=True)
    [feature] = json.loads(result.polygons.read_text())["features"]
    [outline] = np.array(feature["geometry"]["coordinates"])
    assert "area_m2" not in feature["properties"]
    np.testing.assert_allclose(outline.min(axis=0), [16, 32], atol=4)
    np.testing.assert_allclose(outline.max(axis=0), [64, 96], atol=4)


@pytest.mark.parametrize("step", [1, 20, 40, 60])
def test_ctrl_c_leaves_nothing(colours: FreeSeg, field: Path, tmp_path: Path, step: int) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 60
        if done == step:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        segment_large(colours, field, WORDS, out, settings=SMALL, geojson=True, progress=stop)
    assert list(out.iterdir()) == []


def test_it_is_done_again_over_its_own_result_only(colours: FreeSeg, tmp_path: Path) -> None:
    picture = save(tmp_path / "field.tif", painted(truth(90, 100)))
    for _ in range(2):
        result = segment_large(colours, picture, WORDS, tmp_path, geojson=True)
    before = result.mask.read_bytes()
    result.polygons.write_text("{}")
    with pytest.raises(OutputError, match=r"field\.geojson is there already"):
        segment_large(colours, picture, WORDS, tmp_path, geojson=True)
    assert result.mask.read_bytes() == before
    segment_large(colours, picture, WORDS, tmp_path, geojson=True, overwrite=True)


@pytest.fixture
def field(tmp_path: Path) -> Path:
    return save(tmp_path / "field.tif", painted(truth()))


def test_a_full_disk_leaves_nothing(colours: FreeSeg, field: Path, full_disk: None, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nothing half-written was left"):
        segment_large(colours, field, WORDS, tmp_path / "out", settings=SMALL)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_mask_that_cannot_be_read_back_is_refused(tmp_path: Path) -> None:
    picture = save(tmp_path / "field.tif", painted(truth(90, 100)))

    def write() -> None:
        with open_picture(picture) as source, new_mask(tmp_path / "mask", source, ["cat"], "", "") as file:
            file.write(0, np.zeros((90, 100), np.uint8))
            file.sums[0] += 1

    with pytest.raises(OutputError, match="could not be written whole"):
        write()


def test_a_mask_of_many_tiles_is_no_photo(tmp_path: Path) -> None:
    """The places of its tiles stand before its mark."""
    size = (TILE, 2500 * TILE)
    picture = SimpleNamespace(
        size=size, dataset=SimpleNamespace(crs=None, transform=rasterio.Affine.identity(), gcps=[[]])
    )
    path = tmp_path / "field.mask.tif"
    with new_mask(path, picture, ["cat"], "../field.tif", ""):
        pass
    with path.open("rb") as file:
        assert b"FreeSeg, photo: " not in file.read(16_384)
    assert photos_in(tmp_path) == []
    assert read_mark(path).photo == "../field.tif"


def test_what_is_wrong_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = save(tmp_path / "field.tif", painted(truth(90, 100)))
    text, damaged = tmp_path / "text.tif", tmp_path / "damaged.tif"
    text.write_text("no picture")
    damaged.write_bytes(picture.read_bytes()[:100])

    def problem(path: Path, bands: Sequence[int] = ()) -> str:
        with pytest.raises(FreeSegError) as caught, open_picture(path, bands):
            pass
        (line,) = str(caught.value).splitlines()
        return line

    assert "no band 4; it has 3" in problem(picture, [1, 2, 4])
    assert "2 bands were asked for; give three" in problem(picture, [1, 2])
    assert "there is no such file" in problem(tmp_path / "none.tif")
    assert "it is no TIFF or JPEG 2000 file" in problem(text)
    assert problem(damaged).startswith(f"cannot read {damaged}: ")
    monkeypatch.setattr("freeseg.extras.find_spec", lambda _: None)
    assert problem(picture) == f'{picture} needs rasterio; run: pip install "freeseg[geo]"'


def test_settings_are_checked() -> None:
    with pytest.raises(FreeSegError, match="overlap 32 is too much for windows of 64 pixels"):
        WindowSettings(64, 32)
    with pytest.raises(FreeSegError, match="window"):
        WindowSettings(10)
