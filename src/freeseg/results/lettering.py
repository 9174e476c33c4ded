"""Any text, in any script, as a small picture of one line."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_LONGEST = 200  # characters, more than any picture shows
_SMOOTH = 3  # text is drawn this many times larger and reduced, since small hinted type loses its word spaces
# Fonts to try in turn. "" is Pillow's own, which has little more than ASCII; the others may not be installed.
_FONTS = (
    *("", "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc"),
    *("Arial Unicode.ttf", "PingFang.ttc", "segoeui.ttf", "seguisym.ttf", "msyh.ttc"),
)


def text_line(text: str, *, size: int, widest: int, ink: Colour, paper: Colour) -> Image.Image:
    r"""Draw one line of text.

    Line breaks become spaces, control characters are left out, a text that is too long ends in an ellipsis, and a
    character that no installed font has becomes a box.

    Args:
        text: Any text of any length.
        size: Of the font, in pixels.
        widest: The most pixels that the picture may be wide, at least 1.
        ink: Colour of the letters, RGB from 0 to 255.
        paper: Colour behind them.

    Returns:
        RGB, as wide as the text needs and round(1.4 * size) pixels high.

    Example:
        >>> picture = text_line("a cat\nasleep " * 1000, size=20, widest=300, ink=(0, 0, 0), paper=(255, 255, 255))
        >>> picture.width <= 300, picture.height
        (True, 28)
    """
    line = " ".join(unicodedata.normalize("NFC", text[: 2 * _LONGEST]).split())
    line = "".join(character for character in line if character.isprintable())
    shown = line[:_LONGEST]
    font = _font(_best_font(shown), _SMOOTH * size)
    if font is None:  # removed since it was chosen
        font = ImageFont.load_default(_SMOOTH * size)
    room = _SMOOTH * widest
    if shown != line or font.getlength(shown) > room:
        ends = range(1, len(shown) + 1)
        kept = bisect_right(ends, float(room), key=lambda end: float(font.getlength(shown[:end] + "…")))
        shown = shown[:kept].rstrip() + "…"
    width = max(1, min(room, math.ceil(font.getlength(shown))))
    picture = Image.new("RGB", (width, _SMOOTH * round(1.4 * size)), paper)
    ImageDraw.Draw(picture).text((0, picture.height / 2), shown, ink, font, anchor="lm")
    return picture.reduce(_SMOOTH)


def _best_font(text: str) -> str:
    """The first installed font that has all characters of `text`, else the one that has most of them."""
    best, fewest = "", len(text) + 1
    for name in _FONTS:
        missing = sum(not _has(name, character) for character in set(text) - {" "})
        if missing < fewest:
            best, fewest = name, missing
        if not missing:
            break
    return best


@lru_cache(maxsize=4096)
def _has(name: str, character: str) -> bool:
    font = _font(name, 16)
    # No font has this private character; what a font draws for it, it draws for every character that it lacks.
    return font is not None and bytes(font.getmask(character)) != bytes(font.getmask("\U0010fffd"))


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
    except OSError:  # not installed
        return None
