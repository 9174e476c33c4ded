"""A person before the page of `freeseg serve`, in a real browser: what they see, press, type and drop."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Download, Locator, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
PHONE, DESKTOP = (390, 844), (1280, 800)
PATIENCE = 15_000  # milliseconds in which everything must have happened

# Whether nothing is being done for the photo that is shown. As a function, since the page's policy forbids eval.
_IDLE = """() => {
  const photo = document.getElementById("photo");
  return !photo.hidden && !photo.classList.contains("is-busy");
}"""
# A photo dropped on the page, as a browser says it.
_DROP = """([files]) => {
  const transfer = new DataTransfer();
  for (const [name, type, text] of files) {
    const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""
_PASTE = _DROP.replace("DragEvent(kind, { dataTransfer", "ClipboardEvent(kind, { clipboardData").replace(
    '["dragenter", "dragover", "drop"]', '["paste"]'
)


@dataclass
class Visitor:
    """A page in a browser, and who uses it.

    Attributes:
        page: Playwright's.
        errors: What the browser complained of: scripts that failed, and what the page's policy did not allow.
        asked: The requests for answers about photos, as (path, body).
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def idle(self) -> None:
        """Wait until the photo's mask is there, and has appeared."""
        self.page.wait_for_function(_IDLE)
        self.page.wait_for_timeout(50)
        self.page.wait_for_function(_IDLE)

    def drop(self, *files: tuple[str, bytes]) -> None:
        """Drop files on the page."""
        self.page.evaluate(_DROP, [_for_page(files)])

    def paste(self, *files: tuple[str, bytes]) -> None:
        """Paste files."""
        self.page.evaluate(_PASTE, [_for_page(files)])

    def find(self, words: str) -> None:
        """Type words to find, and wait for the mask."""
        self.page.fill("#words", words)
        self.page.press("#words", "Enter")
        self.idle()

    def legend(self) -> dict[str, str]:
        """The share of each label in the legend, as it is written."""
        rows = self.page.locator("#legend .row").all()
        return {row.locator(".row-name").inner_text(): row.locator(".row-share").inner_text() for row in rows}

    def row(self, label: str) -> Locator:
        """The row of a label in the legend."""
        return self.page.locator("#legend .row", has=self.page.locator(f'.row-name:text-is("{label}")'))

    def chips(self) -> list[str]:
        """The words, each with its other names."""
        return [chip.inner_text().replace("\n", " ") for chip in self.page.locator("#chip-list [data-key]").all()]

    def picture(self) -> npt.NDArray[np.int16]:
        """What is drawn on the canvas, (H, W, 3)."""
        self.page.wait_for_timeout(30)
        text = self.page.evaluate(
            "async () => { await new Promise(requestAnimationFrame); "
            "return document.getElementById('canvas').toDataURL(); }"
        )
        with Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))) as image:
            return np.asarray(image.convert("RGB"), dtype=np.int16)

    def hover(self, x: float, y: float) -> str:
        """Point at a place of the photo, from 0 to 1; gives what the page says of it."""
        box = self.page.locator("#photo").bounding_box()
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        return self.page.locator("#tip").inner_text() if self.page.locator("#tip").is_visible() else ""

    def tap(self, x: float, y: float) -> str:
        """Touch a place of the photo; gives what the page says of it."""
        box = self.page.locator("#photo").bounding_box()
        self.page.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
        return self.page.locator("#tip").inner_text()

    def mode(self, name: str) -> None:
        """Show masks in another way."""
        self.page.locator(f"label:has(input[value={name}])").click()

    def download(self, title: str) -> tuple[str, bytes]:
        """Take a file of the menu; gives its name and its content."""
        self.page.click("#save")
        with self.page.expect_download() as coming:
            self.page.locator("#save-menu button", has_text=title).first.click()
        return content_of(coming.value)


def content_of(download: Download) -> tuple[str, bytes]:
    """The name and the content of a downloaded file."""
    return download.suggested_filename, Path(download.path()).read_bytes()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without windows. While it runs, no other asyncio loop can run in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        browser.close()


@contextmanager
def visiting(
    browser: Browser, port: int, *, size: tuple[int, int] = DESKTOP, dark: bool = False, wait: bool = True
) -> Iterator[Visitor]:
    """A visitor before a fresh page, whose sample photo is segmented, and who finds no fault in it at the end."""
    is_phone = size == PHONE
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        has_touch=is_phone,
        is_mobile=is_phone,
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    visitor = Visitor(page)

    def complained(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            visitor.errors.append(message.text)

    page.on("console", complained)
    page.on("pageerror", lambda error: visitor.errors.append(str(error)))
    page.on(
        "request",
        lambda request: (
            visitor.asked.append((request.url.partition("/v1/")[2], request.post_data_json))
            if request.url.endswith("/segment")
            else None
        ),
    )
    page.goto(f"http://127.0.0.1:{port}/")
    if wait:
        visitor.idle()
    yield visitor
    context.close()
    assert not visitor.errors


def _for_page(files: Sequence[tuple[str, bytes]]) -> list[list[str]]:
    types = {"png": "image/png", "jpg": "image/jpeg", "tif": "image/tiff", "txt": "text/plain"}
    return [[name, types[name.rpartition(".")[2]], base64.b64encode(content).decode()] for name, content in files]


def take_pictures(folder: Path) -> None:
    """Take the pictures of docs/serve.md. They show photos that scikit-image and scikit-learn ship."""
    import skimage.data
    from sklearn.datasets import load_sample_image

    import freeseg
    from serving import serving

    with serving(freeseg.load()) as server, chromium() as browser:
        with visiting(browser, server.port, size=(1440, 900)) as visitor:
            visitor.hover(0.36, 0.4)
            _shot(visitor).save(folder / "serve-page.jpg", quality=85)
        phones = []
        for act in (lambda visitor: None, lambda visitor: visitor.mode("similarity"), _compared):
            with visiting(browser, server.port, size=PHONE, dark=True) as visitor:
                act(visitor)
                visitor.page.wait_for_load_state("networkidle")
                phones.append(_shot(visitor))
        sheet = Image.new("RGB", (3 * PHONE[0] + 80, PHONE[1] + 40), "#5d6673")
        for number, phone in enumerate(phones):
            sheet.paste(phone, (20 + number * (PHONE[0] + 20), 20))
        sheet.save(folder / "serve-phone.jpg", quality=85)
        with visiting(browser, server.port, size=(1440, 900), dark=True) as visitor:
            photos = {name: getattr(skimage.data, name)() for name in ("chelsea", "astronaut", "rocket", "coffee")}
            for name, photo in {**photos, "flower": load_sample_image("flower.jpg")}.items():
                buffer = io.BytesIO()
                Image.fromarray(photo).save(buffer, "PNG")
                visitor.drop((f"{name}.png", buffer.getvalue()))
            visitor.page.locator("#strip-list .thumb").nth(0).click()
            visitor.find("cat|kitten, person|woman, rocket, sky, flower|blossom, cup|mug")
            visitor.page.locator(".strip-progress.is-over").wait_for()
            visitor.page.locator("#toasts").evaluate("(box) => box.replaceChildren()")
            _shot(visitor).save(folder / "serve-many.jpg", quality=85)


def _compared(visitor: Visitor) -> None:
    visitor.page.click("#compare")


def _shot(visitor: Visitor) -> Image.Image:
    visitor.page.wait_for_timeout(300)
    with Image.open(io.BytesIO(visitor.page.screenshot())) as image:
        return image.convert("RGB")


if __name__ == "__main__":
    import sys

    take_pictures(Path(sys.argv[1]))
