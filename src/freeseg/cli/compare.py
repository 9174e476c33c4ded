"""`freeseg compare`: two reports of the same photos, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.output import say


def compare(
    first: Annotated[
        Path, typer.Argument(help="Folder that freeseg evaluate wrote, or its report.json.", show_default=False)
    ],
    second: Annotated[
        Path, typer.Argument(help="Folder or report.json of another model, on the same photos.", show_default=False)
    ],
    *,
    markdown: Annotated[
        Path | None, typer.Option(help="Markdown file to write the comparison to. [default: it is printed only]")
    ] = None,
) -> None:
    """Compare two reports: what is better, what is worse, what may be chance, and which photos changed most.

    Examples:
        freeseg compare reports/teacher reports/network
        freeseg compare reports/teacher reports/network --markdown reports/compared.md
    """
    from freeseg.evaluation.report import compare as comparing
    from freeseg.evaluation.report.report import Report
    from freeseg.files import write_text

    text = comparing.markdown(comparing.compare(Report.load(first), Report.load(second)))
    say(text)
    if markdown:
        write_text(markdown, text)
