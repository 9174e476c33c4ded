"""The shapes of what goes in and out, for the API's description (OpenAPI). Answers are written by `answers`."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool

from freeseg.serve.answers import COCO, JPEG, LABELME, PNG, ZIP
from freeseg.serve.problems import PROBLEM


class ProblemDetails(BaseModel):
    """What is wrong, as RFC 9457 has it."""

    type: str = Field(examples=["urn:freeseg:problem:labels"])
    title: str
    status: int
    detail: str = Field(description="The cause, in one line.")
    fix: str = Field(description="What to do, in one line.")


class ModelEntry(BaseModel):
    """A model that answers."""

    name: str
    default: bool
    engine: str
    precision: str
    licence: str


class Models(BaseModel):
    """The models that answer: one, since a process has one."""

    models: list[ModelEntry]


class VocabularyEntry(BaseModel):
    """A list of labels that ships with FreeSeg."""

    name: str
    title: str
    labels: list[str] = Field(description='Each with its synonyms, as in "sofa|couch".')
    background: bool = Field(description="Whether it is meant for masks with a background.")


class Vocabularies(BaseModel):
    """The lists of labels that ship with FreeSeg."""

    vocabularies: list[VocabularyEntry]


class KeptPhotoEntry(BaseModel):
    """A photo that is kept."""

    id: str = Field(description="The sha256 of its file, 64 hex digits.")
    width: int
    height: int
    expires_in: float = Field(description="Seconds until it goes, unless it is asked for again.")


class Rle(BaseModel):
    """A mask as COCO's compressed run-length encoding."""

    size: list[int] = Field(description="[height, width]")
    counts: str


class LabelEntry(BaseModel):
    """What was found of a label."""

    label: str
    aliases: list[str]
    color: str = Field(examples=["#e63946"])
    share: float = Field(description="Of all pixels, in [0, 1]; 0 where it was not found.")
    confidence: float = Field(description="The mean over its pixels, in [0, 1].")
    box: list[int] | None = Field(description="[x, y, width, height] around its pixels.")
    rle: Rle


class PhotoEntry(BaseModel):
    """The photo of a result."""

    id: str
    width: int
    height: int


class Share(BaseModel):
    """A share of the pixels."""

    share: float


class Result(BaseModel):
    """A result: every label that was asked for, in the order in which they were."""

    photo: PhotoEntry
    labels: list[LabelEntry]
    background: Share | None = Field(description="Null where every pixel has a label.")
    unsure: float = Field(description='The share of "don\'t know".')
    model: str
    seconds: float
    warnings: list[str]


class BatchPlace(BaseModel):
    """Which photo of a batch a line is about."""

    index: int = Field(description="The place of the photo in the request, from 0.")
    file: str = Field(description="The photo's name, as it was sent.")


class BatchResult(BatchPlace, Result):
    """A line of a batch's answer: the result of a photo."""


class BatchProblem(BatchPlace):
    """A line of a batch's answer: what is wrong with a photo."""

    problem: ProblemDetails


class BatchLine(RootModel[BatchResult | BatchProblem]):
    """A line of a batch's answer."""


Word: TypeAlias = Annotated[str, Field(min_length=1)]


class Question(BaseModel):
    """What is asked about a photo."""

    model_config = ConfigDict(extra="forbid")
    labels: Word | Annotated[list[Word], Field(min_length=1)] = Field(
        description='Labels as "cat, sofa|couch", as a list, or the name of a list of labels.',
        examples=[["cat|kitten", "dog"]],
    )
    background: StrictBool = Field(True, description="Whether a pixel may be none of the labels.")


BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_FIELDS = {
    "labels": {"type": "string", "minLength": 1, "examples": ["cat, sofa|couch"]},
    "background": {"type": "boolean", "default": True},
}
PICTURE_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "picture",
        "in": "query",
        "description": "A picture, whatever the Accept header says.",
        "schema": {"type": "string", "enum": ["mask", "overlay", "cutout", "outlines"]},
    },
    {"name": "label", "in": "query", "description": "The label of a cut-out.", "schema": {"type": "string"}},
]
LABEL_PARAMETERS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "description": "For a photo as the whole body.", "schema": schema}
    for name, schema in _FIELDS.items()
]


def photo_body(*, several: bool = False, fields: bool = True) -> dict[str, Any]:
    """How a photo is sent.

    Args:
        several: Whether there may be several.
        fields: Whether labels come with it.
    """
    photo = {"type": "array", "items": BINARY, "minItems": 1} if several else BINARY
    form = {
        "type": "object",
        "properties": {"photo": photo, **(_FIELDS if fields else {})},
        "required": ["photo", "labels"] if fields else ["photo"],
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    if not several:
        content["image/*"] = {"schema": BINARY}
    return {"requestBody": {"required": True, "content": content}}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """How a question is sent."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that an address may answer with."""
    content = {PROBLEM: {"schema": ProblemDetails.model_json_schema()}}
    return {status: {"description": "A problem.", "content": content} for status in statuses}


def pictures() -> dict[int | str, dict[str, Any]]:
    """What a result may be besides JSON."""
    media = {kind: {"schema": BINARY} for kind in (PNG, JPEG, ZIP)}
    media |= {kind: {"schema": {"type": "object"}} for kind in (COCO, LABELME)}
    return {200: {"model": Result, "content": media}}
