"""Records and runs survive the way through JSON, and say where they differ."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freeseg.errors import DataError
from freeseg.evaluation.records import PhotoRecord, Run, names_sha256
from reports import photo_record

counts = st.integers(0, 2**40)
shares = st.floats(-100, 100, allow_nan=False)
records = st.builds(
    photo_record,
    name=st.text(),
    confusion=st.lists(st.tuples(counts, counts, counts)),
    boundary=st.lists(st.tuples(counts, counts, counts)),
    contrasts=st.dictionaries(st.integers(0, 254), shares),
    shown=st.lists(counts),
    there=st.lists(counts),
    calibration=st.lists(st.tuples(counts, counts, shares, counts)),
)
RUN = Run(
    dataset="voc21",
    classes=("background", "cat"),
    has_background=True,
    photos=2,
    photos_sha256="ab",
    setting="plain",
    protocol={"name": "freeseg", "short_side": None, "logit_scale": 40.0},
    model="m",
    model_sha256="cd",
    command="freeseg evaluate",
    versions={"python": "3"},
)


@given(records)
def test_a_record_survives_json(record: PhotoRecord) -> None:
    line = json.dumps(record.to_dict())
    assert "\n" not in line
    assert PhotoRecord.from_dict(json.loads(line)) == record


def test_a_run_survives_json() -> None:
    assert Run.from_dict(json.loads(json.dumps(RUN.to_dict()))) == RUN


@pytest.mark.parametrize(
    "change",
    [
        {"confusion": [[1, 2]]},
        {"contrasts": []},
        {"contrasts": {"cat": 1.0}},
        {"shown": None},
        {"calibration": [["a", 1, 1, 1]]},
    ],
)
def test_a_damaged_record(change: dict[str, Any]) -> None:
    record = photo_record("one", [(0, 1, 2)], [], {}, [1], [1], []).to_dict()
    with pytest.raises(DataError, match="damaged") as caught:
        PhotoRecord.from_dict(record | change)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(DataError):
        PhotoRecord.from_dict({key: value for key, value in record.items() if key not in change})


def test_a_damaged_run() -> None:
    values = RUN.to_dict()
    for broken in ({**values, "more": 1}, {key: value for key, value in values.items() if key != "model"}, {}):
        with pytest.raises(DataError, match="damaged"):
            Run.from_dict(broken)


def test_differences() -> None:
    other = replace(RUN, setting="aliases", model="n", command="another")
    assert RUN.differences(other) == ["setting", "model"]
    assert RUN.differences(other, ignoring=("model", "setting")) == ["command"]
    assert RUN.differences(replace(RUN, command="another")) == []


@given(st.lists(st.text()), st.lists(st.text()))
def test_names_in_order_have_one_hash(first: list[str], second: list[str]) -> None:
    assert (names_sha256(first) == names_sha256(second)) == (first == second)


@given(st.lists(st.text(), min_size=2, unique=True))
def test_another_order_has_another_hash(names: list[str]) -> None:
    assert names_sha256(names) != names_sha256(names[::-1])
