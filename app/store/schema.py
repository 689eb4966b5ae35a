"""The tables of a project file, how it is opened, and SQLite's complaints in our words.

One SQLite database: `blobs` (pixels and tile lists by their SHA-256), `journal` (states of the
document), `nodes` (results), `jobs` (the queue), `meta` (view, preview, pictures beside the page).
It knows nothing of what the rows mean.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from app.i18n import translate
from app.store.errors import (
    DiskFull,
    NotAProject,
    ProjectDamaged,
    ProjectMissing,
    ReadOnly,
    StoreError,
    WriteFailed,
)

APPLICATION_ID = 0x496E6B73  # "Inks", where file(1) and other programs look for the kind
VERSION = 1
PAGE_BYTES = 8192  # large enough that a tile is few pages
HEADER_BYTES = 100
MAGIC = b"SQLite format 3\0"
MAX_ROW_BYTES = 1 << 30
WHOLE_CHECK_BYTES = 1 << 30  # above this, opening checks what it reads and not all the rest
SHRINK_PART = 4  # a file of which a quarter is free is made smaller
SHRINK_BYTES = 256 << 20  # of content: about a second of copying

TABLES = {
    "meta": "key TEXT PRIMARY KEY, value",
    "blobs": "id INTEGER PRIMARY KEY AUTOINCREMENT, sha256 BLOB NOT NULL UNIQUE, "
    "form TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, data BLOB NOT NULL",
    "journal": "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, time TEXT NOT NULL, "
    "saved INTEGER NOT NULL, record TEXT NOT NULL, sha256 BLOB NOT NULL",
    "nodes": "id INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL UNIQUE, "
    "name TEXT NOT NULL, pinned INTEGER NOT NULL, record TEXT NOT NULL, sha256 BLOB NOT NULL",
    "jobs": "id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL UNIQUE, "
    "status TEXT NOT NULL, message TEXT NOT NULL, record TEXT NOT NULL, sha256 BLOB NOT NULL",
}


def connect(path: Path, *, read_only: bool = False, alone: bool = False) -> sqlite3.Connection:
    """An open database in autocommit mode, safe to hand between threads that take turns.

    A reader that is `alone` with a closed file leaves no trace beside it.
    """
    options = "?mode=ro" if read_only else "?mode=rw"
    if read_only and alone and not os.path.exists(f"{path}-wal"):
        options += "&immutable=1"
    uri = path.absolute().as_uri() + options
    found = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)
    found.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
    found.executescript("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;")
    return found


def begin_writing(connection: sqlite3.Connection) -> None:
    """From now on a commit survives a power cut, and readers do not wait."""
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=FULL")


def end_writing(connection: sqlite3.Connection) -> None:
    """Everything into the one file, without a log beside it: it opens from a locked disk, too."""
    with contextlib.suppress(sqlite3.Error):  # a reader holds it; then the log stays beside it
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        _shrink(connection)


def _shrink(connection: sqlite3.Connection) -> None:
    """Give free pages back to the disk where they are many and the rest is quickly copied; others
    are filled again by what is written later."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free * SHRINK_PART >= pages and (pages - free) * PAGE_BYTES <= SHRINK_BYTES:
        connection.execute("VACUUM")


def initialise(path: Path) -> sqlite3.Connection:
    """A new, empty project database."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("PRAGMA journal_mode=MEMORY")  # the file has no name yet that counts
    connection.execute("BEGIN IMMEDIATE")
    for name, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
    connection.execute("COMMIT")
    return connection


def check_header(path: Path) -> None:
    """Raises unless `path` begins as a project does. Opens the file itself, so no database of this
    process may be open on it: closing it would drop that one's locks."""
    try:
        if not path.is_file():
            raise OSError(2, "there is no such file")
        with open(path, "rb") as file:
            head = file.read(HEADER_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        text = translate("Store", "{name} cannot be opened: {reason}. Check where it lies.")
        raise ProjectMissing(text.format(name=path.name, reason=reason)) from error
    if len(head) < HEADER_BYTES and MAGIC.startswith(head[: len(MAGIC)]):
        raise nothing_readable(path)
    if not head.startswith(MAGIC) or int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        text = translate("Store", "{name} is not an Inkstone project. It was left as it is.")
        raise NotAProject(text.format(name=path.name))


def check_whole(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError where pages are missing or make no sense."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    if pages * page_bytes > WHOLE_CHECK_BYTES:
        return
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def check_tables(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError unless our tables are there, and nothing that acts by itself."""
    rows = connection.execute("SELECT type, name FROM sqlite_schema").fetchall()
    foreign = [name for kind, name in rows if kind not in ("table", "index")]
    missing = set(TABLES) - {name for kind, name in rows if kind == "table"}
    if foreign or missing:
        raise sqlite3.DatabaseError(f"tables missing: {sorted(missing)}, foreign: {foreign}")


def version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def nothing_readable(path: Path) -> ProjectDamaged:
    """The error for a project from which nothing could be saved."""
    text = translate(
        "Store",
        "{name} is damaged and nothing in it could be read. It was left as it is; "
        "open another copy, or a backup of the folder.",
    )
    return ProjectDamaged(text.format(name=path.name))


@contextlib.contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """SQLite's errors on `path` become ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(path, error) from error


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """What an error of SQLite means for the designer."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(
            translate(
                "Store",
                "{name} was not saved: the disk is full. What was saved before is unchanged. "
                "Free some space, or use Save As to another disk.",
            ).format(name=path.name)
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return ProjectDamaged(
            translate(
                "Store",
                "{name} is damaged: {reason}. Use Save As to keep what is on the screen in a "
                "new file.",
            ).format(name=path.name, reason=error)
        )
    kind = ReadOnly if code == sqlite3.SQLITE_READONLY else WriteFailed
    text = translate(
        "Store",
        "{name} was not saved: {reason}. What was saved before is unchanged. "
        "Try again, or use Save As to another place.",
    )
    return kind(text.format(name=path.name, reason=error))
