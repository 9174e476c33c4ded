"""The clients that docs/benchmarks/serve.md is measured with. Nothing is timed here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.pipeline import FreeSeg
from freeseg.serve.settings import Limits
from serving import png, serving


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # they are no part of the package


@pytest.fixture
def asked():
    from benchmarks.clients import form, request

    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8))
    return [request("/v1/segment", *form(png(noise), "cat, dog"))]


def test_clients_that_ask_again_and_again(tiny: FreeSeg, asked):
    from benchmarks.clients import closed_loop

    with serving(tiny) as server:
        found = asyncio.run(closed_loop(server.port, asked, clients=3, seconds=0.2))
    assert set(found.statuses) == {200}
    assert len(found.seconds) == found.statuses[200] >= 3
    assert found.rate > 0
    median, most, nearly_all = found.percentiles()
    assert 0 < median <= most <= nearly_all


def test_a_crowd_is_answered_by_200_and_503_alone(tiny: FreeSeg, asked):
    from benchmarks.clients import open_loop

    with serving(tiny, Limits(max_waiting=0, stop_seconds=2)) as server:
        found = asyncio.run(open_loop(server.port, asked, rate=2000, seconds=0.1))
    assert set(found.statuses) == {200, 503}
    assert sum(found.statuses.values()) == 200


def test_a_connection_that_breaks_is_counted(asked):
    from benchmarks.clients import open_loop

    found = asyncio.run(open_loop(1, asked, rate=100, seconds=0.02))
    assert found.statuses == {0: 2}
