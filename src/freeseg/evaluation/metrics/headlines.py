"""The table of metrics: the numbers at the head of every report.

To add one, write a file in this folder with its maths, its `Tally` where something new must be counted on each photo,
and its `Metric`; then name the metric in `HEADLINES`. Reports, pages, intervals and comparisons follow from the table.
"""

from __future__ import annotations

from freeseg.evaluation.metrics.boundary import BOUNDARY_IOU
from freeseg.evaluation.metrics.calibration import ECE
from freeseg.evaluation.metrics.confusion import FREQUENCY_WEIGHTED_IOU, MEAN_CLASS_ACCURACY, MEAN_IOU, PIXEL_ACCURACY
from freeseg.evaluation.metrics.contrast import MEAN_CONTRAST
from freeseg.evaluation.metrics.presence import PRESENCE_F1

HEADLINES = (
    MEAN_IOU,
    PIXEL_ACCURACY,
    MEAN_CLASS_ACCURACY,
    FREQUENCY_WEIGHTED_IOU,
    BOUNDARY_IOU,
    MEAN_CONTRAST,
    PRESENCE_F1,
    ECE,
)
# What is counted on each photo, in the order in which a record holds it.
TALLIES = tuple(dict.fromkeys(tally for metric in HEADLINES for tally in metric.tallies))
