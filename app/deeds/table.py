"""Connects every action and every wish of a panel with its deed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QRect
from PySide6.QtGui import QImage

from app import VERSION
from app.deeds.adapters import AdapterDeeds
from app.deeds.extending import ExtendDeeds
from app.deeds.files import FileDeeds
from app.deeds.history import HistoryDeeds
from app.deeds.layers import LayerDeeds
from app.deeds.models import ModelDeeds
from app.deeds.polish import PolishDeeds
from app.deeds.precision import PrecisionDeeds
from app.deeds.presets import PresetDeeds
from app.deeds.references import ReferenceDeeds
from app.deeds.splitting import SplitDeeds
from app.dialogs.about import AboutDialog
from app.dialogs.keys import KeysDialog
from app.dialogs.settings import MODELS, SettingsDialog
from app.document.commands import SetSelection
from app.document.pictures import to_image
from app.document.selection import everything, inverted
from app.i18n import translate
from app.main_window import MainWindow
from app.panels.generate import progress_text
from app.state.making import Making
from app.state.messages import Kind, Message
from app.state.results import Outcome
from app.widgets.words import differences_text, duration
from model.engine.protocol import Progress
from model.requests import Decompose, Outpaint, Picture


class Deeds(QObject):
    """The hands of the window."""

    def __init__(self, window: MainWindow, making: Making) -> None:
        super().__init__(window)
        self._window = window
        self._workspace = window.workspace
        self._making = making
        self.layers = LayerDeeds(window)
        self.models = ModelDeeds(window, making)
        self.split = SplitDeeds(window, making, self.models.open, lambda: self.settings(MODELS))
        self.extend = ExtendDeeds(window, making)
        again = {Decompose: self.split.ask_again, Outpaint: self.extend.ask_again}
        self.history = HistoryDeeds(window, making, again)
        self.references = ReferenceDeeds(window, self.history.looking)
        self.files = FileDeeds(window, self.layers, self.references, self.extend)
        self.polish = PolishDeeds(window, making.polishing)
        self.presets = PresetDeeds(window, making)
        self.adapters = AdapterDeeds(window, making)
        self.precision = PrecisionDeeds(window, making, lambda: self.settings(MODELS))
        self._actions = window.actions_table
        self._actions.connect_all(
            self.files.handlers()
            | self.layers.handlers()
            | self.history.handlers()
            | self.references.handlers()
            | self.polish.handlers()
            | self.presets.handlers()
            | self.split.handlers()
            | self.extend.handlers()
            | self.models.handlers()
            | self._making_handlers()
            | self._canvas_handlers()
            | self._window_handlers()
        )
        self._connect_panels()
        self._connect_making()
        self._panels_before: tuple[bool, bool] = (True, True)
        self._show_panel_marks()

    # --- making pictures ---

    def _making_handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "generate": self._making.generate,
            "cancel": self.cancel,
            "mode_new": lambda: self._workspace.generation.switch(False),
            "mode_change": lambda: self._workspace.generation.switch(True),
            "prompt_focus": self._window.prompt.prompt.setFocus,
            "random_seed": self._workspace.generation.roll_seed,
        }

    def cancel(self) -> None:
        """Esc: look at the whole page again, or stop the work; without any, leave an older step."""
        if self._window.canvas.is_mask_alone:
            self._window.canvas.show_mask_alone(False)
        elif self._making.is_busy:
            self._making.cancel()
        else:
            self._window.history.select(self._workspace.document.state.current_node)
            self.history.looking.stop()

    def _connect_making(self) -> None:
        making, prompt = self._making, self._window.prompt
        making.progress.connect(self._show_progress)
        making.placed.connect(self._show_outcome)
        making.devices_known.connect(self._show_device)
        prompt.generate.connect(self._actions["generate"].trigger)
        prompt.cancel.connect(making.cancel)
        prompt.mode_chosen.connect(self._workspace.generation.switch)
        prompt.real_models.connect(lambda: self.models.open())

    def _show_progress(self, progress: Progress | None) -> None:
        window = self._window
        if progress is None:
            window.canvas.set_preview(None)
            window.prompt.bar.show_ready()
            window.status.show_work("")
            return
        left = progress.seconds_left
        window.prompt.bar.show_work(progress.step, progress.total, left)
        window.status.show_work(progress_text(progress.step, progress.total, left))
        job = self._workspace.jobs.current
        region = job.mask.bounds if job is not None and job.mask is not None else None
        preview = self._cropped(progress.preview, region)
        if progress.total:
            window.canvas.set_busy_rect(region)
            window.canvas.set_preview(preview, progress.step, progress.total)

    def _cropped(self, picture: Picture | None, region: QRect | None) -> QImage | None:
        """Of a masked edit only the part that will be used is shown."""
        if picture is None:
            return None
        image = to_image(picture)
        if region is None:
            return image
        page = self._workspace.document.state.page
        across, down = image.width() / page.width, image.height() / page.height
        return image.copy(
            round(region.x() * across),
            round(region.y() * down),
            max(1, round(region.width() * across)),
            max(1, round(region.height() * down)),
        )

    def _show_outcome(self, outcome: Outcome) -> None:
        text = translate("Status", "Done in {time}").format(time=duration(outcome.seconds))
        if outcome.differences is not None:
            text = f"{text} · {differences_text(outcome.differences)}"
        self._window.status.show_work(text)
        self._window.status.show_outside(outcome.changed_outside)
        if outcome.is_slower:
            title = translate("Status", "Memory ran out, so the picture was made in a slower way.")
            text = translate(
                "Status",
                "More of the model is read from disk now. Close other programs to free some.",
            )
            self._window.show_message(Message(kind=Kind.notice, title=title, text=text))
        if outcome.is_map:
            self.presets.offer_map()
        if outcome.split is not None:
            self.split.show_outcome(outcome.split)

    def _show_device(self, devices: tuple[str, ...]) -> None:
        chosen = self._workspace.settings.device or (devices[0] if devices else "")
        self._window.status.show_device(chosen)

    # --- canvas and selection ---

    def _canvas_handlers(self) -> dict[str, Callable[[], object]]:
        window, canvas = self._window, self._window.canvas
        document = self._workspace.document
        tools: dict[str, Callable[[], object]] = {
            f"tool_{name}": partial(canvas.set_tool, name) for name in canvas.tools
        }
        return tools | {
            "undo": document.undo,
            "redo": document.redo,
            "select_all": self.select_all,
            "select_none": lambda: window.do(SetSelection(selection=None)),
            "select_invert": self.select_inverted,
            "brush_swap": self.swap_brush,
            "brush_smaller": lambda: canvas.step_brush(-1),
            "brush_larger": lambda: canvas.step_brush(1),
            "mask_look": canvas.toggle_mask_look,
            "zoom_in": lambda: canvas.zoom_by(1),
            "zoom_out": lambda: canvas.zoom_by(-1),
            "zoom_fit": canvas.zoom_fit,
            "zoom_actual": lambda: canvas.zoom_to(1.0),
            "zoom_double": lambda: canvas.zoom_to(2.0),
            "zoom_fourfold": lambda: canvas.zoom_to(4.0),
            "zoom_eightfold": lambda: canvas.zoom_to(8.0),
        }

    def swap_brush(self) -> None:
        """From brush to eraser and back; from any other tool, the brush."""
        canvas = self._window.canvas
        canvas.set_tool("erase" if canvas.tool == "brush" else "brush")

    def select_all(self) -> None:
        page = self._workspace.document.state.page.rect
        self._window.do(SetSelection(selection=everything(page)))

    def select_inverted(self) -> None:
        state = self._workspace.document.state
        self._window.do(SetSelection(selection=inverted(state.selection, state.page.rect)))

    # --- panels ---

    def _connect_panels(self) -> None:
        window = self._window
        self.history.connect()
        self.references.connect()
        self.polish.connect()
        self.presets.connect()
        self.adapters.connect()
        self.precision.connect()
        self.models.connect()
        window.history.exported.connect(self.files.export_node)
        window.canvas.picture_dropped.connect(self.files.dropped)
        window.canvas.text_requested.connect(self.layers.ask_text)
        window.layers.mask_looked_at.connect(self.layers.show_mask_alone)
        window.recent.aboutToShow.connect(lambda: self.files.fill_recent(window.recent))
        window.area.welcome.real_models.connect(lambda: self.models.open())
        window.area.welcome.open_wanted.connect(self.files.open)
        window.area.welcome.closed.connect(self.close_welcome)

    # --- window ---

    def _window_handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "settings": self.settings,
            "quit": self._window.close,
            "panel_prompt": lambda: self._show_panels(not self._shown[0], self._shown[1]),
            "panel_side": lambda: self._show_panels(self._shown[0], not self._shown[1]),
            "panels": self.toggle_panels,
            "fullscreen": self.toggle_fullscreen,
            "welcome": self.open_welcome,
            "shortcuts": self.shortcuts,
            "about": self.about,
        }

    @property
    def _shown(self) -> tuple[bool, bool]:
        return not self._window.prompt.isHidden(), not self._window.side_panel.isHidden()

    def _show_panels(self, prompt: bool, side: bool) -> None:
        self._window.prompt.setVisible(prompt)
        self._window.side_panel.setVisible(side)
        self._show_panel_marks()

    def _show_panel_marks(self) -> None:
        prompt, side = self._shown
        self._actions["panel_prompt"].setChecked(prompt)
        self._actions["panel_side"].setChecked(side)
        self._actions["panels"].setChecked(not (prompt or side))

    def toggle_panels(self) -> None:
        """Hide all panels, and bring back those that were there."""
        if any(self._shown):
            self._panels_before = self._shown
            self._show_panels(False, False)
        else:
            self._show_panels(*self._panels_before)

    def toggle_fullscreen(self) -> None:
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()
        self._actions["fullscreen"].setChecked(self._window.isFullScreen())

    def open_welcome(self) -> None:
        self._workspace.settings.welcomed = False
        self._window.area.welcome.show()

    def close_welcome(self) -> None:
        self._workspace.settings.welcomed = True

    def settings(self, tab: int = 0) -> None:
        make, making = self._workspace.generation, self._making
        dialog = SettingsDialog(
            self._workspace.settings,
            making.devices,
            self._window,
            room=making.room,
            model=make.model,
            scheme=make.scheme,
        )
        dialog.tabs.setCurrentIndex(tab)
        dialog.exec()
        dialog.deleteLater()

    def shortcuts(self) -> None:
        dialog = KeysDialog(self._workspace.settings, self._window)
        dialog.exec()
        dialog.deleteLater()

    def about(self) -> None:
        dialog = AboutDialog(VERSION, self._window)
        dialog.exec()
        dialog.deleteLater()
