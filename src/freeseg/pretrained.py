"""Where a model comes from and goes to, by the names that other libraries have for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from freeseg import extras
from freeseg.errors import FreeSegError, WeightsError, shortened
from freeseg.models import DEFAULT
from freeseg.models.config import MOST_SHORT_SIDE

if TYPE_CHECKING:
    import torch

    from freeseg.engines.engine import Engine
    from freeseg.models.config import Config
    from freeseg.models.hub import Pushed

MIN_SHORT_SIDE = 32  # pixels on the shorter side that a model may be asked to see


class LoadOptions(TypedDict, total=False):
    """The options of `load`, for functions that pass them on."""

    engine: str
    precision: str | torch.dtype | None
    device: str | torch.device
    revision: str | None
    mode: str | None
    short_side: int | None
    views: Sequence[int] | None
    onnx: str | Path | None
    threads: int | None


class Pretrained:
    """A model that is made from a folder or from the hub, and can be put on the hub.

    Args:
        engine: What looks at pixels and at words.
        config: The model's preprocessing and decision rule.
    """

    def __init__(self, engine: Engine, config: Config):
        self.engine = engine
        self.config = config
        self._folder: Path | None = None  # that it was loaded from

    @classmethod
    def from_pretrained(cls, model: str | Path = DEFAULT, **options: Unpack[LoadOptions]) -> Self:
        """A model by name, ready to segment: `freeseg.load`, as users of transformers and huggingface_hub call it.

        Args:
            model: As `freeseg.load` takes it: a name, a folder, or owner/name on huggingface.co.
            options: Those of `freeseg.load`.

        Raises:
            FreeSegError: As of `freeseg.load`.

        Example:
            >>> import freeseg
            >>> freeseg.FreeSeg.from_pretrained("freeseg-lite", short_side=256).config.preprocessing.short_side
            256
        """
        from freeseg.engines.choose import Wish
        from freeseg.engines.opening import open_model
        from freeseg.engines.views import ViewsEngine

        short_side, views, onnx = options.get("short_side"), options.get("views") or (), options.get("onnx")
        if views and short_side is not None:
            raise FreeSegError("views are short sides themselves; leave short_side (--short-side) out")
        for side in (*views, *(() if short_side is None else (short_side,))):
            if not MIN_SHORT_SIDE <= side <= MOST_SHORT_SIDE:
                limit = f"at least {MIN_SHORT_SIDE}" if side < MIN_SHORT_SIDE else f"at most {MOST_SHORT_SIDE}"
                raise FreeSegError(f"short side is {shortened(side)}; it must be {limit} pixels")
        wish = Wish.of(
            options.get("engine", "auto"),
            options.get("precision"),
            options.get("device", "cpu"),
            options.get("mode"),
        )
        opened = open_model(
            model,
            wish,
            revision=options.get("revision"),
            onnx=None if onnx is None else Path(onnx),
            threads=options.get("threads"),
        )
        looks, config = opened.engine, opened.config
        if views:
            short_side = max(views)
            smaller = [side / short_side for side in views if side < short_side]
            looks = ViewsEngine(looks, smaller, multiple=config.preprocessing.multiple)
        if short_side is not None:
            config = replace(config, preprocessing=replace(config.preprocessing, short_side=short_side))
        made = cls(looks, config)
        made._folder = opened.folder
        return made

    def push_to_hub(self, name: str, *, private: bool = False) -> Pushed:
        """Put the model on huggingface.co, as `freeseg push` does; others then load it by that name.

        Sent are the files of the folder that it was loaded from, not what it was loaded with, such as a short side.

        Args:
            name: What it is called there: owner/name. A model of that name gets a new commit.
            private: Whether a new model can be seen by its owner only.

        Returns:
            The address of its page, and the files with their bytes.

        Raises:
            WeightsError: The model is not in a folder, or not one of FreeSeg's; or as of `freeseg.models.hub.push`.
            FreeSegError: What puts models on the hub is not installed.
        """
        if self._folder is None:
            raise WeightsError(
                "this model is in memory only; write it with freeseg.models.checkpoint.save, and load that folder"
            )
        extras.require(*extras.TORCH, what="putting a model on huggingface.co")
        from freeseg.models import hub

        return hub.push(self._folder, name, private=private)
