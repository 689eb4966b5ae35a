"""One file from a hub, to its last proved byte: asks, goes on where it was cut off, asks again.

Every way of failing ends: in a wait that grows, and after so many failures without new bytes in one
sentence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from model.errors import HubError, Stopped
from model.hub.catalogue import Entry
from model.hub.endpoints import Endpoint, check_status
from model.hub.parts import BLOCK_BYTES, Part
from model.hub.web import Answer, Interrupted

GAIN_BYTES = 64 * 2**10
"""Fewer new bytes than these do not count as progress."""

OnBytes = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Patience:
    """`tries` failures in a row without progress are the end. Waits double from `pause_s` on. A
    connection that brings less than GAIN_BYTES in `slow_s` is given up."""

    tries: int = 6
    pause_s: float = 1.0
    longest_pause_s: float = 60.0
    slow_s: float = 60.0


class _Busy(Interrupted):
    """The hub asks to come back, after so many seconds if it says so."""

    def __init__(self, text: str, after_s: float) -> None:
        super().__init__(text)
        self.after_s = after_s


class _Useless(Interrupted):
    """The answer is not what was asked for, so that nothing of the file can be trusted to it."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where one file is."""

    endpoint: Endpoint
    entry: Entry
    revision: str
    name: str


def fetch(
    source: Source, part: Part, patience: Patience, stop: threading.Event, on_bytes: OnBytes
) -> None:
    """Bring the file to its name. `on_bytes` is told of bytes that came, below zero of those that
    do not count any more. Raises HubError, Stopped."""
    best, failures, damages = part.at, 0, 0
    while True:
        wait_s = 0.0
        try:
            _receive(source, part, patience, stop, on_bytes)
            if part.finish():
                return
            on_bytes(-part.listed.size)
            damages += 1
            if damages > 1:
                raise HubError(
                    f"{source.name} arrived twice with other content than "
                    f"{source.endpoint.web.host} lists for it: it was damaged on the way or has "
                    "changed; start again, or try another source"
                )
            continue
        except _Useless as error:
            on_bytes(-part.at)
            part.restart()
            problem = str(error)
        except _Busy as error:
            problem, wait_s = str(error), error.after_s
        except Interrupted as error:
            problem = str(error)
        if part.at >= best + GAIN_BYTES:
            best, failures = part.at, 0
        failures += 1
        if failures >= patience.tries:
            raise HubError(
                f"{source.name} did not arrive ({problem}, {failures} times in a row); what has "
                "arrived is kept: go on later, or try another source"
            )
        grown_s = patience.pause_s * 2 ** (failures - 1)
        if stop.wait(min(max(wait_s, grown_s), patience.longest_pause_s)):
            raise Stopped


def _receive(
    source: Source, part: Part, patience: Patience, stop: threading.Event, on_bytes: OnBytes
) -> None:
    """What is still missing, from one connection."""
    if part.at == part.listed.size:
        return
    path = source.endpoint.path(source.entry, source.revision, source.name)
    with source.endpoint.web.get(path, _headers(part)) as answer:
        if stop.is_set():
            raise Stopped
        _check(answer, source, part, on_bytes)
        pace = _Pace(patience.slow_s)
        while part.at < part.listed.size:
            data = answer.read(BLOCK_BYTES)
            if stop.is_set():
                raise Stopped
            if not data:
                raise Interrupted(f"{answer.host}: the connection ended early")
            if part.at + len(data) > part.listed.size:
                raise _Useless(f"{answer.host}: it sends more than it lists")
            part.add(data)
            on_bytes(len(data))
            if pace.is_too_slow(len(data)):
                raise Interrupted(f"{answer.host}: almost nothing arrives")


def _headers(part: Part) -> dict[str, str]:
    if not part.at:
        return {}
    own = {"Range": f"bytes={part.at}-"}
    return {**own, "If-Range": part.tag} if part.tag else own


def _check(answer: Answer, source: Source, part: Part, on_bytes: OnBytes) -> None:
    """The answer holds the bytes from `part.at` on; where it holds the whole file, the part starts
    anew."""
    check_status(answer, source.endpoint, source.entry)
    host, size = answer.host, part.listed.size
    if answer.status == 416:
        raise _Useless(f"{host}: it does not have as many bytes as it lists")
    if answer.status not in (200, 206):
        after = answer.headers.get("Retry-After", "")
        raise _Busy(
            f"{host}: busy, status {answer.status}", float(after) if after.isdecimal() else 0.0
        )
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise _Useless(f"{host}: it sends another form of the file than was asked for")
    if answer.status == 206:
        if answer.headers.get("Content-Range", "") != f"bytes {part.at}-{size - 1}/{size}":
            raise _Useless(f"{host}: it sends other bytes than were asked for")
    else:
        length = answer.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) != size:
            raise _Useless(f"{host}: it lists {size} bytes and sends {length}")
        if part.at:
            on_bytes(-part.at)
            part.restart()
    tag = answer.headers.get("ETag", "")
    part.tag = tag if tag.startswith('"') and len(tag) < 200 else ""  # a weak one proves nothing


class _Pace:
    """Notices a connection that lives and brings nothing."""

    def __init__(self, slow_s: float) -> None:
        self._slow_s = slow_s
        self._since, self._bytes = time.monotonic(), 0

    def is_too_slow(self, count: int) -> bool:
        now = time.monotonic()
        self._bytes += count
        if now - self._since < self._slow_s:
            return False
        is_slow = self._bytes < GAIN_BYTES
        self._since, self._bytes = now, 0
        return is_slow
