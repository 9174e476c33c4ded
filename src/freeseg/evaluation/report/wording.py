"""How reports write numbers and names."""

from __future__ import annotations

import math

from freeseg.evaluation.metrics.bootstrap import Interval


def percent(value: float) -> str:
    """A number in percent with one decimal; n/a where nothing could be measured.

    Example:
        >>> percent(42.849), percent(-0.01), percent(math.nan)
        ('42.8', '0.0', 'n/a')
    """
    return "n/a" if math.isnan(value) else f"{round(value, 1) + 0.0:.1f}"  # + 0.0: no "-0.0"


def signed(value: float) -> str:
    """A difference in percent, with its sign.

    Example:
        >>> signed(2.04), signed(-2.04), signed(0.04)
        ('+2.0', '-2.0', '0.0')
    """
    return ("+" if round(value, 1) > 0 else "") + percent(value)


def bounds(interval: Interval) -> str:
    """The bounds of an interval in percent.

    Example:
        >>> bounds(Interval(42.8, 40.123, 45.6))
        '40.1 to 45.6'
    """
    return f"{percent(interval.low)} to {percent(interval.high)}"
