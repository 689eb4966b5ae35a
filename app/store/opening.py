"""How a project file is taken: by its one writer, by readers, or from what is left of a damaged
one; and how a new one gets its name. It knows nothing of what the rows mean.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from app.i18n import translate
from app.store import schema
from app.store.atomic import replacing, write_error
from app.store.errors import NewerProject, ProjectMissing, WriteFailed
from app.store.lock import ProjectLock, owner_of
from app.store.recovery import rescue

SIDECARS = ("-wal", "-shm", "-journal")


class NoticeKind(Enum):
    in_use = "in_use"
    newer = "newer"
    locked_place = "locked_place"
    recovered = "recovered"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Why a project is open for reading only; the text is for the designer."""

    kind: NoticeKind
    text: str


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A database in our hands. Without a notice the lock is ours, and `begin_writing` is next."""

    connection: sqlite3.Connection
    lock: ProjectLock | None = None
    notice: Notice | None = None
    folder: Path | None = None  # of a rescued copy, deleted with it

    def close(self, *, tidy: bool = False) -> None:
        """Let go; `tidy` leaves one file that needs no others. A second call does nothing."""
        if tidy:
            schema.end_writing(self.connection)
        self.connection.close()
        if self.lock is not None:
            self.lock.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def open_database(path: Path) -> Opened:
    """For writing where that may be, for reading with a notice otherwise.

    Raises ProjectMissing and NotAProject; sqlite3.Error where the file is damaged.
    """
    if not path.is_file():
        schema.check_header(path)
    try:
        lock = ProjectLock.take(path)
    except OSError:
        return _open_reader(path, _locked_place(path))
    if lock is None:
        return _open_reader(path, _in_use(path))
    with contextlib.ExitStack() as undo:
        undo.callback(lock.close)
        schema.check_header(path)
        if not os.access(path, os.W_OK):
            return _open_reader(path, _locked_place(path))
        if _examine(path) > schema.VERSION:
            return _open_reader(path, _newer(path))
        connection = schema.connect(path, read_only=True, alone=True)
        undo.pop_all()
        return Opened(connection=connection, lock=lock)


def begin_writing(path: Path, opened: Opened) -> Opened:
    """The same file for writing, once its content has proved to be whole: until then not a byte
    of it is touched."""
    opened.connection.close()
    connection = schema.connect(path)
    try:
        schema.begin_writing(connection)
    except BaseException:
        connection.close()
        raise
    return replace(opened, connection=connection)


def open_rescued(path: Path, folder: Path | None) -> Opened:
    """What can be read of a damaged project, as a database of its own. Raises ProjectDamaged."""
    place = Path(tempfile.mkdtemp(prefix="inkstone-rescue-", dir=folder))
    try:
        found = rescue(path, place)
        notice = Notice(kind=NoticeKind.recovered, text=found.text)
        return Opened(connection=schema.connect(found.path), notice=notice, folder=place)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def place_database(path: Path, fill: Callable[[sqlite3.Connection], object]) -> None:
    """A database that `fill` fills, called `path` once it is complete. Raises WriteFailed."""
    try:
        lock = ProjectLock.take(path)
        if lock is None:
            raise WriteFailed(_in_use(path).text)
        with contextlib.closing(lock):
            _build_and_rename(path, fill)
    except OSError as error:
        raise write_error(path, error) from error
    except sqlite3.Error as error:
        raise schema.store_error(path, error) from error


def delete_project(path: Path) -> None:
    """Remove a closed project with whatever lies beside it. Raises WriteFailed."""
    try:
        for name in (path, *_beside(path)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
    except OSError as error:
        raise write_error(path, error) from error


def refuse_newer(path: Path, notice: Notice | None) -> None:
    """What cannot be read of a newer version is not damaged: NewerProject, if it is one."""
    if notice is not None and notice.kind is NoticeKind.newer:
        text = translate(
            "Store",
            "{name} was made by a newer Inkstone, in a form that this one cannot read. "
            "Update Inkstone to open it.",
        )
        raise NewerProject(text.format(name=path.name))


def identity(path: Path) -> tuple[int, int] | None:
    """Which file has the name now; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def read_error(path: Path, error: OSError) -> ProjectMissing:
    """The operating system's refusal to read `path`, in our words."""
    text = translate("Store", "{name} cannot be opened: {reason}. Check where it lies.")
    return ProjectMissing(text.format(name=path.name, reason=error.strerror or error))


def _build_and_rename(path: Path, fill: Callable[[sqlite3.Connection], object]) -> None:
    with replacing(path) as (temporary, _handle):
        with contextlib.closing(schema.initialise(temporary)) as connection:
            fill(connection)
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        _settle_old(path)


def _settle_old(path: Path) -> None:
    """The write-ahead log of the file to be replaced belongs to that one: into it, and away."""
    if not path.exists() or not any(name.exists() for name in _beside(path)):
        return
    with contextlib.suppress(sqlite3.Error), contextlib.closing(schema.connect(path)) as old:
        schema.end_writing(old)
    for name in _beside(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _beside(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + suffix) for suffix in SIDECARS)


def _open_reader(path: Path, notice: Notice) -> Opened:
    alone = notice.kind is not NoticeKind.in_use
    if alone:
        schema.check_header(path)
    connection = schema.connect(path, read_only=True, alone=alone)
    try:
        schema.check_tables(connection)
    except BaseException:
        connection.close()
        refuse_newer(path, notice)
        raise
    return Opened(connection=connection, notice=notice)


def _examine(path: Path) -> int:
    """The version of a file on which nobody works. Changes nothing; sqlite3.Error if damaged."""
    half_done = path.with_name(path.name + "-journal").exists()  # only a writer can complete it
    connection = schema.connect(path, read_only=not half_done, alone=True)
    with contextlib.closing(connection):
        version = schema.version_of(connection)
        if version <= schema.VERSION:
            schema.check_whole(connection)
            schema.check_tables(connection)
        return version


def _in_use(path: Path) -> Notice:
    owner = owner_of(path)
    text = translate(
        "Store",
        "{name} is open in another window or program{owner}. It is shown as it was saved last; "
        "close it there, or use Save As to work on a copy.",
    )
    shown = text.format(name=path.name, owner=f" ({owner})" if owner else "")
    return Notice(kind=NoticeKind.in_use, text=shown)


def _newer(path: Path) -> Notice:
    text = translate(
        "Store",
        "{name} was made by a newer Inkstone. It is open for reading only, so that nothing in it "
        "is lost. Update Inkstone to change it.",
    )
    return Notice(kind=NoticeKind.newer, text=text.format(name=path.name))


def _locked_place(path: Path) -> Notice:
    text = translate(
        "Store",
        "{name} lies where nothing can be written. It is open for reading only; "
        "use Save As to work on a copy.",
    )
    return Notice(kind=NoticeKind.locked_place, text=text.format(name=path.name))
