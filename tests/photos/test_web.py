"""Photos from the web: what is fetched, and above all what is not."""

from __future__ import annotations

import itertools
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from freeseg.errors import PhotoError
from freeseg.photos import WebPhoto, photo_name, photo_source, read_photo, web_connection, web_fetching
from freeseg.photos.reading import size_of
from web_server import WebServer, head, png, refused, web_server

ALLOW = "is no public address; to allow it, add --allow-private-addresses, or give WebPhoto(url, allow_private=True)"


@pytest.fixture(scope="module")
def running() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def server(running: WebServer) -> WebServer:
    running.answers.clear()
    running.asked.clear()
    return running


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names of hosts with the addresses that they have, in place of the network's."""
    known: dict[str, list[str]] = {}
    system = socket.getaddrinfo

    def find(host: str, port: int, *rest: object, **options: object) -> list[object]:
        if host not in known:
            return system(host, port, *rest, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", find)
    return known


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that somebody tries to connect to; all of them refuse."""
    tried: list[str] = []

    def refuse(address: tuple[str, int], timeout: float) -> socket.socket:
        tried.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    return tried


class TestGood:
    def test_a_photo(self, server: WebServer) -> None:
        content = png()
        url = server.send("/a/caf%C3%A9.png", content, "Content-Type: image/png") + "?size=2&key=a%20b"
        file = WebPhoto(url, allow_private=True).fetch()
        assert (file.getvalue(), file.tell(), file.name, size_of(file)) == (content, 0, url, (44, 30))
        assert (photo_source(file), photo_name(url)) == (url, "caf\u00e9.png")
        assert read_photo(WebPhoto(url, allow_private=True)) == read_photo(content)
        assert server.asked[0].startswith("GET /a/caf%C3%A9.png?size=2&key=a%20b HTTP/1.1\r\n")

    def test_nothing_of_the_user_is_sent(
        self, server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")  # a proxy would refuse
        WebPhoto(server.send("/a.png", png(), "Set-Cookie: id=1"), allow_private=True).fetch()
        WebPhoto(server.url("/a.png"), allow_private=True).fetch()
        names = [[line.partition(":")[0] for line in asked.splitlines()[1:]] for asked in server.asked]
        assert names == [["Host", "Accept-Encoding", "User-Agent", "Accept", "Connection"]] * 2

    def test_without_a_length_and_in_pieces(self, server: WebServer) -> None:
        content = png()
        url = server.stream("/a.png", lambda: [head("HTTP/1.0 200 OK"), content[:9], content[9:]])
        assert WebPhoto(url, allow_private=True).fetch().getvalue() == content
        chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (content[:9], content[9:], b"")]
        url = server.stream("/b.png", lambda: [head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), *chunks])
        assert WebPhoto(url, allow_private=True).fetch().getvalue() == content

    def test_letters_that_a_url_does_not_have(self, server: WebServer) -> None:
        server.send("/my%20caf%C3%A9.png", content := png())
        assert WebPhoto(server.url("/my caf\u00e9.png"), allow_private=True).fetch().getvalue() == content

    def test_redirects(self, server: WebServer) -> None:
        content = png()
        server.send("/b/caf%C3%A9.png", content)
        server.redirect("/a/next", "../b/caf\u00e9.png")
        url = server.redirect("/first", server.url("/a/next"))
        file = WebPhoto(url, allow_private=True).fetch()
        assert (file.getvalue(), file.name) == (content, url)  # it keeps the name that the user gave


class TestAddresses:
    @pytest.mark.parametrize(
        ("host", "address"),
        [
            ("127.0.0.1", "127.0.0.1"),
            ("localhost", ""),
            ("[::1]", "::1"),
            ("10.1.2.3", "10.1.2.3"),
            ("192.168.0.1", "192.168.0.1"),
            ("172.16.0.1", "172.16.0.1"),
            ("169.254.169.254", "169.254.169.254"),
            ("100.64.0.1", "100.64.0.1"),
            ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - nothing is bound
            ("224.0.0.1", "224.0.0.1"),
            ("255.255.255.255", "255.255.255.255"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("[::ffff:127.0.0.1]", ""),
            ("[::ffff:a00:1]", ""),
            ("[::127.0.0.1]", ""),
            ("[::]", "::"),
            ("[fe80::1]", "fe80::1"),
            ("[fc00::1]", "fc00::1"),
            ("[fec0::1]", "fec0::1"),
            ("[ff02::1]", "ff02::1"),
            ("[2002:7f00:1::]", "2002:7f00:1::"),
            ("[64:ff9b::a00:1]", ""),
            ("[2001:0:7f00:1::]", ""),
        ],
    )
    def test_what_is_not_public(self, host: str, address: str, connected: list[str]) -> None:
        line = refused(f"http://{host}/a.png", allow_private=False)
        assert f"cannot read http://{host}/a.png: {address}" in line
        assert ALLOW in line
        assert connected == []

    def test_a_host_with_a_public_and_a_private_address(
        self, hosts: dict[str, list[str]], connected: list[str]
    ) -> None:
        hosts["both.example"] = ["93.184.216.34", "10.0.0.1"]
        assert f"10.0.0.1 {ALLOW}" in refused("http://both.example/a.png", allow_private=False)
        assert connected == []

    @pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
    def test_what_is_public(self, address: str, hosts: dict[str, list[str]], connected: list[str]) -> None:
        hosts["public.example"] = [address]
        assert "the server refuses connections" in refused("http://public.example/a.png", allow_private=False)
        assert connected == [address]

    def test_a_name_that_changes_its_address(self, monkeypatch: pytest.MonkeyPatch, connected: list[str]) -> None:
        answers = itertools.chain(["93.184.216.34"], itertools.repeat("127.0.0.1"))

        def find(host: str, port: int, **options: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

        monkeypatch.setattr(socket, "getaddrinfo", find)
        refused("http://rebinding.example/a.png", allow_private=False)
        assert connected == ["93.184.216.34"]

    def test_the_next_address_where_the_first_does_not_answer(
        self, server: WebServer, hosts: dict[str, list[str]]
    ) -> None:
        hosts["two.example"] = ["::1", "127.0.0.1"]  # the server listens at the second one
        server.send("/a.png", png())
        assert WebPhoto(f"http://two.example:{server.port}/a.png", allow_private=True).fetch().getvalue()
        assert f"Host: two.example:{server.port}\r\n" in server.asked[0]


class TestRedirects:
    @pytest.fixture(autouse=True)
    def this_machine_is_public(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = web_connection.is_public
        monkeypatch.setattr(web_connection, "is_public", lambda each: each == "127.0.0.1" or real(each))

    @pytest.mark.parametrize(
        ("to", "why"),
        [
            ("http://10.0.0.1/a.png", f"10.0.0.1 {ALLOW}"),
            ("//169.254.169.254/latest/meta-data", f"169.254.169.254 {ALLOW}"),
            ("http://[::1]/a.png", f"::1 {ALLOW}"),
            ("file:///etc/passwd", "only http and https are fetched, and not 'file'"),
            ("ftp://127.0.0.1/a.png", "only http and https are fetched, and not 'ftp'"),
            ("http://me:secret@127.0.0.1/a.png", "URLs with a user or a password are not fetched"),
            ("http://[/", "it is no valid URL"),
        ],
    )
    def test_where_they_may_not_lead(self, server: WebServer, to: str, why: str) -> None:
        line = refused(server.redirect("/a.png", to), allow_private=False)
        assert why in line
        assert line.startswith(f"cannot read {server.url('/a.png')}: ")
        assert "secret" not in line

    def test_a_loop(self, server: WebServer) -> None:
        url = server.redirect("/a.png", "/a.png")
        assert "it leads to more than 5 other addresses, one after the other" in refused(url)
        assert len(server.asked) == 6


class TestLimits:
    @pytest.fixture(autouse=True)
    def low(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_fetching, "MAX_BYTES", 200_000)

    @pytest.fixture
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_fetching, "MAX_SECONDS", 0.3)

    def test_too_large_as_it_says(self, server: WebServer) -> None:
        url = server.stream("/a.png", lambda: [head("HTTP/1.1 200 OK", "Content-Length: 200001"), png()])
        assert "more than 200,000 bytes, the most that are fetched" in refused(url)

    def test_too_large_without_an_end(self, server: WebServer) -> None:
        url = server.stream(
            "/a.png", lambda: itertools.chain([head("HTTP/1.1 200 OK"), png()], itertools.repeat(b"." * 999))
        )
        assert "more than 200,000 bytes, the most that are fetched" in refused(url)

    def test_as_large_as_may_be(self, server: WebServer) -> None:
        content = png().ljust(200_000, b"\0")
        url = server.stream("/a.png", lambda: [head("HTTP/1.0 200 OK"), content])
        assert WebPhoto(url, allow_private=True).fetch().getvalue() == content

    @pytest.mark.parametrize("start", [b"", head("HTTP/1.1 200 OK"), head("HTTP/1.1 200 OK", "Content-Length: 900")])
    @pytest.mark.parametrize("drops", [True, False])
    @pytest.mark.usefixtures("soon")
    def test_a_slow_server(self, server: WebServer, start: bytes, drops: bool) -> None:
        """One that sends nothing for long, and one that sends a byte now and then."""

        def answer() -> Iterator[bytes]:
            yield start
            for _ in range(400):
                time.sleep(0.05)
                yield b"H" if drops else b""

        began = time.monotonic()
        assert "it took more than 0.3 seconds; try again later" in refused(server.stream("/a.png", answer))
        assert time.monotonic() - began < 10  # the server would go on for 20 seconds

    @pytest.mark.usefixtures("soon")
    def test_a_slow_list_of_hosts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])
        assert "it took more than 0.3 seconds" in refused("http://slow.example/a.png")


class TestOneLine:
    def test_not_found(self, server: WebServer) -> None:
        url = server.url("/none.png")
        assert refused(url) == (f"cannot read {url}: the server answers 404 (Not Found); check the URL in a browser")

    @pytest.mark.parametrize("status", ["204 No Content", "500 \x1b[2J", "799 Whatever"])
    def test_other_answers(self, server: WebServer, status: str) -> None:
        line = refused(server.send("/a.png", png(), status=status))
        assert f"the server answers {status[:3]} (" in line
        assert line.isprintable()

    def test_a_page(self, server: WebServer) -> None:
        url = server.send("/cat", b"<!doctype html>" * 9_000, "Content-Type: text/html; charset=utf-8")
        assert "the server sends text/html and no picture; give the URL of the picture itself" in refused(url)
        url = server.send("/dog", b"GIF", "Content-Type: \x1b[2J")
        assert "the server sends no picture; give" in refused(url)

    @pytest.mark.parametrize("content", [b"", png()[:900]])
    def test_an_answer_that_ends_early(self, server: WebServer, content: bytes) -> None:
        url = server.stream("/a.png", lambda: [head("HTTP/1.1 200 OK", "Content-Length: 1000"), content])
        assert "the connection ended before all of it was there; try again" in refused(url)

    @pytest.mark.parametrize("content", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000])
    def test_no_http(self, server: WebServer, content: bytes) -> None:
        line = refused(server.stream("/a.png", lambda: [content]))
        assert "the server's answer is no HTTP, or is not whole" in line or "the connection failed" in line

    def test_a_damaged_photo(self, server: WebServer) -> None:
        url = server.send("/a.png", png()[:500])
        with pytest.raises(PhotoError, match=f"^cannot read {url}: damaged or not supported"):
            read_photo(WebPhoto(url, allow_private=True))

    def test_nobody_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        assert "the server refuses connections; check the host and the port" in refused(
            f"http://127.0.0.1:{port}/a.png"
        )

    def test_no_such_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def find(*_: object, **__: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", find)
        assert "its host is not known here; check the URL and your network" in refused("https://none.example/a.png")

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("file:///etc/passwd", "only http and https are fetched, and not 'file'; give the path"),
            ("ftp://example.org/a.png", "only http and https are fetched, and not 'ftp'; download it"),
            ("s3://bucket/a.png", "only http and https are fetched, and not 's3'"),
            ("http://", "it is no valid URL; write it as https://HOST/PATH"),
            ("http:///a.png", "it is no valid URL"),
            ("http://example.org:port/a.png", "it is no valid URL"),
            ("http://example.org:99999/a.png", "it is no valid URL"),
            ("http://[::1/a.png", "it is no valid URL"),
            ("http://a b/a.png", "it is no valid URL"),
            (f"http://{'a' * 70}.example/a.png", "it is no valid URL"),
            ("http://127.0.0.1/\udce9.png", "it is no valid URL"),
            ("http://me:secret@example.org/a.png", "URLs with a user or a password are not fetched"),
            ("http://example.org\\@10.0.0.1/a.png", "URLs with a user or a password are not fetched"),
        ],
    )
    def test_what_is_no_url_to_fetch(self, url: str, why: str, connected: list[str]) -> None:
        line = refused(url)
        assert why in line
        assert "secret" not in line
        assert connected == []

    def test_a_url_in_a_message(self, connected: list[str]) -> None:
        assert refused("https://8.8.8.8/a.png?key=secret#top").startswith("cannot read https://8.8.8.8/a.png?...: ")
        assert refused("https://8.8.8.8/\x1b[2J.png").startswith(r"cannot read 'https://8.8.8.8/\x1b[2J.png': ")


class TestTls:
    @pytest.fixture
    def secure(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
        """A server whose certificate is trusted here, and is of photos.example."""
        x509 = pytest.importorskip("cryptography.x509")
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "photos.example")])
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("photos.example")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        (tmp_path / "trusted.pem").write_bytes(pem)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (tmp_path / "server.pem").write_bytes(private + pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem")
        with web_server(context) as server:
            yield server

    def test_the_name_of_the_host_is_checked(self, secure: WebServer, hosts: dict[str, list[str]]) -> None:
        hosts |= {"photos.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}
        content = png()
        secure.send("/a.png", content)
        right, wrong = (f"https://{host}:{secure.port}/a.png" for host in ("photos.example", "other.example"))
        assert WebPhoto(right, allow_private=True).fetch().getvalue() == content
        line = refused(wrong)
        assert "no secure connection (Hostname mismatch, certificate is not valid for 'other.example'" in line
        assert len(secure.asked) == 1

    def test_who_issued_the_certificate_is_checked(
        self, secure: WebServer, hosts: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        hosts["photos.example"] = ["127.0.0.1"]
        line = refused(f"https://photos.example:{secure.port}/a.png")
        assert "no secure connection (self-signed certificate" in line

    def test_a_server_without_tls(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as plain:

            def answer() -> None:
                with plain.accept()[0] as asked:
                    asked.recv(10)
                    asked.sendall(head("HTTP/1.1 400 Bad Request"))

            Thread(target=answer, daemon=True).start()
            line = refused(f"https://127.0.0.1:{plain.getsockname()[1]}/a.png")
        assert "no secure connection (" in line

    def test_a_slow_handshake(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_fetching, "MAX_SECONDS", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            assert "it took more than 0.3 seconds" in refused(f"https://127.0.0.1:{silent.getsockname()[1]}/a.png")
