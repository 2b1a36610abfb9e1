"""The codec is strict: what it writes it reads back, and every mistake is named with its place."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_aigc import protocol
from blender_aigc.protocol import (
    Artefact,
    Blob,
    Event,
    Fault,
    FaultRecord,
    Health,
    Hello,
    Job,
    JobStatus,
    Lease,
    ModelInfo,
    Models,
    Param,
    Provenance,
    Result,
    decode,
    encode,
)

text = st.text(max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**53), 2**53)
facts = st.dictionaries(text, st.one_of(st.booleans(), whole, number, text), max_size=3)
blobs = st.builds(
    Blob, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), st.from_regex(r"\.[a-z0-9]{1,8}", fullmatch=True)
)
uuids = st.uuids().map(str)
jobs = st.builds(
    Job, uuids, text, text, st.dictionaries(text, blobs, max_size=2), facts, text, st.integers(0, 2**31 - 1), text
)
codes = st.sampled_from(typing.get_args(protocol.FaultCode))
records = st.builds(FaultRecord, codes, text, text, text)
events = st.builds(Event, whole, number, text, whole, whole, text, text, st.none() | number)
artefacts = st.builds(Artefact, st.sampled_from(["mesh", "image", "text"]), text, text, whole, text, facts)
provenances = st.builds(Provenance, *[text] * 6, whole, facts, st.dictionaries(text, text, max_size=2), text, text)
results = st.builds(Result, jobs, st.lists(artefacts, max_size=2).map(tuple), provenances, facts)
states = st.sampled_from(typing.get_args(protocol.JobState))
workers = st.sampled_from(["idle", "starting", "busy", "gone"])
params = st.builds(
    Param,
    st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(lambda k: k not in protocol.RESERVED_PARAM_KEYS),
    st.just("float"),
    text,
    text,
    st.floats(0, 1),
    st.just(0.0),
    st.none() | st.just(2.0),
)
infos = st.builds(
    ModelInfo, text, text, text, text, st.lists(params, max_size=2).map(tuple), unavailable=st.none() | records
)
MESSAGES: dict[type, st.SearchStrategy[Any]] = {
    Blob: blobs,
    Job: jobs,
    FaultRecord: records,
    Event: events,
    Artefact: artefacts,
    Provenance: provenances,
    Result: results,
    Param: params,
    ModelInfo: infos,
    Models: st.builds(Models, st.lists(infos, max_size=2).map(tuple), st.dictionaries(text, text, max_size=2)),
    Hello: st.builds(Hello, whole, text, text, whole, whole, text),
    Lease: st.builds(Lease, text, number, whole),
    Health: st.builds(Health, text, whole, workers, whole, number, text, whole, whole, whole),
    JobStatus: st.builds(
        JobStatus,
        text,
        states,
        whole,
        text,
        st.lists(events, max_size=2).map(tuple),
        st.none() | results,
        st.none() | records,
        whole,
    ),
}


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(cls: type, data: st.DataObject) -> None:
    message = data.draw(MESSAGES[cls])
    line = encode(message)
    assert "\n" not in line
    assert decode(cls, line) == message
    assert decode(cls, line.encode()) == message


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_an_unknown_and_a_missing_key_are_named(cls: type, data: st.DataObject) -> None:
    plain = json.loads(encode(data.draw(MESSAGES[cls])))
    with pytest.raises(Fault, match=r"\$\.surplus"):
        decode(cls, json.dumps({**plain, "surplus": 1}))
    nothing = dataclasses.MISSING
    required = [f.name for f in dataclasses.fields(cls) if f.default is nothing and f.default_factory is nothing]
    gone = data.draw(st.sampled_from(required))
    del plain[gone]
    with pytest.raises(Fault, match=rf"lacks \$\.{gone}"):
        decode(cls, json.dumps(plain))


JOB = json.loads(encode(Job("0" * 8 + "-0000" * 3 + "-" + "0" * 12, "echo", "echo", {"image": Blob("a" * 64, ".png")})))
STATUS = json.loads(encode(JobStatus("x", "queued", 0, "", (Event(1, 0.0, "Loading"),))))


@pytest.mark.parametrize(
    ("cls", "start", "change", "path"),
    [
        (Job, JOB, {"id": 1}, "$.id"),
        (Job, JOB, {"seed": "1"}, "$.seed"),
        (Job, JOB, {"seed": 1.0}, "$.seed"),
        (Job, JOB, {"seed": True}, "$.seed"),
        (Job, JOB, {"seed": None}, "$.seed"),
        (Job, JOB, {"prompt": ["x"]}, "$.prompt"),
        (Job, JOB, {"prompt": "\ud800"}, "$.prompt"),
        (Job, JOB, {"params": []}, "$.params"),
        (Job, JOB, {"params": {"a": None}}, "$.params.a"),
        (Job, JOB, {"params": {"a": [1]}}, "$.params.a"),
        (Job, JOB, {"inputs": {"image": "x"}}, "$.inputs.image"),
        (Job, JOB, {"inputs": {"image": {"sha256": "a" * 64}}}, "$.inputs.image.suffix"),
        (Job, JOB, {"inputs": {"image": {"sha256": "a" * 64, "suffix": 1}}}, "$.inputs.image.suffix"),
        (JobStatus, STATUS, {"state": "finished"}, "$.state"),
        (JobStatus, STATUS, {"state": 1}, "$.state"),
        (JobStatus, STATUS, {"events": {}}, "$.events"),
        (JobStatus, STATUS, {"events": [{**STATUS["events"][0], "step": "1"}]}, "$.events[0].step"),
        (JobStatus, STATUS, {"events": [STATUS["events"][0], 7]}, "$.events[1]"),
        (JobStatus, STATUS, {"events": [{**STATUS["events"][0], "time_s": 10**400}]}, "$.events[0].time_s"),
        (JobStatus, STATUS, {"result": 0}, "$.result"),
        (JobStatus, STATUS, {"fault": {"code": "strange", "message": ""}}, "$.fault.code"),
    ],
)
def test_every_mistake_is_named_with_its_path(
    cls: type, start: dict[str, Any], change: dict[str, Any], path: str
) -> None:
    decode(cls, json.dumps(start))  # the start itself is sound
    with pytest.raises(Fault) as caught:
        decode(cls, json.dumps({**start, **change}))
    assert caught.value.code == "bad_request"
    assert path in caught.value.message.rstrip(".").replace(":", " ").split()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "nonsense",
        "[]",
        "null",
        '"x"',
        "NaN",
        '{"client": "a", "seconds": NaN}',
        '{"client": "a", "seconds": Infinity}',
        '{"client": "a", "seconds": 1e999}',
        '{"client": "a", "client": "b"}',
        '{"client": "a", "\\ud800": 1}',
        "[" * 100_000,
        b"\xff\xfe\xfa",
        '{"client": "a", "pid": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_message_is_a_bad_request(line: str | bytes) -> None:
    with pytest.raises(Fault) as caught:
        decode(Lease, line)
    assert caught.value.code == "bad_request"
    encode(caught.value.record()).encode()


def test_a_whole_number_may_stand_for_a_float() -> None:
    lease = decode(Lease, '{"client": "a", "seconds": 3}')
    assert type(lease.seconds) is float and lease.seconds == 3.0


def test_a_parameter_keeps_its_type() -> None:
    job = decode(Job, json.dumps({**JOB, "params": {"a": 1, "b": 1.0, "c": True, "d": "1"}}))
    assert [type(value) for value in job.params.values()] == [int, float, bool, str]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_not_written(value: float) -> None:
    with pytest.raises(Fault):
        encode(Lease("a", value))


def test_a_fault_travels_whole() -> None:
    fault = Fault("disk_full", "No room.", "Free some.", "detail")
    assert decode(FaultRecord, encode(fault.record())).fault().record() == fault.record()
    assert str(fault) == "No room. Free some."
