"""What the page says when something fails, and that what it proposes helps."""

from __future__ import annotations

import json
from typing import Any

from browsing import visiting
from freeseg.serve.settings import Access, Limits
from serving import Serving, serving

BUSY = {"type": "urn:freeseg:problem:busy", "title": "", "status": 503, "detail": "too many wait", "fix": "ask again"}
TOKEN = "a-token-of-the-tests"  # noqa: S105


def test_a_server_that_is_gone_or_busy_or_forgot_the_photo_is_asked_again(visit, server: Serving) -> None:
    with visit() as visitor:
        page = visitor.page
        page.route("**/segment", lambda route: route.abort())
        page.fill("#words", "cow")
        page.press("#words", "Enter")
        page.locator("#problem", has_text="The server does not answer.").wait_for()
        assert "freeseg serve is still running" in page.locator("#problem").inner_text()
        assert sorted(visitor.legend()) == ["sky", "temple", "tree", "water"]  # what was there stays
        page.unroute("**/segment")
        answers = iter([503])

        def first_busy(route: Any) -> None:
            if next(answers, None):
                route.fulfill(status=503, headers={"Retry-After": "1"}, body=json.dumps(BUSY))
            else:
                route.continue_()

        page.route("**/segment", first_busy)
        page.locator("#problem button", has_text="Try again").click()
        page.locator("#toasts", has_text="The server is busy. Trying again in 1 s.").wait_for()
        page.locator("#found-note", has_text="Not found: cow").wait_for()
        assert page.locator("#problem").is_hidden()

        kept = visitor.asked[-1][0].split("/")[1]
        server.server.kept.drop(kept)
        visitor.find("boat")
        assert "boat" in page.locator("#found-note").inner_text()
        assert server.server.kept.find(kept) is not None  # it was sent again


def test_limits_are_told_with_a_way_out(browser, embedded) -> None:
    limits = Limits(max_megabytes=0.02, stop_seconds=2)
    with serving(embedded, limits) as running, visiting(browser, running.port, wait=False) as visitor:
        page = visitor.page
        page.locator("#problem").wait_for()  # the sample photo has more than 20 kB
        assert "MB" in page.locator("#problem h2").inner_text()
        page.locator("#problem button", has_text="Send a smaller copy").wait_for()


def test_the_token_is_asked_for(browser, embedded) -> None:
    access = Access(port=0, token=TOKEN)
    with serving(embedded, access=access) as running, visiting(browser, running.port, wait=False) as visitor:
        page = visitor.page
        page.fill("#token", "a wrong one")
        page.press("#token", "Enter")
        page.locator("#token-dialog", has_text="The token that was given is not the server's.").wait_for()
        page.fill("#token", TOKEN)
        page.press("#token", "Enter")
        visitor.idle()
        page.locator("#lists option", has_text="Everyday things").wait_for(state="attached")
        page.click("#code")
        page.locator("#code-dialog [role=tab]", has_text="curl").click()
        assert "Bearer $FREESEG_TOKEN" in page.locator("#code-text").inner_text()
        assert TOKEN not in page.content()


def test_without_photos_it_says_how_to_add_one(visit) -> None:
    with visit() as visitor:
        page = visitor.page
        page.route("**/page/sample.jpg", lambda route: route.abort())
        page.reload()
        assert "Drop photos here" in page.locator("#empty").inner_text()
        assert page.locator("#save").is_disabled()
        page.unroute("**/page/sample.jpg")
        page.locator("#empty button", has_text="Use the sample").click()
        visitor.idle()
        assert "temple" in visitor.legend()
