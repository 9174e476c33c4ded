"""The parts of the page that compute something, against the library's own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from typer.testing import CliRunner

from freeseg.cli import app
from freeseg.pipeline import FreeSeg
from freeseg.results import rle
from freeseg.words import Vocabulary
from serving import Serving

# Decodes and draws masks: what paint() gives, and how many pixels of the outlines' filling differ from it.
DECODE = """async (masks) => {
  const { paint } = await import("/page/js/rle.js");
  const { contours } = await import("/page/js/contours.js");
  return masks.map(([size, counts]) => {
    const [height, width] = size;
    const values = new Uint16Array(width * height);
    paint({ size, counts }, values, width, height, 1);
    const context = new OffscreenCanvas(8 * width, 8 * height).getContext("2d");
    context.scale(8, 8);
    context.fill(contours(values, width, height, 1)[1], "evenodd");
    const drawn = context.getImageData(0, 0, 8 * width, 8 * height).data;
    let filled = 0;
    for (let place = 3; place < drawn.length; place += 4) filled += drawn[place] > 127 ? 1 / 64 : 0;
    return [[...values], filled];
  });
}"""
SMALLER = """async ([size, counts, width, height]) => {
  const { paint } = await import("/page/js/rle.js");
  const values = new Uint16Array(width * height);
  paint({ size, counts }, values, width, height, 7);
  return [...values];
}"""
SNIPPETS = """async ([labels, background, photo, server, token]) => {
  const { pythonSnippet, commandSnippet, curlSnippet } = await import("/page/js/snippets.js");
  const question = { labels: labels.map((words) => ({ words })), background };
  const curl = curlSnippet(question, photo, server, token);
  return [pythonSnippet(question, photo), commandSnippet(question, photo), curl];
}"""
PARSE = """async (text) => {
  const { parseLabels } = await import("/page/js/words.js");
  return parseLabels(text);
}"""

RETURNED = """async (text) => {
  const { labelText, parseLabels, withLabels } = await import("/page/js/words.js");
  return withLabels([], parseLabels(text)).labels.map(labelText);
}"""


@pytest.fixture(scope="module")
def page(browser: Any, server: Serving) -> Any:
    """A page whose modules are called."""
    opened = browser.new_page()
    opened.goto(f"http://127.0.0.1:{server.port}/page/icon.svg")
    yield opened
    opened.close()


def test_masks_are_decoded_and_outlined(page: Any) -> None:
    random = np.random.default_rng(0)
    masks = [random.random((height, width)) < share for height, width, share in [(1, 1, 2), (7, 5, 0.5), (40, 30, 0.9)]]
    masks += [np.zeros((6, 9), bool), np.indices((9, 9)).sum(0) % 2 == 0, np.hypot(*np.indices((60, 80))) < 50]
    sent = [list(rle.encode(mask).values()) for mask in masks]
    for mask, (values, _) in zip(masks, page.evaluate(DECODE, sent), strict=True):
        assert values == mask.astype(int).ravel().tolist()
    large = [masks[-1], np.pad(np.ones((20, 30), bool), 10), ~np.pad(np.ones((20, 30), bool), 10)]
    drawn = page.evaluate(DECODE, [list(rle.encode(mask).values()) for mask in large])
    for mask, (_, filled) in zip(large, drawn, strict=True):
        assert filled == pytest.approx(mask.sum(), rel=0.02)  # holes stay open, and smooth corners cost little


def test_a_large_mask_is_read_at_fewer_pixels(page: Any) -> None:
    mask = np.random.default_rng(1).random((90, 70)) < 0.5
    sent = [*rle.encode(mask).values(), 23, 31]
    rows, columns = ((np.arange(31) + 0.5) * 90 / 31).astype(int), ((np.arange(23) + 0.5) * 70 / 23).astype(int)
    assert page.evaluate(SMALLER, sent) == (7 * mask[rows][:, columns].astype(int)).ravel().tolist()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mask=arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_any_mask(page: Any, mask: Any) -> None:
    [[values, _]] = page.evaluate(DECODE, [list(rle.encode(mask).values())])
    assert values == mask.astype(int).ravel().tolist()


@pytest.mark.parametrize(
    "text", ["cat, sofa|couch", " a  b ;c\td\n\n e|f ", "\uff23\uff41t\uff0cdog\u3001cow", "cat\uff5ckitten"]
)
def test_words_are_read_as_the_library_reads_them(page: Any, text: str) -> None:
    assert page.evaluate(PARSE, text) == [list(label.aliases) for label in Vocabulary.of(text).labels]


def test_a_word_that_shall_have_no_other_names_is_sent_as_such(page: Any) -> None:
    text = "person|, sofa\uff5c , man|boy|, |dog"
    assert page.evaluate(PARSE, text) == [["person", ""], ["sofa", ""], ["man", "boy"], ["dog"]]
    assert page.evaluate(RETURNED, text) == ["person|", "sofa|", "man|boy", "dog"]


WORDS = [["cat", "kitten"], ["person", ""], ['man\'s "best" friend', "dog"], ["$HOME `ls`"], ["café"]]


@pytest.mark.parametrize("background", [True, False])
def test_copied_code_gives_the_same_mask(
    page: Any, background: bool, cat_jpeg: bytes, tmp_path: Path, monkeypatch: Any, embedded: FreeSeg, server: Serving
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "it's my cat.jpg"
    Path(name).write_bytes(cat_jpeg)
    expected = embedded.segment(name, ["|".join(words) for words in WORDS], background=background)
    address = f"http://127.0.0.1:{server.port}/"
    python, command, curl = page.evaluate(SNIPPETS, [WORDS, background, name, address, False])

    variables: dict[str, Any] = {}
    exec(python, variables)  # noqa: S102 - it is what the page gives people to run
    assert np.array_equal(variables["result"].mask, expected.mask)

    words = shlex.split(command.replace("\\\n", ""))
    assert words[0] == "freeseg"
    done = CliRunner().invoke(app, [*words[1:], "--save", "mask"])
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "out" / "it's my cat.mask.png") as mask:
        assert np.array_equal(np.asarray(mask), expected.mask)

    if shutil.which("curl"):
        asked = curl.replace("image/jpeg", "image/png").replace("overlay.jpg", "mask.png")
        subprocess.run(["sh", "-c", asked], check=True, capture_output=True)
        with Image.open("mask.png") as mask:
            assert np.array_equal(np.asarray(mask), expected.mask)


def test_files_of_the_page_are_fetched_again_only_when_they_have_changed(server: Serving) -> None:
    first = server.get("/page/js/main.js")
    assert first.headers["cache-control"] == "no-cache"
    again = server.get("/page/js/main.js", **{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
