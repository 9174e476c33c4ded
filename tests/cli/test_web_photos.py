"""URLs on the command line: fetched where a user names them, one by one, and named in the results."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from commands import Run, one_line, results_of, written
from web_server import WebServer, web_server

LABELS = ("--labels", "cat, dog", "--out", "out")
ALLOWED = (*LABELS, "--allow-private-addresses")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_tiny: None) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(photo: Path) -> Iterator[WebServer]:
    with web_server() as running:
        running.send("/a/noise.png", photo.read_bytes())
        yield running


def test_a_photo(run: Run, photo: Path, server: WebServer) -> None:
    url = server.url("/a/noise.png?size=2")
    assert run("segment", photo, *LABELS).code == 0
    expected = json.loads(Path("out/noise.json").read_text())
    for option, fetched in (("--quiet", 1), ("--quiet", 1), ("--overwrite", 2)):  # what is done is not fetched again
        done = run("segment", url, *ALLOWED, option)
        assert (done.code, done.err, len(server.asked)) == (0, "", fetched)
    assert written(Path("out")) == sorted([*results_of("noise"), *results_of("noise.png")])
    summary = json.loads(Path("out/noise.png.json").read_text())
    assert (summary["name"], summary["source"], summary["source_from_here"]) == ("noise.png", url, url)
    assert summary["labels"] == expected["labels"]


def test_files_of_other_tools(run: Run, server: WebServer) -> None:
    url = server.url("/a/noise.png")
    options = ("--save", "json,coco,yolo,labelme,labelstudio,npz", "--table", "all.csv", "--coco", "all.json")
    assert run("segment", url, *ALLOWED, *options, "--cvat", "all.zip").code == 0
    assert json.loads(Path("all.json").read_text())["images"][0]["file_name"] == url
    assert json.loads(Path("out/noise.labelstudio.json").read_text())[0]["data"]["image"] == url
    assert json.loads(Path("out/noise.labelme.json").read_text())["imagePath"] == url
    with Path("all.csv").open(newline="") as file:
        assert {row["photo"] for row in csv.DictReader(file)} == {url}


def test_lists_and_pipes(run: Run, photo: Path, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = [server.send(f"/{number}.png", photo.read_bytes()) for number in range(4)]
    Path("names.txt").write_text(f"{urls[0]}\r\n{photo}\r\n {urls[1]} \r\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(f"{urls[2]}\0{urls[1]}\0".encode())))
    done = run("segment", urls[3], "@names.txt", "-", *ALLOWED, "--json-lines")
    assert (done.code, done.err) == (0, "")
    said = [json.loads(line)["photo"] for line in done.out.splitlines()]
    assert said == [urls[3], urls[0], str(photo), urls[1], urls[2]]  # in their order, each once
    assert len(server.asked) == 4


def test_heatmap(run: Run, server: WebServer) -> None:
    assert run("heatmap", server.url("/a/noise.png"), *ALLOWED).code == 0
    assert written(Path("out")) == ["noise.heatmap.jpg"]


@pytest.mark.parametrize("command", ["segment", "heatmap"])
def test_a_bad_url_costs_the_others_nothing(run: Run, photo: Path, server: WebServer, command: str) -> None:
    gone, page = server.url("/gone.png?key=secret"), server.send("/page", b"<html>", "Content-Type: text/html")
    done = run(command, gone, photo, page, "ftp://example.org/a.png", server.url("/a/noise.png"), *ALLOWED)
    assert done.code == 1
    assert done.err.splitlines() == [
        f"freeseg: cannot read {server.url('/gone.png')}?...: the server answers 404 (Not Found); check the URL in a "
        "browser",
        f"freeseg: cannot read {page}: the server sends text/html and no picture; give the URL of the picture itself",
        "freeseg: cannot read ftp://example.org/a.png: only http and https are fetched, and not 'ftp'; download it and "
        "give the file",
    ]
    assert {"noise", "noise.png"} <= {name.split(".heatmap")[0].split(".json")[0] for name in written(Path("out"))}


def test_private_addresses_are_not_fetched_unasked(run: Run, server: WebServer) -> None:
    url = server.url("/a/noise.png")
    assert f"cannot read {url}: 127.0.0.1 is no public address; to allow it, add --allow-private-addresses" in one_line(
        run("heatmap", url, *LABELS)
    )
    assert "127.0.0.1 is no public address" in run("segment", url, *LABELS).err
    assert (server.asked, written(Path("out"))) == ([], [])


def test_a_dry_run_fetches_nothing(run: Run, server: WebServer) -> None:
    done = run("segment", server.url("/a/noise.png?key=secret"), *ALLOWED, "--dry-run", "--save", "mask")
    assert (done.code, done.out) == (0, f"{server.url('/a/noise.png')}?... -> out/noise.mask.png\n")
    assert server.asked == []


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("/..%2F..%2Fup.png", "up"),
        ("/..", "127-0-0-1"),
        ("/%2e%2e", "127-0-0-1"),
        ("/", "127-0-0-1"),
        ("/a/", "a"),
        ("/a%00%1b%5B2J.png", "a[2J"),
        ("/c%5Cd.png", "d"),
        (f"/{'x' * 400}.png", ""),
    ],
)
def test_names_stay_inside_the_folder(run: Run, server: WebServer, path: str, stem: str, photo: Path) -> None:
    url = server.send(path, photo.read_bytes())
    before = written(Path())
    assert run("segment", url, *ALLOWED, "--save", "mask").code == 0
    (made,) = set(written(Path())) - set(before)
    assert made == f"out/{stem}.mask.png" or (not stem and made.startswith("out/xxx"))


def test_two_urls_of_one_name(run: Run, server: WebServer, photo: Path) -> None:
    other = server.send("/b/noise.png", photo.read_bytes())
    done = run("segment", server.url("/a/noise.png"), other, f"{other}?size=2", *ALLOWED, "--save", "json")
    assert done.code == 0
    sources = {json.loads(path.read_text())["source"] for path in Path("out").glob("*.json")}
    assert sources == {server.url("/a/noise.png"), other, f"{other}?size=2"}


def test_other_commands_fetch_nothing(run: Run, server: WebServer) -> None:
    url = server.url("/a/noise.png")
    Path("set/images").mkdir(parents=True)
    Image.new("RGB", (40, 30)).save("set/images/a.png")
    Path("set/captions.jsonl").write_text(json.dumps({"image": url, "captions": ["a cat"]}))
    for source in (url, "set"):
        assert "freeseg: " in one_line(run("label", source, *LABELS))
    assert f" {url}" in one_line(run("label", url, *LABELS))  # with both slashes
    assert server.asked == []


def test_frames_of_an_animation(run: Run, server: WebServer) -> None:
    content = io.BytesIO()
    first, *others = (Image.new("RGB", (24, 16), colour) for colour in ("red", "lime", "blue"))
    first.save(content, "GIF", save_all=True, append_images=others)
    url = server.send("/a/clip.gif", content.getvalue())
    done = run("segment", url, *ALLOWED, "--frames", "--every", "2", "--save", "json,mask", "--table", "all.csv")
    assert (done.code, done.err) == (0, "")
    names = [f"clip-000{number}.{ending}" for number in (1, 3) for ending in ("json", "mask.png")]
    assert written(Path("out")) == names
    last = json.loads(Path("out/clip-0003.json").read_text())
    assert (last["source"], last["frame"]) == (url, 3)
    with Path("all.csv").open(newline="") as file:
        assert {row["photo"] for row in csv.DictReader(file)} == {f"{url}#1", f"{url}#3"}
    assert len(server.asked) == 2  # to count, and to read
    again = run("segment", url, *ALLOWED, "--frames", "--every", "2", "--save", "json,mask")
    assert (again.code, again.err, len(server.asked)) == (0, "", 3)  # what is done is only counted


def test_frames_of_what_cannot_be_fetched(run: Run, server: WebServer) -> None:
    done = run("segment", server.url("/gone.gif"), *ALLOWED, "--frames")
    assert "404" in one_line(done)
