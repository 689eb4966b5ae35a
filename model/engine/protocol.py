"""What window and engine say to each other: frozen messages, and the order in which they may come.

Needs the standard library and `model.requests` alone. How messages become bytes is `transport`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import get_args

from model.requests import Picture, Request, Result, Text, Writing

PROTOCOL_VERSION = 5


class ProtocolError(ValueError):
    """The other side broke the protocol. There is no way to go on: the session must be closed."""


class Failure(StrEnum):
    """Why a request failed; the message beside it says what to do."""

    request = auto()  # the request cannot be run by this model
    checkpoint = auto()  # the model's files are missing, damaged or of a kind we do not read
    out_of_memory = auto()
    model = auto()  # the model could not finish for another known reason
    internal = auto()  # a fault of ours; the traceback is in the engine's log
    engine_lost = auto()  # the engine ended or fell silent; written by the window's side


class Way(StrEnum):
    """How much of a model stays in memory while it works, from the fastest."""

    whole = auto()
    encoder_read = auto()  # the text encoder is read from disk for every prompt
    blocks_read = auto()  # the transformer too, at every step, as far as it has no room
    none = auto()  # it does not fit


@dataclass(frozen=True, kw_only=True)
class Need:
    """The least memory in bytes for a model's usual picture, each way; zero: that way is none of
    its. Its transformer is packed by `scheme`, empty: as its files hold it."""

    scheme: str
    whole: int
    encoder_read: int = 0
    blocks_read: int = 0

    @property
    def least(self) -> int:
        return min(filter(None, (self.whole, self.encoder_read, self.blocks_read)))

    def way(self, memory_bytes: int) -> Way:
        """The fastest one in so much memory."""
        for way in (Way.whole, Way.encoder_read, Way.blocks_read):
            if 0 < self.bytes(way) <= memory_bytes:
                return way
        return Way.none

    def bytes(self, way: Way) -> int:
        return self.least if way is Way.none else getattr(self, way)


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """A model as the window knows it. `problem` is empty, or says why it cannot be used. Where
    `is_commercial` is false, the licence must be accepted before the model is loaded. `schedule` is
    that of weights distilled to few steps. `needs` are what it takes here as its files hold it,
    first, and packed while it is loaded; none where packing gains nothing.

    `variant` is the published model that it is taken for. `variants` are those that its files may
    be, none where they tell; a choice among them is remembered by the `fingerprint` of the weights.
    """

    name: str
    path: str
    licence: str = ""
    is_commercial: bool = True
    notice: str = ""
    sizes: tuple[tuple[int, int], ...] = ()
    steps: int = 1
    guidance: float = 1.0
    size_multiple: int = 16
    max_references: int = 1
    tasks: tuple[str, ...] = ()
    negative: str = ""
    schedule: str = ""
    variant: str = ""
    variants: tuple[str, ...] = ()
    proposed_variant: str = ""
    fingerprint: str = ""
    needs: tuple[Need, ...] = ()
    problem: str = ""


class AdapterKind(StrEnum):
    """What runs beside a model and changes its pictures."""

    lora = auto()
    controlnet = auto()


@dataclass(frozen=True, kw_only=True)
class AdapterDescription:
    """A LoRA or ControlNet as the window knows it. `sha256` is empty before it was identified.
    `schedule` is that of a LoRA distilled to few steps. `fills_holes`: the ControlNet paints what
    is transparent in its map; others follow an opaque drawing. `problem` is empty, or says why it
    cannot be used."""

    kind: AdapterKind
    name: str
    path: str
    sha256: str = ""
    schedule: str = ""
    fills_holes: bool = False
    problem: str = ""


# --- to the engine ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Describe:
    """Which models and devices are there?"""

    id: int


@dataclass(frozen=True, kw_only=True)
class Load:
    """Make a model ready. `model` is a folder, a listed name, or empty for the starter. `accepted`
    names the licences that the user has accepted, as far as they allow no commercial use.
    `quantization` is the scheme by which it is packed, empty: as its files hold it; a model that is
    ready in another form is loaded anew."""

    id: int
    model: str
    accepted: tuple[str, ...] = ()
    quantization: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would this request cost? Not known of a model that is not ready in this form."""

    id: int
    model: str
    request: Request
    quantization: str = ""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Make the request's pictures; a model that is not ready is loaded, as by Load. `files` are
    places where LoRAs and ControlNets that the request names may lie."""

    id: int
    model: str
    request: Request
    accepted: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    quantization: str = ""


@dataclass(frozen=True, kw_only=True)
class Write:
    """Words about a prompt or a picture; a model that is not ready is loaded, as by Load."""

    id: int
    model: str
    request: Writing
    accepted: tuple[str, ...] = ()
    quantization: str = ""


@dataclass(frozen=True, kw_only=True)
class Identify:
    """What is this LoRA or ControlNet, and does it fit the model? By its path; or by name and
    content, and then the path is only where it may lie."""

    id: int
    kind: AdapterKind
    model: str
    path: str = ""
    name: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The edges of a picture, as a map for a ControlNet."""

    id: int
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class Stop:
    """End request `id` early. Unknown and ended ones are passed over: the two may have crossed."""

    id: int


@dataclass(frozen=True, kw_only=True)
class Quit:
    """End the engine."""


# --- from the engine -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Hello:
    """The engine's first word."""

    version: int
    pid: int


@dataclass(frozen=True, kw_only=True)
class Described:
    """`attentions` are the kinds, other than the exact one, that are quicker on this device. `room`
    is how much memory models may take in bytes where no budget says it, 0: not known."""

    id: int
    models: tuple[ModelDescription, ...]
    devices: tuple[str, ...]
    adapters: tuple[AdapterDescription, ...] = ()
    attentions: tuple[str, ...] = ()
    room: int = 0


@dataclass(frozen=True, kw_only=True)
class Loaded:
    id: int
    model: ModelDescription
    seconds: float
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What a request will take: the most memory, of how much that may be taken, and how long.
    `problem` says why it does not fit and what would. `None` where it is not known."""

    peak_bytes: int | None = None
    budget_bytes: int | None = None
    seconds: float | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned:
    id: int
    outlook: Outlook


@dataclass(frozen=True, kw_only=True)
class Identified:
    id: int
    adapter: AdapterDescription


@dataclass(frozen=True, kw_only=True)
class Traced:
    id: int
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Step `step` of `total` is done; `preview` is a small picture, sent now and then."""

    id: int
    step: int
    total: int
    seconds_left: float | None
    preview: Picture | None


@dataclass(frozen=True, kw_only=True)
class Words:
    """What is written so far. It begins anew where a first try is thrown away."""

    id: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    id: int
    result: Result


@dataclass(frozen=True, kw_only=True)
class Written:
    id: int
    text: Text


@dataclass(frozen=True, kw_only=True)
class Failed:
    id: int
    kind: Failure
    message: str


@dataclass(frozen=True, kw_only=True)
class Stopped:
    id: int


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """Sent every second from a thread of its own, whatever the engine is doing."""

    memory_bytes: int


Question = Describe | Load | Plan | Run | Write | Identify | Trace
ToEngine = Question | Stop | Quit
Ending = Described | Loaded | Planned | Finished | Written | Identified | Traced | Failed | Stopped
FromEngine = Hello | Progress | Words | Heartbeat | Ending

QUESTIONS: tuple[type, ...] = get_args(Question)
TO_ENGINE: tuple[type, ...] = get_args(ToEngine)
ENDINGS: tuple[type, ...] = get_args(Ending)
FROM_ENGINE: tuple[type, ...] = get_args(FromEngine)

REPLY_OF: dict[type, type] = {
    Describe: Described,
    Load: Loaded,
    Plan: Planned,
    Run: Finished,
    Write: Written,
    Identify: Identified,
    Trace: Traced,
}


class Conversation:
    """The window's side of a session: which requests are open, and what may come next.

    `received` raises ProtocolError for a wrong version, a message before Hello, a second Hello, a
    reply to nothing, and a reply of the wrong kind. A request leaves `open` when it ends.
    """

    def __init__(self) -> None:
        self.open: dict[int, Question] = {}
        self.is_greeted = False
        self._last_id = 0

    def asked(self, question: Question) -> None:
        assert question.id > self._last_id, "request ids must grow"
        self._last_id = question.id
        self.open[question.id] = question

    def received(self, message: FromEngine) -> None:
        if isinstance(message, Hello):
            self._greet(message)
        elif not self.is_greeted:
            raise ProtocolError(f"the engine sent {_name(message)} before Hello")
        elif not isinstance(message, Heartbeat):
            self._reply(message)

    def _greet(self, hello: Hello) -> None:
        if self.is_greeted:
            raise ProtocolError("the engine greeted twice")
        if hello.version != PROTOCOL_VERSION:
            raise ProtocolError(
                f"the engine speaks protocol {hello.version}, the window {PROTOCOL_VERSION}; "
                "both must come from the same Inkstone"
            )
        self.is_greeted = True

    def _reply(self, message: Progress | Words | Ending) -> None:
        question = self.open.get(message.id)
        if question is None:
            raise ProtocolError(f"{_name(message)} for request {message.id}, which is not open")
        expected = REPLY_OF[type(question)]
        if isinstance(message, Progress):
            if not isinstance(question, Run) or not 0 <= message.step <= message.total:
                raise ProtocolError(f"progress {message.step}/{message.total} is out of place")
        elif isinstance(message, Words):
            if not isinstance(question, Write):
                raise ProtocolError("words where none were asked for")
        elif isinstance(message, (expected, Failed, Stopped)):
            del self.open[message.id]
        else:
            raise ProtocolError(f"{_name(message)} where {expected.__name__} was due")


def _name(message: object) -> str:
    return type(message).__name__
