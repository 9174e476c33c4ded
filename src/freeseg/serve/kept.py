"""Photos that the model has looked at, kept in memory for further questions: bounded by count, bytes and age."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from freeseg.photos import SeenPhoto
from freeseg.serve.problems import Problem


@dataclass
class KeptPhoto:
    """A photo, and until when it is kept."""

    id: str
    seen: SeenPhoto
    expires: float


class KeptPhotos:
    """The photos, by the sha256 of their files. Only the event loop uses it, but for `peek`.

    Args:
        count: How many at most.
        nbytes: Their bytes in memory at most.
        seconds: For how long after the last question.
        clock: Gives the time.

    Example:
        >>> KeptPhotos(count=4, nbytes=1_000_000, seconds=60).bytes
        0
    """

    def __init__(self, *, count: int, nbytes: int, seconds: float, clock: Callable[[], float] = time.monotonic):
        self._count, self._most, self.seconds, self._clock = count, nbytes, seconds, clock
        self._photos: OrderedDict[str, KeptPhoto] = OrderedDict()  # the one that was asked for longest ago first
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._photos)

    def keep(self, id: str, seen: SeenPhoto) -> KeptPhoto:
        """Keep a photo; others make room for it.

        Raises:
            Problem: It is larger than all the room there is.
        """
        if seen.nbytes > self._most or self._count == 0:
            raise Problem(
                413,
                "photo-not-kept",
                "the photo takes more memory than this server has for kept photos",
                "send it with each question (POST /v1/segment), send a smaller one, or raise --keep-megabytes",
            )
        self.drop(id)
        kept = KeptPhoto(id, seen, self._clock() + self.seconds)
        self._photos[id] = kept
        self.bytes += seen.nbytes
        self.forget_old()
        while len(self) > self._count or self.bytes > self._most:
            self.drop(next(iter(self._photos)))
        return kept

    def find(self, id: str) -> KeptPhoto | None:
        """A photo that is kept, which is kept longer for that; None where it is not there."""
        self.forget_old()
        kept = self._photos.get(id)
        if kept is not None:
            self._photos.move_to_end(id)
            kept.expires = self._clock() + self.seconds
        return kept

    def peek(self, id: str) -> KeptPhoto | None:
        """A photo that is kept, from any thread; it is kept no longer for that."""
        return self._photos.get(id)

    def seconds_left(self, kept: KeptPhoto) -> float:
        """For how long a photo is kept if nobody asks for it."""
        return round(max(0.0, kept.expires - self._clock()), 1)

    def drop(self, id: str) -> bool:
        """Forget a photo; gives whether it was there."""
        kept = self._photos.pop(id, None)
        if kept is not None:
            self.bytes -= kept.seen.nbytes
        return kept is not None

    def forget_old(self) -> None:
        """Forget the photos that nobody asked for in time."""
        now = self._clock()
        for kept in list(self._photos.values()):
            if kept.expires > now:
                break  # those after it were asked for later
            self.drop(kept.id)
