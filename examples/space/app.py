"""A Gradio app over FreeSeg: a photo and words in, the photo with its regions out.

    pip install gradio freeseg
    python examples/space/app.py

FreeSeg does not need Gradio; `freeseg serve` has a page of its own. This is for people who know Gradio, or want to put
FreeSeg on a Space.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import freeseg
from freeseg.files import bytes_sha256
from freeseg.photos import SeenPhoto

KEPT = 8  # photos that are looked at once and asked about many times
WORDS = "cat|kitten, sofa|couch, person"

# A photo with the mask and the name of each label that was found, and a row of a table for each of them.
Shown = tuple[tuple[Image.Image, list[tuple[NDArray[np.bool_], str]]] | None, list[list[str]]]


class Looker:
    """A model that remembers the photos that it looked at last.

    Args:
        model: The model.
    """

    def __init__(self, model: freeseg.FreeSeg):
        self.model = model
        self._seen: OrderedDict[str, SeenPhoto] = OrderedDict()

    def look(self, photo: Image.Image) -> SeenPhoto:
        """Look at a photo, unless that was done before."""
        key = bytes_sha256(str(photo.size).encode() + photo.tobytes())
        if key not in self._seen:
            self._seen[key] = self.model.look(photo)
            while len(self._seen) > KEPT:
                self._seen.popitem(last=False)
        return self._seen[key]

    def segment(self, photo: Image.Image | None, words: str, background: bool) -> Shown:
        """What Gradio shows.

        Raises:
            FreeSegError: The words cannot be used; the message says why and what to do.
        """
        if photo is None or not words.strip():
            return None, []
        result = self.model.segment(self.look(photo.convert("RGB")), words, background=background)
        areas = result.areas()
        regions = [(result.label_mask(label), label) for label in result.found]
        rows = [[label, f"{areas[label]:.1%}", f"{result.mean_confidence(label):.2f}"] for label in result.found]
        return (result.photo, regions), rows


def build(looker: Looker) -> Any:
    """The app."""
    import gradio

    def answer(photo: Image.Image | None, words: str, background: bool) -> Shown:
        try:
            return looker.segment(photo, words, background)
        except freeseg.FreeSegError as error:
            raise gradio.Error(str(error), print_exception=False) from error

    with gradio.Blocks(title="FreeSeg") as app:
        gradio.Markdown("# FreeSeg\nSegment a photo by words, with a model that has never seen a mask.")
        with gradio.Row():
            with gradio.Column():
                photo = gradio.Image(type="pil", label="Photo")
                words = gradio.Textbox(WORDS, label="Words", info='Commas between things, "sofa|couch" for synonyms.')
                background = gradio.Checkbox(True, label="A pixel may be none of them")
                start = gradio.Button("Segment", variant="primary")
            with gradio.Column():
                shown = gradio.AnnotatedImage(label="What is where")
                table = gradio.Dataframe(headers=["label", "area", "confidence"], label="Found", interactive=False)
        inputs, outputs = [photo, words, background], [shown, table]
        for event in (start.click, words.submit, photo.change, background.change):
            event(answer, inputs, outputs)
    return app


if __name__ == "__main__":
    build(Looker(freeseg.load())).queue(max_size=32).launch()
