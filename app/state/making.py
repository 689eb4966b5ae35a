"""From the prompt to the picture on the canvas: asks, waits, stores, then shows.

A result is in the project file before it is on the canvas. Knows no widgets.
"""

from __future__ import annotations

import dataclasses
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from app.document.document import DocumentState
from app.document.edits import make_current, mask_for, source_for_edit
from app.document.pictures import to_picture
from app.document.selection import Selection, model_mask
from app.engine.command import engine_command
from app.i18n import translate
from app.presets import gives_map
from app.state.adapters import Adapters
from app.state.generation import Generation, takes_apart
from app.state.messages import Kind, Message
from app.state.polishing import Polishing
from app.state.precision import Precisions
from app.state.results import Arrival, Outcome, arrivals, is_change, place
from app.state.splitting import Splitting
from app.state.workspace import Workspace
from app.store.errors import StoreError
from app.store.jobs import Job, JobStatus
from app.store.project import Project
from model.engine.protocol import (
    Described,
    Failed,
    Loaded,
    ModelDescription,
    Outlook,
    Planned,
    Progress,
)
from model.requests import Decompose, Picture, Request, RequestError, Result, TextToImage

PLAN_MS = 400
PLAN_SIDE_PX = 256
PLAN_PROMPT = "a poster"
_PLANNED_BY = (
    *("size", "steps", "guidance", "count", "model", "is_change", "negative"),
    *("step_cache", "attention"),
)


class Making(QObject):
    """`progress` carries the engine's Progress, or None when there is nothing to show any more."""

    progress = Signal(object)
    placed = Signal(object)  # Outcome
    devices_known = Signal(object)
    told = Signal(object)

    def __init__(self, workspace: Workspace, *, keeps_command: bool = False) -> None:
        """`keeps_command`: the client was given its engine, whatever the settings say."""
        super().__init__(workspace)
        self._keeps_command = keeps_command
        self._workspace = workspace
        self._generation: Generation = workspace.generation
        self.polishing = Polishing(workspace)
        self.adapters = Adapters(self._generation, workspace.client, workspace.settings)
        self.precisions = Precisions(self._generation, workspace.client, workspace.settings)
        self._splitting = Splitting(workspace)
        self._plan_id = self._describe_id = -1
        self._is_wanted = False
        self.devices: tuple[str, ...] = ()
        self.room = 0
        self._plan_timer = QTimer(self)
        self._plan_timer.setSingleShot(True)
        self._plan_timer.timeout.connect(self._plan)
        self._connect()

    def _connect(self) -> None:
        client, jobs = self._workspace.client, self._workspace.jobs
        client.described.connect(self._on_described)
        client.loaded.connect(self._on_loaded)
        client.planned.connect(self._on_planned)
        client.failed.connect(self._on_question_failed)
        jobs.progress.connect(lambda job, message: self.progress.emit(message))
        jobs.finished.connect(self._on_finished)
        jobs.failed.connect(self._on_failed)
        jobs.cancelled.connect(lambda job: self.progress.emit(None))
        self._splitting.placed.connect(self._on_placed)
        self._splitting.refused.connect(lambda reason: self._tell(Kind.warning, reason))
        self._generation.changed.connect(self._on_values)
        self._workspace.opened.connect(lambda: self._plan_timer.start())
        self._workspace.opened.connect(self.adapters.identify_all)
        self._plan_timer.setInterval(PLAN_MS)

    # --- engine ---

    def start_engine(self) -> None:
        """After the first paint: what models are there?"""
        workspace, settings = self._workspace, self._workspace.settings
        workspace.client.accepted = settings.accepted_licences
        if not self._keeps_command:
            folders = (*settings.model_folders, str(workspace.paths.models))
            loras = (workspace.paths.loras,)
            workspace.client.set_command(
                engine_command(
                    device=settings.device,
                    budget_bytes=settings.budget_bytes,
                    model_folders=folders,
                    lora_folders=loras,
                    variants=settings.variants,
                    speeds=workspace.paths.speeds,
                )
            )
        self._describe_id = workspace.client.describe()

    def _on_described(self, message: Described) -> None:
        self.devices, self.room = message.devices, message.room
        self._generation.room = self._workspace.settings.budget_bytes or message.room
        self._generation.adapters = message.adapters
        self._generation.attentions = message.attentions
        self._generation.offer(message.models, self._workspace.settings.model)
        self.devices_known.emit(message.devices)
        model = self._generation.model
        if model is None:
            self._stop_waiting()
            self._tell(
                Kind.error,
                translate("Making", "No usable model was found."),
                translate("Making", "Add a model folder in the settings."),
            )
            return
        if not self._generation.size:
            self._generation.fit_size(self._workspace.document.state.page)
        self.precisions.load()
        if self._is_wanted:
            self._is_wanted = False
            self.generate()

    def _on_loaded(self, message: Loaded) -> None:
        self._plan_timer.start()

    def _on_planned(self, message: Planned) -> None:
        if message.id == self._plan_id:
            self._generation.outlook = message.outlook

    def _on_question_failed(self, message: Failed) -> None:
        """Jobs tell of themselves; a failed plan only leaves the time unknown."""
        if message.id == self._plan_id:
            self._generation.outlook = Outlook()
        elif message.id == self._describe_id:
            self._stop_waiting()
            again = (translate("Making", "Try again"), self.start_engine)
            title = translate("Making", "The engine could not tell which models there are.")
            self.told.emit(
                Message(kind=Kind.error, title=title, text=message.message, deeds=(again,))
            )

    def _on_values(self, name: str) -> None:
        if name in _PLANNED_BY:
            self._plan_timer.start()
        if name == "model" and self._generation.model is not None:
            self._workspace.settings.model = self._generation.model.path
        if name == "size":
            self._fit_untouched_page()

    def _fit_untouched_page(self) -> None:
        """While nothing is on it, the page is as large as the picture that will be made."""
        size, workspace = self._generation.size, self._workspace
        page = workspace.document.state.page
        is_free = workspace.is_untouched and workspace.is_untitled and not page.bleed_mm
        if size and is_free and page.dpi == 72 and (page.width, page.height) != size:
            page = dataclasses.replace(page, width=size[0], height=size[1])
            workspace.document.reset(DocumentState(page=page))

    def _plan(self) -> None:
        model = self._generation.model
        if model is None or self._workspace.project is None or self._workspace.jobs.is_busy:
            return
        page = self._workspace.document.state.page
        scale = min(1.0, PLAN_SIDE_PX / max(page.width, page.height))
        width, height = max(1, int(page.width * scale)), max(1, int(page.height * scale))
        blank = Picture(width=width, height=height, mode="L", data=bytes(width * height))
        try:
            request = self._generation.request(blank, prompt=PLAN_PROMPT)
        except RequestError:
            return
        if isinstance(request, TextToImage):
            request = dataclasses.replace(request, controls=(), maps=())
        self._plan_id = self._workspace.client.plan(model.path, request)

    # --- asking ---

    @property
    def is_busy(self) -> bool:
        return self._is_wanted or self._workspace.jobs.is_busy or self.polishing.is_writing

    @property
    def can_polish(self) -> bool:
        """The engine does one thing at a time, and words are wanted soon."""
        return not self.is_busy and not self.polishing.hindrance

    @property
    def can_describe(self) -> bool:
        return not self.is_busy and not self.polishing.description_hindrance

    def generate(self) -> None:
        """Queue what the prompt panel says; anything wrong with it is told, and nothing starts."""
        make, state = self._generation, self._workspace.document.state
        if not self._may_make() or not self._can_draw(make.model):
            return
        make.next_seed()
        change = make.is_change and bool(state.layers)
        try:
            source = to_picture(source_for_edit(state)) if change else None
            feather = make.feather if make.follows_instructions else 0  # else the model's own
            selected = mask_for(state, feather) if change else None
            mask = None if selected is None else model_mask(selected, state.page.rect)
            request = make.request(source, mask=mask)
        except RequestError as error:
            self._tell(Kind.warning, _first_upper(str(error)))
            return
        if make.model is None:  # the engine is still starting: as soon as it has told its models
            self._is_wanted = True
            self._show_beginning()
            self._workspace.jobs.changed.emit()
            return
        make.remember(make.prompt)
        self._add(
            Job(
                request=request,
                model=make.model.path,
                parent=state.current_node if change else None,
                mask=selected,
                details={
                    "kind": "change" if change else "new",
                    "files": self.adapters.files_of(request),
                },
            )
        )

    def ask(self, request: Request, model: str, mask: Selection | None = None) -> None:
        """Queue what a command asks of the page as it is, and of its current step."""
        if self._may_make():
            parent = self._workspace.document.state.current_node
            details = {"kind": "change"}
            self._add(Job(request=request, model=model, parent=parent, mask=mask, details=details))

    def _add(self, job: Job) -> None:
        self._show_beginning()
        self._workspace.jobs.add(job)

    def _show_beginning(self) -> None:
        self.progress.emit(Progress(id=0, step=0, total=0, seconds_left=None, preview=None))

    def _may_make(self) -> bool:
        """Whether results can be stored; if not, it is told."""
        if not self._workspace.is_writable:
            title = translate("Making", "This project is open for reading only.")
            text = translate("Making", "Use Save As to work on a copy of it.")
            self._tell(Kind.notice, title, text)
        return self._workspace.is_writable

    def _can_draw(self, model: ModelDescription | None) -> bool:
        """Whether the model makes pictures at all; if not, it is told."""
        if model is None or not takes_apart(model):
            return True
        title = translate("Making", "“{model}” splits pictures into layers and draws none.")
        text = translate(
            "Making",
            "Choose another model to make a picture. To split this one, use Layer > Split into "
            "Layers.",
        )
        self._tell(Kind.warning, title.format(model=model.name), text)
        return False

    def cancel(self) -> None:
        self._stop_waiting()
        if self.polishing.is_writing:
            self.polishing.discard()
        self._workspace.jobs.cancel()

    def _stop_waiting(self) -> None:
        if self._is_wanted:
            self._is_wanted = False
            self.progress.emit(None)
            self._workspace.jobs.changed.emit()

    # --- results ---

    def _on_finished(self, job: Job, result: Result) -> None:
        if isinstance(job.request, Decompose):
            lost = partial(self._lost_result, job)
            self._splitting.finish(job, result, lost)
            return
        workspace = self._workspace
        state = workspace.document.state
        found = arrivals(state, workspace.tree, job, result)

        def work(project: Project) -> None:
            for arrival in found:
                project.add_node(arrival.node)
            project.set_job(job.id, JobStatus.done)

        workspace.run(
            work,
            lambda _: self._show(job, result, found, state),
            partial(self._lost_result, job),
        )

    def _show(self, job: Job, result: Result, found: list[Arrival], seen: DocumentState) -> None:
        """The result is on disk: now it may be seen."""
        workspace = self._workspace
        for arrival in found:
            workspace.tree.add(arrival.node)
        first, document = found[0], workspace.document
        placed = first.placed
        if document.state is not seen:  # the user went on working meanwhile
            placed = place(document.state, workspace.tree, job, result, 0)
        document.do(placed.command(first.node.id))
        outside = placed.changed_outside if job.mask is not None else None
        is_map = is_change(job) and gives_map(job.request.prompt)
        self._on_placed(
            Outcome(
                seconds=result.seconds,
                changed_outside=outside,
                is_map=is_map,
                is_slower=result.is_slower,
                differences=first.node.differences,
            )
        )
        if not is_change(job):
            self._generation.switch(True)

    def _on_placed(self, outcome: Outcome) -> None:
        self.progress.emit(None)
        self.placed.emit(outcome)

    def _lost_result(self, job: Job, reason: StoreError) -> None:
        self.progress.emit(None)
        self._tell(
            Kind.error,
            translate(
                "Making", "The picture was made but could not be stored, so it is not shown."
            ),
            str(reason),
            job,
        )

    def _on_failed(self, job: Job, reason: str) -> None:
        self.progress.emit(None)
        model = self._waiting_for_licence(job)
        if model is not None:
            self._ask_licence(model, job)
            return
        title = translate("Making", "The picture could not be made. Your document is unchanged.")
        self._tell(Kind.error, title, _first_upper(reason), job)

    def _waiting_for_licence(self, job: Job) -> ModelDescription | None:
        """The job's model, if its licence is still to be accepted."""
        model = next((m for m in self._generation.models if m.path == job.model), None)
        accepted = self._workspace.settings.accepted_licences
        if model is None or model.is_commercial or model.licence in accepted:
            return None
        return model

    def _ask_licence(self, model: ModelDescription, job: Job) -> None:
        def accept() -> None:
            settings = self._workspace.settings
            settings.accept_licence(model.licence)
            self._workspace.client.accepted = settings.accepted_licences
            self._workspace.rerun(job)

        title = translate(
            "Making", "{model} is under the {licence}, which allows no commercial use."
        ).format(model=model.name, licence=model.licence)
        text = translate("Making", "Accept it once to use the model. Your document is unchanged.")
        deed = translate("Making", "Accept the licence")
        self.told.emit(Message(kind=Kind.warning, title=title, text=text, deeds=((deed, accept),)))

    def make_current(self, node_id: str, picture: QImage) -> None:
        """Put a step of the history, whose picture this is, on the canvas; undoable, and nothing
        is deleted. Raises DocumentError."""
        document, node = self._workspace.document, self._workspace.tree.node(node_id)
        if node.is_split:
            self._splitting.make_current(node, picture)
        else:
            document.do(make_current(document.state, node_id, picture))

    def rename(self, node_id: str, name: str) -> None:
        self._workspace.tree.rename(node_id, name)
        self._workspace.store_node(node_id)

    def pin(self, node_id: str, is_pinned: bool) -> None:
        self._workspace.tree.pin(node_id, is_pinned)
        self._workspace.store_node(node_id)

    def use_settings(self, node_id: str) -> None:
        """Raises PictureDamaged where a picture that the request used cannot be read."""
        node = self._workspace.tree.node(node_id)
        if node.request is not None:
            self._generation.take(node.request, is_change=node.parent is not None)
            self.adapters.identify_all()

    def _tell(self, kind: Kind, title: str, text: str = "", job: Job | None = None) -> None:
        again = translate("Making", "Try again")
        deeds = ((again, lambda: self._workspace.rerun(job)),) if job is not None else ()
        self.told.emit(Message(kind=kind, title=title, text=text, deeds=deeds))


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
