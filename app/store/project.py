"""The project file: one SQLite database that always holds the newest acknowledged state.

Every call that writes returns when a power cut would leave what it wrote, or raises WriteFailed and
leaves the file as it was. Calls may come from any thread; they take turns. It runs no job.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage

from app.document.history import EditTree, Node
from app.document.pruning import standing
from app.document.state import DocumentState
from app.i18n import translate
from app.store import schema
from app.store.blobs import Blobs
from app.store.errors import ReadOnly, StoreError, WriteFailed
from app.store.jobs import Job, Jobs, JobStatus
from app.store.journal import Journal, Version
from app.store.node_pixels import NodePixels
from app.store.opening import (
    Opened,
    begin_writing,
    identity,
    open_database,
    open_rescued,
    place_database,
    read_error,
    refuse_newer,
)
from app.store.pixels import Needs, from_hex
from app.store.records import seal, unseal
from app.store.results import Results
from model.requests import Picture

PRUNE_EVERY = 100  # writes of states


class Project:
    """An open project: `create` or `open` one, and `close` it.

    `state` and `nodes` are what the file held last; the pictures of nodes but the current one are
    read when they are asked for. `notice` says why the project cannot be written to.
    """

    def __init__(self, path: Path, opened: Opened) -> None:
        """Raises ValueError or sqlite3.Error where the content cannot be read."""
        self.path = path
        self.notice = opened.notice
        self._opened = opened
        self._turn = threading.RLock()
        self._writes = 0
        self._identity = identity(path)
        self._use(opened.connection)
        self.state: DocumentState = self._journal.newest()
        self.nodes: tuple[Node, ...] = self._results.all(
            NodePixels(self._turn, lambda: self._blobs)
        )
        self._prove_current()
        if not self.read_only:
            self._opened = begin_writing(path, opened)
            self._use(self._opened.connection, self._blobs)
            with self._writing():
                self._jobs.interrupt_running()

    def _prove_current(self) -> None:
        """What the page shows must be whole before the file is written to. Raises ValueError."""
        for node in self.nodes:
            if node.id == self.state.current_node:
                assert not node.image.isNull()

    def _use(self, connection: sqlite3.Connection, blobs: Blobs | None = None) -> None:
        self._connection = connection
        self._blobs = Blobs(connection, like=blobs)
        self._journal = Journal(connection, self._blobs)
        self._results = Results(connection, self._blobs)
        self._jobs = Jobs(connection, self._blobs)

    @classmethod
    def create(cls, path: Path, state: DocumentState, name: str = "") -> Project:
        """A new project that holds `state`. Nothing of it is there before all of it is."""
        if path.exists():
            text = translate("Store", "{name} exists already. Choose another name.")
            raise WriteFailed(text.format(name=path.name))

        def fill(target: sqlite3.Connection) -> None:
            target.execute("BEGIN IMMEDIATE")
            Journal(target, Blobs(target)).append(state, name, saved=False)
            target.execute("COMMIT")

        place_database(path, fill)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path, *, rescue_folder: Path | None = None) -> Project:
        """Open a project, for reading only where it is in use, newer, damaged, or on a locked disk.

        Of a damaged one the newest intact state is put together in `rescue_folder`; the file
        itself is never changed by that. Raises StoreError and nothing else.
        """
        opened = None
        try:
            opened = open_database(path)
            return cls(path, opened)
        except (sqlite3.Error, ValueError) as error:
            if opened is not None:
                opened.close()
                refuse_newer(path, opened.notice)
            return cls._open_damaged(path, error, rescue_folder)
        except OSError as error:
            raise read_error(path, error) from error
        except StoreError:
            if opened is not None:
                opened.close()
            raise

    @classmethod
    def _open_damaged(cls, path: Path, reason: Exception, folder: Path | None) -> Project:
        try:
            opened = open_rescued(path, folder)
            return cls(path, opened)
        except (sqlite3.Error, ValueError):
            raise schema.nothing_readable(path) from reason
        except OSError as error:
            raise read_error(path, error) from error

    @property
    def read_only(self) -> bool:
        return self.notice is not None

    @cached_property
    def tree(self) -> EditTree:
        """The nodes as they were when first asked for; whoever stores later ones adds them."""
        return EditTree(self.nodes)

    def write(self, state: DocumentState, name: str = "") -> None:
        """Autosave: append the state, whose change is called `name`."""
        with self._writing():
            self._journal.append(state, name, saved=False)
        self._written(state)

    def save(self, state: DocumentState | None = None, name: str = "") -> None:
        """The designer's own Save: a version that is kept, all of it in the one file."""
        state = self.state if state is None else state
        with self._writing():
            self._journal.append(state, name, saved=True)
        self._written(state)
        with self._reading():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def save_as(self, path: Path) -> Project:
        """Everything in a second file, which is returned open. This one stays open, too.

        A file of that name is replaced when the new one is complete.
        """
        if path.exists() and self.path.exists() and os.path.samefile(path, self.path):
            text = translate("Store", "{name} is this project itself. Choose another name.")
            raise WriteFailed(text.format(name=path.name))
        with self._turn:
            place_database(path, self._connection.backup)
        return Project.open(path)

    def versions(self) -> tuple[Version, ...]:
        """The states that can be had again, newest first."""
        with self._reading():
            return self._journal.versions()

    def state_at(self, version: Version) -> DocumentState:
        """An older state. Raises ProjectDamaged."""
        with self._reading():
            return self._journal.state(version.number)

    def add_node(self, node: Node) -> None:
        """Store a result. Only then may it be shown."""
        with self._writing():
            self._results.add(node)
        self.nodes = (*self.nodes, node)

    def update_node(self, node: Node) -> None:
        """Store a node's new name or pin."""
        with self._writing():
            self._results.update(node)
        self.nodes = tuple(node if old.id == node.id else old for old in self.nodes)

    def jobs(self, *wanted: JobStatus) -> tuple[Job, ...]:
        """The queue, oldest first: all of it, or the jobs of a status."""
        with self._reading():
            return self._jobs.all(*wanted)

    def add_job(self, job: Job) -> None:
        with self._writing():
            self._jobs.add(job)

    def set_job(self, job_id: str, status: JobStatus, message: str = "") -> None:
        with self._writing():
            self._jobs.set_status(job_id, status, message)

    def remove_job(self, job_id: str) -> None:
        with self._writing():
            self._jobs.remove(job_id)

    def view(self) -> dict[str, Any]:
        """What `set_view` was given last: where the canvas was, which panels were open."""
        found = self._meta("view")
        return found if isinstance(found, dict) else {}

    def set_view(self, view: Mapping[str, Any]) -> None:
        with self._writing():
            self._set_meta("view", dict(view))

    def references(self) -> tuple[Picture, ...]:
        """The pictures beside the page that `set_references` was given last; what cannot be read
        is left out, for the document is whole without it."""
        found: list[Picture] = []
        with contextlib.suppress(StoreError, ValueError):
            for address in self._reference_addresses():
                with contextlib.suppress(StoreError), self._reading():
                    found.append(self._blobs.picture(address))
        return tuple(found)

    def set_references(self, pictures: Iterable[Picture]) -> None:
        with self._writing():
            self._set_meta("references", [self._blobs.put_picture(p).hex() for p in pictures])

    def preview(self) -> QImage | None:
        """The small picture for lists of projects."""
        found = self._meta("preview")
        if found is None:
            return None
        with self._reading():
            return self._blobs.image(from_hex(found))

    def set_preview(self, image: QImage) -> None:
        with self._writing():
            self._set_meta("preview", self._blobs.put_image(image).hex())

    def close(self) -> None:
        """Put everything into the one file and let go of it. A second call does nothing."""
        with self._turn:
            whole = not self.read_only and identity(self.path) == self._identity
            if whole:
                self._free_pruned()
            self._opened.close(tidy=whole)

    def _free_pruned(self) -> None:
        """Nodes that were taken out of the history go for good, and the pixels that only they
        needed. Where that cannot be, they stay hidden."""
        with contextlib.suppress(StoreError, ValueError):
            parents = {node.id: node.parent for node in self.nodes}
            gone = parents.keys() - standing(parents, self.state.pruned)
            if gone:
                with self._writing():
                    self._results.remove(gone)
                    self._keep_needed()

    def _reference_addresses(self) -> list[bytes]:
        """Raises ValueError."""
        kept = self._meta("references")
        return [from_hex(address) for address in kept] if isinstance(kept, list) else []

    def _meta(self, key: str) -> Any:
        with self._reading():
            row = self._connection.execute(
                "SELECT value FROM meta WHERE key = ?", (key,)
            ).fetchone()
            return None if row is None else unseal(row[0][32:].decode(), row[0][:32])

    def _set_meta(self, key: str, value: Any) -> None:
        text, sha256 = seal(value)
        row = (key, sha256 + text.encode())
        self._connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", row)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        with self._turn, schema.database_errors(self.path):
            try:
                yield
            except ValueError as error:
                raise schema.store_error(self.path, sqlite3.DatabaseError(str(error))) from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: all of it or nothing."""
        with self._turn, schema.database_errors(self.path):
            self._check_place()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._blobs.settle(written=False)
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._blobs.settle(written=True)

    def _check_place(self) -> None:
        """SQLite would go on writing into a file that was moved away or replaced."""
        if self.notice is not None:
            raise ReadOnly(self.notice.text)
        if identity(self.path) != self._identity:
            text = translate(
                "Store",
                "{name} was moved, replaced or deleted by another program. Nothing was written. "
                "Use Save As to keep what is on the screen.",
            )
            raise WriteFailed(text.format(name=self.path.name))

    def _written(self, state: DocumentState) -> None:
        self.state = state
        self._writes += 1
        if self._writes % PRUNE_EVERY == 0:
            self._prune()

    def _prune(self) -> None:
        """Old states go, and the pixels that nothing needs any more. Nothing hangs on it."""
        with contextlib.suppress(StoreError, ValueError), self._writing():
            self._journal.prune()
            self._keep_needed()

    def _keep_needed(self) -> None:
        """Every blob that no row needs goes. Raises ValueError where one cannot be read."""
        needed = self._journal.needs()
        for table in ("nodes", "jobs"):
            rows = self._connection.execute(f"SELECT record, sha256 FROM {table}")
            for row in rows.fetchall():
                needed |= Needs(unseal(*row)).all(self._blobs)
        if (preview := self._meta("preview")) is not None:
            needed.add(from_hex(preview))
        needed.update(self._reference_addresses())
        self._blobs.keep_only(needed)
