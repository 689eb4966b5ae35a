"""Messages as bytes: a length-prefixed JSON header, then raw buffers (the pixels of pictures).

    "INKS" | header length u32 | body length u64 | header (JSON, UTF-8) | body

The schema is the dataclasses' own type hints, read strictly; every length is checked before
anything of that length is allocated. Knows nothing of processes, Qt or torch.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from itertools import accumulate
from typing import Any, BinaryIO

from model.engine.protocol import ProtocolError
from model.requests import TASKS, WRITINGS, Picture, Request, Writing

MAGIC = b"INKS"
PREFIX = struct.Struct(">4sIQ")
MAX_HEADER_BYTES = 2**20
MAX_BODY_BYTES = 512 * 2**20
READ_BYTES = 2**20  # a claimed length is believed one such piece at a time


def encode(message: Any) -> list[bytes]:
    """The frame of a message, in pieces, so that pixels are not copied.

    Raises ProtocolError when the message is larger than a frame may be.
    """
    buffers: list[bytes] = []
    fields = _pack_fields(message, buffers)
    header = json.dumps(
        {
            "type": type(message).__name__,
            "fields": fields,
            "buffers": [len(b) for b in buffers],
        },
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    ).encode("utf-8", "surrogatepass")  # a prompt may hold half a character: the model refuses it
    body_bytes = sum(map(len, buffers))
    _check_lengths(len(header), body_bytes)
    return [PREFIX.pack(MAGIC, len(header), body_bytes) + header, *buffers]


class FrameDecoder:
    """Bytes in any pieces become messages of the accepted types."""

    def __init__(self, accepted: tuple[type, ...]) -> None:
        self._accepted = {cls.__name__: cls for cls in accepted}
        self._data = bytearray()
        self._lengths: tuple[int, int] | None = None

    @property
    def missing(self) -> int:
        """Bytes that complete the current part of the frame (its prefix, or all the rest)."""
        wanted = PREFIX.size if self._lengths is None else sum(self._lengths)
        return wanted - len(self._data)

    @property
    def is_between_frames(self) -> bool:
        return self._lengths is None and not self._data

    def feed(self, data: bytes | memoryview) -> Iterator[Any]:
        """Yields each message that `data` completes. After a ProtocolError it is of no more use."""
        view = memoryview(data)
        while view:
            taken = view[: self.missing]
            self._data += taken
            view = view[len(taken) :]
            if self.missing == 0 and (message := self._advance()) is not None:
                yield message

    def _advance(self) -> Any:
        if self._lengths is None:
            magic, header_bytes, body_bytes = PREFIX.unpack(self._data)
            if magic != MAGIC:
                raise ProtocolError(f"not a frame: it begins with {bytes(magic)!r}")
            _check_lengths(header_bytes, body_bytes)
            self._lengths, self._data = (header_bytes, body_bytes), bytearray()
            return None
        header_bytes, _ = self._lengths
        message = _decode(self._data[:header_bytes], self._data, header_bytes, self._accepted)
        self._lengths, self._data = None, bytearray()
        return message


def read_messages(stream: BinaryIO, accepted: tuple[type, ...]) -> Iterator[Any]:
    """Messages from a blocking stream until it ends; an end within a frame is a ProtocolError."""
    decoder = FrameDecoder(accepted)
    while data := stream.read(min(decoder.missing, READ_BYTES)):
        yield from decoder.feed(data)
    if not decoder.is_between_frames:
        raise ProtocolError("the stream ended within a frame")


def _check_lengths(header_bytes: int, body_bytes: int) -> None:
    if not 0 < header_bytes <= MAX_HEADER_BYTES:
        raise ProtocolError(f"a header of {header_bytes} bytes; at most {MAX_HEADER_BYTES}")
    if body_bytes > MAX_BODY_BYTES:
        raise ProtocolError(f"a body of {body_bytes} bytes; at most {MAX_BODY_BYTES}")


# --- values to JSON --------------------------------------------------------------------------


def _pack(value: Any, buffers: list[bytes]) -> Any:
    if isinstance(value, Picture):
        return {
            "width": value.width,
            "height": value.height,
            "mode": value.mode,
            "buffer": _place(value.data, buffers),
        }
    if isinstance(value, (Request, Writing)):
        return {"task": value.task, **_pack_fields(value, buffers)}
    if dataclasses.is_dataclass(value):
        return _pack_fields(value, buffers)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_pack(item, buffers) for item in value]
    assert value is None or isinstance(value, (bool, int, float, str)), type(value)
    return value


def _pack_fields(value: Any, buffers: list[bytes]) -> dict[str, Any]:
    return {f.name: _pack(getattr(value, f.name), buffers) for f in dataclasses.fields(value)}


def _place(data: bytes, buffers: list[bytes]) -> int:
    """The same picture, named by many requests of one result, travels once."""
    for index, known in enumerate(buffers):
        if known is data:
            return index
    buffers.append(data)
    return len(buffers) - 1


# --- JSON to values --------------------------------------------------------------------------


def _decode(header: bytearray, data: bytearray, start: int, accepted: dict[str, type]) -> Any:
    try:
        content = json.loads(
            header.decode("utf-8", "surrogatepass"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
        )
        _expect_keys(content, {"type", "fields", "buffers"}, "header")
        cls = accepted.get(_as(str, content["type"], "type"))
        if cls is None:
            raise ProtocolError(f"unknown message {content['type']!r}")
        buffers = _cut(content["buffers"], memoryview(data)[start:])
        return _unpack_dataclass(cls, content["fields"], buffers, cls.__name__)
    except ProtocolError:
        raise
    except (ValueError, OverflowError, RecursionError) as error:  # JSON, UTF-8, a bad request
        raise ProtocolError(f"malformed message: {error}") from None


def _cut(sizes: Any, body: memoryview) -> list[bytes]:
    lengths = _unpack(tuple[int, ...], sizes, [], "buffers")
    if min(lengths, default=0) < 0 or sum(lengths) != len(body):
        raise ProtocolError(f"buffers of {lengths} bytes do not fill a body of {len(body)}")
    ends = accumulate(lengths)
    return [bytes(body[end - n : end]) for end, n in zip(ends, lengths, strict=True)]


def _unpack(hint: Any, value: Any, buffers: list[bytes], where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _unpack_optional(hint, value, buffers, where)
    if origin is tuple:
        return _unpack_tuple(typing.get_args(hint), value, buffers, where)
    if hint is Picture:
        return _unpack_picture(value, buffers, where)
    if hint is Request or hint is Writing:
        return _unpack_request(TASKS if hint is Request else WRITINGS, value, buffers, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(_as(str, value, where))
    if dataclasses.is_dataclass(hint):
        return _unpack_dataclass(typing.cast(type, hint), value, buffers, where)
    return _as(hint, value, where)


def _unpack_optional(hint: Any, value: Any, buffers: list[bytes], where: str) -> Any:
    (inner,) = (arg for arg in typing.get_args(hint) if arg is not type(None))
    return None if value is None else _unpack(inner, value, buffers, where)


def _unpack_tuple(hints: tuple[Any, ...], value: Any, buffers: list[bytes], where: str) -> Any:
    items = _as(list, value, where)
    if hints[-1] is Ellipsis:
        hints = (hints[0],) * len(items)
    if len(items) != len(hints):
        raise ProtocolError(f"{where}: {len(items)} items where {len(hints)} are due")
    pairs = zip(hints, items, strict=True)
    return tuple(_unpack(hint, item, buffers, where) for hint, item in pairs)


def _unpack_picture(value: Any, buffers: list[bytes], where: str) -> Picture:
    _expect_keys(value, {"width", "height", "mode", "buffer"}, where)
    index = _as(int, value["buffer"], where)
    if not 0 <= index < len(buffers):
        raise ProtocolError(f"{where}: buffer {index} of {len(buffers)}")
    return Picture(
        width=_as(int, value["width"], where),
        height=_as(int, value["height"], where),
        mode=_as(str, value["mode"], where),
        data=buffers[index],
    )


def _unpack_request(
    kinds: Mapping[str, type], value: Any, buffers: list[bytes], where: str
) -> Request | Writing:
    task = value.get("task") if isinstance(value, dict) else None
    cls = kinds.get(task) if isinstance(task, str) else None
    if cls is None:
        raise ProtocolError(f"{where}: unknown task {task!r}")
    fields = {name: item for name, item in value.items() if name != "task"}
    return _unpack_dataclass(cls, fields, buffers, where)


def _unpack_dataclass(cls: type, value: Any, buffers: list[bytes], where: str) -> Any:
    hints = _field_hints(cls)
    _expect_keys(value, set(hints), where)
    return cls(
        **{
            name: _unpack(hint, value[name], buffers, f"{where}.{name}")
            for name, hint in hints.items()
        }
    )


@cache
def _field_hints(cls: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _as(kind: type, value: Any, where: str) -> Any:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:  # exactly: a bool is no int here
        raise ProtocolError(f"{where}: {type(value).__name__} where {kind.__name__} is due")
    if kind is float and not math.isfinite(value):
        raise ProtocolError(f"{where}: {value} is not a finite number")
    return value


def _expect_keys(value: Any, names: set[str], where: str) -> None:
    if not isinstance(value, dict) or set(value) != names:
        raise ProtocolError(f"{where}: needs exactly the fields {', '.join(sorted(names))}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ProtocolError("malformed message: a field is given twice")
    return found


def _refuse_constant(text: str) -> None:
    raise ProtocolError(f"malformed message: {text} is not a number")
