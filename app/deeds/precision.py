"""In how many bits a model works: choosing it, and what can be done where a model has no room."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from app.i18n import translate
from app.main_window import MainWindow
from app.state.making import Making
from app.state.messages import Kind, Message
from app.widgets.needs import advice, fitting, precision
from app.widgets.words import duration


class PrecisionDeeds:
    def __init__(self, window: MainWindow, making: Making, settings: Callable[[], None]) -> None:
        """`settings` shows where the memory for models is set."""
        self._window, self._settings = window, settings
        self._generation = window.workspace.generation
        self._precisions = making.precisions

    def connect(self) -> None:
        self._window.prompt.extras.precision.chosen.connect(self._precisions.choose)
        self._precisions.loading.connect(self._show_loading)
        self._precisions.ready.connect(self._show_ready)
        self._precisions.refused.connect(self._tell_refused)

    def _name(self) -> str:
        model = self._generation.model
        return model.name if model is not None else ""

    def _show_loading(self) -> None:
        text = translate("Precision", "Loading {model}: {precision}…")
        name = precision(self._generation.scheme)
        self._window.status.show_work(text.format(model=self._name(), precision=name))

    def _show_ready(self, seconds: float) -> None:
        text = translate("Precision", "{model} is ready, loaded in {time}")
        self._window.status.show_work(text.format(model=self._name(), time=duration(seconds)))

    def _tell_refused(self, reason: str) -> None:
        make = self._generation
        needs = make.model.needs if make.model is not None else ()
        self._window.status.show_work("")
        deeds = [(translate("Precision", "Memory for Models…"), self._settings)]
        if (other := fitting(needs, make.scheme, make.room)) is not None:
            use = translate("Precision", "Use {precision}").format(
                precision=precision(other.scheme)
            )
            deeds.insert(0, (use, partial(self._precisions.choose, other.scheme)))
        title = translate("Precision", "There is not enough memory for {model}.")
        text = advice(needs, make.scheme, make.room) or reason[:1].upper() + reason[1:]
        self._window.show_message(
            Message(
                kind=Kind.warning,
                title=title.format(model=self._name()),
                text=text,
                deeds=tuple(deeds),
            )
        )
