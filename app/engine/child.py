"""One engine process from its start to its end: bytes become messages, silence becomes a loss.

Knows nothing of who asks and why; `client` decides what a loss means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from app.i18n import translate
from model.engine.protocol import (
    FROM_ENGINE,
    Conversation,
    Heartbeat,
    Hello,
    ProtocolError,
    Question,
    Quit,
)
from model.engine.transport import FrameDecoder, encode

LOG_BYTES = 2**20
SIGKILL = 9  # `signal` has no such name on Windows


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """How long the engine may be silent, heed no stop, and take to end.

    Before its first reply it may be reading its libraries from a cold disk, and no heartbeat comes
    through. One block of a large network may take long on a CPU, hence the patience with a stop.
    """

    first_reply_ms: int = 60_000
    silence_ms: int = 10_000
    stop_ms: int = 60_000
    quit_ms: int = 1_500
    kill_ms: int = 500


class EngineChild(QObject):
    """`received` carries each message, in an order that the protocol allows. `lost` comes at most
    once and last, with the reason in words; the process is gone or killed by then."""

    received = Signal(object)
    lost = Signal(str)

    def __init__(
        self, command: Sequence[str], log: Path | None, deadlines: Deadlines, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.conversation = Conversation()
        self._deadlines = deadlines
        self._decoder = FrameDecoder(FROM_ENGINE)
        self._has_replied = False
        self._is_doubtful = False
        self._is_over = False
        self._silence = QTimer(self)
        self._silence.setSingleShot(True)
        self._silence.timeout.connect(self._fell_silent)
        self._process = QProcess(self)
        self._process.setProgram(command[0])
        self._process.setArguments(list(command[1:]))
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._errored)
        _route_log(self._process, log)

    def start(self) -> None:
        self._watch()
        self._process.start()

    def ask(self, question: Question) -> None:
        """Raises ProtocolError, with nothing sent, when it is larger than a frame may be."""
        pieces = encode(question)
        self.conversation.asked(question)
        self._write(pieces)

    def send(self, message: Any) -> None:
        self._write(encode(message))

    def kill(self) -> None:
        """End it now, without a further signal; it deletes itself when it is gone."""
        self._is_over = True
        self._silence.stop()
        if self._process.state() == QProcess.ProcessState.NotRunning:
            self.deleteLater()
        else:
            self._process.kill()

    def quit_and_wait(self) -> None:
        """Ask it to end, close its input, kill it at last; waits as long as the deadlines say."""
        self._is_over = True
        self._silence.stop()
        self.send(Quit())
        self._process.closeWriteChannel()
        if not self._process.waitForFinished(self._deadlines.quit_ms):
            self._process.kill()
            self._process.waitForFinished(self._deadlines.kill_ms)
        self.deleteLater()

    def _write(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._process.write(piece)

    def _read(self) -> None:
        data = bytes(self._process.readAllStandardOutput().data())
        try:
            for message in self._decoder.feed(data):
                if self._is_over:  # a listener has ended it
                    return
                self.conversation.received(message)
                self._has_replied |= not isinstance(message, (Hello, Heartbeat))
                self._watch()
                self.received.emit(message)
        except ProtocolError as error:
            if not self._is_over:
                text = translate("Engine", "The engine sent something senseless (%s).")
                self._lose(text.replace("%s", str(error)))

    def _watch(self) -> None:
        limit_ms = self._deadlines.first_reply_ms
        if self._has_replied:
            limit_ms = self._deadlines.silence_ms
        self._is_doubtful = False
        self._silence.start(limit_ms * 4 // 5)

    def _fell_silent(self) -> None:
        """After a sleep of the whole computer the timer is due before the engine could speak: the
        last fifth of the time is counted from here."""
        if not self._is_doubtful:
            self._is_doubtful = True
            self._silence.start(self._silence.interval() // 4)
            return
        self._lose(translate("Engine", "The engine did not answer any more and was ended."))

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._is_over:
            self.deleteLater()
            return
        self._read()  # what it still said before its end
        if self._is_over:
            return
        text = translate("Engine", "The engine ended unexpectedly.")
        if status == QProcess.ExitStatus.CrashExit and code == SIGKILL:
            text = translate("Engine", "The system ended the engine; memory may have run out.")
        self._lose(text)

    def _errored(self, error: QProcess.ProcessError) -> None:
        if error != QProcess.ProcessError.FailedToStart:
            return  # `finished` follows
        if self._is_over:
            self.deleteLater()
        else:
            text = translate("Engine", "The engine could not be started (%s).")
            self._lose(text.replace("%s", self._process.errorString()))

    def _lose(self, reason: str) -> None:
        self.kill()
        self.lost.emit(reason)


def _route_log(process: QProcess, log: Path | None) -> None:
    """The engine's standard error goes into the log, which starts anew above its limit."""
    try:
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            if log.exists() and log.stat().st_size > LOG_BYTES:
                log.replace(log.with_suffix(".old.log"))
            process.setStandardErrorFile(str(log), QProcess.OpenModeFlag.Append)
            return
    except OSError:
        pass  # a log that cannot be written must not keep the engine from starting
    process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedErrorChannel)
