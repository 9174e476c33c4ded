"""Show photos and their masks in FiftyOne (written for its version 1.22).

    python examples/to_fiftyone.py photos --labels "cat|kitten, dog"

Each photo becomes a sample with an `fo.Segmentation` in the field freeseg, and `default_mask_targets` names the values.
It needs `pip install fiftyone`, which runs a MongoDB of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import fiftyone as fo

import freeseg
from freeseg.mask_values import DONT_KNOW, IGNORE, labels_by_value
from freeseg.photos import find_photos


def to_dataset(model: freeseg.FreeSeg, photos: Iterable[str], labels: str) -> fo.Dataset:
    """The photos that can be read, with their masks."""
    vocabulary = freeseg.Vocabulary.of(labels)
    samples = []
    for result in model.stream([photo.content for photo in find_photos(photos)], vocabulary):
        if isinstance(result, freeseg.FreeSegError):
            print("left out:", result)
            continue
        mask = fo.Segmentation(mask=result.mask)
        samples.append(fo.Sample(filepath=result.source, freeseg=mask, found=result.found))
    dataset = fo.Dataset()
    names = labels_by_value(vocabulary.names, background=True)
    dataset.default_mask_targets = dict(enumerate(names)) | {IGNORE: DONT_KNOW}
    dataset.add_samples(samples)
    return dataset


def main() -> None:
    """Read the options, and open FiftyOne in the browser."""
    parser = argparse.ArgumentParser(description="Show photos and their masks in FiftyOne.")
    parser.add_argument("photos", nargs="+", help="photos and folders of photos")
    parser.add_argument("--labels", required=True, help="words to look for")
    asked = parser.parse_args()
    fo.launch_app(to_dataset(freeseg.load(), asked.photos, asked.labels)).wait()


if __name__ == "__main__":
    main()
