"""What is left of a damaged project: every intact row of it, put into a new file.

The damaged file is copied first and never touched. Rows are read one by one, each proved by its
hash; the newest state whose pixels are all there becomes the document.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.document.geometry import Page
from app.document.history import EditTree
from app.document.layers import PixelLayer
from app.document.state import DocumentState
from app.document.tiles import Tiles
from app.i18n import translate
from app.store import schema
from app.store.blobs import BadBlob, Blobs, opened
from app.store.encoding import decode_state
from app.store.journal import Journal
from app.store.node_pixels import NodePixels
from app.store.pixels import Needs, PixelReader, from_hex
from app.store.records import seal, unseal
from app.store.results import Results

MAX_ROWS = 1_000_000
MAX_GUESSES = 20_000  # row numbers tried where the newest is not known
MAX_FAILURES = 200
LOGS = ("-wal", "-journal")  # what SQLite needs beside a file that was not closed
COLUMNS = {
    "blobs": ("sha256", "form", "width", "height", "data"),
    "nodes": ("node", "name", "pinned", "record", "sha256"),
    "jobs": ("job", "status", "message", "record", "sha256"),
    "journal": ("name", "time", "saved", "record", "sha256"),
}


@dataclass(frozen=True, kw_only=True)
class Rescued:
    """`path`: a whole project. `text`: what was saved and what was not, for the designer."""

    path: Path
    text: str


def rescue(path: Path, place: Path) -> Rescued:
    """Read what can be read of `path` into a new project in the folder `place`.

    Raises ProjectDamaged where nothing can, OSError where there is no room for it.
    """
    copy, target = place / "damaged.ink", place / "recovered.ink"
    _copy(path, copy)
    try:
        with (
            contextlib.closing(schema.initialise(target)) as new,
            contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as old,
        ):
            report = _Rescue(old, new).run()
    except sqlite3.Error as error:
        raise schema.nothing_readable(path) from error
    if report is None:
        raise schema.nothing_readable(path)
    return Rescued(path=target, text=f"{_left_alone(path)} {report}")


class _Rescue:
    """One rescue, from the database `old` into the empty one `new`."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection) -> None:
        self._old = old
        self._new = new
        self._lost: dict[str, int] = {}

    def run(self) -> str | None:
        """What was saved, in words; None if that is nothing."""
        self._new.execute("BEGIN IMMEDIATE")
        self._copy_blobs()
        self._blobs = Blobs(self._new)
        results = self._copy_nodes()
        self._copy_jobs()
        self._copy_meta()
        report = self._copy_states() or self._patch_state() or self._state_from_results()
        self._new.execute("COMMIT")
        return report and f"{report} {self._result_report(results)} {_advice()}"

    def _rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        return (row for _number, row in self._numbered_rows(table))

    def _numbered_rows(self, table: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Every row that can be read, by its number; the others are counted."""
        wanted = f"SELECT {', '.join(COLUMNS[table])} FROM {table} WHERE id = ?"
        last = self._last_number(table)
        read = failed = 0
        for number in range(1, (MAX_GUESSES if last is None else last) + 1):
            try:
                row = self._old.execute(wanted, (number,)).fetchone()
            except sqlite3.Error:
                failed += 1
                if not read and failed >= MAX_FAILURES:
                    break  # its first page is gone, and with it the way to all of its rows
                continue
            if row is not None:
                read += 1
                yield number, row
        self._lost[table] = self._lost.get(table, 0) + (0 if last is None else failed)

    def _last_number(self, table: str) -> int | None:
        """The number of the newest row; None where that cannot be read."""
        for question in (
            f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'",
            f"SELECT max(id) FROM {table}",
        ):
            with contextlib.suppress(sqlite3.Error):
                row = self._old.execute(question).fetchone()
                number = 0 if row is None or row[0] is None else row[0]
                return min(number, MAX_ROWS) if isinstance(number, int) else None
        return None

    def _lose(self, table: str) -> None:
        self._lost[table] = self._lost.get(table, 0) + 1

    def _insert(self, table: str, row: tuple[Any, ...]) -> None:
        places = ", ".join("?" * len(row))
        names = ", ".join(COLUMNS[table])
        self._new.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})", row)

    def _copy_blobs(self) -> None:
        for row in self._rows("blobs"):
            try:
                opened(row[0], row[1:])
            except BadBlob:
                self._lose("blobs")
            else:
                self._insert("blobs", row)

    def _copy_nodes(self) -> int:
        known: set[str] = set()
        for node, name, pinned, text, sha256 in self._rows("nodes"):
            try:
                record = self._mended_node(unseal(text, sha256), known)
                self._insert("nodes", (str(node), str(name), int(pinned), *seal(record)))
                known.add(node)
            except (ValueError, TypeError, KeyError):
                self._lose("nodes")
        return len(known)

    def _mended_node(self, record: Any, known: set[str]) -> Any:
        """The record without what was lost beside its image. Without a parent it is a root."""
        self._blobs.image(from_hex(record["image"]))
        if record["parent"] not in known:
            record["parent"] = None
        if record["mask"] is not None and not self._holds(record["mask"]):
            record["mask"] = None
        if not all(self._is_there(picture) for picture in record["pictures"]):
            record["pictures"] = []
        if not all(self._is_there(layer) for layer in record.get("layers", [])):
            record["layers"] = []
        tiles = [] if record["mask"] is None else [record["mask"]]
        record["needs"] = {
            "tiles": tiles,
            "blobs": [record["image"], *record["pictures"], *record.get("layers", [])],
        }
        return record

    def _copy_jobs(self) -> None:
        for row in self._rows("jobs"):
            if self._is_complete(row):
                self._insert("jobs", row)
            else:
                self._lose("jobs")

    def _copy_meta(self) -> None:
        for key in ("view", "preview", "references"):
            with contextlib.suppress(sqlite3.Error, ValueError, TypeError):
                row = self._old.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
                value = unseal(row[0][32:].decode(), row[0][:32])
                addresses = value if isinstance(value, list) else [value]
                if key == "view" or all(self._is_there(address) for address in addresses):
                    self._new.execute("INSERT INTO meta VALUES (?, ?)", (key, row[0]))

    def _copy_states(self) -> str | None:
        newest, newest_number = None, 0
        last = self._last_number("journal") or 0
        for number, row in self._numbered_rows("journal"):
            if self._is_complete(row):
                self._insert("journal", row)
                newest, newest_number = row, number
        if newest is None:
            return None
        text = translate("Store", "The document was read as it was at {time} (UTC), whole.")
        if last > newest_number:
            more = translate("Store", "%n later change(s) could not be read.", last - newest_number)
            text = f"{text} {more}"
        return text.format(time=newest[1])

    def _patch_state(self) -> str | None:
        """The newest state that can be read at all, with blanks where its pixels are lost."""
        for name, _time, _saved, text, sha256 in reversed(list(self._rows("journal"))):
            with contextlib.suppress(ValueError):
                reader = PixelReader(self._blobs, lenient=True)
                state = decode_state(unseal(text, sha256), reader)
                Journal(self._new, self._blobs).append(state, str(name), saved=False)
                found = translate("Store", "The document was read, but parts of it are blank: ")
                return found + translate("Store", "%n square(s) were lost.", reader.lost)
        return None

    def _state_from_results(self) -> str | None:
        """A page with the last result, where no state is left."""
        pixels = NodePixels(threading.RLock(), lambda: self._blobs)
        nodes = Results(self._new, self._blobs).all(pixels)
        if not nodes:
            return None
        tree, last = EditTree(nodes), nodes[-1]
        picture = PixelLayer(tiles=Tiles.from_image(tree.picture_at(last.id)), name=last.name)
        state = DocumentState(
            page=Page(width=last.size.width(), height=last.size.height()),
            layers=(picture,),
            picture=picture.id,
            active=picture.id,
            current_node=last.id,
        )
        Journal(self._new, self._blobs).append(state, "", saved=False)
        return translate("Store", "The layers could not be read; the last result is shown.")

    def _result_report(self, results: int) -> str:
        found = translate("Store", "%n result(s) were read.", results)
        lost = self._lost.get("nodes", 0)
        if not lost:
            return found
        return f"{found} {translate('Store', '%n result(s) were lost.', lost)}"

    def _is_complete(self, row: tuple[Any, ...]) -> bool:
        try:
            needs = Needs(unseal(row[-2], row[-1])).all(self._blobs)
        except ValueError:
            return False
        return all(self._blobs.has(address) for address in needs)

    def _holds(self, tile_list: Any) -> bool:
        with contextlib.suppress(ValueError):
            needs = Needs({"needs": {"tiles": [tile_list], "blobs": []}}).all(self._blobs)
            return all(self._blobs.has(address) for address in needs)
        return False

    def _is_there(self, address: Any) -> bool:
        with contextlib.suppress(ValueError):
            return self._blobs.has(from_hex(address))
        return False


def _copy(path: Path, copy: Path) -> None:
    """The file and its log; a cut file is filled up, so that SQLite reads what is there of it."""
    shutil.copyfile(path, copy)
    for log in LOGS:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(path.with_name(path.name + log), copy.with_name(copy.name + log))
    with open(copy, "rb") as file:
        head = file.read(schema.HEADER_BYTES)
    pages, page_bytes = int.from_bytes(head[28:32], "big"), int.from_bytes(head[16:18], "big")
    whole = min(pages * page_bytes, 2 * copy.stat().st_size + (1 << 20))
    if whole > copy.stat().st_size:
        os.truncate(copy, whole)


def _left_alone(path: Path) -> str:
    text = translate("Store", "{name} is damaged; it was left as it is.")
    return text.format(name=path.name)


def _advice() -> str:
    return translate("Store", "Use Save As to keep what was read in a new file.")
