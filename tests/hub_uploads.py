"""What the hub on this machine answers to whoever puts a model on it: the few requests that a commit takes."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote, urlsplit

from hub_server import Answers, Model, commit, hashed, is_large

TOKEN = "hf_may_write"  # noqa: S105 - of no hub


class Uploads(Answers):
    """One request, of those that write as well. Large files are sent apart (git-lfs), others within the commit."""

    sent: dict[str, bytes] = {}  # noqa: RUF012 - of all requests

    def do_POST(self) -> None:  # noqa: N802 - http.server calls it
        """Answer."""
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"POST {path}")
        if self.server.failure:
            return self.send_json_with(self.server.failure, {"error": "no"})
        if path == "/api/validate-yaml":
            return self.send_json_with(200, {"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.send_json_with(401, {"error": "Invalid credentials"})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path.endswith("/info/lfs/objects/batch"):
            return self._batch(json.loads(body))
        owner, name, what, revision = path.removeprefix("/api/models/").split("/")
        if what == "preupload":
            files = [
                {
                    "path": each["path"],
                    "shouldIgnore": False,
                    "uploadMode": "lfs" if is_large(each["path"]) else "regular",
                }
                for each in json.loads(body)["files"]
            ]
            return self.send_json_with(200, {"files": files})
        return self._commit(f"{owner}/{name}", revision, [json.loads(line) for line in body.splitlines()])

    def do_PUT(self) -> None:  # noqa: N802
        """Take a large file."""
        self.sent[self.path.rpartition("/")[2]] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_json_with(200, {})

    def _create(self, asked: dict[str, Any]) -> None:
        name = "/".join(each for each in (asked.get("organization"), asked["name"]) if each)
        if name.startswith("stranger/"):
            return self.send_json_with(403, {"error": "You don't have the rights"})
        there = name in self.server.models
        self.server.models.setdefault(
            name,
            Model(
                revisions={"main": {}},
                card={"visibility": asked.get("visibility", "private" if asked.get("private") else "public")},
            ),
        )
        return self.send_json_with(409 if there else 200, {"url": f"{self.server.address}/{name}"})

    def _batch(self, asked: dict[str, Any]) -> None:
        where = f"{self.server.address}/lfs"
        objects = [
            {**each, "actions": {"upload": {"href": f"{where}/{each['oid']}", "header": {}}}}
            for each in asked["objects"]
        ]
        return self.send_json_with(200, {"transfer": "basic", "objects": objects})

    def _commit(self, name: str, revision: str, lines: list[dict[str, Any]]) -> None:
        files = self.server.models[name].revisions[revision]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.sent[value["oid"]]
                assert hashed(value["path"], files[value["path"]]) == value["oid"]
        sha = commit(revision)
        self.send_json_with(200, {"commitUrl": f"{self.server.address}/{name}/commit/{sha}", "commitOid": sha})

    def send_json_with(self, status: int, value: Any) -> None:
        """Answer with JSON."""
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
