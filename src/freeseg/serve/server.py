"""What all addresses of the server share: the model, the limits, the queue and the kept photos."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from freeseg.photos import SeenPhoto
from freeseg.pipeline import FreeSeg
from freeseg.serve.answers import Answered, Form
from freeseg.serve.asking import check_photo, look, photo_id
from freeseg.serve.bodies import Uploads
from freeseg.serve.kept import KeptPhotos
from freeseg.serve.settings import MEGA, Access, Limits
from freeseg.serve.watching import Metrics
from freeseg.serve.work import Work, unless_gone
from freeseg.words import Vocabulary

Result = TypeVar("Result")
_WARNINGS = 10  # of an answer


class Asked(NamedTuple):
    """What a request asks for.

    Attributes:
        photo: The bytes of its file, or what the model saw of it.
        vocabulary: The labels.
        background: Whether a pixel may be none of them.
        id: What the photo is called; of bytes it follows from them.
        name: The photo's name, as the client gave it.
    """

    photo: SeenPhoto | bytes
    vocabulary: Vocabulary
    background: bool = True
    id: str = ""
    name: str = ""


class SegmentServer:
    """A model behind addresses.

    Args:
        model: The model.
        limits: How much the server takes on.
        access: Who may ask.

    Attributes:
        work: The queue before the model.
        kept: The photos that are kept.
        uploads: What reads requests.
        metrics: What the server says of itself.
        is_ready: Whether it answers already.
    """

    def __init__(self, model: FreeSeg, limits: Limits, access: Access):
        self.model, self.limits, self.access = model, limits, access
        self.work = Work(max(1, model.engine.max_concurrent), limits.max_waiting)
        kept_bytes = int(limits.keep_megabytes * MEGA)
        self.kept = KeptPhotos(count=limits.keep_photos, nbytes=kept_bytes, seconds=60 * limits.keep_minutes)
        self.uploads = Uploads(limits)
        self.metrics = Metrics(self.work, self.kept)
        self.is_ready = False

    async def do(self, request: Request, job: Callable[[], Result]) -> Result:
        """Run a job in the queue, as long as the client waits for it. The body of its request must have been read.

        Raises:
            Problem: The queue is full, or the server is being stopped.
            ClientGone: The client closed the connection; a job that waited is dropped.
        """
        return await unless_gone(request, self.work.do(job))

    async def look(self, request: Request, content: bytes) -> SeenPhoto:
        """Look at a photo in the queue.

        Raises:
            Problem: It is refused; and as of `do`.
            PhotoError: It cannot be read.
            ClientGone: As of `do`.
        """
        seen = await self.do(request, lambda: look(self.model, content, self.limits))
        self.metrics.photos.inc()
        return seen

    def segment(self, asked: Asked) -> Answered:
        """Segment a photo, in this thread.

        Raises:
            Problem: The photo has too many pixels.
            FreeSegError: As of `FreeSeg.segment`.
        """
        begun, id = time.perf_counter(), asked.id
        if isinstance(asked.photo, bytes):
            check_photo(asked.photo, self.limits)
            self.metrics.photos.inc()
            id = photo_id(asked.photo)
        result = self.model.segment(asked.photo, asked.vocabulary, background=asked.background)
        unknown = self.model.engine.unknown_words(asked.vocabulary.aliases)
        warnings = tuple(f"the model does not know the word {word!r}" for word in unknown[:_WARNINGS])
        seconds = time.perf_counter() - begun
        return Answered(id, result, asked.vocabulary, seconds, warnings, asked.name)

    async def answer(self, request: Request, asked: Asked, form: Form) -> Response:
        """Segment a photo in the queue, and write the answer there too.

        Raises:
            Problem: The photo has too many pixels; and as of `do`.
            FreeSegError: As of `FreeSeg.segment`.
            ClientGone: As of `do`.
        """
        return await self.do(request, lambda: form.response(self.segment(asked)))
