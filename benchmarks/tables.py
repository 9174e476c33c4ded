"""Numbers as Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table whose cells may hold Markdown themselves.

    Example:
        >>> table(["what", "ms"], [["**tower**", "70"]])
        ['| what | ms |', '|---|--:|', '| **tower** | 70 |']
    """
    from freeseg.evaluation.report import markdown_table  # here: evaluation imports PyTorch, which needs memory

    return markdown_table.table(heads, rows, markup=True)


def ms(seconds: float) -> str:
    """Milliseconds, to about three digits.

    Example:
        >>> ms(0.00123), ms(0.0704), ms(12.3456)
        ('1.2', '70', '12,346')
    """
    value = 1000 * seconds
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def giga(value: float) -> str:
    """Operations, or operations a second, in units of 10^9."""
    return f"{value / 1e9:.1f}" if value < 1e11 else f"{value / 1e9:,.0f}"


def megabytes(value: float) -> str:
    """A size in MB; a dash for what could not be measured (NaN)."""
    return f"{value:,.0f} MB" if value == value else "-"
