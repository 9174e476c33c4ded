"""The server in several processes on Ray Serve, of which one is killed: for `make test-scale`."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from freeseg.extras import is_installed
from labelled import draw_photo
from processes import Started

pytestmark = [
    pytest.mark.skipif("FREESEG_TEST_SCALE" not in os.environ, reason="takes a while: make test-scale"),
    pytest.mark.skipif(not is_installed("grpc"), reason="Ray Serve is not installed"),
]
ASKERS, SECONDS = 3, 6.0


def kept(address: str, photo: bytes, session: str) -> str:
    """Have a photo kept; gives its id."""
    headers = {"Content-Type": "image/png", "X-Session-Id": session}
    request = urllib.request.Request(f"{address}/v1/photos", photo, headers)  # noqa: S310 - of this machine
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return str(json.load(answer)["id"])


def status_of(url: str, session: str) -> int:
    """The status of an answer within a session."""
    request = urllib.request.Request(url, headers={"X-Session-Id": session})  # noqa: S310 - of this machine
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def ask(address: str, photo: bytes) -> tuple[int, object]:
    """The status of an answer, and its labels."""
    request = urllib.request.Request(  # noqa: S310 - of this machine
        f"{address}/v1/segment?labels=cat,dog",
        photo,
        {"Content-Type": "image/png"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.load(answer)["labels"]
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError:
        return 0, None


def replicas(driver: int) -> list[int]:
    """The processes of the replicas, among those that a process started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (path / "cmdline").read_bytes().startswith(b"ray::ServeReplica:freeseg"):
                found.append(int(path.name))
    return [each for each in found if driver in _ancestors(each)]


def _ancestors(process: int) -> list[int]:
    found = []
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(process)
    return found


def test_a_killed_replica_costs_what_it_was_doing_and_no_more(tmp_path: Path) -> None:
    content, answers = draw_photo(tmp_path / "photo.png", 1).read_bytes(), Counter[int]()
    with Started.command("serve", "--engine", "ray", "--replicas", 2, "--port", 0, folder=tmp_path) as serving:
        serving.wait_until(lambda: "FreeSeg is at" in serving.said)
        address = serving.said.split("FreeSeg is at ", 1)[1].split(",")[0]
        status, expected = ask(address, content)
        assert status == 200
        before = replicas(serving.pid)
        assert len(before) == 2
        ends = time.monotonic() + SECONDS

        def load() -> None:
            while time.monotonic() < ends:
                status, labels = ask(address, content)
                assert labels in (expected, None)
                answers[status] += 1

        askers = [threading.Thread(target=load) for _ in range(ASKERS)]
        for each in askers:
            each.start()
        time.sleep(SECONDS / 6)
        os.kill(before[0], signal.SIGKILL)
        for each in askers:
            each.join()
        assert answers[200] > 0
        assert sum(answers.values()) - answers[200] <= ASKERS  # what the killed one was asked at that moment
        serving.wait_until(lambda: len(replicas(serving.pid)) == 2)
        assert set(replicas(serving.pid)) != set(before)
        for session in ("mine", "yours"):  # each session comes back to the replica that keeps its photo
            id = kept(address, content, session)
            statuses = [status_of(f"{address}/v1/photos/{id}/similarity?label=cat", session) for _ in range(8)]
            assert statuses == [200] * 8
        os.kill(serving.pid, signal.SIGTERM)
        done = serving.wait()
    assert (done.code, done.err) == (0, "freeseg: stopped\n")
