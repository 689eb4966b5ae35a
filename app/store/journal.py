"""The journal: the states of the document in their order, each with the name of its change.

Every row stands for itself, so the newest intact one is the document. What is kept is bounded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.document.state import DocumentState
from app.store.blobs import Blobs
from app.store.encoding import decode_state, encode_state
from app.store.pixels import Needs, PixelReader, PixelWriter
from app.store.records import now, seal, unseal

KEPT_STATES = 200
KEPT_BYTES = 512 << 20  # of pixels that only older states need
KEPT_SAVES = 3
KEPT_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class Version:
    """One row: a state that can be had again. `saved`: the designer pressed Save."""

    number: int
    name: str
    time: str
    saved: bool


class Journal:
    """The table `journal`, inside the transactions of the caller."""

    def __init__(self, connection: sqlite3.Connection, blobs: Blobs) -> None:
        self._connection = connection
        self._blobs = blobs

    def append(self, state: DocumentState, name: str, *, saved: bool) -> None:
        record, sha256 = seal(encode_state(state, PixelWriter(self._blobs)))
        self._connection.execute(
            "INSERT INTO journal (name, time, saved, record, sha256) VALUES (?, ?, ?, ?, ?)",
            (name, now(), int(saved), record, sha256),
        )

    def versions(self) -> tuple[Version, ...]:
        """Newest first."""
        rows = self._connection.execute(
            "SELECT id, name, time, saved FROM journal ORDER BY id DESC"
        )
        return tuple(
            Version(number=number, name=name, time=time, saved=bool(saved))
            for number, name, time, saved in rows
        )

    def newest(self) -> DocumentState:
        """Raises ValueError (BadRecord, BadBlob) where it cannot be read."""
        row = self._connection.execute("SELECT max(id) FROM journal").fetchone()
        return self.state(row[0])

    def state(self, number: int) -> DocumentState:
        """Raises ValueError (BadRecord, BadBlob) where it cannot be read."""
        return decode_state(self._record(number), PixelReader(self._blobs))

    def prune(self) -> None:
        """Delete the states beyond what is kept. Raises ValueError where one cannot be read."""
        sizes = dict(self._connection.execute("SELECT sha256, length(data) FROM blobs"))
        versions = self.versions()
        marked = marked_versions(versions)
        kept, held, seen = set[int](), 0, set[bytes]()
        for version in versions:
            new = self._needs(version.number) - seen
            size = sum(sizes.get(address, 0) for address in new)
            fits = held + size <= KEPT_BYTES and len(kept) < KEPT_STATES
            if fits or version.number in marked:
                kept.add(version.number)
                seen |= new
                held += size if kept != {version.number} else 0
        unused = [(version.number,) for version in versions if version.number not in kept]
        self._connection.executemany("DELETE FROM journal WHERE id = ?", unused)

    def needs(self) -> set[bytes]:
        """The addresses of all blobs that any state needs. Raises ValueError."""
        rows = self._connection.execute("SELECT id FROM journal").fetchall()
        return set().union(*(self._needs(number) for (number,) in rows))

    def _needs(self, number: int) -> set[bytes]:
        return Needs(self._record(number)).all(self._blobs)

    def _record(self, number: int) -> object:
        row = self._connection.execute(
            "SELECT record, sha256 FROM journal WHERE id = ?", (number,)
        ).fetchone()
        if row is None:
            raise ValueError(f"no state {number}")
        return unseal(*row)


def marked_versions(versions: Iterable[Version]) -> set[int]:
    """Those kept whatever they hold: the newest, the newest saves, the last save of recent days.

    >>> rows = [Version(number=n, name="", time=f"2026-01-0{n}", saved=n != 5) for n in (6, 5, 4)]
    >>> sorted(marked_versions(rows))
    [4, 6]
    """
    rows = list(versions)
    saves = [version for version in rows if version.saved]
    days: Mapping[str, Version] = {version.time[:10]: version for version in reversed(saves)}
    by_day = sorted(days.values(), key=lambda version: -version.number)[:KEPT_DAYS]
    return {version.number for version in (*rows[:1], *saves[:KEPT_SAVES], *by_day)}
