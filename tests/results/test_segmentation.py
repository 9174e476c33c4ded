"""The result: its checks, its numbers against plain counting, its exports, its files."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from freeseg.errors import LabelError, OutputError
from freeseg.mask_values import IGNORE, reserve_ignore
from freeseg.photos import limits
from freeseg.results.drawing import display_palette, palette
from freeseg.results.segmentation import Segmentation

LABELS = ("background", "cat", "dog", "bird")


def make(mask=None, labels=LABELS, seed=0, **changes):
    if mask is None:
        mask = np.zeros((6, 8), np.uint8)
        mask[1:4, 2:7] = 2  # 15 pixels
        mask[5, :3] = 1  # 3
        mask[0, 5:] = IGNORE  # 3
    height, width = mask.shape
    confidence = np.random.default_rng(seed).random((height, width), dtype=np.float32)
    photo = Image.new("RGB", (width, height), (90, 120, 150))
    return Segmentation(**{"mask": mask, "confidence": confidence, "labels": labels, "photo": photo, **changes})


def many_labels(count=300):
    labels = reserve_ignore([f"label {index}" for index in range(count)])
    mask = np.full((4, 5), 300, np.uint16)
    mask[0] = IGNORE
    mask[1, 0] = 7
    return make(mask, labels)


class TestReserveIgnore:
    @pytest.mark.parametrize("count", [1, 254, 255])
    def test_up_to_255_labels_stay(self, count):
        labels = tuple(map(str, range(count)))
        assert reserve_ignore(list(labels)) == labels

    @pytest.mark.parametrize("count", [256, 257, 1000])
    def test_more_get_the_entry_at_255(self, count):
        labels = list(map(str, range(count)))
        reserved = reserve_ignore(labels)
        assert reserved.index("don't know") == 255
        assert [label for label in reserved if label != "don't know"] == labels
        assert reserve_ignore(reserved) == reserved

    def test_a_label_of_that_name_is_refused(self):
        with pytest.raises(LabelError, match="don't know"):
            reserve_ignore(["don't know", *map(str, range(300))])


class TestValidation:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"mask": np.zeros((6, 7), np.uint8)}, "confidence must be"),
            ({"mask": np.zeros((6, 8), np.int64)}, "mask must be"),
            ({"mask": np.zeros((6, 8), np.uint16)}, "mask must be"),
            ({"mask": np.zeros((1, 6, 8), np.uint8)}, "mask must be"),
            ({"mask": np.zeros((0, 8), np.uint8)}, "mask must be"),
            ({"mask": np.full((6, 8), 4, np.uint8)}, "beyond its 4 labels"),
            ({"mask": np.full((6, 8), 254, np.uint8)}, "beyond its 4 labels"),
            ({"confidence": np.zeros((6, 8))}, "confidence must be"),
            ({"confidence": np.full((6, 8), 1.1, np.float32)}, "confidence must lie"),
            ({"confidence": np.full((6, 8), -0.1, np.float32)}, "confidence must lie"),
            ({"confidence": np.full((6, 8), np.nan, np.float32)}, "confidence must lie"),
            ({"labels": ()}, "at least one"),
            ({"labels": list(LABELS)}, "tuple"),
            ({"labels": ("a", "b", "a", "c")}, "different"),
            ({"photo": Image.new("RGB", (6, 8))}, "photo must be"),
            ({"photo": Image.new("L", (8, 6))}, "photo must be"),
            ({"presence": {"horse": 0.3}}, "'horse'"),
            ({"presence": {"cat": float("nan")}}, "'cat'"),
        ],
    )
    def test_parts_that_do_not_fit(self, changes, message):
        with pytest.raises(ValueError, match=message) as caught:
            replace(make(), **changes)
        assert "\n" not in str(caught.value)

    def test_many_labels_need_16_bits_and_the_reserved_entry(self):
        labels = tuple(map(str, range(300)))
        with pytest.raises(ValueError, match="mask must be"):
            make(np.zeros((2, 2), np.uint8), reserve_ignore(labels))
        with pytest.raises(ValueError, match="reserve_ignore"):
            make(np.zeros((2, 2), np.uint16), labels)
        with pytest.raises(ValueError, match="beyond its 301 labels"):
            make(np.full((2, 2), 301, np.uint16), reserve_ignore(labels))

    def test_a_mask_of_nothing_but_dont_know(self):
        result = make(np.full((3, 3), IGNORE, np.uint8))
        assert result.present == []
        assert result.to_dict()["ignored"] == 1
        assert result.to_coco()["annotations"] == []
        assert result.overlay().width >= 3


class TestNumbers:
    def test_present_and_areas_come_largest_first(self):
        result = make()
        assert result.present == ["background", "dog", "cat"]
        assert result.areas() == pytest.approx({"background": 27 / 48, "dog": 15 / 48, "cat": 3 / 48})
        assert list(result.areas()) == result.present

    def test_ties_keep_the_order_of_the_labels(self):
        assert make(np.array([[3, 1, 2, 0]], np.uint8)).present == list(LABELS)

    @given(st.integers(0, 10_000), st.integers(1, 600))
    @settings(max_examples=25, deadline=None)
    def test_against_plain_counting(self, seed, height):
        mask = np.random.default_rng(seed).choice([0, 1, 2, IGNORE], (height, 3)).astype(np.uint8)
        result = make(mask, seed=seed)
        entries = {entry["label"]: entry for entry in result.to_dict()["labels"]}
        for index, label in enumerate(LABELS):
            inside = mask == index
            expected = float(result.confidence[inside].astype(float).mean()) if inside.any() else 0
            assert np.array_equal(result.label_mask(label), inside)
            assert result.areas().get(label, 0) == inside.mean()
            assert result.mean_confidence(label) == pytest.approx(expected)
            assert entries[label]["confidence"] == pytest.approx(expected, abs=1e-6)
            assert entries[label]["pixels"] == inside.sum()

    def test_an_unknown_label_is_answered_with_the_known_ones(self):
        with pytest.raises(LabelError, match="no label 'horse'; the labels are background, cat, dog, bird"):
            make().label_mask("horse")
        with pytest.raises(LabelError):
            make().mean_confidence("horse")

    def test_thousands_of_known_labels_are_not_all_listed(self):
        with pytest.raises(LabelError, match="301 in all") as caught:
            many_labels().label_mask("horse")
        assert len(str(caught.value)) < 600

    def test_255_means_dont_know_among_many_labels(self):
        result = many_labels()
        assert result.present == ["label 299", "label 7"]
        assert sum(result.areas().values()) == pytest.approx(15 / 20)
        assert result.to_dict()["ignored"] == 0.25
        assert "don't know" not in [entry["label"] for entry in result.to_dict()["labels"]]
        assert np.array_equal(result.label_mask("don't know"), result.mask == 255)


class TestToDict:
    def test_it_is_json_and_says_what_is_there(self):
        coco_mask = pytest.importorskip("pycocotools.mask")
        result = make(name="photos/puss.jpg", model="lite", presence={"cat": 0.25})
        summary = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert {key: summary[key] for key in ("name", "width", "height", "model")} == {
            "name": "photos/puss.jpg",
            "width": 8,
            "height": 6,
            "model": "lite",
        }
        assert summary["ignored"] == 3 / 48
        by_label = {entry["label"]: entry for entry in summary["labels"]}
        assert list(by_label) == list(LABELS)
        assert by_label["cat"]["presence"] == 0.25
        assert by_label["dog"]["presence"] is None
        assert by_label["bird"]["rle"] is None
        assert np.array_equal(coco_mask.decode(by_label["dog"]["rle"]), result.mask == 2)
        assert by_label["dog"]["index"] == 2

    def test_colours_are_those_of_the_overlay(self):
        result = make(photo=Image.new("RGB", (8, 6)))
        entry = result.to_dict()["labels"][2]
        assert entry["colour"] == "#{:02x}{:02x}{:02x}".format(*display_palette(LABELS)[2])
        red, green, blue = result.overlay(alpha=1).getpixel((4, 2))
        assert f"#{red:02x}{green:02x}{blue:02x}" == entry["colour"]

    def test_a_file_name_that_is_no_utf8(self, tmp_path):
        result = make(name="caf\udce9.jpg", labels=("background", "a\ud800", "b", "c"))
        paths = result.save(tmp_path, "plain")
        assert json.loads(paths[2].read_text("utf-8"))["name"] == "caf?.jpg"
        assert json.dumps(result.to_coco(), ensure_ascii=False).encode("utf-8")


class TestToCoco:
    def load(self, tmp_path, dataset):
        coco = pytest.importorskip("pycocotools.coco")
        path = tmp_path / "coco.json"
        path.write_text(json.dumps(dataset))
        return coco.COCO(str(path))

    def test_pycocotools_loads_it(self, tmp_path):
        result = make(name="puss.jpg")
        loaded = self.load(tmp_path, result.to_coco(image_id=7))
        assert loaded.imgs[7]["file_name"] == "puss.jpg"
        assert {category["name"]: key for key, category in loaded.cats.items()} == {"cat": 1, "dog": 2, "bird": 3}
        annotations = {loaded.cats[entry["category_id"]]["name"]: entry for entry in loaded.anns.values()}
        assert sorted(annotations) == ["cat", "dog"]
        for label, entry in annotations.items():
            assert np.array_equal(loaded.annToMask(entry), result.label_mask(label))
            assert entry["score"] == pytest.approx(result.mean_confidence(label), abs=1e-6)
            assert entry["image_id"] == 7

    def test_area_and_box_agree_with_pycocotools(self):
        coco_mask = pytest.importorskip("pycocotools.mask")
        for entry in make().to_coco()["annotations"]:
            assert entry["area"] == coco_mask.area(entry["segmentation"])
            assert entry["bbox"] == coco_mask.toBbox(entry["segmentation"]).tolist()

    def test_evaluating_a_result_against_itself_is_perfect(self, tmp_path):
        evaluation = pytest.importorskip("pycocotools.cocoeval")
        truth = self.load(tmp_path, {"info": {}, **make().to_coco()})
        scored = evaluation.COCOeval(truth, truth.loadRes(make().to_coco()["annotations"]), "segm")
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
        assert scored.stats[0] == pytest.approx(1)

    def test_ids_start_at_1_also_without_background(self):
        dataset = make(np.zeros((2, 2), np.uint8), ("cat", "dog")).to_coco()
        assert [category["id"] for category in dataset["categories"]] == [1, 2]
        assert dataset["annotations"][0]["category_id"] == 1
        assert dataset["annotations"][0]["id"] == 1

    @pytest.mark.parametrize("background", [True, False])
    @pytest.mark.parametrize("images", [(0, 1, 2, 3), (1, 2, 3, 4), (0, 2**40, 2**62, 10**30), np.arange(4)], ids=str)
    def test_annotation_ids_differ_between_photos_and_are_at_least_1(self, images, background):
        labels = LABELS if background else ("cow", *LABELS[1:])
        ids = [entry["id"] for image in images for entry in make(labels=labels).to_coco(image)["annotations"]]
        assert len(ids) == len(set(ids)) == (8 if background else 12)
        assert min(ids) >= 1

    @pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32])
    def test_an_image_id_may_be_an_integer_of_numpy(self, kind):
        assert json.loads(json.dumps(make().to_coco(kind(7)))) == make().to_coco(7)

    @pytest.mark.parametrize("image_id", [-1, np.int64(-2), "a", "7", 1.5, None, "long" * 100], ids=str)
    def test_an_image_id_of_another_kind_is_refused_in_one_line(self, image_id):
        with pytest.raises(ValueError, match="image_id must be an integer of at least 0, not") as caught:
            make().to_coco(image_id)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 120

    def test_photos_numbered_from_0_agree_with_themselves(self, tmp_path):
        """pycocotools takes an annotation id of 0 for "no match"."""
        evaluation = pytest.importorskip("pycocotools.cocoeval")
        datasets = [make(labels=("cow", *LABELS[1:])).to_coco(image_id) for image_id in range(3)]
        merged = {key: [each for data in datasets for each in data[key]] for key in ("images", "annotations")}
        truth = self.load(tmp_path, {"info": {}, "categories": datasets[0]["categories"], **merged})
        scored = evaluation.COCOeval(truth, truth.loadRes(json.loads(json.dumps(merged["annotations"]))), "segm")
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
        assert scored.stats[0] == pytest.approx(1)

    def test_dont_know_is_no_category_among_many(self):
        names = [category["name"] for category in many_labels().to_coco()["categories"]]
        assert len(names) == 300
        assert "don't know" not in names


class TestSave:
    @pytest.mark.parametrize("size", [(66_000, 4), (4, 66_000)])
    def test_a_photo_longer_than_a_jpeg_can_be(self, tmp_path, size):
        """Its overlay is smaller; its mask is not."""
        overlay, mask, _ = make(np.zeros(size, np.uint8)).save(tmp_path)
        with Image.open(overlay) as drawn, Image.open(mask) as saved:
            assert max(drawn.size) <= 65_500
            assert saved.size == size[::-1]

    def test_the_files_hold_the_result(self, tmp_path):
        result = make(name="shots/puss.in.boots.jpg")
        paths = result.save(tmp_path / "out")
        assert [path.name for path in paths] == [
            "puss.in.boots.overlay.jpg",
            "puss.in.boots.mask.png",
            "puss.in.boots.json",
        ]
        assert sorted((tmp_path / "out").iterdir()) == sorted(paths)
        with Image.open(paths[0]) as picture:
            assert (picture.format, picture.size) == ("JPEG", result.overlay().size)
        with Image.open(paths[1]) as picture:
            assert (picture.format, picture.mode) == ("PNG", "P")
            assert np.array_equal(np.asarray(picture), result.mask)
            assert picture.getpalette() == palette(256).ravel().tolist()
        assert json.loads(paths[2].read_text("utf-8")) == result.to_dict()

    def test_many_labels_make_a_16_bit_png(self, tmp_path):
        result = many_labels()
        with Image.open(result.save(tmp_path)[1]) as picture:
            assert picture.mode == "I;16"
            assert np.array_equal(np.asarray(picture), result.mask)

    def test_a_stem_in_sub_folders(self, tmp_path):
        assert make().save(str(tmp_path), "a/b/cat")[2] == tmp_path / "a" / "b" / "cat.json"

    def test_saving_again_replaces(self, tmp_path):
        make().save(tmp_path)
        changed = make(np.full((6, 8), 3, np.uint8))
        with Image.open(changed.save(tmp_path)[1]) as picture:
            assert np.array_equal(np.asarray(picture), changed.mask)
        assert len(list(tmp_path.iterdir())) == 3

    @pytest.mark.parametrize("stem", ["../x", "a/../../x", "a/..", "..", ".", "", "/x", "a\0b"])
    def test_a_stem_that_leads_out_is_refused(self, tmp_path, stem):
        folder = tmp_path / "out"
        with pytest.raises(OutputError, match="does not stay inside"):
            make().save(folder, stem)
        assert list(tmp_path.iterdir()) == []

    def test_an_absolute_stem_is_refused_even_inside(self, tmp_path):
        with pytest.raises(OutputError, match="does not stay inside"):
            make().save(tmp_path, str(tmp_path / "x"))

    def test_a_link_that_leads_out_is_refused(self, tmp_path):
        folder, outside = tmp_path / "out", tmp_path / "outside"
        folder.mkdir()
        outside.mkdir()
        (folder / "link").symlink_to(outside)
        with pytest.raises(OutputError, match="does not stay inside"):
            make().save(folder, "link/x")
        assert list(outside.iterdir()) == []

    @pytest.mark.parametrize("name", ["", "/", "photo"])
    def test_a_result_without_a_name_is_a_photo(self, tmp_path, name):
        assert replace(make(), name=name).save(tmp_path)[2].name == "photo.json"

    @pytest.mark.parametrize("broken", [".overlay.jpg", ".mask.png", ".json"])
    def test_a_full_disk_leaves_the_old_file(self, tmp_path, monkeypatch, broken):
        (tmp_path / f"photo{broken}").write_text("old")
        write_bytes = Path.write_bytes

        def write_half(self, content):
            write_bytes(self, bytes(content)[: len(content) // 2])
            if broken in self.name:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(OutputError, match=rf"photo\{broken}: No space left on device"):
            make().save(tmp_path, overwrite=True)
        before = {".overlay.jpg": [], ".mask.png": [".overlay.jpg"], ".json": [".mask.png", ".overlay.jpg"]}
        written = [f"photo{ending}" for ending in (broken, *before[broken])]
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(written)
        assert (tmp_path / f"photo{broken}").read_text() == "old"

    def test_a_disk_that_is_really_full_leaves_no_cut_jpeg(self, tmp_path, full_disk):
        photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
        mask, confidence = np.zeros((40, 60), np.uint8), np.ones((40, 60), np.float32)
        with pytest.raises(OutputError, match=r"photo\.overlay\.jpg: File too large"):
            Segmentation(mask, confidence, ("cat",), photo).save(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_written(self, tmp_path, monkeypatch):
        def refuse(*args, **options):  # as root every folder can be written
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(OutputError, match="Permission denied"):
            make().save(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_is_a_file(self, tmp_path):
        (tmp_path / "out").write_text("")
        with pytest.raises(OutputError, match="cannot write to"):
            make().save(tmp_path / "out")


def test_the_overlay_of_a_large_photo_is_smaller(tmp_path, monkeypatch):
    result = make(np.kron(make().mask, np.ones((20, 20), np.uint8)))
    assert result.overlay(reduce=4).getpixel((25, 10)) == result.overlay().getpixel((100, 40))
    whole = result.save(tmp_path / "whole", "a", formats=["overlay", "mask"])
    monkeypatch.setattr(limits, "LARGE_MEGAPIXELS", 0.019)  # it has 160 x 120
    monkeypatch.setattr("freeseg.results.writers._OVERLAY_PIXELS", 19_200 / 9)
    small = result.save(tmp_path / "small", "a", formats=["overlay", "mask"])
    with Image.open(whole[0]) as large, Image.open(small[0]) as reduced:
        assert large.width >= 160
        assert reduced.height < large.height
    assert small[1].read_bytes() == whole[1].read_bytes()
