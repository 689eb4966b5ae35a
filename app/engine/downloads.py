"""Published models for the window: which there are, and getting them, one at a time.

The work is done by programs of its own, `main.py models`; each may be killed at any time, and what
has arrived is on disk. Knows no widgets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from app.engine.command import program
from app.i18n import translate
from model.engine.protocol import Need

PAUSE_MS = 4_000
FAREWELL_MS = 1_500


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One published model. `path` is where it is whole, or empty; `arrived` are bytes of a download
    that is not complete."""

    name: str
    licence: str
    is_commercial: bool
    tasks: tuple[str, ...]
    bytes: int
    needs: tuple[Need, ...]
    path: str
    arrived: int
    page: str


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """How far the download at work is. `stage` is asking, checking or loading."""

    stage: str = "asking"
    done: int = 0
    total: int = 0
    bytes_per_s: float | None = None
    seconds_left: float | None = None


class Downloads(QObject):
    """`changed` follows whatever the window shows; `arrived` carries name and path of a model that
    is whole now, `failed` its name and the reason."""

    changed = Signal()
    arrived = Signal(str, str)
    failed = Signal(str, str)

    def __init__(self, command: Sequence[str] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.offers: tuple[Offer, ...] = ()
        self.folder, self.free, self.comfy = "", 0, 0
        self.room, self.has_card, self.is_limited = 0, False, False
        self.problem = ""
        self.reasons: dict[str, str] = {}
        self.current = ""
        self.transfer = Transfer()
        self.waiting: list[str] = []
        self.is_pausing = False
        self.token = ""
        self._command = [*program(), "models"] if command is None else list(command)
        self._wants_discard: set[str] = set()
        self._wants_list = self._was_paused = False
        self._list: QProcess | None = None
        self._get: QProcess | None = None
        self._ending: tuple[str, str] | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PAUSE_MS)
        self._patience.timeout.connect(self._kill)

    # --- what there is ---

    def refresh(self) -> None:
        """Ask anew which models there are and which are here; `changed` follows."""
        if self._list is not None:
            self._wants_list = True
            return
        self._wants_list = False
        process = self._list = self._process(["--json"])
        process.finished.connect(self._listed)
        process.errorOccurred.connect(self._list_errored)
        process.start()

    def _listed(self) -> None:
        process, self._list = self._list, None
        if process is None:
            return
        out = bytes(process.readAllStandardOutput().data())
        try:
            found = json.loads(out)
            self.offers = tuple(_offer(item) for item in found["models"])
            self.folder, self.free = str(found["folder"]), int(found["machine"]["free"])
            self.comfy = len(found["comfyui"])
            self.room, self.has_card = int(found["room"]), found["place"] != "processor"
            self.is_limited = found["is_limited"] is True
            self.problem = ""
        except (ValueError, KeyError, TypeError):
            self.problem = _last_line(bytes(process.readAllStandardError().data()))
        process.deleteLater()
        self.changed.emit()
        if self._wants_list:
            self.refresh()

    def _list_errored(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._listed()

    # --- getting one ---

    def get(self, name: str) -> None:
        """Start or go on, after those that were asked for before."""
        if name != self.current and name not in self.waiting:
            self.waiting.append(name)
            self.reasons.pop(name, None)
        self._next()

    def pause(self, name: str) -> None:
        """What has arrived is kept."""
        if name in self.waiting:
            self.waiting.remove(name)
        elif name == self.current and self._get is not None:
            self.is_pausing = True
            self._get.closeWriteChannel()
            self._patience.start()
        self.changed.emit()

    def discard(self, name: str) -> None:
        """Stop it, and delete what has arrived."""
        self.reasons.pop(name, None)
        self._wants_discard.add(name)
        self.pause(name)
        self._next()

    def shutdown(self) -> None:
        """End of the program: this one call waits, for a moment at most."""
        self.waiting.clear()
        self._wants_discard.clear()
        for process in (self._list, self._get):
            if process is None:
                continue
            process.blockSignals(True)
            process.closeWriteChannel()
            if process is self._list or not process.waitForFinished(FAREWELL_MS):
                process.kill()
                process.waitForFinished(FAREWELL_MS)
        self._list = self._get = None
        self._patience.stop()

    def _next(self) -> None:
        if self._get is None:
            discarded = next(iter(self._wants_discard), None)
            if discarded is not None:
                self._wants_discard.remove(discarded)
                self._start(discarded, ["discard", discarded], self._discarded)
            elif self.waiting:
                name = self.waiting.pop(0)
                self._start(name, ["get", name, "--events"], self._ended)
                assert self._get is not None
                self._get.readyReadStandardOutput.connect(self._read)
                self._get.write(json.dumps({"token": self.token}).encode() + b"\n")
        self.changed.emit()

    def _start(self, name: str, words: list[str], ended: Any) -> None:
        self.current, self.transfer, self._ending = name, Transfer(), None
        self.is_pausing = False
        process = self._get = self._process(words)
        process.finished.connect(ended)
        process.errorOccurred.connect(
            lambda error: ended() if error == QProcess.ProcessError.FailedToStart else None
        )
        process.start()

    def _read(self) -> None:
        while self._get is not None and self._get.canReadLine():
            try:
                event = json.loads(bytes(self._get.readLine().data()))
                kind = event.pop("event")
                if kind == "progress":
                    self.transfer = Transfer(**event)
                else:
                    self._ending = (kind, str(event.get("path") or event.get("message") or ""))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # not a word of the download's
        self.changed.emit()

    def _ended(self) -> None:
        if self._get is None:
            return
        self._read()
        kind, text = self._ending or ("failed", _last_line(self._errors()))
        name = self._finish()
        if kind == "done" or self.transfer.total:
            path = text if kind == "done" else ""
            self._note(name, arrived=self.transfer.done, path=path)
        if kind == "done":
            self.arrived.emit(name, text)
        elif kind == "failed" and name not in self._wants_discard and not self._was_paused:
            self.reasons[name] = text
            self.failed.emit(name, text)
        self._next()
        self.refresh()

    def _discarded(self) -> None:
        if self._get is None:
            return
        errors = _last_line(self._errors()) if self._get.exitCode() else ""
        name = self._finish()
        if errors:
            self.reasons[name] = errors
        else:
            self._note(name, arrived=0)
        self._next()
        self.refresh()

    def _note(self, name: str, **known: Any) -> None:
        """What is known of a model until the list comes anew."""
        self.offers = tuple(
            replace(offer, **known) if offer.name == name else offer for offer in self.offers
        )

    def _finish(self) -> str:
        process, self._get = self._get, None
        assert process is not None
        self._patience.stop()
        process.deleteLater()
        name, self.current = self.current, ""
        self._was_paused, self.is_pausing = self.is_pausing, False
        return name

    def _errors(self) -> bytes:
        assert self._get is not None
        return bytes(self._get.readAllStandardError().data())

    def _kill(self) -> None:
        """It hangs on a silent hub; nothing that has arrived is lost."""
        if self._get is not None:
            self._get.kill()

    def _process(self, words: Sequence[str]) -> QProcess:
        process = QProcess(self)
        process.setProgram(self._command[0])
        process.setArguments([*self._command[1:], *words])
        return process


def _offer(item: dict[str, Any]) -> Offer:
    needs = tuple(Need(**need) for need in item["needs"])
    return Offer(**{**item, "tasks": tuple(item["tasks"]), "needs": needs})


def _last_line(errors: bytes) -> str:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    text = translate("Models", "The program that looks after models ended unexpectedly.")
    return lines[-1].removeprefix("main.py models: ") if lines else text
