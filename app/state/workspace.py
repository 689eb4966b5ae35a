"""The open project: its document, edit tree, file and queue. The one root that the window shows.

The document object stays for the life of the program and is reset when another project is opened;
`opened` tells that everything else is new, too. Knows no widgets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.document.document import Document
from app.document.geometry import Page
from app.document.history import EditTree
from app.document.state import DocumentState
from app.engine.client import EngineClient
from app.engine.downloads import Downloads
from app.i18n import translate
from app.paths import Paths
from app.settings import Settings
from app.state.generation import Generation
from app.state.jobs import JobQueue, JobStore
from app.state.messages import Kind, Message
from app.store.errors import StoreError
from app.store.jobs import Job, JobStatus
from app.store.project import Project
from app.store.writer import ProjectWriter
from model.requests import Picture

VIEW_MS = 1000
CLOSE_S = 10.0
FIRST_PAGE = Page(width=256, height=256, dpi=72)
SUFFIX = ".ink"


class Workspace(QObject):
    """`told` carries a Message. `closing` comes before the last is written: whoever holds a change
    back makes it now. `view` is where the window puts what it wants kept of its own."""

    opened = Signal()
    closing = Signal()
    titled = Signal()
    told = Signal(object)

    def __init__(self, settings: Settings, paths: Paths, client: EngineClient) -> None:
        super().__init__()
        self.settings = settings
        self.paths = paths
        self.client = client
        self.downloads = Downloads(parent=self)
        self.document = Document(DocumentState(page=FIRST_PAGE), parent=self)
        self.tree = EditTree()
        self.generation = Generation()
        self.jobs = JobQueue(client, JobStore(self._store_job, self._store_status), self)
        self.project: Project | None = None
        self.writer: ProjectWriter | None = None
        self.view: Callable[[], dict[str, Any]] = dict
        self.is_dirty = False
        self._wrote: DocumentState | None = None
        self._wrote_references: tuple[Picture, ...] = ()
        self._view_timer = QTimer(self)
        self._view_timer.setSingleShot(True)
        self._view_timer.timeout.connect(self._write_view)
        self.document.changed.connect(self._autosave)
        self.generation.changed.connect(self.touch)

    # --- which project ---

    @property
    def is_untitled(self) -> bool:
        return self.project is None or self.project.path.parent == self.paths.drafts

    @property
    def is_writable(self) -> bool:
        return self.project is not None and not self.project.read_only

    @property
    def is_untouched(self) -> bool:
        """Nothing has been made yet: the page may take any size, and a draft may go."""
        state = self.document.state
        return not state.layers and not self.tree.nodes and state.selection is None

    @property
    def _is_blank(self) -> bool:
        """Not even a prompt was written, or a picture given to it."""
        make = self.generation
        is_asked = bool(make.prompt.strip() or make.references)
        return self.is_untouched and not self.jobs.is_busy and not is_asked

    @property
    def title(self) -> str:
        if self.project is None or self.is_untitled:
            return translate("Workspace", "Untitled")
        return self.project.path.stem

    @property
    def folder(self) -> Path:
        """Where the user works: beside the open project, else at home."""
        if self.project is None or self.is_untitled:
            return Path.home()
        return self.project.path.parent

    def start(self, path: Path | None = None) -> None:
        """Open what was asked for, or what was open last, or a fresh page."""
        last = Path(self.settings.last_project) if self.settings.last_project else None
        if path is not None and self.open(path):
            return
        if last is None or not last.exists() or not self.open(last):
            self.new(FIRST_PAGE)

    def new(self, page: Page) -> bool:
        """Begin an untitled project, which lives among the drafts until it is saved."""
        try:
            self.paths.drafts.mkdir(parents=True, exist_ok=True)
            path = _free_name(self.paths.drafts)
            project = Project.create(path, DocumentState(page=page))
        except (StoreError, OSError) as error:
            self._tell_error(translate("Workspace", "No new page could be begun."), str(error))
            return False
        return self._take(project)

    def open(self, path: Path) -> bool:
        """Open a project; one that cannot be read leaves the present one open."""
        if self.project is not None and path == self.project.path:
            return True
        self.paths.drafts.mkdir(parents=True, exist_ok=True)
        try:
            project = Project.open(path, rescue_folder=self.paths.drafts)
        except StoreError as error:
            title = translate("Workspace", "“{name}” could not be opened.").format(name=path.name)
            self._tell_error(title, str(error))
            return False
        if not self._take(project):
            return False
        if project.notice is not None:
            self._tell_notice(project.notice.text)
        self._offer_interrupted()
        return True

    def close(self) -> bool:
        """Write what is unwritten and let go of the file; False if it could not be written, and
        then everything stays open."""
        project, writer = self.project, self.writer
        if project is None or writer is None:
            return True
        self.closing.emit()
        if self.is_writable:
            self._write_view()
            if not writer.flush(CLOSE_S):
                return False
        self.abandon()
        return True

    def abandon(self) -> None:
        """Let go of the project as its file has it."""
        project, writer = self.project, self.writer
        if project is None or writer is None:
            return
        is_empty_draft = self.is_untitled and self._is_blank
        self.jobs.abandon()
        self._view_timer.stop()
        self.project = self.writer = None
        writer.close()
        project.close()
        if is_empty_draft:
            with contextlib.suppress(OSError):
                project.path.unlink()

    def shutdown(self) -> None:
        """For the end of the program, after `close`: what is still open goes, the engine too.
        Downloads pause."""
        self.abandon()
        self.downloads.shutdown()
        self.client.shutdown()

    def _take(self, project: Project) -> bool:
        if not self.close():
            project.close()
            return False
        self.project = project
        self.tree = project.tree
        self._wrote = project.state
        self._begin_writing(project)
        self.document.reset(project.state)
        kept = project.view().get("generation")
        self._wrote_references = project.references()
        self.generation.restore(kept if isinstance(kept, dict) else {}, self._wrote_references)
        self._view_timer.stop()
        self._set_dirty(False)
        self._remember()
        self.opened.emit()
        self.titled.emit()
        return True

    # --- writing ---

    def _begin_writing(self, project: Project) -> None:
        self.writer = ProjectWriter(project, parent=self)
        self.writer.written.connect(self._on_written)
        self.writer.failed.connect(self._not_written)

    def run(
        self,
        action: Callable[[Project], Any],
        done: Callable[[Any], object] | None = None,
        failed: Callable[[StoreError], object] | None = None,
    ) -> None:
        """Do something with the project file off this thread, in turn with all other writing."""
        assert self.writer is not None, "no project is open"
        self.writer.run(action, done, failed)

    def save(self) -> None:
        """A version that is kept. An untitled project needs a name first: `save_as`."""
        assert self.writer is not None
        self._write_view()
        state = self.document.state
        self.writer.save(state, "", lambda _: self._on_saved(state), self._not_written)

    def save_as(self, path: Path) -> None:
        """Put everything into a file of this name and go on in it."""
        project, state = self.project, self.document.state
        assert project is not None
        path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
        is_draft = self.is_untitled
        self._write_view()

        def work(old: Project) -> Project:
            if not old.read_only:
                old.write(state)
            new = old.save_as(path)
            new.save(state)
            return new

        self.run(work, lambda new: self._move(new, is_draft), self._not_written)

    def _move(self, new: Project, is_draft: bool) -> None:
        old, writer = self.project, self.writer
        assert old is not None
        assert writer is not None
        writer.close()
        old.close()
        if is_draft:
            with contextlib.suppress(OSError):
                old.path.unlink()
        self.project = new
        self.tree.read_from(new.nodes)
        self._begin_writing(new)
        self._autosave()
        self._remember()
        self.titled.emit()
        text = translate("Workspace", "Saved as “{name}”.").format(name=new.path.name)
        self._tell(Kind.notice, text)

    def _autosave(self) -> None:
        state = self.document.state
        if state is self._wrote or self.writer is None:
            return
        self._set_dirty(True)
        if self.is_writable:
            self.writer.autosave(state, self.document.undo_name)
            self.touch()

    def touch(self) -> None:
        """Something of the view changed that is kept with the project."""
        if self.project is not None and not self._view_timer.isActive():
            self._view_timer.start(VIEW_MS)

    def _write_view(self) -> None:
        self._view_timer.stop()
        if self.is_writable:
            view = self.view() | {"generation": self.generation.values()}
            self.run(lambda project: project.set_view(view), None, self._not_written)
            self._write_references()

    def _write_references(self) -> None:
        pictures = self.generation.references
        if pictures is not self._wrote_references:
            self._wrote_references = pictures
            self.run(lambda project: project.set_references(pictures), None, self._not_written)

    def _on_saved(self, state: DocumentState) -> None:
        self._on_written(state)
        self._tell(Kind.notice, translate("Workspace", "Saved."))

    def _on_written(self, state: DocumentState) -> None:
        self._wrote = state
        if state is self.document.state:
            self._set_dirty(False)

    def _not_written(self, error: StoreError) -> None:
        self._tell_error(translate("Workspace", "The project could not be written."), str(error))

    def _set_dirty(self, is_dirty: bool) -> None:
        if is_dirty != self.is_dirty:
            self.is_dirty = is_dirty
            self.titled.emit()

    def _remember(self) -> None:
        if self.project is not None:
            self.settings.last_project = str(self.project.path)
            if not self.is_untitled:
                self.settings.remember(self.project.path)

    def store_node(self, node_id: str) -> None:
        """A node's new name or pin, into the file."""
        node = self.tree.node(node_id)
        if self.is_writable:
            self.run(lambda project: project.update_node(node), None, self._not_written)

    # --- jobs ---

    def _store_job(
        self, job: Job, done: Callable[[], None], refused: Callable[[StoreError], None]
    ) -> None:
        self.run(lambda project: project.add_job(job), lambda _: done(), refused)

    def _store_status(self, job: Job, status: JobStatus, message: str) -> None:
        if self.is_writable:
            self.run(
                lambda project: project.set_job(job.id, status, message), None, self._not_written
            )

    def _offer_interrupted(self) -> None:
        """Jobs that a crash or a closed window broke off: never repeated by themselves."""
        broken = (JobStatus.interrupted, JobStatus.queued)
        project = self.project
        assert project is not None
        if project.read_only:
            return
        found = list(project.jobs(*broken))
        if not found:
            return
        title = translate("Workspace", "%n job(s) had not finished when Inkstone closed.",
                          n=len(found))  # fmt: skip
        text = translate("Workspace", "Your document is complete. You can run them again.")
        self._tell(
            Kind.warning,
            title,
            text,
            (translate("Workspace", "Run again"), lambda: self._rerun(found)),
            (translate("Workspace", "Forget them"), lambda: self._forget(found)),
        )

    def _rerun(self, jobs: list[Job]) -> None:
        self._forget(jobs)
        for job in jobs:
            self.rerun(job)

    def rerun(self, job: Job) -> None:
        """The same request again, as a new job."""
        self.jobs.add(
            Job(
                request=job.request,
                model=job.model,
                parent=job.parent,
                mask=job.mask,
                details=job.details,
            )
        )

    def _forget(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._store_status(job, JobStatus.cancelled, "")

    # --- telling ---

    def _tell_notice(self, text: str) -> None:
        title = translate("Workspace", "This project is open for reading only.")
        self._tell(Kind.warning, title, text)

    def _tell_error(self, title: str, text: str) -> None:
        self._tell(Kind.error, title, text)

    def _tell(
        self,
        kind: Kind,
        title: str,
        text: str = "",
        *deeds: tuple[str, Callable[[], object]],
    ) -> None:
        self.told.emit(Message(kind=kind, title=title, text=text, deeds=deeds))


def _free_name(folder: Path) -> Path:
    stem = datetime.now().astimezone().strftime("%Y-%m-%d %H.%M.%S")
    path, number = folder / f"{stem}{SUFFIX}", 2
    while path.exists():
        path, number = folder / f"{stem} {number}{SUFFIX}", number + 1
    return path
