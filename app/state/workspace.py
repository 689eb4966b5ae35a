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
from app.i18n import translate
from app.paths import Paths
from app.settings import Settings
from app.state.generation import Generation
from app.state.jobs import JobQueue, JobStore
from app.state.messages import Kind, Message
from app.state.writing import Writer
from app.store.errors import StoreError
from app.store.jobs import Job, JobStatus
from app.store.project import Project

AUTOSAVE_MS = 800
RETRY_MS = 5000
FIRST_PAGE = Page(width=256, height=256, dpi=72)
SUFFIX = ".ink"


class Workspace(QObject):
    """`told` carries a Message. `view` is where the window puts what it wants kept of its own."""

    opened = Signal()
    titled = Signal()
    told = Signal(object)

    def __init__(self, settings: Settings, paths: Paths, client: EngineClient) -> None:
        super().__init__()
        self.settings = settings
        self.paths = paths
        self.client = client
        self.document = Document(DocumentState(page=FIRST_PAGE), parent=self)
        self.tree = EditTree()
        self.generation = Generation()
        self.writer = Writer(self)
        self.jobs = JobQueue(client, JobStore(self._store_job, self._store_status), self)
        self.project: Project | None = None
        self.view: Callable[[], dict[str, Any]] = dict
        self.is_dirty = False
        self._wrote: DocumentState | None = None
        self._autosave = QTimer(self)
        self._autosave.setSingleShot(True)
        self._autosave.timeout.connect(self.write)
        self.document.changed.connect(self._mark_dirty)
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
    def title(self) -> str:
        if self.project is None or self.is_untitled:
            return translate("Workspace", "Untitled")
        return self.project.path.stem

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
        self._take(project)
        return True

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
        self._take(project)
        if project.notice is not None:
            self._tell_notice(project.notice.text)
        self._offer_interrupted()
        return True

    def close(self) -> None:
        """Write what is unwritten and let go of the file."""
        project = self.project
        if project is None:
            return
        self.jobs.abandon()
        self.write()
        self.writer.wait()
        is_empty_draft = self.is_untitled and self.is_untouched
        project.close()
        self.project = None
        if is_empty_draft:
            with contextlib.suppress(OSError):
                project.path.unlink()

    def shutdown(self) -> None:
        """For the end of the program: everything is written, the engine ended."""
        self.close()
        self.writer.shutdown()
        self.client.shutdown()

    def _take(self, project: Project) -> None:
        self.close()
        self.project = project
        self.tree = project.tree
        self._wrote = project.state
        self.document.reset(project.state)
        kept = project.view().get("generation")
        self.generation.restore(kept if isinstance(kept, dict) else {})
        self._autosave.stop()
        self._set_dirty(False)
        self._remember()
        self.opened.emit()
        self.titled.emit()

    # --- writing ---

    def write(self) -> None:
        """Autosave: the state and the view as they are now, off this thread."""
        self._autosave.stop()
        project, state = self.project, self.document.state
        if project is None or project.read_only:
            return
        view = self.view() | {"generation": self.generation.values()}
        name, is_new = self.document.undo_name, state is not self._wrote
        self._wrote = state

        def work() -> None:
            if is_new:
                project.write(state, name)
            project.set_view(view)

        self.writer.submit(work, lambda _: self._written(state), self._not_written)

    def save(self) -> None:
        """A version that is kept. An untitled project needs a name first: `save_as`."""
        project, state = self.project, self.document.state
        assert project is not None
        self.write()
        self.writer.submit(
            lambda: project.save(state),
            lambda _: self._tell(Kind.notice, translate("Workspace", "Saved.")),
            self._not_written,
        )

    def save_as(self, path: Path) -> None:
        """Put everything into a file of this name and go on in it."""
        project = self.project
        assert project is not None
        self.write()
        path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
        is_draft = self.is_untitled

        def work() -> Project:
            if not project.read_only:
                project.save()
            return project.save_as(path)

        self.writer.submit(work, lambda new: self._move(project, new, is_draft), self._not_written)

    def _move(self, old: Project, new: Project, is_draft: bool) -> None:
        self.project = new
        self.jobs.changed.emit()
        old.close()
        if is_draft:
            with contextlib.suppress(OSError):
                old.path.unlink()
        self._remember()
        self.titled.emit()
        self._tell(
            Kind.notice, translate("Workspace", "Saved as “{name}”.").format(name=new.path.name)
        )

    def _mark_dirty(self) -> None:
        if self.document.state is not self._wrote:
            self._set_dirty(True)
            self.touch()

    def touch(self) -> None:
        """Something of the view changed that is kept with the project."""
        if self.project is not None and not self._autosave.isActive():
            self._autosave.start(AUTOSAVE_MS)

    def _written(self, state: DocumentState) -> None:
        if state is self.document.state:
            self._set_dirty(False)

    def _not_written(self, error: StoreError) -> None:
        self._wrote = None
        self._set_dirty(True)
        self._autosave.start(RETRY_MS)
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
        project, node = self.project, self.tree.node(node_id)
        if project is not None and not project.read_only:
            self.writer.submit(lambda: project.update_node(node), lambda _: None, self._not_written)

    # --- jobs ---

    def _store_job(
        self, job: Job, done: Callable[[], object], refused: Callable[[StoreError], object]
    ) -> None:
        project = self.project
        assert project is not None
        self.writer.submit(lambda: project.add_job(job), lambda _: done(), refused)

    def _store_status(self, job: Job, status: JobStatus, message: str) -> None:
        project = self.project
        if project is not None and not project.read_only:
            self.writer.submit(
                lambda: project.set_job(job.id, status, message),
                lambda _: None,
                self._not_written,
            )

    def _offer_interrupted(self) -> None:
        """Jobs that a crash or a closed window broke off: never repeated by themselves."""
        broken = (JobStatus.interrupted, JobStatus.queued)
        project = self.project
        assert project is not None
        if project.read_only:
            return
        found = [job for job in project.jobs() if job.status in broken]
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
