"""The page: whole, self-contained, bounded, escaped, readable without seeing; and in a real browser."""

from __future__ import annotations

import base64
import html
import io
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.report.gallery import ClassInPhoto, PhotoPictures
from freeseg.evaluation.report.page import HEAT_CLASSES, data_uri, page
from freeseg.evaluation.report.report import Report
from reports import CLASSES, HOSTILE, Drawn, draw_report, photo_record

VOID = {"meta", "img"}


class Document(HTMLParser):
    """The elements of a page, its text, and whether every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(data for tag, data in self.texts if tag != "style").split())


def noise(seed: int = 0, size: tuple[int, int] = (480, 480)) -> Image.Image:
    """What a JPEG can do least with."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8))


def pictured(name: str = "photo 1", map_of: str = "cat", size: tuple[int, int] = (90, 120)) -> PhotoPictures:
    classes = (ClassInPhoto("cat", (1, 2, 3), 60.0, 40.0, 51.25), ClassInPhoto("dog", (4, 5, 6), 0.0, 60.0, 0.0))
    image = noise(0, size)
    return PhotoPictures(name, 51.25, image, image, image, image, image if map_of else None, map_of, classes)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_report()


@pytest.fixture(scope="module")
def whole(drawn: Drawn) -> str:
    return page(drawn.report, worst=[pictured("worst one")], best=[pictured("best one", "dog")])


class TestContent:
    def test_headline_numbers_with_intervals(self, drawn: Drawn, whole: str) -> None:
        text = Document(whole).text
        for headline in HEADLINES:
            number = drawn.report.numbers()[headline.name]
            assert f"{headline.name} {number.value:.1f} {number.low:.1f} to {number.high:.1f}" in text

    def test_every_class_with_its_bar(self, drawn: Drawn, whole: str) -> None:
        rows = re.findall(
            r'<th scope="row">(\w+)</th>\s*<td><div class="bar">.*?width: ([\d.]+)%.*?>([\d.]+)</b>', whole
        )
        ious = {row.name: row.iou for row in drawn.report.per_class()}
        assert [name for name, _, _ in rows] == sorted(ious, key=lambda name: -ious[name])
        for name, width, number in rows:
            assert float(width) == float(number) == pytest.approx(ious[name], abs=0.0501)

    def test_the_confusion_is_in_percent_of_the_row(self, drawn: Drawn, whole: str) -> None:
        pixels = [(t, p, n) for record in drawn.report.records for t, p, n in record.counts["confusion"]]
        for true, said in ((1, 1), (0, 2), (3, 5)):
            share = (
                100 * sum(n for t, p, n in pixels if (t, p) == (true, said)) / sum(n for t, _, n in pixels if t == true)
            )
            names = [*CLASSES, "don&#39;t know"]
            title = f"{names[true]} taken for {names[said]}: {share:.1f} %"
            cell = re.search(rf'<td class="(\w+)" style="--s: ([\d.]+)" title="{title}">(\d+)<', whole)
            kind, depth, shown = cell.groups()
            assert kind == ("hit" if true == said else "miss")
            assert float(depth) == pytest.approx(share / 100, abs=0.00501)
            assert int(shown) == pytest.approx(share, abs=0.501)

    def test_absent_classes_are_spoken_of(self, whole: str) -> None:
        assert "6 photos, 5 classes, of which 1 is in none of these photos." in Document(whole).text

    def test_how_it_was_measured(self, whole: str) -> None:
        text = Document(whole).text
        for told in (
            "freeseg evaluate --dataset drawn",
            "ab" * 32,
            "python 3.11, torch 2",
            "short_side none; window 0",
        ):
            assert told in text

    def test_photos_with_their_classes(self, whole: str) -> None:
        document = Document(whole)
        assert "worst one mIoU 51.2" in document.text
        assert "cat IoU 51.2 dog not there" in document.text
        alts = [image["alt"] for image in document.all("img")]
        assert alts[:5] == [
            "Photo worst one",
            "Truth: cat 60 %",
            "Prediction: cat 40 %, dog 60 %",
            "Prediction over the photo: cat 40 %, dog 60 %",
            "Similarity map of cat: bright where the photo answers to the word",
        ]
        assert whole.index("worst one") < whole.index("best one")

    def test_parts_without_photos_are_left_out(self, drawn: Drawn) -> None:
        document = Document(page(drawn.report, worst=[pictured(map_of="")]))
        assert len(document.all("img")) == 4
        assert "Best photos" not in document.text

    def test_what_was_not_measured(self, drawn: Drawn) -> None:
        blank = Report(drawn.report.run, [photo_record("blank")])
        assert "mIoU n/a intersection over union" in Document(page(blank)).text

    def test_more_classes_than_can_be_read(self) -> None:
        classes = tuple(f"class {index}" for index in range(HEAT_CLASSES + 5))
        drawn = draw_report(photos=50, classes=classes)
        whole = page(drawn.report)
        assert f"The {HEAT_CLASSES} most confused of {len(classes)} classes are shown" in Document(whole).text
        heat = whole[whole.index('class="heat"') : whole.index('id="confidence"')]
        assert heat.count('<th scope="row"') == HEAT_CLASSES
        assert heat.count('<th scope="col"') == HEAT_CLASSES + 2  # "other classes" and "don't know"
        for row in heat.split("<tr>")[2:]:
            shares = [float(share) for share in re.findall(r": ([\d.]+) %", row)]
            assert (
                f'row" title="{classes[-1]}"' in row or 70 < sum(shares) < 102
            )  # less than 1 % is not written, and each is rounded


class TestSafety:
    def test_there_are_no_scripts_and_nothing_is_fetched(self, whole: str) -> None:
        document = Document(whole)
        assert not {tag for tag, _ in document.elements} & {
            "script",
            "link",
            "iframe",
            "object",
            "embed",
            "form",
            "base",
        }
        for _, attributes in document.elements:
            assert not [key for key in attributes if key.startswith("on")]
            for key in {"src", "href"} & attributes.keys():
                assert attributes[key].startswith(("data:image/jpeg;base64,", "#"))
        assert not re.search(r"https?:|@import|url\(", re.sub(r"base64,[\w+/=]+", "", whole))
        (policy,) = [meta["content"] for meta in document.all("meta") if "http-equiv" in meta]
        assert policy.startswith("default-src 'none'")

    def test_nothing_from_outside_becomes_markup(self, drawn: Drawn) -> None:
        run = dict.fromkeys(("dataset", "setting", "model", "model_sha256", "command"), HOSTILE)
        values = {"protocol": {"name": HOSTILE, HOSTILE: HOSTILE}, "versions": {HOSTILE: HOSTILE}}
        hostile = draw_report(classes=("a", HOSTILE, "</table>"), **run, **values).report
        photo = pictured(HOSTILE, HOSTILE)._replace(classes=(ClassInPhoto(HOSTILE, (0, 0, 0), 50.0, 50.0, 1.0),))
        document = Document(page(hostile, worst=[photo]))
        plain = Document(page(draw_report(classes=("a", "b", "c")).report, worst=[pictured()]))
        assert {tag for tag, _ in document.elements} == {tag for tag, _ in plain.elements}
        assert document.text.count(HOSTILE) > 12
        assert HOSTILE in document.all("img")[0]["alt"]

    def test_names_that_are_no_text(self, drawn: Drawn) -> None:
        page(drawn.report, worst=[pictured("caf\udce9")]).encode("utf-8")

    def test_its_size_is_bounded(self, drawn: Drawn) -> None:
        photos = [pictured(str(index), size=(480, 480)) for index in range(12)]
        assert len(page(drawn.report, worst=photos[:6], best=photos[6:]).encode()) < 5_000_000
        assert len(page(drawn.report, worst=photos * 2).encode()) < 5_000_000


class TestPictures:
    def test_fit_the_budget_and_the_page(self) -> None:
        for budget in (48_000, 9_000, 900):
            uri, size = data_uri(noise(), budget=budget)
            with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
                assert (image.format, image.size) == ("JPEG", size)
            assert max(size) <= 360
            assert len(base64.b64decode(uri.partition(",")[2])) <= budget

    def test_keep_their_shape_and_colours(self) -> None:
        halves = np.zeros((300, 900, 3), np.uint8)
        halves[:, :450] = 230, 57, 70
        uri, size = data_uri(Image.fromarray(halves))
        assert size == (360, 120)
        with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
            assert image.getpixel((90, 60)) == pytest.approx((230, 57, 70), abs=4)
            assert image.getpixel((270, 60)) == pytest.approx((0, 0, 0), abs=4)

    def test_small_ones_are_not_enlarged(self) -> None:
        assert data_uri(noise(size=(20, 30)))[1] == (30, 20)


class TestForThoseWhoCannotSee:
    def test_tables_have_heads_and_pictures_words(self, whole: str) -> None:
        document = Document(whole)
        assert all(head["scope"] in ("row", "col") for head in document.all("th"))
        assert all(image["alt"] and image["width"] and image["height"] for image in document.all("img"))
        assert document.all("html")[0]["lang"] == "en"
        assert [graphic["role"] for graphic in document.all("svg")] == ["img"]
        assert all("aria-label" in region for region in document.all("div") if region.get("role") == "region")
        headings = [int(tag[1]) for tag, _ in document.elements if re.fullmatch(r"h\d", tag)]
        assert headings[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(headings))

    def test_links_lead_somewhere(self, whole: str) -> None:
        document = Document(whole)
        identifiers = {attributes["id"] for _, attributes in document.elements if "id" in attributes}
        assert {link["href"].removeprefix("#") for link in document.all("a")} <= identifiers


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Measures the page from outside: it has no scripts of its own, and its policy would not run them.
HARNESS = """<iframe id="page" style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const inside = document.getElementById("page").contentDocument, images = [...inside.images];
  const wide = inside.documentElement.scrollWidth, broken = images.filter(i => !i.complete || !i.naturalWidth).length;
  const colour = inside.defaultView.getComputedStyle(inside.body).backgroundColor;
  document.title = "measured";
  document.body.textContent = ["wide", wide, "images", images.length, "broken", broken, "hacked", String(window.hacked),
    "font", inside.defaultView.getComputedStyle(inside.body).fontSize, colour].join(" ");
}};</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: the page is not opened in a browser")
class TestInBrowser:
    def opened(self, folder: Path, content: str, *options: str) -> str:
        """The page after a browser has opened it, as the browser writes it out."""
        (folder / "page.html").write_text(content, "utf-8")
        quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
        command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", *quiet, *options]
        command += [f"--user-data-dir={folder / 'profile'}", (folder / "page.html").as_uri()]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": str(folder)}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @pytest.mark.parametrize("width", [360, 1200])
    def test_everything_fits_and_loads_and_nothing_runs(self, tmp_path: Path, width: int) -> None:
        classes = ("background", HOSTILE, "a class with quite a long name", *(f"class {index}" for index in range(50)))
        report = draw_report(photos=50, classes=classes, command="freeseg " + 40 * "evaluate/").report
        content = page(report, worst=[pictured(HOSTILE, HOSTILE)] * 2, best=[pictured("a_name_without_any_space" * 5)])
        measured = self.opened(
            tmp_path, HARNESS.format(width=width, page=html.escape(content)), "--dump-dom", "--hide-scrollbars"
        )
        assert f"wide {width} images 15 broken 0 hacked undefined font 16px" in measured

    def test_light_and_dark(self, tmp_path: Path, whole: str) -> None:
        means = []
        for name, options in {"light": [], "dark": ["--blink-settings=preferredColorScheme=0"]}.items():
            folder = tmp_path / name
            folder.mkdir()
            picture = folder / "page.png"
            self.opened(
                folder, whole, "--hide-scrollbars", f"--screenshot={picture}", "--window-size=1200,900", *options
            )
            with Image.open(picture) as image:
                pixels = np.asarray(image.convert("L"), dtype=float)
            means.append(np.median(pixels))
            assert abs(pixels - means[-1]).max() > 150  # the letters stand out
        assert means[0] > 230
        assert means[1] < 40
