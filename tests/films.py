"""Small videos for tests, whose frames can be told apart."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

GREYS = [20, 60, 100, 140, 180, 220]
_UPRIGHT = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]  # the matrix in the header of an MP4 file
_CLOCKWISE = [0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000]


def film(path: Path, *, greys: list[int] = GREYS, size: tuple[int, int] = (64, 48), rate: int = 10) -> Path:
    """A video of plain grey frames, with a black square at the top left."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        for grey in greys:
            pixels = np.full((size[1], size[0], 3), grey, np.uint8)
            pixels[: size[1] // 2, : size[0] // 2] = 0
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def turn_clockwise(path: Path) -> Path:
    """Have the header of an MP4 file say that it is shown turned by 90 degrees, as phones do."""
    content = path.read_bytes()
    upright, turned = (b"".join(value.to_bytes(4, "big") for value in matrix) for matrix in (_UPRIGHT, _CLOCKWISE))
    place = content.index(upright, content.index(b"tkhd"))
    path.write_bytes(content[:place] + turned + content[place + len(upright) :])
    return path
