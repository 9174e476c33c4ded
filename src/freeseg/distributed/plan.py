"""What is done with the photos of a run, in a form that travels to other machines and can be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from freeseg import __version__
from freeseg.errors import DataError, FreeSegError, WeightsError
from freeseg.files import bytes_sha256, text_bytes
from freeseg.labelling.photo import LabellingOptions, ignoring_below
from freeseg.pipeline import FreeSeg, Labels
from freeseg.words import Vocabulary

FORMAT = "freeseg-parts-1"
Kind = Literal["masks", "embeddings", "query", "free masks"]
_TOLD = {
    "weights_sha256": "model",
    "decision": "model",
    "vocabulary": "labels",
    "source": "embeddings",
    "ignore_below": "--ignore-below",
    "views": "--views",
}  # what a user calls a field


@dataclass(frozen=True)
class Plan:
    """What is done with the photos of a run.

    Attributes:
        kind: What is written of each photo.
        model: As `freeseg.load` takes it; a folder must be there on every machine.
        weights_sha256: Of the model's weights.
        decision: The sha256 of the model's preprocessing and decision rule.
        engine: What computes: "onnxruntime" or "torch".
        precision: What it computes in.
        short_side: Pixels on the shorter side at which the model sees a photo; None for the model's own.
        version: Of FreeSeg.
        vocabulary: The labels; None for embeddings, which know none.
        background: Whether a pixel may be none of the labels.
        source: Of a query, the sha256 of the plan of the embeddings.
        views: Of free masks, short sides at which the model looks at each photo.
        ignore_below: Of free masks, the confidence below which pixels are "don't know"; None for the model's own rule.
    """

    kind: Kind
    model: str
    weights_sha256: str
    decision: str
    engine: str
    precision: str
    short_side: int | None
    version: str
    vocabulary: Vocabulary | None = None
    background: bool = True
    source: str = ""
    views: tuple[int, ...] = ()
    ignore_below: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The plan for JSON. What only free masks have is left out where it is not given, as it was before."""
        told: dict[str, Any] = json.loads(json.dumps({"format": FORMAT, **asdict(self)}))
        not_given: tuple[tuple[str, Any], ...] = ("views", []), ("ignore_below", None)
        return {name: value for name, value in told.items() if (name, value) not in not_given}

    @property
    def sha256(self) -> str:
        """What tells the plan from others."""
        return _sha256(self.to_dict())

    @property
    def rows_per_group(self) -> int | None:
        """How many rows of a part are read at once at least: a training reads free masks one by one, in any order."""
        return 8 if self.kind == "free masks" else None

    def differs_from(self, other: Mapping[str, Any]) -> list[str]:
        """What a plan that `to_dict` wrote has otherwise, in words of a user."""
        ours = self.to_dict()
        names = {*ours, *other}
        return sorted({_TOLD.get(name, name) for name in names if ours.get(name) != other.get(name)})


def mask_plan(
    labels: Labels,
    *,
    model: str,
    engine: str = "auto",
    precision: str | None = "float32",
    short_side: int | None = None,
    background: bool = True,
) -> Plan:
    """The plan to segment photos by words. The model is loaded, and the labels are tried.

    Args:
        labels: As `FreeSeg.segment` takes them.
        model: As `freeseg.load` takes it.
        engine: As `freeseg.load` takes it.
        precision: As `freeseg.load` takes it. In "float32" a mask is the same on every kind of processor.
        short_side: As `freeseg.load` takes it.
        background: Whether a pixel may be none of the labels.

    Raises:
        FreeSegError: The model cannot be had as it was asked for, or the labels cannot be used.

    Example:
        >>> plan = mask_plan("cat, dog", model="freeseg-lite")
        >>> plan.engine, plan.precision, plan.vocabulary.names
        ('onnxruntime', 'float32', ('cat', 'dog'))
    """
    plan = embedding_plan(model=model, engine=engine, precision=precision, short_side=short_side)
    return _asking(replace(plan, kind="masks"), labels, background)


def free_mask_plan(options: LabellingOptions) -> Plan:
    """The plan to label photos with free masks. The model is loaded, and the labels are tried.

    Args:
        options: How photos are labelled; their folder is not looked at.

    Raises:
        FreeSegError: The model cannot be had as it was asked for, or the labels cannot be used.

    Example:
        >>> from pathlib import Path
        >>> options = LabellingOptions(Path("masks"), Vocabulary.of("cat, dog"), "freeseg-lite", views=(256, 352))
        >>> plan = free_mask_plan(options)
        >>> plan.kind, plan.views
        ('free masks', (256, 352))
    """
    plan = _plan_of(options.load(), "free masks", options.model)
    plan = replace(plan, views=tuple(sorted(set(options.views))), ignore_below=options.ignore_below)
    return _asking(plan, options.vocabulary, background=True)


def embedding_plan(
    *, model: str, engine: str = "auto", precision: str | None = "float32", short_side: int | None = None
) -> Plan:
    """The plan to look at photos once, to ask about them later. The model is loaded.

    Args:
        model: As `freeseg.load` takes it.
        engine: As `freeseg.load` takes it.
        precision: As `freeseg.load` takes it. In "float32" what is seen is the same on every kind of processor.
        short_side: As `freeseg.load` takes it.

    Raises:
        FreeSegError: The model cannot be had as it was asked for.

    Example:
        >>> embedding_plan(model="freeseg-lite").kind
        'embeddings'
    """
    from freeseg import loading

    loaded = loading.load(model, engine=engine, precision=precision, short_side=short_side, threads=1)
    return replace(_plan_of(loaded, "embeddings", model), short_side=short_side)


def query_plan(embeddings: Mapping[str, Any] | None, labels: Labels, *, background: bool = True) -> Plan:
    """The plan to ask what was seen of photos for words.

    Args:
        embeddings: What `Parts.plan` gives of the embeddings.
        labels: As `FreeSeg.segment` takes them.
        background: Whether a pixel may be none of the labels.

    Raises:
        DataError: These are no embeddings.
        FreeSegError: The model is not there or is another one, or the labels cannot be used.

    Example:
        >>> query_plan(embedding_plan(model="freeseg-lite").to_dict(), "cat").vocabulary.names
        ('cat',)
    """
    told = embeddings or {}
    if told.get("format") != FORMAT or told.get("kind") != "embeddings":
        raise DataError("no embeddings are there; name a folder that freeseg embed wrote")
    known: dict[str, Any] = {
        name: told.get(name) for name in ("model", "weights_sha256", "decision", "engine", "precision")
    }
    short_side = told.get("short_side")
    if not all(isinstance(value, str) for value in known.values()) or not isinstance(short_side, int | None):
        raise DataError("the plan.json of the embeddings is damaged; embed the photos again")
    plan = Plan(kind="query", short_side=short_side, version=__version__, source=_sha256(told), **known)
    return _asking(plan, labels, background)


def _plan_of(loaded: FreeSeg, kind: Kind, model: str) -> Plan:
    """The plan that a loaded model makes of its name, without what is asked of it."""
    return Plan(
        kind=kind,
        model=model,
        weights_sha256=loaded.weights_sha256,
        decision=_decision(loaded),
        engine=loaded.engine.name,
        precision=loaded.engine.precision,
        short_side=None,
        version=__version__,
    )


def _asking(plan: Plan, labels: Labels, background: bool) -> Plan:
    """The plan with labels, which its model can use."""
    plan = replace(plan, vocabulary=Vocabulary.of(labels), background=background)
    assert plan.vocabulary is not None  # noqa: S101 - for the type checker
    model_of(plan).embed_vocabulary(plan.vocabulary)
    return plan


@lru_cache(maxsize=1)
def model_of(plan: Plan) -> FreeSeg:
    """The model of a plan. It computes with one thread, so that masks are the same on every number of cores.

    A process keeps the model of the last plan.

    Raises:
        FreeSegError: This machine has another version of FreeSeg than the one that made the plan, or the model cannot
            be had.
        WeightsError: This machine has another model under that name.

    Example:
        >>> model_of(mask_plan("cat", model="freeseg-lite")).engine.max_concurrent
        1
    """
    check_version(plan.version)
    from freeseg import loading

    loaded = loading.load(
        plan.model,
        engine=plan.engine,
        precision=plan.precision,
        short_side=plan.short_side,
        views=plan.views,
        threads=1,
    )
    loaded = ignoring_below(loaded, plan.ignore_below)
    check_same_model(plan.model, (loaded.weights_sha256, _decision(loaded)), (plan.weights_sha256, plan.decision))
    return loaded


def check_version(version: str) -> None:
    """Check that this machine has the version of FreeSeg that started the run.

    Raises:
        FreeSegError: It has another one.

    Example:
        >>> check_version("0.0.1")
        Traceback (most recent call last):
        freeseg.errors.FreeSegError: a machine has FreeSeg 0.1.0, and the run was started by 0.0.1; install the same \
version on all machines
    """
    if version != __version__:
        raise FreeSegError(
            f"a machine has FreeSeg {__version__}, and the run was started by {version}; install the same version on "
            "all machines"
        )


def check_same_model(name: str, here: object, wanted: object) -> None:
    """Check that this machine has the model that the run was started with.

    Args:
        name: Of the model.
        here, wanted: What tells the models of that name apart: of this machine's, and of the other.

    Raises:
        WeightsError: It has another one.

    Example:
        >>> check_same_model("freeseg-lite", "ab12", "ab12")
    """
    if here != wanted:
        raise WeightsError(f"a machine has another model under the name {name}; copy the same to all machines")


def _sha256(told: Mapping[str, Any]) -> str:
    return bytes_sha256(text_bytes(json.dumps(told, sort_keys=True)))


def _decision(model: FreeSeg) -> str:
    return bytes_sha256(text_bytes(repr((model.config.preprocessing, model.config.decision))))
