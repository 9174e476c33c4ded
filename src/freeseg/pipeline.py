"""FreeSeg: photo + words -> mask."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from freeseg.decision import itsm, masks
from freeseg.decision.pooling import smooth_patches
from freeseg.errors import FreeSegError, LabelError, PhotoError
from freeseg.mask_values import BACKGROUND, IGNORE, UNSURE, reserve_ignore
from freeseg.models import DEFAULT, Config, Preprocessing, load_model
from freeseg.models.devices import precision, require_device
from freeseg.models.iclip import ICLIP
from freeseg.models.packaged_weights import tensors_sha256
from freeseg.models.towers import family_of
from freeseg.photos import Photo, fit_short_side, prefetch_photos, read_photo, resize, to_array
from freeseg.results.segmentation import Segmentation
from freeseg.words import Vocabulary
from freeseg.words import embedding_cache as text_cache
from freeseg.words.embedded import EmbeddedVocabulary, SimilarityMaps

if TYPE_CHECKING:
    from freeseg.engines.onnx_file import OnnxImages

Labels = Vocabulary | str | Iterable[str]
SMALLEST = 32  # pixels on the shorter side that a model may be asked to see
REFINE_STRIDE = 8  # the photo's edges are looked at once every so many pixels: a longer reach for less work


def load(
    model: str | Path = DEFAULT,
    device: str | torch.device = "cpu",
    revision: str | None = None,
    mode: str | None = None,
    dtype: str | torch.dtype = "float32",
    short_side: int | None = None,
    onnx: str | Path | None = None,
) -> FreeSeg:
    """A model, ready to segment.

    Args:
        model: Name of an embedded model; a folder that `freeseg pretrain` or `freeseg train` wrote; or a CLIP, SigLIP
            or SigLIP 2 in transformers' format, as a folder or by its name on the hub
            ("openai/clip-vit-base-patch16").
        device: "cpu", "cuda", "mps", ...
        revision: Branch, tag or commit on the hub; None for the newest.
        mode: Dense mode of a CLIP ("raw", "maskclip", "surgery", ...); None for its family's own.
        dtype: Precision of the towers: "float32", "bfloat16" or "float16". Decisions stay in float32.
        short_side: Pixels on the shorter side at which the model sees a photo: fewer are faster and coarser. None for
            the model's own. Masks have the photo's size all the same.
        onnx: A file of this model that `freeseg export` wrote for any words: onnxruntime then looks at the photos.
            In 8 bits that is faster on a processor that has instructions for them (docs/network-speed.md).

    Raises:
        WeightsError: No such model, or its weights are missing, altered or of a kind that cannot be used; or `onnx` is
            not a file of this model.
        FreeSegError: No such device here, or it lacks that precision; or a short side below `SMALLEST`.

    Example:
        >>> import freeseg, numpy as np
        >>> model = freeseg.load()
        >>> result = model.segment(np.zeros((40, 60, 3), np.uint8), ["cat", "sofa|couch"])
        >>> result.mask.shape, result.labels
        ((40, 60), ('background', 'cat', 'sofa'))
    """
    if short_side is not None and short_side < SMALLEST:
        raise FreeSegError(f"short side is {short_side}; it must be at least {SMALLEST} pixels")
    iclip, config = load_model(model, revision=revision, mode=mode, dtype=precision(dtype, require_device(device)))
    if short_side is not None:
        config = replace(config, preprocessing=replace(config.preprocessing, short_side=short_side))
    network = FreeSeg(iclip.to(device), config)
    return network if onnx is None else _seeing_by(network, Path(onnx))


def _seeing_by(network: FreeSeg, path: Path) -> FreeSeg:
    """The model with a file of its image side."""
    if network.device.type != "cpu" or network.model.precision != torch.float32:
        raise FreeSegError("an ONNX file runs on the CPU at its own precision; leave --device and --precision out")
    if not family_of(network.config.towers.image).runs_through_onnx:
        raise FreeSegError("photos through an ONNX file of a CLIP or SigLIP have no windows; leave --onnx out")
    if find_spec("onnxruntime") is None:  # few need it, so it is not installed for everyone
        raise FreeSegError('an ONNX file needs onnxruntime; run: pip install "freeseg[export]"')
    from freeseg.engines.onnx_file import OnnxImages

    return FreeSeg(network.model, network.config, OnnxImages(path, network.weights_sha256))


class Prepared(NamedTuple):
    """A photo, upright, and the pixels (h, w, 3) that the model sees of it."""

    photo: Image.Image
    pixels: NDArray[np.uint8]
    name: str


class FreeSeg:
    """A model and its decision rule.

    Args:
        model: The image-text model.
        config: Its preprocessing and decision rule.
        image_side: What looks at photos in the model's place; None for the model itself.
    """

    def __init__(self, model: ICLIP, config: Config, image_side: OnnxImages | None = None):
        self.model = model.eval()
        self.image_side = image_side
        self.config = config
        self.words = lru_cache(maxsize=16)(self._embed_words)

    def with_config(self, config: Config) -> FreeSeg:
        """The same model with another preprocessing or decision rule."""
        return FreeSeg(self.model, config, self.image_side)

    @cached_property
    def weights_sha256(self) -> str:
        """Of the checkpoint's file; where there is none of FreeSeg's, of all that makes the model what it is."""
        config, model = self.config, self.model
        towers = config.towers
        others = (towers.mode, towers.projected, model.mean.flatten().tolist(), model.std.flatten().tolist())
        return config.weights_sha256 or hashlib.sha256(f"{others} {tensors_sha256(model)}".encode()).hexdigest()

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @overload
    def segment(self, image: list[Photo], labels: Labels, background: bool = ...) -> list[Segmentation]: ...
    @overload
    def segment(self, image: Photo, labels: Labels, background: bool = ...) -> Segmentation: ...
    def segment(
        self, image: Photo | list[Photo], labels: Labels, background: bool = True
    ) -> Segmentation | list[Segmentation]:
        """Segment a photo, or a list of photos, by words.

        Args:
            image: A path, a PIL image, an array (H, W), (H, W, 3) or (H, W, 4); or a list of these.
            labels: EmbeddedVocabulary, `"sofa|couch"` for aliases; or a `Vocabulary`.
            background: Whether a pixel may be none of the labels.

        Returns:
            A `Segmentation` at the photo's own size (a list of them for a list).

        Raises:
            PhotoError: A photo cannot be read.
            LabelError: The labels cannot be used.
        """
        results = []
        for outcome in self.stream(image if isinstance(image, list) else [image], labels, background):
            if isinstance(outcome, PhotoError):
                raise outcome
            results.append(outcome)
        return results if isinstance(image, list) else results[0]

    def stream(
        self, images: Iterable[Photo], labels: Labels, background: bool = True
    ) -> Iterator[Segmentation | PhotoError]:
        """Segment any number of photos, in order: memory does not grow with their number.

        A photo that cannot be read comes out as its error, so that it does not cost the others. Meanwhile the next
        photo is read; where onnxruntime looks at photos, it looks at several at once (`OnnxImages.max_concurrent`).
        """
        words = self.words(Vocabulary.of(labels))
        max_concurrent = self.image_side.max_concurrent if self.image_side else 1
        with closing(prefetch_photos(partial(self._begin, words), images, count=max_concurrent)) as upcoming:
            for begun in upcoming:
                try:
                    prepared, maps = begun.result()
                except PhotoError as error:
                    yield error
                else:
                    mask = self.decide(maps or self.maps(prepared, words), words, prepared, background)
                    yield self._result(mask, prepared, words.names, words.names, background)

    def segment_known(
        self, image: Photo, labels: Labels, known: Iterable[str], background: bool = True
    ) -> Segmentation:
        """Segment a photo that is known to show some of the labels, and no others: those of its caption, for example.

        Background words that mean another label are background here. Value i of the mask means label i of all labels,
        as without `known`.

        Args:
            image: A photo as in `segment`.
            labels: The labels as in `segment`.
            known: Names of labels that are in the photo; if there are none, those that presence finds.
            background: Whether a pixel may be none of the labels.

        Raises:
            PhotoError: The photo cannot be read.
            LabelError: The labels cannot be used, or do not have one that is known.

        Example:
            >>> import freeseg, numpy as np
            >>> result = freeseg.load().segment_known(np.zeros((40, 60, 3), np.uint8), "cat, dog, sofa", ["sofa"])
            >>> result.labels, result.candidates
            (('background', 'cat', 'dog', 'sofa'), ('sofa',))
        """
        words = self.words(Vocabulary.of(labels))
        wanted = {known} if isinstance(known, str) else set(known)
        if unknown := wanted.difference(words.names):
            raise LabelError(f"no label is called {min(unknown)!r}; a known label must be one of the labels")
        prepared = self.prepare(image)
        chosen = [index for index, name in enumerate(words.names) if name in wanted]
        if chosen:
            asked = words.restrict_to(chosen)
            maps = self.maps(prepared, asked)
        else:  # the model looks once, and it is decided twice
            every = self._maps(prepared, words.all_texts, words)
            maps = every.restrict_to(range(len(words.names)), words.synonym_of)
            mask = self.decide(maps, words, prepared, background)
            chosen = mask.candidates.tolist()
            if not chosen:
                return self._result(mask, prepared, words.names, words.names, background)
            asked, maps = words.restrict_to(chosen), every.restrict_to(chosen, words.synonym_of)
        mask = self.decide(maps, asked, prepared, background, torch.arange(len(chosen), device=self.device))
        mask = mask._replace(labels=_renumbered(mask.labels, chosen, background))
        return self._result(mask, prepared, words.names, [words.names[label] for label in chosen], background)

    def similarity(
        self, image: Photo, labels: Labels, remove_redundancy: bool = False, size: tuple[int, int] | None = None
    ) -> NDArray[np.float32]:
        """The Image-Text Similarity Map at the photo's size: (N, H, W) float32 cosines in [-1, 1].

        Smoothed over neighbouring patches, as masks are decided from it.

        Args:
            image: As `segment` takes it.
            labels: As `segment` takes them.
            remove_redundancy: Take out of every map what all labels and background words share, as CLIP Surgery does
                (`itsm.remove_redundancy`). The values are then no cosines, and are for display.
            size: (height, width) of the maps; None for the photo's. All labels' maps are held at it at once.

        Example:
            >>> import freeseg, numpy as np
            >>> freeseg.load().similarity(np.zeros((40, 60, 3), np.uint8), ["cat", "dog"]).shape
            (2, 40, 60)
        """
        prepared = self.prepare(image)
        maps = self.maps(prepared, self.words(Vocabulary.of(labels)))
        shown = maps.labels[None]
        if remove_redundancy:
            every = torch.cat([maps.labels, maps.background])[None]
            # The whole photo is the mean of its patches, as in training: not every tower has a class token to ask.
            shown = itsm.remove_redundancy(every, every.mean(dim=(2, 3)))[:, : len(maps.labels)]
        return itsm.upsample(shown, size or prepared.photo.size[::-1])[0].cpu().numpy()

    def prepare(self, image: Photo) -> Prepared:
        """Read a photo and resize it to what the model sees."""
        return prepare(image, self.config.preprocessing)

    @torch.inference_mode()
    def maps(self, prepared: Prepared, words: EmbeddedVocabulary) -> SimilarityMaps:
        """The similarity maps of a photo, on the patch grid."""
        return self._maps(prepared, words.embeddings, words)

    @torch.inference_mode()
    def _maps(self, prepared: Prepared, texts: Tensor, words: EmbeddedVocabulary) -> SimilarityMaps:
        pixels = torch.from_numpy(prepared.pixels).permute(2, 0, 1)[None].to(self.device)
        similarity = (self.image_side or self.model).similarity_maps(pixels, texts)
        similarity = smooth_patches(similarity, self.config.decision.smoothing)
        aliases = len(words.label_of_alias)
        labels = itsm.merge_aliases(similarity[:, :aliases], words.label_of_alias, len(words.names))
        return SimilarityMaps(labels[0], similarity[0, aliases:])

    @torch.inference_mode()
    def decide(
        self,
        maps: SimilarityMaps,
        words: EmbeddedVocabulary,
        prepared: Prepared,
        background: bool,
        known: Tensor | None = None,
    ) -> masks.FreeMask:
        """The mask of a photo, from its similarity maps with these words; `known` as in `masks.free_mask`."""
        others = maps.background if background and len(maps.background) else None
        edges = _edges(prepared.pixels).to(self.device)
        size = prepared.photo.size[::-1]
        mask = masks.free_mask(maps.labels, others, edges, size, self.config.decision, known, words.is_background_word)
        if background and others is None:  # no words to tell it by: nothing is background, but 0 is still its index
            return mask._replace(labels=mask.labels + (mask.labels != UNSURE))
        return mask

    def _begin(self, words: EmbeddedVocabulary, image: Photo) -> tuple[Prepared, SimilarityMaps | None]:
        """What is done of a photo before its turn. PyTorch's own threads look at one photo at a time, together."""
        prepared = self.prepare(image)
        return prepared, self.maps(prepared, words) if self.image_side else None

    def _result(
        self, mask: masks.FreeMask, prepared: Prepared, names: Sequence[str], asked: Sequence[str], background: bool
    ) -> Segmentation:
        """A mask of labels of these names, decided among those of them that were asked for."""
        labels = ((BACKGROUND,) if background else ()) + tuple(names)
        return Segmentation(
            mask=_indices(mask.labels, len(labels)),
            confidence=mask.confidence.clamp(0, 1).cpu().numpy(),
            labels=reserve_ignore(labels),
            photo=prepared.photo,
            name=prepared.name,
            model=self.config.name,
            presence=dict(zip(asked, mask.presence.tolist(), strict=True)),
            candidates=tuple(asked[label] for label in mask.candidates.tolist()),
        )

    def _embed_words(self, vocabulary: Vocabulary) -> EmbeddedVocabulary:
        label_of_alias = torch.tensor(vocabulary.label_of_alias, device=self.device)
        is_background_word = torch.tensor(vocabulary.is_background_word, device=self.device)
        with torch.inference_mode():
            aliases, raw = self._embed(vocabulary, vocabulary.aliases)
            others, synonym_of = aliases[:0], label_of_alias.new_empty((0, len(vocabulary.names)), dtype=torch.bool)
            if vocabulary.background_words:
                others, raw_others = self._embed(vocabulary, vocabulary.background_words)
                nearest = itsm.merge_aliases(
                    (raw_others @ raw.T)[:, :, None, None], label_of_alias, len(vocabulary.names)
                )
                synonym_of = nearest[:, :, 0, 0] >= self.config.same_meaning
        return EmbeddedVocabulary.of(aliases, label_of_alias, vocabulary.names, is_background_word, others, synonym_of)

    def _embed(self, vocabulary: Vocabulary, words: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Prompt-averaged unit embeddings of words in the joint space, and in the text tower's own space."""

        def compute() -> dict[str, Tensor]:
            towers = self.model.text_tower(vocabulary.prompts(words)).to(self.device)
            joint = F.normalize(self.model.text_head(towers), dim=1)
            shape = (len(words), len(vocabulary.templates), -1)
            spaces = {"joint": joint, "tower": towers}
            return {name: F.normalize(rows.view(shape).mean(1), dim=1) for name, rows in spaces.items()}

        found = text_cache.embeddings(lambda: self._text_identity, words, vocabulary.templates, compute)
        return found["joint"].to(self.device), found["tower"].to(self.device)

    @cached_property
    def _text_identity(self) -> str:
        """What the embeddings of words depend on, for their cache."""
        tower = self.model.text_tower
        modules = [part for part in (tower, self.model.text_head) if isinstance(part, torch.nn.Module)]
        return text_cache.identity(*modules, extra=getattr(tower, "spelling", ""))


def prepare(image: Photo, seen: Preprocessing) -> Prepared:
    """Read a photo and resize it to what a model with this preprocessing sees."""
    photo = read_photo(image)
    width, height = fit_short_side(photo.size, seen.short_side, long_cap=seen.long_cap)
    size = _whole(width, seen.multiple), _whole(height, seen.multiple)
    shown = photo.resize(size, Image.Resampling.BILINEAR) if seen.resample == "bilinear" else resize(photo, size)
    pixels = to_array(shown)
    return Prepared(photo, pixels, Path(image).name if isinstance(image, str | Path) else "photo")


def _whole(side: int, multiple: int) -> int:
    """The nearest multiple, at least one."""
    return max(1, round(side / multiple)) * multiple


def _edges(pixels: NDArray[np.uint8]) -> Tensor:
    """The photo for refinement: (3, h / REFINE_STRIDE, w / REFINE_STRIDE) in [0, 1]."""
    height, width = (max(1, side // REFINE_STRIDE) for side in pixels.shape[:2])
    whole = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(whole, (height, width), mode="area")[0]


def _renumbered(labels: Tensor, known: Sequence[int], background: bool) -> Tensor:
    """Indices into the known labels as indices into all of them; where there is a background, it stays 0."""
    kept = [0, *(label + 1 for label in known)] if background else list(known)
    table = torch.tensor([*kept, UNSURE], dtype=labels.dtype, device=labels.device)
    return table[labels.long()]  # "don't know" is -1: the last of the table


def _indices(labels: Tensor, count: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Label indices as the mask stores them: 255 is "don't know", so labels from there on move up by one."""
    if count <= IGNORE:
        return np.asarray(labels.to(torch.uint8).cpu())  # -1, "don't know", becomes 255
    stored = torch.where(labels == UNSURE, IGNORE, labels + (labels >= IGNORE))
    return np.asarray(stored.cpu(), dtype=np.uint16)
