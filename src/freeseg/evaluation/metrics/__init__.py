"""Metrics of segmentation: functions on arrays, their intervals, and the table of those that reports give.

>>> import numpy as np
>>> matrix = confusion_matrix(np.array([0, 1, 255]), np.array([0, 1, 1]), classes=2)
>>> mean_iou(matrix)  # "don't know" is a miss
0.75
"""

from __future__ import annotations

from freeseg.evaluation.metrics.bootstrap import Interval, interval, intervals, paired
from freeseg.evaluation.metrics.boundary import boundary_counts, boundary_iou
from freeseg.evaluation.metrics.calibration import bin_confidence, expected_calibration_error
from freeseg.evaluation.metrics.confusion import (
    confusion_matrix,
    frequency_weighted_iou,
    iou,
    mean_class_accuracy,
    mean_iou,
    pixel_accuracy,
)
from freeseg.evaluation.metrics.contrast import map_contrast
from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.metrics.metric import Metric, Tally
from freeseg.evaluation.metrics.presence import f1, presence_counts
from freeseg.evaluation.metrics.retrieval import recall_at

__all__ = [
    "HEADLINES",
    "Interval",
    "Metric",
    "Tally",
    "bin_confidence",
    "boundary_counts",
    "boundary_iou",
    "confusion_matrix",
    "expected_calibration_error",
    "f1",
    "frequency_weighted_iou",
    "interval",
    "intervals",
    "iou",
    "map_contrast",
    "mean_class_accuracy",
    "mean_iou",
    "paired",
    "pixel_accuracy",
    "presence_counts",
    "recall_at",
]
