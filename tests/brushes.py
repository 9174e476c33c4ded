"""Label Studio's run-length code, read as its description has it."""

from __future__ import annotations

import numpy as np


def decoded(rle: list[int]) -> np.ndarray:
    """The values that a code of @thi.ng/rle-pack holds, by its description; Label Studio's page reads them so."""
    bits = "".join(f"{byte:08b}" for byte in rle)
    place = 0

    def read(size: int) -> int:
        nonlocal place
        place += size
        return int(bits[place - size : place], 2)

    count, size = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < count:
        repeats, length = read(1), read(sizes[read(2)]) + 1
        values += [read(size)] * length if repeats else [read(size) for _ in range(length)]
    assert len(bits) - place < 8
    return np.array(values, np.uint8)
