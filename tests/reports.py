"""Reports drawn by the test itself: masks of noise, and records counted from them pixel by pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from freeseg.evaluation.records import PhotoRecord, Run, names_sha256
from freeseg.evaluation.report.report import Report

CLASSES = ("background", "cat", "dog", "sofa", "unicorn")
HOSTILE = "<script>parent.hacked = 1</script>|`*_[a](b)\"'&"


@dataclass
class Drawn:
    """A report and the masks that it was counted from."""

    report: Report
    truths: list[np.ndarray]
    predictions: list[np.ndarray]


def draw_report(
    photos: int = 6, classes: tuple[str, ...] = CLASSES, seed: int = 0, skill: float = 0.6, **changes: Any
) -> Drawn:
    """A report of photos of 8 x 12 pixels, of which a model with this skill gets that share right.

    The last class is in no truth; 255 is "does not count" there and "don't know" in the predictions. Equal seeds
    give equal truths, whatever the skill.
    """
    random = np.random.default_rng(seed)
    count, truths, predictions, records = len(classes), [], [], []
    for index in range(photos):
        first = index % (count - 1)
        second = (first + 1 + random.integers(max(1, count - 2))) % (count - 1)
        truth = random.choice([first, second, 255], (8, 12), p=[0.5, 0.4, 0.1])
        guess = random.choice([*range(count), 255], truth.shape)
        prediction = np.where((random.random(truth.shape) < skill) & (truth != 255), truth, guess)
        truths.append(truth)
        predictions.append(prediction)
        records.append(record(f"photo {index}", truth, prediction, count, random))
    run = {
        "dataset": "drawn",
        "classes": classes,
        "has_background": classes[0] == "background",
        "photos": photos,
        "photos_sha256": names_sha256(each.name for each in records),
        "setting": "plain",
        "protocol": {"name": "freeseg", "short_side": None, "window": 0},
        "model": "tiny",
        "model_sha256": "ab" * 32,
        "command": "freeseg evaluate --dataset drawn",
        "versions": {"python": "3.11", "torch": "2"},
    }
    return Drawn(Report(Run(**{**run, **changes}), records), truths, predictions)


def record(
    name: str, truth: np.ndarray, prediction: np.ndarray, count: int, random: np.random.Generator
) -> PhotoRecord:
    """What is counted on one photo; boundary bands, contrasts and confidences are made up."""
    pairs = [
        (int(t), count if p == 255 else int(p)) for t, p in zip(truth.flat, prediction.flat, strict=True) if t != 255
    ]
    there, shown = {t for t, _ in pairs}, {p for _, p in pairs} - {count}
    either = {label: int(random.integers(5, 20)) for label in sorted(there | shown)}
    calibration = []
    for bin_index in sorted(random.permutation(15)[:4].tolist()):
        pixels = int(random.integers(1, 30))
        right = int(random.integers(0, pixels + 1))
        calibration.append((bin_index, pixels, pixels * (bin_index + 0.5) / 15, right))
    return photo_record(
        name,
        confusion=[(t, p, pixels) for (t, p), pixels in sorted(Counter(pairs).items())],
        boundary=[(label, int(random.integers(0, union + 1)), union) for label, union in either.items()],
        contrasts={label: float(random.uniform(-50, 90)) for label in sorted(there - {0})},
        shown=sorted(shown - {0}),
        there=sorted(there - {0}),
        calibration=calibration,
    )


def photo_record(
    name: str,
    confusion: Sequence[tuple[int, int, int]] = (),
    boundary: Sequence[tuple[int, int, int]] = (),
    contrasts: Mapping[int, float] | None = None,
    shown: Sequence[int] = (),
    there: Sequence[int] = (),
    calibration: Sequence[tuple[int, int, float, int]] = (),
) -> PhotoRecord:
    """A record with everything that is counted on a photo; nothing where nothing is given."""
    counts = {"confusion": confusion, "boundary": boundary, "shown": shown, "there": there, "calibration": calibration}
    lists = {key: list(values) for key, values in counts.items()}
    return PhotoRecord(name, {**lists, "contrasts": dict(contrasts or {})})
