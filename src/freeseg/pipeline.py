"""FreeSeg: photo + words -> mask, in four steps: read the photo, look at it, decide, give the result."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast, overload

import numpy as np
from numpy.typing import NDArray

from freeseg.decision import maps as similarity
from freeseg.decision.masks import FreeMask, free_mask, photo_edges, renumbered
from freeseg.decision.presence import presence_prior
from freeseg.errors import LabelError, PhotoError, shortened
from freeseg.mask_values import UNSURE, labels_by_value, to_stored
from freeseg.photos import (
    Photo,
    SeenPhoto,
    is_photo,
    photo_name,
    prefetch_photos,
    web_photo,
)
from freeseg.prepared import Prepared, prepare_photo
from freeseg.pretrained import Pretrained
from freeseg.results.segmentation import Segmentation
from freeseg.words import Vocabulary
from freeseg.words.embedded import EmbeddedVocabulary, SimilarityMaps, embed_vocabulary, warn_of_unknown

if TYPE_CHECKING:
    from freeseg.engines.engine import Engine
    from freeseg.models.config import Config

Labels = Vocabulary | str | os.PathLike[str] | Iterable[str] | Mapping[str, Iterable[str]]
Given: TypeAlias = Photo | SeenPhoto  # what a model segments
REMEMBERED = 16  # vocabularies that a model keeps embedded in memory


class FreeSeg(Pretrained):
    """A model that segments photos by words.

    Args:
        engine: What looks at pixels and at words.
        config: The model's preprocessing and decision rule.

    Example:
        >>> import freeseg, numpy as np
        >>> model = freeseg.load()
        >>> model.segment(np.zeros((40, 60, 3), np.uint8), "cat, sofa|couch").labels
        ('background', 'cat', 'sofa')
    """

    def __init__(self, engine: Engine, config: Config):
        super().__init__(engine, config)
        self._embedded: dict[Vocabulary, EmbeddedVocabulary] = {}

    def with_config(self, config: Config) -> FreeSeg:
        """The same model with another preprocessing or decision rule."""
        return FreeSeg(self.engine, config)

    def to(self, device: str) -> FreeSeg:
        """The same model on another device; this one stays where it is.

        Args:
            device: "cpu", "cuda", "cuda:1", "mps", ...

        Raises:
            FreeSegError: This machine has no such device, or onnxruntime runs the model, which computes on the CPU.

        Example:
            >>> import freeseg
            >>> freeseg.load().to("cpu").config.name
            'freeseg-lite'
        """
        return FreeSeg(self.engine.to(device), self.config)

    @property
    def weights_sha256(self) -> str:
        """Of the model's weights."""
        return self.engine.weights_sha256

    @overload  # a text is a photo, and an iterable too
    def segment(self, image: Given, labels: Labels, *, background: bool = ...) -> Segmentation: ...  # type: ignore[overload-overlap]
    @overload
    def segment(self, image: Iterable[Given], labels: Labels, *, background: bool = ...) -> list[Segmentation]: ...
    def segment(
        self, image: Given | Iterable[Given], labels: Labels, *, background: bool = True
    ) -> Segmentation | list[Segmentation]:
        """Segment a photo, or several photos, by words.

        Args:
            image: A path, the bytes of a file, an open binary file, a PIL image, or an array or tensor, as
                `freeseg.photos.read_photo` takes them; or a text that is a URL; or what `look` gave; or a list, a tuple
                or a generator of these, as `stream` takes it.
            labels: Words, `"sofa|couch"` for aliases, as `Vocabulary.of` takes them; or a `Vocabulary`.
            background: Whether a pixel may be none of the labels.

        Returns:
            A `Segmentation` at the photo's own size; a list of them for several photos.

        Raises:
            PhotoError: A photo cannot be read.
            LabelError: The labels cannot be used.
        """
        if is_photo(image) or not isinstance(image, Iterable):  # one: other threads have nothing to do meanwhile
            words = self.embed_vocabulary(labels)
            return self._segment(self.prepare(cast("Given", image)), words, background)
        results = []
        for outcome in self.stream(cast("Iterable[Given]", image), labels, background=background):
            if isinstance(outcome, PhotoError):
                raise outcome
            results.append(outcome)
        return results

    def stream(
        self, images: Iterable[Given], labels: Labels, *, background: bool = True
    ) -> Iterator[Segmentation | PhotoError]:
        """Segment any number of photos, in order: memory does not grow with their number.

        A photo that cannot be read comes out as its error, so that it does not cost the others. Other threads read the
        next photos meanwhile, and segment them too where the engine looks at several at once (`max_concurrent`).

        Args:
            images: The photos, as `segment` takes them. A folder, and a pattern such as `"shots/**/*.jpg"`, stand for
                each photo in them.
            labels: As `segment` takes them.
            background: Whether a pixel may be none of the labels.
        """
        words, ahead = self.embed_vocabulary(labels), self.engine.max_concurrent
        finish = partial(self._segment, words=words, background=background)
        # Where the engine takes one photo at a time, this thread does all but reading.
        begin: Callable[[Given], Prepared | Segmentation] = self.prepare
        if ahead > 1:
            begin = partial(self._read_and_segment, finish)
        with closing(prefetch_photos(begin, images, count=ahead)) as upcoming:
            for begun in upcoming:
                try:
                    outcome = begun.result()
                except PhotoError as error:
                    yield error
                else:
                    del begun  # or it would hold the result while the next one is asked for
                    yield finish(outcome) if isinstance(outcome, Prepared) else outcome

    def segment_known(
        self, image: Given, labels: Labels, known: Iterable[str], *, background: bool = True
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
        words = self.embed_vocabulary(labels)
        wanted = {known} if isinstance(known, str) else set(known)
        if unknown := wanted.difference(words.names):
            raise LabelError(f"no label is called {shortened(min(unknown))}; a known label must be one of the labels")
        prepared = self.prepare(image)
        chosen = [index for index, name in enumerate(words.names) if name in wanted]
        if chosen:
            asked = words.restrict_to(chosen)
            maps = self.maps(prepared, asked)
            prior = None
        else:  # the model looks once, and it is decided twice: first which labels there are, then where
            every = self._maps(prepared, words.all_texts, words)
            maps = every.restrict_to(range(len(words.names)), words.left_out_by)
            mask = self.decide(maps, words, prepared, background=background)
            chosen = mask.candidates.tolist()
            if not chosen:
                return self._result(mask, prepared, words.names, words.names, background)
            prior = presence_prior(mask.presence[chosen], self.config.decision.presence_weight)
            del mask  # it may be large
            asked, maps = words.restrict_to(chosen), every.restrict_to(chosen, words.left_out_by)
        mask = self.decide(maps, asked, prepared, background=background, known=np.arange(len(chosen)), prior=prior)
        mask = mask._replace(labels=renumbered(mask.labels, chosen, background=background))
        return self._result(mask, prepared, words.names, [words.names[label] for label in chosen], background)

    def similarity(
        self,
        image: Given,
        labels: Labels,
        *,
        remove_redundancy: bool = False,
        size: tuple[int, int] | None = None,
    ) -> NDArray[np.float32]:
        """The Image-Text Similarity Map at the photo's size: (N, H, W) float32 cosines in [-1, 1].

        Smoothed over neighbouring patches, as masks are decided from it.

        Args:
            image: As `segment` takes it.
            labels: As `segment` takes them.
            remove_redundancy: Take out of every map what all labels and background words share, as CLIP Surgery does
                (`decision.maps.remove_redundancy`). The values are then no cosines, and are for display.
            size: (height, width) of the maps; None for the photo's. All labels' maps are held at it at once.

        Example:
            >>> import freeseg, numpy as np
            >>> freeseg.load().similarity(np.zeros((40, 60, 3), np.uint8), ["cat", "dog"]).shape
            (2, 40, 60)
        """
        words = self.embed_vocabulary(labels)
        prepared = self.prepare(image)
        maps = self.maps(prepared, words)
        shown = maps.labels
        if remove_redundancy:
            every = np.concatenate(maps)
            shown = similarity.remove_redundancy(every, self._whole(prepared, words, every))[: len(shown)]
        return similarity.upsample(shown, size or prepared.photo.size[::-1])

    def look(self, image: Photo) -> SeenPhoto:
        """Look at a photo once, to ask about it many times: `segment`, `segment_known`, `similarity` take the result.

        Looking is what costs most. What it gives depends on no words, and asking it gives the masks that the photo
        itself gives. It takes the memory of the photo and of the patch embeddings: of the embedded network, which sees
        a photo of 4:3 at 352x469, 4 MB.

        Args:
            image: As `segment` takes it. Of bytes, the bytes are kept, and of anything else its pixels.

        Raises:
            PhotoError: The photo cannot be read.

        Example:
            >>> import freeseg, numpy as np
            >>> model = freeseg.load()
            >>> seen = model.look(np.zeros((40, 60, 3), np.uint8))
            >>> [model.segment(seen, words).labels[1] for words in ("cat", "dog")]
            ['cat', 'dog']
        """
        prepared = self.prepare(image)
        return SeenPhoto(
            size=prepared.photo.size,
            pixels=prepared.pixels,
            patches=self.engine.patches(prepared.pixels),
            looked_by=self._looks_by,
            source=prepared.source,
            frame=prepared.frame,
            kept=bytes(image) if isinstance(image, bytes | bytearray | memoryview) else prepared.photo,
        )

    def embed_vocabulary(self, labels: Labels) -> EmbeddedVocabulary:
        """The labels as the model knows them; the last few vocabularies are remembered."""
        vocabulary = Vocabulary.of(labels)
        found = self._embedded.get(vocabulary)
        if found is None:
            found = embed_vocabulary(vocabulary, self.engine.embed_words, self.config.same_meaning)
            warn_of_unknown(self.engine.unknown_words(vocabulary.aliases))
            for oldest in list(self._embedded)[: max(0, len(self._embedded) - REMEMBERED + 1)]:
                self._embedded.pop(oldest, None)
            self._embedded[vocabulary] = found
        return found

    def words(self, labels: Labels) -> EmbeddedVocabulary:
        """What `embed_vocabulary` was called in version 0.1.0."""
        warnings.warn("FreeSeg.words is called embed_vocabulary now", DeprecationWarning, stacklevel=2)
        return self.embed_vocabulary(labels)

    # The four steps, in order.

    def prepare(self, image: Given) -> Prepared:
        """Read a photo and resize it to what the model sees.

        Raises:
            PhotoError: The photo cannot be read, or is what another model saw.
        """
        if not isinstance(image, SeenPhoto):
            return prepare_photo(web_photo(image) or image, self.config.preprocessing)
        if image.looked_by != self._looks_by:
            raise PhotoError("another model looked at this photo, or at another size; look at it again with this one")
        return Prepared(image.photo(), image.pixels, image.source, image, image.frame)

    def maps(self, prepared: Prepared, words: EmbeddedVocabulary) -> SimilarityMaps:
        """Look at a photo: its similarity maps with these words, on the patch grid."""
        return self._maps(prepared, words.embeddings, words)

    def decide(
        self,
        maps: SimilarityMaps,
        words: EmbeddedVocabulary,
        prepared: Prepared,
        *,
        background: bool = True,
        known: NDArray[np.int64] | None = None,
        prior: NDArray[np.float32] | None = None,
    ) -> FreeMask:
        """The mask of a photo, from its similarity maps with these words.

        Args:
            maps: What `maps` gave.
            words: The vocabulary that was asked for.
            prepared: What `prepare` gave.
            background: Whether a pixel may be none of the labels.
            known: As `decision.masks.free_mask` takes it.
            prior: The same.
        """
        others = maps.background if background and len(maps.background) else None
        mask = free_mask(
            maps.labels,
            others,
            photo_edges(prepared.pixels),
            prepared.photo.size[::-1],
            self.config.decision,
            known=known,
            prior=prior,
            is_background_word=words.is_background_word,
        )
        if background and others is None:  # no words to tell it by: nothing is background, but 0 is still its index
            return mask._replace(labels=mask.labels + (mask.labels != UNSURE))
        return mask

    def _result(
        self, mask: FreeMask, prepared: Prepared, names: Sequence[str], asked: Sequence[str], background: bool
    ) -> Segmentation:
        """A mask of labels of these names, decided among those of them that were asked for."""
        return Segmentation(
            mask=to_stored(mask.labels, len(names) + background),
            confidence=np.clip(mask.confidence, 0, 1, out=mask.confidence),  # a copy may be as large as the photo
            labels=labels_by_value(names, background=background),
            photo=prepared.photo,
            name=photo_name(prepared.source, prepared.frame),
            model=self.config.name,
            presence=dict(zip(asked, mask.presence.tolist(), strict=True)),
            candidates=tuple(asked[label] for label in mask.candidates.tolist()),
            source=prepared.source,
            frame=prepared.frame,
        )

    # Parts of the steps.

    def _maps(self, prepared: Prepared, texts: NDArray[np.float32], words: EmbeddedVocabulary) -> SimilarityMaps:
        if prepared.seen is None:
            cosines = self.engine.similarity_maps(prepared.pixels, texts)
        else:
            cosines = prepared.seen.cosines(texts)
        return words.merged(similarity.smooth(cosines, self.config.decision.smoothing))

    def _whole(self, prepared: Prepared, words: EmbeddedVocabulary, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """The cosines of the whole photo with labels and background words: by the class token, where there is one.

        Elsewhere the whole photo is the mean of its patches, as in training.
        """
        whole = self.engine.whole(prepared.pixels)
        if whole is None:
            return np.asarray(maps.mean(axis=(1, 2)), np.float32)
        return np.concatenate(words.merged(words.embeddings @ whole))

    def _segment(self, prepared: Prepared, words: EmbeddedVocabulary, background: bool) -> Segmentation:
        """All steps after the first one."""
        mask = self.decide(self.maps(prepared, words), words, prepared, background=background)
        return self._result(mask, prepared, words.names, words.names, background)

    def _read_and_segment(self, finish: Callable[[Prepared], Segmentation], image: Given) -> Segmentation:
        """All steps, in another thread."""
        return finish(self.prepare(image))

    @property
    def _looks_by(self) -> str:
        """What the patches of a photo depend on."""
        engine = self.engine
        return f"{engine.name} {engine.precision} {engine.weights_sha256} {self.config.preprocessing} {engine.views}"
