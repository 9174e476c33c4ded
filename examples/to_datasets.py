"""Put photos and their masks into a dataset of Hugging Face's datasets library (written for its version 5.2).

    python examples/to_datasets.py photos --labels "cat|kitten, dog" --out dataset

The dataset has the columns photo, mask (value i means label i of `labels`, 255 "don't know"), labels and found.
`datasets.load_from_disk("dataset")` loads it, and its `push_to_hub` puts it on huggingface.co. It needs
`pip install datasets`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
from PIL import Image

import freeseg
from freeseg.photos import find_photos


def rows(model: freeseg.FreeSeg, photos: list[str], labels: str) -> Iterator[dict[str, Any]]:
    """A row for each photo that can be read."""
    for result in model.stream([photo.content for photo in find_photos(photos)], labels):
        if isinstance(result, freeseg.FreeSegError):
            print("left out:", result)
            continue
        yield {
            "photo": result.photo,
            "mask": Image.fromarray(result.mask),
            "labels": list(result.labels),
            "found": result.found,
        }


def to_dataset(model: freeseg.FreeSeg, photos: list[str], labels: str) -> datasets.Dataset:
    """The photos, with their masks."""
    texts = datasets.List(datasets.Value("string"))
    columns = {"photo": datasets.Image(), "mask": datasets.Image(), "labels": texts, "found": texts}
    return datasets.Dataset.from_list(list(rows(model, photos, labels)), features=datasets.Features(columns))


def main() -> None:
    """Read the options, and write the dataset."""
    parser = argparse.ArgumentParser(description="Write photos and their masks as a dataset of Hugging Face.")
    parser.add_argument("photos", nargs="+", help="photos and folders of photos")
    parser.add_argument("--labels", required=True, help="words to look for")
    parser.add_argument("--out", type=Path, required=True, help="folder of the dataset")
    asked = parser.parse_args()
    to_dataset(freeseg.load(), asked.photos, asked.labels).save_to_disk(asked.out)


if __name__ == "__main__":
    main()
