"""Stand-ins at the borders: a scripted engine that runs as a child, and a model without weights.

`FakeEngine.command` starts an engine that speaks the protocol, and breaks it where it is told;
`worker_command` starts the real worker over `FakeLibrary`.

A script is `{"starts": [start, ...]}`: what the engine does at its first start, its second, and so
on, the last for all that follow. A start maps `hello`, `describe`, `load`, `plan`, `run` and
`write` to lists of actions; what is left out is done properly. `FakeEngine` writes scripts for
tests.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.engine.inbox import Inbox
from model.engine.library import OnStep, OnText, ShouldStop
from model.engine.process import claim_pipes, serve
from model.engine.protocol import (
    PROTOCOL_VERSION,
    TO_ENGINE,
    AdapterDescription,
    AdapterKind,
    Describe,
    Described,
    Failed,
    Failure,
    Finished,
    Heartbeat,
    Hello,
    Identified,
    Identify,
    Load,
    Loaded,
    ModelDescription,
    Outlook,
    Plan,
    Planned,
    Progress,
    Quit,
    Run,
    Stop,
    Stopped,
    Trace,
    Traced,
    Words,
    Write,
    Written,
)
from model.engine.transport import MAGIC, MAX_BODY_BYTES, PREFIX, encode, read_messages
from model.requests import (
    EXACT,
    Caption,
    CaptionRecord,
    Checked,
    Decompose,
    Differences,
    Edit,
    ModelIdentity,
    Outpaint,
    Picture,
    Polish,
    Request,
    Result,
    Text,
    Writing,
)

LICENCE = "Private Licence"
IDENTITY = ModelIdentity(name="fake", sha256="0" * 64, licence="Apache-2.0")
DESCRIPTION = ModelDescription(
    name="fake",
    path="/models/fake",
    licence="Apache-2.0",
    notice="a model without weights, for tests",
    sizes=((64, 64), (96, 64)),
    steps=4,
    guidance=1.0,
    size_multiple=16,
    tasks=("text_to_image", "edit", "polish", "caption"),
    negative=" ",
)

ADAPTERS = (
    AdapterDescription(kind=AdapterKind.lora, name="ink", path="/loras/ink.safetensors"),
    AdapterDescription(kind=AdapterKind.controlnet, name="edges", path="/models/edges"),
)


OUTLOOK = Outlook(peak_bytes=200_000_000, budget_bytes=2_000_000_000, seconds=1.5)
LAYERED = replace(DESCRIPTION, name="layered", path="/models/layered", tasks=("layers", "caption"))
OUTPAINTING = replace(DESCRIPTION, tasks=("text_to_image", "outpaint", "edit", "polish", "caption"))


# --- a model without weights -----------------------------------------------------------------


def paint(request: Request, width: int, height: int) -> Picture:
    """One colour, decided by the whole request: equal requests, equal pixels."""
    words = f"{request.prompt}|{request.negative}|{request.seed}|{request.steps}"
    hashes = "".join(picture.sha256 for picture in request.pictures)
    colour = hashlib.sha256(f"{words}|{hashes}".encode("utf-8", "replace")).digest()[:3]
    return Picture(width=width, height=height, mode="RGB", data=colour * (width * height))


def parts(request: Decompose, width: int, height: int) -> tuple[Picture, ...]:
    """The bottom layer opaque, the others transparent but for their upper half."""
    found = []
    for number in range(request.layers):
        colour = paint(replace(request, seed=request.seed + number), 1, 1).data
        lower = colour + (b"\xff" if number == 0 else b"\0")
        rows = (colour + b"\xff") * width * (height // 2) + lower * width * (height - height // 2)
        found.append(Picture(width=width, height=height, mode="RGBA", data=rows))
    return tuple(found)


def result_of(request: Request, seconds: float = 0.01) -> Result:
    """What a model would give back: every value set, one request a picture."""
    width, height = request.width, request.height
    if width is None or height is None:
        width, height = DESCRIPTION.sizes[0]
        if isinstance(request, Edit):
            width, height = request.images[0].width, request.images[0].height
        elif isinstance(request, Outpaint):
            width, height = request.full_size
    whole = replace(
        request,
        width=width,
        height=height,
        steps=request.steps or DESCRIPTION.steps,
        guidance=request.guidance or DESCRIPTION.guidance,
        negative=DESCRIPTION.negative if request.negative is None else request.negative,
        count=1,
    )
    singles = tuple(replace(whole, seed=request.seed + k) for k in range(request.count))
    pictures = tuple(paint(single, width, height) for single in singles)
    if isinstance(request, Decompose):
        pictures, singles = parts(whole, width, height), singles * request.layers
    differences = () if request.is_exact else (differences_of(whole),) * len(pictures)
    return Result(
        pictures=pictures,
        requests=singles,
        model=IDENTITY,
        seconds=seconds,
        differences=differences,
    )


def differences_of(request: Request) -> Differences:
    """As if a third of the steps had been reused."""
    steps = request.steps or DESCRIPTION.steps
    return Differences(
        steps=steps,
        reused=steps // 3 if request.step_cache else 0,
        step_cache=Checked(step=3, difference=0.0123) if request.step_cache else None,
        attention=Checked(step=2, difference=0.004) if request.attention != EXACT else None,
    )


def text_of(request: Writing, seconds: float = 0.01) -> Text:
    """What a model would write."""
    if isinstance(request, Caption):
        record = CaptionRecord(
            caption=f"a picture {request.image.width} px wide",
            image_type="poster",
            image_style="flat",
            watermarks=(),
            has_abnormal_element=False,
        )
        return Text(
            text=record.caption, request=request, model=IDENTITY, seconds=seconds, record=record
        )
    assert isinstance(request, Polish)
    seen = f", seen with {len(request.images)}" if request.images else ""
    text = f"{request.prompt}, in fine detail{seen}"
    return Text(text=text, request=request, model=IDENTITY, seconds=seconds)


def identified(question: Identify) -> AdapterDescription:
    """What its name says: one with "flux" in it is for another model, one with "4steps" in it is
    distilled to them, one without a path is "gone" or lies among the others."""
    name = question.name or Path(question.path).stem
    found = AdapterDescription(
        kind=question.kind,
        name=name,
        path=question.path or f"/loras/{name}.safetensors",
        sha256=question.sha256 or hashlib.sha256(name.encode()).hexdigest(),
        schedule="lightning-4" if "4steps" in name else "",
    )
    if "flux" in name:
        return replace(found, sha256="", problem="this LoRA is for FLUX, not for Qwen-Image 1.x")
    if "gone" in name and not question.path:
        return replace(found, path="", problem=f"{name} is not on this computer")
    return found


class FakeModel:
    """Runs by sleeping: `blocks` blocks a step, `block_s` seconds each, asked before every block
    whether to stop."""

    identity = IDENTITY

    def __init__(self, *, blocks: int = 2, block_s: float = 0.0) -> None:
        self._blocks = blocks
        self._block_s = block_s

    def describe(self) -> ModelDescription:
        return DESCRIPTION

    def outlook(self, request: Request) -> Outlook:
        return OUTLOOK

    def run(
        self,
        request: Request,
        on_step: OnStep = lambda step, total, preview: None,
        should_stop: ShouldStop = lambda: False,
    ) -> Result:
        start = time.monotonic()
        if request.prompt == "raise":
            raise RuntimeError("a fault on purpose")
        result = result_of(request)
        total = (request.steps or DESCRIPTION.steps) * request.count
        preview = paint(request, 512, 256)
        for step in range(1, total + 1):
            self._step(should_stop)
            on_step(step, total, preview)
        return replace(result, seconds=time.monotonic() - start)

    def write(
        self,
        request: Writing,
        on_text: OnText = lambda text: None,
        should_stop: ShouldStop = lambda: False,
    ) -> Text:
        result = text_of(request)
        for end in range(1, len(result.text) + 1):
            self._step(should_stop)
            on_text(result.text[:end])
        return result

    def _step(self, should_stop: ShouldStop) -> None:
        from model.errors import Stopped as StoppedEarly

        for _ in range(self._blocks):
            if should_stop():
                raise StoppedEarly
            time.sleep(self._block_s)


class FakeLibrary:
    """Models by name: `fake` (or none), `damaged`, `large`; `noisy` prints where it must not;
    `private` wants its licence accepted."""

    def __init__(self, model: FakeModel) -> None:
        self._model = model
        self.loads: list[str] = []
        self.known: list[str] = []

    def describe(self) -> tuple[ModelDescription, ...]:
        damaged = replace(DESCRIPTION, name="damaged", problem="its weights are missing")
        return DESCRIPTION, damaged

    def devices(self) -> tuple[str, ...]:
        return ("cpu",)

    def find(self, name: str) -> Path:
        return Path("/models", name or "fake")

    def adapters(self) -> tuple[AdapterDescription, ...]:
        return ()

    def attentions(self) -> tuple[str, ...]:
        return ()

    def identify(self, question: Identify) -> AdapterDescription:
        return identified(question)

    def know(self, files: Iterable[str]) -> None:
        self.known += files

    def trace(self, picture: Picture) -> Picture:
        return picture

    def room(self) -> int:
        return 2_000_000_000

    def load(
        self, path: Path, accepted: Collection[str] = (), quantization: str | None = None
    ) -> FakeModel:
        from model.errors import CheckpointError, LicenceNotAccepted, OutOfMemory

        if path.name == "private" and LICENCE not in accepted:
            raise LicenceNotAccepted(path.name, LICENCE)
        self.loads.append(path.name if quantization is None else f"{path.name} {quantization}")
        if path.name == "damaged":
            raise CheckpointError(f"{path}: its weights are missing; download it again")
        if path.name == "large":
            raise OutOfMemory("large needs 40.0 GB for its weights; choose a smaller model")
        if path.name == "noisy":
            print("this line belongs into the log")
            os.write(1, b"INKS and so does this one\n")
        return self._model


# --- a scripted engine -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FakeEngine:
    """A script in a folder of the test's own; `command` starts the engine that follows it."""

    script: Path

    @classmethod
    def write(cls, folder: Path, *starts: dict[str, list[dict[str, Any]]]) -> FakeEngine:
        """One start after the other; none at all means an engine that does everything properly.

        FakeEngine.write(tmp_path, {"run": [do("progress", step=1), do("kill")]}, {})
        """
        script = folder / "fake_engine.json"
        script.write_text(json.dumps({"starts": list(starts) or [{}]}), encoding="utf-8")
        return cls(script=script)

    @property
    def command(self) -> list[str]:
        return [*_this_file(), "engine", str(self.script)]

    @property
    def starts(self) -> int:
        """How often it was started."""
        counter = self.script.with_suffix(".starts")
        return counter.stat().st_size if counter.exists() else 0


def do(action: str, **values: Any) -> dict[str, Any]:
    """An action of a script:

    progress step total      reply                     fail kind message
    words text               keep (the prompt as it was)
    wait ms                  hang (even the heart)     deaf (the heart beats, a stop is ignored)
    exit code                kill                      quiet ms (no heartbeat meanwhile)
    garbage   oversize   half   version   unknown_id   twice   wrong_kind   newer_field   flood
    """
    return {"do": action, **values}


PROPER: dict[str, list[dict[str, Any]]] = {
    "hello": [do("reply")],
    "describe": [do("reply")],
    "load": [do("reply")],
    "plan": [do("reply")],
    "run": [*(do("progress", step=k, total=4) for k in range(1, 5)), do("reply")],
    "identify": [do("reply")],
    "trace": [do("reply")],
    "write": [do("words", text="some "), do("words", text="some words"), do("reply")],
}


class ScriptedEngine:
    """The child's side of a script."""

    def __init__(self, script: Path) -> None:
        starts = json.loads(script.read_text("utf-8"))["starts"]
        counter = script.with_suffix(".starts")
        with counter.open("ab") as file:
            file.write(b".")
        count = counter.stat().st_size
        self._script = PROPER | starts[min(count, len(starts)) - 1]
        self._source, self._outbox = claim_pipes()
        self._inbox = Inbox()
        self._has_heart = True
        self._has_ears = True

    def main(self) -> int:
        for loop in (self._read, self._beat):
            threading.Thread(target=loop, daemon=True).start()
        self._perform("hello", None)
        while question := self._inbox.take():
            try:
                self._perform(type(question).__name__.lower(), question)
            except StopAsked:
                self._outbox.send(Stopped(id=question.id))
        return 0

    def _read(self) -> None:
        for message in read_messages(self._source, TO_ENGINE):
            if isinstance(message, Quit):
                self._inbox.close()
            elif not isinstance(message, Stop):
                self._inbox.put(message)
            elif self._inbox.stop(message.id):
                self._outbox.send(Stopped(id=message.id))
        if self._has_ears:
            os._exit(0)

    def _beat(self) -> None:
        while True:
            time.sleep(0.1)
            if self._has_heart:
                self._outbox.send(Heartbeat(memory_bytes=123_456_789))

    def _perform(self, word: str, question: Any) -> None:
        for action in self._script[word]:
            values = {name: value for name, value in action.items() if name != "do"}
            getattr(self, f"_do_{action['do']}")(question, **values)

    # --- what a good engine does ---

    def _do_reply(self, question: Any) -> None:
        match question:
            case None:
                self._outbox.send(Hello(version=PROTOCOL_VERSION, pid=os.getpid()))
            case Describe(id=id):
                self._outbox.send(
                    Described(
                        id=id,
                        models=(DESCRIPTION,),
                        devices=("cpu",),
                        adapters=ADAPTERS,
                        attentions=("fp8",),
                    )
                )
            case Load(id=id):
                self._outbox.send(
                    Loaded(id=id, model=DESCRIPTION, seconds=0.5, memory_bytes=123_456_789)
                )
            case Plan(id=id):
                self._outbox.send(Planned(id=id, outlook=OUTLOOK))
            case Run(id=id, request=request):
                self._outbox.send(Finished(id=id, result=result_of(request)))
            case Identify(id=id):
                self._outbox.send(Identified(id=id, adapter=identified(question)))
            case Trace(id=id, picture=picture):
                self._outbox.send(Traced(id=id, picture=picture))
            case Write(id=id, request=request):
                self._outbox.send(Written(id=id, text=text_of(request)))

    def _do_words(self, question: Write, text: str) -> None:
        self._outbox.send(Words(id=question.id, text=text))

    def _do_keep(self, question: Write) -> None:
        kept = replace(text_of(question.request), text=question.request.prompt, is_original=True)
        self._outbox.send(Written(id=question.id, text=kept))

    def _do_progress(self, question: Run, step: int, total: int = 4) -> None:
        if self._inbox.should_stop() and self._has_ears:
            raise StopAsked
        preview = paint(question.request, 16, 16)
        self._outbox.send(
            Progress(
                id=question.id,
                step=step,
                total=total,
                seconds_left=0.1 * (total - step) if step > 1 else None,
                preview=preview,
            )
        )

    def _do_fail(self, question: Any, kind: str, message: str) -> None:
        self._outbox.send(Failed(id=question.id, kind=Failure(kind), message=message))

    def _do_wait(self, question: Any, ms: int) -> None:
        del question
        until = time.monotonic() + ms / 1000
        while time.monotonic() < until:
            if self._inbox.should_stop() and self._has_ears:
                raise StopAsked
            time.sleep(0.01)

    # --- what no engine should ---

    def _do_quiet(self, question: Any, ms: int) -> None:
        self._has_heart = False
        self._do_wait(question, ms)
        self._has_heart = True

    def _do_hang(self, question: Any) -> None:
        del question
        self._has_heart = self._has_ears = False
        time.sleep(3600)

    def _do_deaf(self, question: Any) -> None:
        del question
        self._has_ears = False
        time.sleep(3600)

    def _do_exit(self, question: Any, code: int = 0) -> None:
        del question
        os._exit(code)

    def _do_kill(self, question: Any) -> None:
        del question
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    def _do_garbage(self, question: Any) -> None:
        del question
        self._raw(b"Traceback (most recent call last):\n")

    def _do_oversize(self, question: Any) -> None:
        del question
        self._raw(PREFIX.pack(MAGIC, 100, MAX_BODY_BYTES + 1))

    def _do_half(self, question: Any) -> None:
        del question
        frame = b"".join(encode(Hello(version=PROTOCOL_VERSION, pid=os.getpid())))
        self._raw(frame[: len(frame) // 2])
        os._exit(0)

    def _do_version(self, question: Any) -> None:
        del question
        self._outbox.send(Hello(version=PROTOCOL_VERSION + 1, pid=os.getpid()))

    def _do_unknown_id(self, question: Any) -> None:
        del question
        self._outbox.send(Stopped(id=999_999))

    def _do_twice(self, question: Any) -> None:
        self._do_reply(question)
        self._do_reply(question)

    def _do_wrong_kind(self, question: Any) -> None:
        id = question.id
        wrong = Planned(id=id, outlook=Outlook())
        if isinstance(question, Plan):
            wrong = Described(id=id, models=(), devices=())
        self._outbox.send(wrong)

    def _do_newer_field(self, question: Any) -> None:
        del question
        header = b'{"type":"Heartbeat","fields":{"memory_bytes":1,"new":2},"buffers":[]}'
        self._raw(PREFIX.pack(MAGIC, len(header), 0) + header)

    def _do_flood(self, question: Run, messages: int = 10_000) -> None:
        for _ in range(messages):
            self._do_progress(question, step=1)

    def _raw(self, data: bytes) -> None:
        self._outbox.write([data])


class StopAsked(Exception):
    """The window wants the current request to end."""


def worker_command(*, blocks: int = 2, block_ms: int = 0) -> list[str]:
    """The real worker, over a model that sleeps."""
    return [*_this_file(), "worker", str(blocks), str(block_ms)]


def _this_file() -> list[str]:
    root = Path(__file__).resolve().parent.parent
    code = f"import sys; sys.path[0] = {str(root)!r}; from tests.fakes import main; main()"
    return [sys.executable, "-c", code]


def main() -> None:
    word, *options = sys.argv[1:]
    if word == "engine":
        sys.exit(ScriptedEngine(Path(options[0])).main())
    blocks, block_ms = map(int, options)
    sys.exit(serve(FakeLibrary(FakeModel(blocks=blocks, block_s=block_ms / 1000))))
