"""A hub on this machine: the few answers of huggingface.co that fetching a model takes, for tests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

CONFIG = {"model_type": "clip", "architectures": ["CLIPModel"]}
# As on the hub: what FreeSeg needs among what it does not.
WHOLE = {
    "README.md": b"---\nlicense: mit\n---\n# A model",
    ".gitattributes": b"*.bin filter=lfs",
    "config.json": json.dumps(CONFIG).encode(),
    "model.safetensors": b"safe" * 250,
    "pytorch_model.bin": b"pickle" * 250,
    "flax_model.msgpack": b"flax" * 250,
    "onnx/model.safetensors": b"elsewhere",
    "preprocessor_config.json": b'{"of": "preprocessor_config.json"}',
    "tokenizer.json": b'{"of": "tokenizer.json"}',
    "tokenizer_config.json": b'{"of": "tokenizer_config.json"}',
    "vocab.json": b'{"of": "vocab.json"}',
    "merges.txt": b"#version: 0.2",
}
NEEDED = (
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
)


@dataclass
class Model:
    """A model of the hub. `revisions` are its branches and their files; the commit of one is the hash of its name.

    `served` has what is sent in the place of some files, and `etags` what these are called: a hostile hub's answers.
    """

    revisions: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": dict(WHOLE)})
    card: dict[str, Any] = field(default_factory=lambda: {"license": "mit"})
    gated: str | bool = False
    served: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)

    def find(self, revision: str) -> dict[str, bytes] | None:
        """The files of a branch or commit."""
        return next((files for name, files in self.revisions.items() if revision in (name, commit(name))), None)


def commit(revision: str) -> str:
    """The commit of a branch."""
    return hashlib.sha1(revision.encode()).hexdigest()  # noqa: S324 - git's own


class Hub(ThreadingHTTPServer):
    """The hub; `asked` lists the requests that it got, `failure` is an HTTP status that it answers to all of them."""

    daemon_threads = True

    def __init__(self, models: dict[str, Model], answers: type[Answers] | None = None):
        super().__init__(("127.0.0.1", 0), answers or Answers)
        self.models = models
        self.asked: list[str] = []
        self.failure = 0

    @property
    def address(self) -> str:
        """What HF_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def fetched(self) -> set[str]:
        """Names of the files whose content was asked for."""
        return {path.rpartition("/")[2] for path in self.asked if path.startswith("GET") and "/resolve/" in path}


class Answers(BaseHTTPRequestHandler):
    """One request."""

    server: Hub

    def do_HEAD(self) -> None:
        """Answer, without content."""
        self.answer(content=False)

    def do_GET(self) -> None:
        """Answer."""
        self.answer(content=True)

    def answer(self, content: bool) -> None:
        """Find what is asked for."""
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        if self.server.failure:
            return self.send(self.server.failure, b"")
        api = path.startswith("/api/models/")
        parts = path.removeprefix("/api/models").strip("/").split("/")
        owner, name, *rest = parts if len(parts) > 1 else [*parts, ""]
        model = self.server.models.get(f"{owner}/{name}")
        if model is None:  # as the hub does for whoever is not logged in
            return self.send(401, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        what, *where = rest or ["revision", "main"]
        if what == "resolve":
            *where, file = where
        revision = "/".join(where)
        files = model.find(revision)
        if files is None:
            return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
        sha = next(commit(known) for known in model.revisions if revision in (known, commit(known)))
        if api and what == "tree":
            return self.send_json(
                [{"type": "file", "path": path, "size": len(data), "oid": oid(data)} for path, data in files.items()]
            )
        if api:
            return self.send_json(info(f"{owner}/{name}", model, sha, files))
        if model.gated:
            return self.send(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        if file not in files:
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        etag = model.etags.get(file, hashed(file, files[file]))
        data = model.served.get(file, files[file])
        return self.send(200, data, {"X-Repo-Commit": sha, "ETag": f'"{etag}"'}, content)

    def send_json(self, value: Any) -> None:
        """Answer with JSON."""
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, status: int, data: bytes, headers: dict[str, str] | None = None, content: bool = True) -> None:
        """Answer with bytes."""
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if content and self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


def oid(data: bytes) -> str:
    """What git calls a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324 - git's own


def is_large(file: str) -> bool:
    """Whether the hub keeps a file with git-lfs."""
    return file.endswith((".safetensors", ".bin"))


def hashed(file: str, data: bytes) -> str:
    """What the hub calls a file: git's hash, or the sha256 of a large one."""
    return hashlib.sha256(data).hexdigest() if is_large(file) else oid(data)


def info(name: str, model: Model, sha: str, files: dict[str, bytes]) -> dict[str, Any]:
    """`/api/models/NAME?blobs=true`."""
    siblings: list[dict[str, Any]] = [
        {"rfilename": path, "size": len(data), "blobId": oid(data)} for path, data in files.items()
    ]
    for sibling, (path, data) in zip(siblings, files.items(), strict=True):
        if is_large(path):
            sibling["lfs"] = {"sha256": hashed(path, data), "size": len(data), "pointerSize": 134}
    config = json.loads(files.get("config.json", b"null"))
    return {
        "id": name,
        "sha": sha,
        "gated": model.gated,
        "cardData": model.card,
        "config": config,
        "siblings": siblings,
    }


@contextmanager
def serve(models: dict[str, Model], answers: type[Answers] | None = None) -> Iterator[Hub]:
    """A hub that runs inside the block; `answers` is what answers its requests."""
    hub = Hub(models, answers)
    thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


@contextmanager
def connected(
    models: dict[str, Model], home: Path, monkeypatch: pytest.MonkeyPatch, answers: type[Answers] | None = None
) -> Iterator[Hub]:
    """The same, as this process's hub, with an empty cache in `home`."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serve(models, answers) as hub:
        point_to(hub.address, monkeypatch)
        yield hub


def point_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does, in a process that has read it already."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + template)
