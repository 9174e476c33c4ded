"""No result overwrites a photo, another photo's result, or a file that FreeSeg did not write."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import OutputError
from freeseg.files import printable
from freeseg.results.formats import DEFAULT_FORMATS
from freeseg.results.marks import Mark, read_mark, seen_from
from freeseg.results.places import NamedPhoto, choose_stem, choose_stems
from freeseg.results.segmentation import Segmentation
from freeseg.results.writers import ENCODERS

ALL_FORMATS = tuple(ENCODERS)


def result(source: str = "", value: int = 0) -> Segmentation:
    """A result of a photo of its own colour."""
    photo = Image.new("RGB", (7, 5), (value, value, value))
    mask, confidence = np.full((5, 7), value % 2, np.uint8), np.ones((5, 7), np.float32)
    mask[0, 0] = 1
    name = Path(source).name or "photo"
    return Segmentation(mask, confidence, ("background", "cat"), photo, name, source=source)


def named(*sources: str) -> list[NamedPhoto]:
    return [NamedPhoto(Path(source).name, source) for source in sources]


class TestMarks:
    @pytest.mark.parametrize("format", ALL_FORMATS)
    @pytest.mark.parametrize("source", ["cam1/0001.jpg", "写真/猫 «1».jpg", "caf\udce9.jpg", "a/" * 400 + "b.jpg"])
    def test_every_file_tells_its_photo(self, tmp_path: Path, format: str, source: str) -> None:
        [path] = result(source).save(tmp_path, formats=format)
        assert read_mark(path) == Mark(
            seen_from(tmp_path, source), printable(Path(source).name) if format == "json" else ""
        )

    def test_no_pixel_depends_on_it(self, tmp_path: Path) -> None:
        first, second = (result(source, 1).save(tmp_path / source, "x") for source in ("a.jpg", "b.jpg"))
        for one, other in zip(first[:2], second[:2], strict=True):
            with Image.open(one) as left, Image.open(other) as right:
                assert np.array_equal(np.asarray(left), np.asarray(right))
                assert (left.mode, left.getpalette()) == (right.mode, right.getpalette())

    @pytest.mark.parametrize("name", ["a.json", "a.png", "a.jpg", "a.coco.json", "a.txt"])
    @pytest.mark.parametrize(
        "content", [b"", b"mine", b"[]", b'{"name": 1}', b"\xff\xd8\xff", b"[" * 9999, b'{"info":[]}']
    )
    def test_other_files_have_none(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        assert read_mark(tmp_path / name) is None

    def test_what_is_no_file_has_none(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.png")
        (tmp_path / "a.json").mkdir()
        (tmp_path / "b.json").symlink_to("nowhere")
        assert [read_mark(path) for path in sorted(tmp_path.iterdir())] == [None] * 3

    def test_pictures_of_other_programs_have_none(self, tmp_path: Path) -> None:
        picture = Image.new("RGB", (3, 2))
        picture.save(tmp_path / "a.png")
        picture.save(tmp_path / "a.jpg", comment="holiday")
        assert [read_mark(path) for path in tmp_path.iterdir()] == [None, None]

    def test_a_summary_of_an_older_version_tells_its_name(self, tmp_path: Path) -> None:
        summary = result("cam1/a.jpg").to_dict()
        (tmp_path / "a.json").write_text(json.dumps(summary))
        assert read_mark(tmp_path / "a.json") == Mark("", "a.jpg")


class TestSave:
    @pytest.mark.parametrize("formats", [DEFAULT_FORMATS, ALL_FORMATS, *((format,) for format in ALL_FORMATS)], ids=str)
    def test_photos_of_one_name_all_have_their_results(self, tmp_path: Path, formats: tuple[str, ...]) -> None:
        sources = ["d1/x.jpg", "d2/x.jpg", "d3/x.jpg", "d1/x.png"]
        paths = [result(source).save(tmp_path, formats=formats) for source in sources]
        assert len(set(itertools.chain(*paths))) == len(list(tmp_path.iterdir())) == 4 * len(formats)
        for source, written in zip(sources, paths, strict=True):
            assert {mark.photo for path in written if (mark := read_mark(path))} == {seen_from(tmp_path, source)}

    def test_a_rerun_in_any_order_changes_no_place(self, tmp_path: Path) -> None:
        results = [result(source) for source in ("d1/x.jpg", "d2/x.jpg", "x.png", "X.jpg")]
        paths = {each.source: each.save(tmp_path) for each in results}
        for each in reversed(results):
            assert each.save(tmp_path) == paths[each.source]
        assert len(list(tmp_path.iterdir())) == 12

    @pytest.mark.parametrize("format", ALL_FORMATS)
    def test_arrays_in_one_format_overwrite_no_other(self, tmp_path: Path, format: str) -> None:
        paths = [result(value=value).save(tmp_path, formats=format)[0] for value in range(3)]
        assert len(set(paths)) == 3
        for _ in range(3):
            again = [result(value=value).save(tmp_path, formats=format)[0] for value in (1, 2)]
            assert again == paths[1:]

    def test_arrays_that_differ_have_results_of_their_own(self, tmp_path: Path) -> None:
        for _ in range(2):  # again: each in its place
            paths = [result(value=value).save(tmp_path) for value in range(4)]
            assert paths[0][0].name == "photo.overlay.jpg"
            assert all(path.name.startswith("photo-") for path in itertools.chain(*paths[1:]))
            assert len(list(tmp_path.iterdir())) == 12

    @pytest.mark.parametrize("ending", [".overlay.jpg", ".mask.png", ".json"])
    def test_a_file_of_somebody_else_stays(self, tmp_path: Path, ending: str) -> None:
        (tmp_path / f"a{ending}").write_text("mine")
        with pytest.raises(OutputError, match="is there already, and FreeSeg did not write it") as caught:
            result("d/a.jpg").save(tmp_path)
        assert f"a{ending}" in str(caught.value)
        with pytest.raises(OutputError, match="FreeSeg did not write it"):
            result("d/b.jpg").save(tmp_path, "a")
        assert [path.name for path in tmp_path.iterdir()] == [f"a{ending}"]
        assert (tmp_path / f"a{ending}").read_text() == "mine"
        result("d/a.jpg").save(tmp_path, overwrite=True)
        assert read_mark(tmp_path / f"a{ending}")

    def test_another_photos_result_is_not_replaced_under_a_name_that_was_asked_for(self, tmp_path: Path) -> None:
        result("d1/x.jpg").save(tmp_path, "best")
        for other in (result("d2/x.jpg"), result()):
            with pytest.raises(OutputError, match=r"d1/x\.jpg") as caught:
                other.save(tmp_path, "best")
            assert (other.source or "a picture without a file") in str(caught.value)
        result("d1/x.jpg", 1).save(tmp_path, "best")
        result("d2/x.jpg").save(tmp_path, "best", overwrite=True)
        assert read_mark(tmp_path / "best.mask.png") == Mark(seen_from(tmp_path, "d2/x.jpg"))

    def test_frames_may_replace_one_another_under_a_name_that_was_asked_for(self, tmp_path: Path) -> None:
        for value in range(3):
            assert result(value=value).save(tmp_path, "latest")[0].name == "latest.overlay.jpg"

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_the_photo_itself_is_never_replaced(self, tmp_path: Path, overwrite: bool) -> None:
        path = tmp_path / "a.overlay.jpg"
        result("a.jpg").save(tmp_path, "a", formats="overlay")  # FreeSeg's own, and now a photo
        before = path.read_bytes()
        with pytest.raises(OutputError, match="would replace the photo"):
            result(str(path)).save(tmp_path, "a", overwrite=overwrite)
        assert path.read_bytes() == before

    def test_a_path_written_otherwise_is_the_same_photo(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("a.jpg").write_bytes(b"")
        for source in ("a.jpg", "./a.jpg", str(tmp_path / "a.jpg")):
            assert [path.name for path in result(source).save("out", formats="json")] == ["a.json"]

    def test_the_same_path_from_another_folder_is_another_photo(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for folder in ("cam1", "cam2", "cam1"):
            (tmp_path / folder).mkdir(exist_ok=True)
            monkeypatch.chdir(tmp_path / folder)
            result("a.jpg").save("../out", formats="json")
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg.json", "a.json"]

    def test_photos_and_results_may_move_together(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for place in (tmp_path / "here", tmp_path / "there"):
            for stem in (None, "sub/b"):
                result(str(place / "photos" / "a.jpg")).save(place / "out", stem)
            if place.name == "here":
                place.rename(tmp_path / "there")
        assert len(list((tmp_path / "there").rglob("*.*"))) == 6

    def test_results_of_an_older_version_are_replaced(self, tmp_path: Path) -> None:
        old = result("cam1/a.jpg")
        old.overlay().save(tmp_path / "a.overlay.jpg")
        old.mask_image().save(tmp_path / "a.mask.png")
        (tmp_path / "a.json").write_text(json.dumps(replace(old, source="").to_dict()))
        assert [path.name for path in old.save(tmp_path)] == ["a.overlay.jpg", "a.mask.png", "a.json"]
        assert len(list(tmp_path.iterdir())) == 3

    @pytest.mark.parametrize(
        "name", ["l" * 250 + ".jpg", "猫" * 82 + ".jpg", "😀" * 63, "é" * 300], ids=["l", "猫", "😀", "é"]
    )
    def test_a_long_name_is_cut(self, tmp_path: Path, name: str) -> None:
        paths = [result(f"{folder}/{name}").save(tmp_path, formats=ALL_FORMATS) for folder in ("d1", "d2")]
        assert len(list(tmp_path.iterdir())) == 2 * len(ALL_FORMATS)
        for path in itertools.chain(*paths):
            assert path.name.startswith(name[:40])
            assert path.name.encode().decode() == path.name


class TestChooseStems:
    SOURCES = ("cam1/0001.jpg", "cam2/0001.jpg", "cam2/0001.png", "cam3/0001.JPG", "a.jpg", "A.jpg")

    @pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (2, 5, 0, 1, 3, 4)])
    def test_they_do_not_depend_on_the_order(self, order: tuple[int, ...]) -> None:
        photos = named(*self.SOURCES)
        expected = dict(zip(self.SOURCES, choose_stems(photos, Path("out")), strict=True))
        chosen = choose_stems([photos[index] for index in order], Path("out"))
        assert [expected[self.SOURCES[index]] for index in order] == chosen
        assert len({str(stem).casefold() for stem in chosen}) == len(chosen)

    @pytest.mark.parametrize("first", range(6))
    def test_one_that_was_done_alone_keeps_its_place(self, tmp_path: Path, first: int) -> None:
        [alone] = choose_stems(named(self.SOURCES[first]), tmp_path)
        result(self.SOURCES[first]).save(tmp_path, str(alone))
        stems = choose_stems(named(*self.SOURCES), tmp_path)
        assert stems[first] == alone
        assert len({str(stem).casefold() for stem in stems}) == 6

    def test_what_is_in_the_way_of_one_costs_no_other(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text("mine")
        refused, chosen = choose_stems(named("a.jpg", "b.jpg"), tmp_path)
        assert isinstance(refused, OutputError)
        assert chosen == "b"
        assert choose_stems(named("a.jpg", "b.jpg"), tmp_path, overwrite=True) == ["a", "b"]

    def test_a_photo_of_the_run_is_never_in_a_place(self, tmp_path: Path) -> None:
        photos = {os.path.realpath(tmp_path / "a.overlay.jpg")}
        (tmp_path / "a.overlay.jpg").write_text("a photo")
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="would replace the photo"):
                choose_stem(*named("a.jpg"), tmp_path, photos=photos, overwrite=overwrite)
