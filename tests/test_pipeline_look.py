"""Looking at a photo once and asking many times: the same masks as of the photo itself."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from freeseg.errors import PhotoError
from freeseg.pipeline import FreeSeg
from freeseg.results.segmentation import Segmentation

WORDS = ("cat, dog", "woman|person, flag", "sky, cup, sofa|couch")


def file_of(picture: Image.Image, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format)
    return buffer.getvalue()


def assert_same(one: Segmentation, other: Segmentation) -> None:
    assert (one.mask == other.mask).all()
    assert np.allclose(one.confidence, other.confidence, atol=1e-5)
    assert (one.labels, one.candidates, one.name, one.source) == (
        other.labels,
        other.candidates,
        other.name,
        other.source,
    )
    assert one.photo.tobytes() == other.photo.tobytes()


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "coffee"])
def test_the_same_pixels_as_without_it(embedded: FreeSeg, name: str) -> None:
    photo = getattr(skimage.data, name)()
    seen = embedded.look(photo)
    for words in WORDS:
        for background in (True, False):
            asked = embedded.segment(seen, words, background=background)
            assert_same(asked, embedded.segment(photo, words, background=background))


def test_in_pytorch_too(tiny: FreeSeg, cat_photo: Image.Image) -> None:
    seen = tiny.look(cat_photo)
    for words in WORDS:
        assert_same(tiny.segment(seen, words), tiny.segment(cat_photo, words))
        assert_same(tiny.segment_known(seen, words, []), tiny.segment_known(cat_photo, words, []))
        first = words.split(",")[0].partition("|")[0]
        assert_same(tiny.segment_known(seen, words, [first]), tiny.segment_known(cat_photo, words, [first]))
        assert np.allclose(tiny.similarity(seen, words), tiny.similarity(cat_photo, words), atol=1e-5)


def test_the_model_looks_once(tiny: FreeSeg, cat_photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tiny.look(cat_photo)
    monkeypatch.delattr(type(tiny.engine), "similarity_maps")
    monkeypatch.delattr(type(tiny.engine), "patches")
    assert tiny.segment(seen, "cat").labels == ("background", "cat")


def test_among_other_photos(tiny: FreeSeg, cat_photo: Image.Image) -> None:
    seen = tiny.look(cat_photo)
    for each in tiny.segment([cat_photo, seen, seen], "cat, dog"):
        assert_same(each, tiny.segment(cat_photo, "cat, dog"))


def test_patches_are_unit_vectors(embedded: FreeSeg, cat_photo: Image.Image) -> None:
    patches = embedded.look(cat_photo).patches
    assert patches.dtype == np.float32
    assert np.allclose(np.linalg.norm(patches, axis=0), 1, atol=1e-4)


def test_of_bytes_the_bytes_are_kept(tiny: FreeSeg, cat_photo: Image.Image) -> None:
    content = file_of(cat_photo)
    seen = tiny.look(content)
    assert seen.kept == content
    assert seen.nbytes == len(content) + seen.pixels.nbytes + seen.patches.nbytes
    assert_same(tiny.segment(seen, "cat"), tiny.segment(content, "cat"))
    first = tiny.segment(seen, "cat").photo
    first.paste("red", (0, 0, *first.size))  # a result's picture is its own
    assert tiny.segment(seen, "cat").photo.tobytes() == cat_photo.tobytes()


def test_a_turned_and_a_large_photo(tiny: FreeSeg, cat_photo: Image.Image) -> None:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    cat_photo.resize((1800, 1200)).save(buffer, "JPEG", exif=exif)
    seen = tiny.look(buffer.getvalue())
    assert seen.size == (1200, 1800)
    assert_same(tiny.segment(seen, "cat, dog"), tiny.segment(buffer.getvalue(), "cat, dog"))


def test_a_file_is_known_by_its_path(tiny: FreeSeg, cat_photo: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    cat_photo.save(path)
    seen = tiny.look(path)
    assert seen.source == str(path)
    path.unlink()
    assert tiny.segment(seen, "cat").name == "cat.png"


def test_another_model_refuses_it(tiny: FreeSeg, embedded: FreeSeg, cat_photo: Image.Image) -> None:
    seen = embedded.look(cat_photo)
    with pytest.raises(PhotoError, match="another model looked at this photo"):
        tiny.segment(seen, "cat")


def test_it_can_be_sent_to_another_process(tiny: FreeSeg, cat_photo: Image.Image) -> None:
    seen = pickle.loads(pickle.dumps(tiny.look(cat_photo)))  # noqa: S301 - the test's own
    assert_same(tiny.segment(seen, "cat"), tiny.segment(cat_photo, "cat"))


def test_a_photo_that_cannot_be_read(tiny: FreeSeg) -> None:
    with pytest.raises(PhotoError, match="cannot read the bytes"):
        tiny.look(b"no photo")
