"""Any text, in any script, as a small picture of one line."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_LONGEST = 200  # characters; no picture shows more
_SMOOTH = 3  # text is drawn this many times larger and reduced: small hinted type loses its word spaces
# Tried in turn. "" is pillow's own, which has hardly more than ASCII; the others are there or not.
_FONTS = (
    *("", "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc"),
    *("Arial Unicode.ttf", "PingFang.ttc", "segoeui.ttf", "seguisym.ttf", "msyh.ttc"),
)


def text_line(text: str, size: int, widest: int, ink: Colour, paper: Colour) -> Image.Image:
    """One line of text, as wide as it needs and round(1.4 * size) pixels high.

    Line breaks become spaces, control characters go, what is too long ends in an ellipsis, and a character
    that no installed font has becomes a box.

    Args:
        text: Anything, of any length.
        size: Font size in pixels.
        widest: Most pixels that the picture may be wide, at least 1.
        ink: RGB of the letters, 0-255.
        paper: RGB behind them.

    Example:
        >>> picture = text_line("a cat\\nasleep " * 1000, 20, 300, (0, 0, 0), (255, 255, 255))
        >>> picture.width <= 300, picture.height
        (True, 28)
    """
    line = " ".join(unicodedata.normalize("NFC", text[: 2 * _LONGEST]).split())
    line = "".join(character for character in line if character.isprintable())
    shown = line[:_LONGEST]
    font = _font(_best_font(shown), _SMOOTH * size)
    if font is None:  # uninstalled this very moment
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
    """Of the fonts that there are, the first that has all of `text`, else the one that has most of it."""
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
    # What a font draws for a private character, which none has, it draws for every character it lacks.
    return font is not None and bytes(font.getmask(character)) != bytes(font.getmask("\U0010fffd"))


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
    except OSError:  # not installed
        return None
