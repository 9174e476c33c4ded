"""One browser for the tests of the page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import skimage.data
from PIL import Image

from serving import Serving

if TYPE_CHECKING:
    from browsing import Visitor

Visit = Callable[..., "AbstractContextManager[Visitor]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of the page are slow."""
    for item in items:
        if item.path.is_relative_to(item.config.rootpath / "tests" / "serve" / "page"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for the tests of one file: while it runs, tests of other files could run no asyncio loop."""
    from browsing import CHROMIUM, chromium

    if CHROMIUM is None:
        pytest.skip("chromium is not installed: the page is not opened in a browser")
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser: Any, server: Serving) -> Visit:
    """Opens the page of the embedded model."""
    from browsing import visiting

    return partial(visiting, browser, server.port)


@pytest.fixture(scope="session")
def cat_jpeg(cat_photo: Image.Image) -> bytes:
    """Chelsea the cat, as the bytes of a JPEG file."""
    return jpeg(cat_photo)


@pytest.fixture(scope="session")
def cup_jpeg() -> bytes:
    """A cup of coffee, smaller than it is."""
    return jpeg(Image.fromarray(skimage.data.coffee()).resize((300, 200)))


def jpeg(photo: Image.Image) -> bytes:
    """A photo as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    photo.convert("RGB").save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
