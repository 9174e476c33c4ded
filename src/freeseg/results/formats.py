"""The formats that results are written in, by name; light enough for the command line's help."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from freeseg.errors import OutputError, shortened

LABEL = "LABEL"  # in an ending: the name of the label whose file it is
ENDINGS = {  # of their files
    "overlay": ".overlay.jpg",
    "mask": ".mask.png",
    "json": ".json",
    "grey": ".grey.png",
    "coco": ".coco.json",
    "cutout": ".cutout.png",
    "labelme": ".labelme.json",
    "yolo": ".txt",
    "labelstudio": ".labelstudio.json",
    "masks": f".mask-{LABEL}.png",
    "cutouts": f".cutout-{LABEL}.png",
    "npz": ".npz",
}
DEFAULT_FORMATS = ("overlay", "mask", "json")  # the summary last: where it is, the others are


def read_formats(text: str) -> tuple[str, ...]:
    """Names of formats that are separated by commas, each once.

    Raises:
        OutputError: There is no such format, or none is named.

    Example:
        >>> read_formats("mask, coco")
        ('mask', 'coco')
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    check_formats(names or ("",), ENDINGS)
    return names


def check_formats(names: Sequence[str], known: Collection[str]) -> None:
    """Raise an OutputError if one of the names is not known."""
    if unknown := [name for name in names if name not in known]:
        raise OutputError(f"no format is called {shortened(unknown[0])}; there are: {', '.join(known)}")
