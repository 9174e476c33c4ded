"""Who may ask: tokens, names, pages of other sites; and the headers that keep browsers safe."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from freeseg.errors import FreeSegError
from freeseg.pipeline import FreeSeg
from freeseg.serve.settings import TOKEN_VARIABLE, Access, Limits
from serving import Serving, serving, wait_until

TOKEN = "correct-horse-battery"  # noqa: S105 - the test's own
ASKED = "/v1/models"


@pytest.fixture(scope="module")
def guarded(small: FreeSeg) -> Iterator[Serving]:
    """A server that asks for a token, and whose API a page of another site may use."""
    access = Access(port=0, token=TOKEN, allow_origin="https://page.example, http://other.example/")
    with serving(small, Limits(stop_seconds=1), access) as running:
        yield running


class TestToken:
    def test_with_it(self, guarded: Serving, noise: bytes) -> None:
        assert guarded.get(ASKED).status == 200
        assert guarded.post_form("/v1/segment", [noise], labels="cat").status == 200
        basic = base64.b64encode(f"label-studio:{TOKEN}".encode()).decode()
        assert guarded.get(ASKED, Authorization=f"Basic {basic}").status == 200

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "Bearer",
            "Bearer ",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
            TOKEN,
            f"Token {TOKEN}",
            "Basic !",
            "Basic Og==",
        ],
    )
    def test_without_it(self, guarded: Serving, given: str) -> None:
        for path in (ASKED, "/metrics", "/v1/photos/x", "/setup"):
            answer = guarded.get(path, Authorization=given)
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert TOKEN not in answer.body.decode()
            answer.problem()

    def test_a_body_is_not_read_without_it(self, guarded: Serving) -> None:
        answer = guarded.ask(
            "POST", "/v1/photos", bytes(100_000), {"Authorization": "Bearer no", "Content-Type": "image/png"}
        )
        assert answer.status == 401
        wait_until(lambda: guarded.server.uploads.bytes == 0)

    @pytest.mark.parametrize("path", ["/health", "/ready", "/docs", "/docs/start.js", "/openapi.json"])
    def test_what_everybody_may_see(self, guarded: Serving, path: str) -> None:
        assert guarded.get(path, Authorization="").status == 200

    @pytest.mark.parametrize(
        "path", ["/docs/../v1/models", "//v1/models", "/page/../v1/models", "/v1/models/", "/V1/models"]
    )
    def test_no_way_around_it(self, guarded: Serving, path: str) -> None:
        assert guarded.get(path, Authorization="").status in (401, 404)

    @pytest.mark.parametrize("token", ["short", "with a space in it", "mit-Umlaut-äöü-und-mehr"])
    def test_one_that_is_none(self, token: str) -> None:
        with pytest.raises(FreeSegError, match="the token must have"):
            Access(token=token)

    def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
        assert Access(host="0.0.0.0").token == TOKEN  # noqa: S104 - nothing listens
        monkeypatch.setenv(TOKEN_VARIABLE, "short")
        with pytest.raises(FreeSegError, match="the token must have"):
            Access()


class TestPlaces:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104
    def test_others_than_this_machine_need_a_token(self, host: str) -> None:
        with pytest.raises(FreeSegError, match="can be reached from other machines; set a token"):
            Access(host=host)
        assert Access(host=host, open_to_all=True).hosts == frozenset()
        assert Access(host=host, token=TOKEN).hosts == frozenset()

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
    def test_this_machine_needs_none(self, host: str) -> None:
        assert Access(host=host).is_loopback

    @pytest.mark.parametrize("name", ["localhost:{port}", "127.0.0.1:{port}", "LOCALHOST", "[::1]:{port}"])
    def test_its_own_names(self, quick: Serving, name: str) -> None:
        assert quick.get(ASKED, Host=name.format(port=quick.port)).status == 200

    @pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1"])
    def test_another_name_is_not_its_own(self, quick: Serving, name: str) -> None:
        answer = quick.get(ASKED, Host=name)
        assert answer.status == (200 if name == "[::1" else 421)
        if answer.status == 421:
            answer.problem()

    def test_a_name_that_was_allowed(self, small: FreeSeg) -> None:
        with serving(small, Limits(stop_seconds=1), Access(port=0, allow_host="proxy.example")) as server:
            assert server.get(ASKED, Host="Proxy.Example").status == 200
            assert server.get(ASKED, Host="evil.example").status == 421


class TestPages:
    def test_a_page_of_another_site(self, quick: Serving, noise: bytes) -> None:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = quick.ask("POST", "/v1/photos", noise, {"Content-Type": "image/png", **headers})
            assert answer.status == 403
            answer.problem()
        read = quick.get(ASKED, Origin="https://evil.example")
        assert "access-control-allow-origin" not in read.headers
        own = {"Origin": f"http://127.0.0.1:{quick.port}", "Content-Type": "image/png", "Sec-Fetch-Site": "same-origin"}
        assert quick.ask("POST", "/v1/photos", noise, own).status == 201

    def test_one_that_was_allowed(self, guarded: Serving, noise: bytes) -> None:
        origin = "https://page.example"
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Authorization": ""}
        preflight = guarded.ask("OPTIONS", "/v1/segment", None, asked)
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        answer = guarded.ask("POST", "/v1/photos", noise, {"Content-Type": "image/png", "Origin": origin})
        assert answer.status == 201
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
        refused = guarded.get(ASKED, Origin=origin, Authorization="")
        assert refused.status == 401
        assert refused.headers["access-control-allow-origin"] == origin  # or its script could not tell why
        other = guarded.ask(
            "POST", "/v1/photos", noise, {"Content-Type": "image/png", "Origin": "https://page.example.evil"}
        )
        assert other.status == 403

    def test_all_of_them(self, small: FreeSeg) -> None:
        with serving(small, Limits(stop_seconds=1), Access(port=0, allow_origin="*")) as server:
            assert server.get(ASKED, Origin="https://any.example").headers["access-control-allow-origin"] == "*"

    def test_what_is_no_origin(self) -> None:
        with pytest.raises(FreeSegError, match="is no origin"):
            Access(allow_origin="page.example")


def test_headers_that_keep_browsers_safe(quick: Serving) -> None:
    for path in ("/", ASKED, "/nothing", "/docs"):
        headers = quick.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "server" not in headers
        assert ("unsafe-inline" in policy) == (path == "/docs")  # of styles alone, for Swagger
    assert quick.get(ASKED).headers["cache-control"] == "no-store"


def test_the_documentation_needs_no_other_host(quick: Serving) -> None:
    page = quick.get("/docs").body.decode()
    assert "http:" not in page
    assert "https:" not in page
    assert "<script>" not in page
    for path in ("/docs/swagger/swagger-ui-bundle.js", "/docs/swagger/swagger-ui.css", "/docs/start.js"):
        assert path in page
        assert quick.get(path).status == 200
    described = quick.get("/openapi.json").json
    assert described["openapi"].startswith("3.1")
    for path in ("/v1/segment", "/v1/photos", "/v1/photos/{id}/segment", "/v1/batch", "/v1/models"):
        assert path in described["paths"]
