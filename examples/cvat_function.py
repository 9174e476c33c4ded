"""Let CVAT annotate a task with FreeSeg: an auto-annotation function, as cvat-sdk 2.80 describes it.

    cvat-cli task auto-annotate TASK --function-file examples/cvat_function.py -p labels=str:"cat|kitten, dog"

A label of the task must have the name of each label, without its synonyms; its type is any or mask, or polygon with
`--conv-mask-to-poly`. `pip install cvat-cli` brings cvat-sdk as well.
"""

from __future__ import annotations

import cvat_sdk.auto_annotation as cvataa
import numpy as np
from cvat_sdk.masks import encode_mask
from cvat_sdk.models import LabeledShapeRequest
from PIL import Image

import freeseg
from freeseg.results.polygons import polygons


class FreeSegFunction:
    """Words to look for, and a model that finds them.

    Args:
        labels: The words, as `--labels` takes them.
        model: The model, as `--model` takes it.
    """

    def __init__(self, labels: str, model: str = "freeseg-lite"):
        self._labels = freeseg.Vocabulary.of(labels)
        self._model = freeseg.load(model)

    @property
    def spec(self) -> cvataa.DetectionFunctionSpec:
        """The labels that it can find, numbered from 0."""
        labels = [cvataa.label_spec(name, number) for number, name in enumerate(self._labels.names)]
        return cvataa.DetectionFunctionSpec(labels=labels)

    def detect(self, context: cvataa.DetectionFunctionContext, image: Image.Image) -> list[LabeledShapeRequest]:
        """What is in a photo: each connected part as a mask, or as a polygon where CVAT wants polygons."""
        shapes = []
        for each in self._model.segment(image, self._labels).to_transformers(instances=True):
            if each["score"] < (context.conf_threshold or 0):
                continue
            number, where = self._labels.names.index(each["label"]), np.asarray(each["mask"]) > 0
            if context.conv_mask_to_poly:
                shapes += [cvataa.polygon(number, points.ravel().tolist()) for points in polygons(where)]
            else:
                shapes.append(cvataa.mask(number, encode_mask(where)))
        return shapes


create = FreeSegFunction
