"""A hub that is hostile: its answers have other sizes, names, places and shapes than they should."""

from __future__ import annotations

import json
import logging
import random
from pathlib import Path
from typing import Any

import pytest

import hub_server
from attacks.damage import Attack, changed, damaged
from freeseg.models.hub import name_by_user, resolve
from hub_server import NEEDED, WHOLE, Answers, Model, connected

NAME = "some/clip"
ELSEWHERE = (
    "http://127.0.0.1:1/x",
    "file:///etc/passwd",
    "../../../x",
    "/",
    "",
    "//",
    "http://",
    "https://[",
    "x" * 5_000,
)
ETAGS = ("../../x", "..", "/x", "x" * 5_000, "", " ", "a/b", "a\\b", "0" * 40, "0" * 64, "W/", "\x1b[2J", "*")
STATUSES = (204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 410, 416, 418, 429, 500, 502, 503)
COMMITS = ("../../x", "..", "", "x" * 5_000, "main", "/x", "0" * 40, "0" * 39)
LENGTHS = ("0", "1", "-1", "x", "", "1" + "0" * 15, "99999999999999999999999")


def _bad(chance: random.Random) -> bytes:
    """What is wrong with the hub: of which answers, and what."""
    file = chance.choice(NEEDED)
    wrong: dict[str, Any] = {"method": chance.choice(["GET", "HEAD", ""]), "file": chance.choice([file, ""])}
    match chance.randrange(7):
        case 0 | 1:
            wrong |= {"json": chance.randrange(2**32), "file": "", "method": ""}
        case 2:
            wrong |= {"headers": {"ETag": f'"{chance.choice(ETAGS)}"'}}
        case 3:
            wrong |= {"headers": {"Content-Length": chance.choice(LENGTHS)}}
        case 4:
            wrong |= {"headers": {"X-Repo-Commit": chance.choice(COMMITS)}}
        case 5:
            wrong |= {"status": chance.choice(STATUSES), "headers": {"Location": chance.choice(ELSEWHERE)}}
        case 6:
            wrong |= {"body": chance.randrange(2**32), "file": file}
    return json.dumps(wrong).encode()


def hostile(wrong: dict[str, Any]) -> type[Answers]:
    """The answers of a hub about which this is wrong."""

    class Hostile(Answers):
        def send(self, status: int, data: bytes, headers: dict[str, str] | None = None, content: bool = True) -> None:
            """Answer, as it should not be."""
            own = dict(headers or {})
            if "json" in wrong and own.get("Content-Type") == "application/json":
                data = json.dumps(changed(json.loads(data), _chance(wrong["json"]))).encode()
            elif "json" not in wrong and self._is_meant():
                data = damaged(data, _chance(wrong["body"])) if "body" in wrong else data
                status, own = wrong.get("status", status), own | wrong.get("headers", {})
            self.send_response(status)
            for key, value in {"Content-Length": str(len(data)), **own}.items():
                self.send_header(key, value)
            self.end_headers()
            if content and self.command == "GET":
                self.wfile.write(data)

        def _is_meant(self) -> bool:
            return wrong["method"] in ("", self.command) and self.path.endswith(wrong["file"])

    return Hostile


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - not a secret


def _read(content: bytes, folder: Path) -> object:
    """Fetch the model into an empty cache; nothing may be written elsewhere, and no other bytes be kept."""
    name_by_user(NAME)
    wrong = json.loads(content)
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _: None)  # before it asks again
        patch.setattr(hub_server, "Answers", hostile(wrong))
        patch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # each time that it asks again
        with connected({NAME: Model()}, home, patch):
            try:
                found = resolve(NAME)
            finally:
                _check_places(folder)
    for file in NEEDED:
        if "json" not in wrong and (found / file).read_bytes() != WHOLE[file]:
            raise ValueError(f"{file} was altered, and is kept")
    return found


def _check_places(folder: Path) -> None:
    """Raise an error where something lies outside the cache."""
    places = {path.relative_to(folder).as_posix() for path in folder.glob("*")}
    places |= {path.relative_to(folder).as_posix() for path in folder.glob("home/*")}
    if beside := places - {"home", "home/hub"}:
        raise RuntimeError(f"written outside the cache: {beside}")


HUB = {
    "a hostile hub": Attack(lambda _: json.dumps({"method": "", "file": "", "headers": {}}).encode(), _bad, _read),
}
