"""The table: published numbers, and beside them those of this run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from freeseg.evaluation.report.markdown_table import table as markdown_table

from .plan import rows
from .settings import DATASETS, Settings
from .stages import Outcome

MISSING = "-"


class Published(NamedTuple):
    """What others have published: mIoU by data set, how they measured, and where the numbers are from."""

    name: str
    numbers: Mapping[str, float]
    protocol: str
    source: str


# Only numbers that we have read where the last entry says; a method whose numbers we could not read has none.
PUBLISHED = (
    Published(
        "CLIP Surgery, ViT-B/16", {"context59": 29.3}, "its own", "arXiv 2304.05653, as docs/concepts/models.md has it"
    ),
    Published(
        "SCLIP, ViT-B/16",
        {
            "voc21": 59.63,
            "voc20": 81.54,
            "context60": 31.74,
            "context59": 34.46,
            "coco-object": 33.52,
            "coco-stuff164k": 22.77,
        },
        "sclip",
        "the README of github.com/wangf3014/SCLIP",
    ),
    Published(
        "NACLIP, ViT-B/16",
        {"voc21": 58.9, "voc20": 79.7, "context60": 32.2, "context59": 35.2},
        "sclip, nothing refined",
        "arXiv 2404.08181, as docs/concepts/models.md has it",
    ),
    Published(
        "NACLIP, ViT-B/16, with PAMR",
        {
            "voc21": 64.07,
            "voc20": 83.03,
            "context60": 34.99,
            "context59": 38.35,
            "coco-object": 36.19,
            "coco-stuff164k": 25.69,
        },
        "sclip, refined",
        "the README of github.com/sinahmr/NACLIP",
    ),
    Published(
        "GroupViT, GCC + YFCC",
        {"voc21": 52.3, "coco-object": 24.3},
        "its own",
        "the README of github.com/NVlabs/GroupViT, which also has 22.4 on Context, without saying of how many classes",
    ),
    Published(
        "GroupViT, GCC + RedCaps",
        {"voc21": 50.8, "coco-object": 27.5},
        "its own",
        "the README of github.com/NVlabs/GroupViT, which also has 23.7 on Context",
    ),
    Published("TCL", {}, "tcl", "arXiv 2212.00785; its numbers were not to be read where this was written"),
)


def page(settings: Settings, outcomes: Mapping[str, Outcome]) -> str:
    """The table of a run, as Markdown."""
    own = [
        [row.name, *(_cell(outcomes.get(row.stage(name), {}).get("mIoU")) for name in DATASETS), _measured(settings)]
        for row in rows(settings)
    ]
    theirs = [[each.name, *(_cell(each.numbers.get(name)) for name in DATASETS), each.protocol] for each in PUBLISHED]
    lines = [
        "# The paper's experiment",
        "",
        "Written by `python -m experiments.paper`; not edited by hand. mIoU in percent.",
        "",
        *markdown_table(["of this run", *DATASETS, "measured by"], own),
        "",
        *markdown_table(["published", *DATASETS, "measured by"], theirs),
        "",
        *(f"- {each.name}: {each.source}" for each in PUBLISHED),
    ]
    if settings.limit:
        lines += ["", f"**Of this run, at most {settings.limit} photos of each data set were measured.**"]
    return "\n".join(lines) + "\n"


def _measured(settings: Settings) -> str:
    return f"{settings.protocol}, {settings.setting}"


def _cell(value: float | None) -> str:
    return MISSING if value is None else f"{value:.1f}"
