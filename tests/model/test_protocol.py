"""Frames: what goes in comes out, whatever the pieces, and everything else is a ProtocolError."""

from __future__ import annotations

import io
import json
import random
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.engine import protocol, transport
from model.engine.protocol import (
    FROM_ENGINE,
    QUESTIONS,
    REPLY_OF,
    TO_ENGINE,
    AdapterDescription,
    AdapterKind,
    Conversation,
    Describe,
    Described,
    Failed,
    Failure,
    Finished,
    Heartbeat,
    Hello,
    Identified,
    Identify,
    Load,
    Loaded,
    ModelDescription,
    Outlook,
    Plan,
    Planned,
    Progress,
    ProtocolError,
    Quit,
    Run,
    Stop,
    Stopped,
    Trace,
    Traced,
    Words,
    Write,
    Written,
)
from model.engine.transport import MAGIC, PREFIX, FrameDecoder, encode, read_messages
from model.requests import (
    Caption,
    CaptionRecord,
    Checked,
    Differences,
    Edit,
    LoraUse,
    ModelIdentity,
    Picture,
    Polish,
    Result,
    Text,
    TextToImage,
)

ALL = (*TO_ENGINE, *FROM_ENGINE)
PICTURE = Picture(width=3, height=2, mode="RGB", data=bytes(range(18)))
MASK = Picture(width=1, height=1, mode="L", data=b"\xff")
REQUEST = TextToImage(prompt='a red poster "SALE" 红色', width=64, height=32, guidance=4.0, seed=7)
LORAS = (LoraUse(name="墨", sha256="ab" * 32), LoraUse(name="b", sha256="cd" * 32, weight=-0.25))
EDIT = Edit(prompt="make it blue", images=(PICTURE, MASK, PICTURE))
RESULT = Result(
    pictures=(PICTURE, MASK),
    requests=(EDIT, REQUEST),
    model=ModelIdentity(name="m", sha256="ab", licence="Apache-2.0"),
    seconds=1.25,
    differences=(
        Differences(steps=20, reused=9, step_cache=Checked(step=7, difference=0.012)),
        Differences(steps=20, attention=Checked(step=11, difference=1e-3)),
    ),
)
CAPTION = Caption(image=PICTURE, language="zh", seed=3)
TEXT = Text(
    text="一张海报",
    request=CAPTION,
    model=RESULT.model,
    seconds=2.0,
    record=CaptionRecord(
        caption="一张海报",
        image_type="海报",
        image_style="",
        watermarks=("a", "b"),
        has_abnormal_element=True,
    ),
)
DESCRIPTION = ModelDescription(name="m", path="/m", sizes=((64, 64), (96, 64)), tasks=("edit",))
ADAPTER = AdapterDescription(
    kind=AdapterKind.lora, name="墨", path="/l/墨.safetensors", sha256="ab" * 32, problem="其他"
)
MESSAGES = [
    Describe(id=1),
    Load(id=2, model="/m"),
    Plan(id=3, model="", request=TextToImage(prompt="x", loras=LORAS)),
    Run(id=4, model="m", request=EDIT),
    Write(id=5, model="", request=Polish(prompt="a poster", images=(PICTURE, MASK))),
    Identify(id=6, kind=AdapterKind.controlnet, model="", name="墨", sha256="ab" * 32),
    Trace(id=7, picture=PICTURE),
    Stop(id=4),
    Quit(),
    Hello(version=1, pid=42),
    Described(
        id=1,
        models=(DESCRIPTION,),
        devices=("cuda", "cpu"),
        adapters=(ADAPTER,),
        attentions=("fp8",),
    ),
    Loaded(id=2, model=DESCRIPTION, seconds=2.5, memory_bytes=10**12),
    Planned(id=3, outlook=Outlook()),
    Progress(id=4, step=1, total=4, seconds_left=0.5, preview=PICTURE),
    Finished(id=4, result=RESULT),
    Words(id=5, text="一张"),
    Written(id=5, text=TEXT),
    Identified(id=6, adapter=ADAPTER),
    Traced(id=7, picture=MASK),
    Failed(id=4, kind=Failure.out_of_memory, message="nicht genug"),
    Stopped(id=4),
    Heartbeat(memory_bytes=0),
]


def frame(message: object) -> bytes:
    return b"".join(encode(message))


def decode(data: bytes) -> list[object]:
    return list(read_messages(io.BytesIO(data), ALL))


def raw(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return PREFIX.pack(MAGIC, len(text), len(body)) + text + body


def heartbeat(**changes: object) -> dict[str, object]:
    return {"type": "Heartbeat", "fields": {"memory_bytes": 1}, "buffers": []} | changes


def test_every_message_of_the_protocol_is_tried() -> None:
    assert {type(message) for message in MESSAGES} == set(ALL)
    assert set(REPLY_OF) == set(QUESTIONS)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_round_trip(message: object) -> None:
    assert decode(frame(message)) == [message]


@given(st.integers(0, 2**32), st.integers(1, 200))
def test_pieces_of_any_size(seed: int, largest: int) -> None:
    order = random.Random(seed)
    messages = order.sample(MESSAGES, len(MESSAGES))
    data = b"".join(map(frame, messages))
    decoder, found, at = FrameDecoder(ALL), [], 0
    while at < len(data):
        size = order.randint(1, largest)
        found += decoder.feed(data[at : at + size])
        at += size
    assert found == messages
    assert decoder.is_between_frames


@given(st.text(), st.text())
def test_any_text_travels(prompt: str, negative: str) -> None:
    message = Load(id=1, model=prompt + negative)
    assert decode(frame(message)) == [message]


def test_half_a_character_travels() -> None:
    message = Load(id=1, model="\ud83d")
    assert decode(frame(message)) == [message]


def test_one_picture_named_twice_travels_once() -> None:
    assert len(frame(Run(id=1, model="", request=EDIT))) < 500 + len(PICTURE.data) + len(MASK.data)
    assert frame(Run(id=1, model="", request=EDIT)).count(PICTURE.data) == 1


ZEROS = b"0" * 400
BAD_FRAMES = {
    "not ours": b"GET / HTTP/1.1\r\n\r\n",
    "no header": PREFIX.pack(MAGIC, 0, 0),
    "not JSON": raw(b"{nonsense}"),
    "not UTF-8": raw(b'{"type": "\xff\xfe"}'),
    "no object": raw([1, 2, 3]),
    "nothing": raw(None),
    "type missing": raw({"fields": {}, "buffers": []}),
    "type unknown": raw(heartbeat(type="Pickle")),
    "type no text": raw(heartbeat(type=["Heartbeat"])),
    "field missing": raw(heartbeat(fields={})),
    "field unknown": raw(heartbeat(fields={"memory_bytes": 1, "more": 2})),
    "field no number": raw(heartbeat(fields={"memory_bytes": "1"})),
    "field a bool": raw(heartbeat(fields={"memory_bytes": True})),
    "field a float": raw(heartbeat(fields={"memory_bytes": 1.0})),
    "field null": raw(heartbeat(fields={"memory_bytes": None})),
    "fields a list": raw(heartbeat(fields=[])),
    "field twice": raw(
        b'{"type":"Heartbeat","fields":{"memory_bytes":1,"memory_bytes":2},"buffers":[]}'
    ),
    "a number too long": raw(
        b'{"type":"Heartbeat","fields":{"memory_bytes":' + b"9" * 5000 + b'},"buffers":[]}'
    ),
    "infinity": raw(
        b'{"type":"Planned","fields":{"id":1,"outlook":{"seconds":Infinity}},"buffers":[]}'
    ),
    "a float beyond": raw(
        b'{"type":"Planned","fields":{"id":1,"outlook":{"seconds":1e999}},"buffers":[]}'
    ),
    "an int beyond float": raw(
        b'{"type":"Planned","fields":{"id":1,"outlook":{"seconds":1%s}},"buffers":[]}' % ZEROS
    ),
    "deep": raw(b"[" * 100_000 + b"]" * 100_000),
    "body unnamed": raw(heartbeat(), b"12"),
    "buffer negative": raw(heartbeat(buffers=[-1, 3]), b"12"),
    "buffer too long": raw(heartbeat(buffers=[3]), b"12"),
    "many buffers": raw(heartbeat(buffers=[0] * 400_000), b"12"),
    "buffer no list": raw(heartbeat(buffers={}), b""),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_frames(name: str) -> None:
    with pytest.raises(ProtocolError):
        decode(BAD_FRAMES[name])


def picture_frame(**changes: object) -> bytes:
    picture = {"width": 1, "height": 1, "mode": "L", "buffer": 0} | changes
    fields = {"id": 1, "step": 1, "total": 2, "seconds_left": None, "preview": picture}
    return raw({"type": "Progress", "fields": fields, "buffers": [1]}, b"x")


@pytest.mark.parametrize(
    "changes",
    [
        {"buffer": 1},
        {"buffer": -1},
        {"buffer": None},
        {"width": 2},
        {"width": 0},
        {"width": 2**40},
        {"mode": "CMYK"},
        {"mode": None},
        {"path": "/etc/passwd"},
    ],
    ids=str,
)
def test_bad_pictures(changes: dict[str, object]) -> None:
    assert len(decode(picture_frame())) == 1
    with pytest.raises(ProtocolError):
        decode(picture_frame(**changes))


@pytest.mark.parametrize(
    "change",
    [
        {"task": "eval"},
        {"task": None},
        {"steps": 0},
        {"guidance": "4"},
        {"images": []},
        {"seed": -1},
        {"width": 64},
        {"extra": 1},
        {"task": "polish"},
    ],
    ids=str,
)
def test_bad_requests(change: dict[str, object]) -> None:
    plan = Plan(id=1, model="", request=TextToImage(prompt="x"))
    data = frame(plan)
    header = json.loads(data[PREFIX.size :])
    assert decode(raw(header)) == [plan]
    header["fields"]["request"] |= change
    with pytest.raises(ProtocolError):
        decode(raw(header))


@pytest.mark.parametrize(
    ("header_bytes", "body_bytes"),
    [
        (transport.MAX_HEADER_BYTES + 1, 0),
        (2**32 - 1, 0),
        (10, transport.MAX_BODY_BYTES + 1),
        (10, 2**64 - 1),
    ],
)
def test_claimed_lengths_are_refused_before_they_arrive(header_bytes: int, body_bytes: int) -> None:
    with pytest.raises(ProtocolError, match="at most"):
        list(FrameDecoder(ALL).feed(PREFIX.pack(MAGIC, header_bytes, body_bytes)))


def test_a_message_beyond_the_limit_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", len(PICTURE.data) - 1)
    with pytest.raises(ProtocolError, match="at most"):
        encode(Progress(id=1, step=1, total=1, seconds_left=None, preview=PICTURE))


@given(st.integers(0, len(MESSAGES) - 1), st.data())
def test_a_truncated_stream(index: int, data: st.DataObject) -> None:
    whole = frame(MESSAGES[index])
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(ProtocolError):
        decode(whole[:cut])


@settings(max_examples=300)
@given(st.integers(0, len(MESSAGES) - 1), st.data())
def test_damage_is_noticed_or_harmless(index: int, data: st.DataObject) -> None:
    whole = bytearray(frame(MESSAGES[index]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(whole))
    except ProtocolError:
        return
    assert all(type(message) in ALL for message in found)


def test_directions_are_kept_apart() -> None:
    with pytest.raises(ProtocolError, match="unknown message 'Quit'"):
        list(read_messages(io.BytesIO(frame(Quit())), FROM_ENGINE))


# --- the order of messages -------------------------------------------------------------------

GREETING = Hello(version=protocol.PROTOCOL_VERSION, pid=1)
STEP = Progress(id=1, step=1, total=4, seconds_left=None, preview=None)
ASKED = Run(id=1, model="", request=REQUEST)
END = Finished(id=1, result=RESULT)


def talk(question: protocol.Question | None, *messages: protocol.FromEngine) -> Conversation:
    conversation = Conversation()
    if question is not None:
        conversation.asked(question)
    for message in messages:
        conversation.received(message)
    return conversation


@pytest.mark.parametrize(
    ("question", "ending"),
    [
        (Describe(id=1), Described(id=1, models=(), devices=())),
        (Load(id=1, model=""), Loaded(id=1, model=DESCRIPTION, seconds=1.0, memory_bytes=1)),
        (Plan(id=1, model="", request=REQUEST), Planned(id=1, outlook=Outlook(seconds=1.0))),
        (ASKED, END),
        (Write(id=1, model="", request=CAPTION), Written(id=1, text=TEXT)),
        (ASKED, Failed(id=1, kind=Failure.internal, message="")),
        (ASKED, Stopped(id=1)),
    ],
    ids=lambda m: type(m).__name__,
)
def test_a_request_ends_once(question: typing.Any, ending: typing.Any) -> None:
    conversation = talk(question, GREETING, Heartbeat(memory_bytes=1))
    assert list(conversation.open) == [1]
    conversation.received(ending)
    assert not conversation.open
    with pytest.raises(ProtocolError, match="not open"):
        conversation.received(ending)


@pytest.mark.parametrize(
    ("question", "messages"),
    [
        (None, [Heartbeat(memory_bytes=1)]),
        (ASKED, [END]),
        (ASKED, [GREETING, GREETING]),
        (ASKED, [Hello(version=protocol.PROTOCOL_VERSION + 1, pid=1)]),
        (ASKED, [GREETING, Stopped(id=2)]),
        (ASKED, [GREETING, Planned(id=1, outlook=Outlook(seconds=1.0))]),
        (ASKED, [GREETING, END, STEP]),
        (Describe(id=1), [GREETING, STEP]),
        (ASKED, [GREETING, Words(id=1, text="a")]),
        (Write(id=1, model="", request=CAPTION), [GREETING, STEP]),
        (Write(id=1, model="", request=CAPTION), [GREETING, END]),
        (ASKED, [GREETING, Progress(id=1, step=5, total=4, seconds_left=None, preview=None)]),
        (ASKED, [GREETING, Progress(id=1, step=-1, total=4, seconds_left=None, preview=None)]),
    ],
    ids=str,
)
def test_messages_out_of_order(question: typing.Any, messages: list[typing.Any]) -> None:
    with pytest.raises(ProtocolError):
        talk(question, *messages)
