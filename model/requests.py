"""What can be asked of a model, and what comes back: frozen values, the standard library alone.

The same values are the engine's messages, the payload of a history node and the recipe inside a
picture. They know nothing of torch, of files or of the window.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

MAX_SIDE_PX = 8192
MAX_PROMPT_CHARS = 20_000
MAX_SEED = 2**63 - 1
MAX_FEATHER_PX = 1024
MAX_LAYERS = 16
MAX_CONTROLS = 8
MAX_SEEN = 10
LANGUAGES = ("en", "zh")
RESOLUTIONS = (640, 1024)
MASK_THRESHOLD = 128
MAX_LORAS = 16
MAX_LORA_WEIGHT = 4.0
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
FEW_STEPS: Mapping[str, int] = {"lightning-4": 4, "lightning-8": 8}
"""Schedules of weights distilled to so many steps without guidance, by name."""
SCHEDULES = ("", *FEW_STEPS)
SOLVERS = ("euler", "dpmpp-2m")
EXACT = "exact"
ATTENTIONS = (EXACT, "fp8", "sage")


class RequestError(ValueError):
    """A request or recipe that no model could run. The text names field, value and range."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Pixels by value: 8 bits a channel, straight alpha, rows from the top without padding."""

    width: int
    height: int
    mode: str
    data: bytes = dataclasses.field(repr=False)

    def __post_init__(self) -> None:
        if self.mode not in CHANNELS:
            raise RequestError(f"picture: mode {self.mode!r} is not one of {', '.join(CHANNELS)}")
        for name, side in (("width", self.width), ("height", self.height)):
            _check_range(f"picture {name}", side, 1, 2**16)
        expected = self.width * self.height * CHANNELS[self.mode]
        if len(self.data) != expected:
            raise RequestError(
                f"picture: {self.width}x{self.height} {self.mode} needs {expected} bytes, "
                f"got {len(self.data)}"
            )

    @cached_property
    def sha256(self) -> str:
        """Hash of size, mode and pixels: the name by which recipes and projects know a picture."""
        head = f"{self.width}x{self.height}:{self.mode}:".encode()
        return hashlib.sha256(head + self.data).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Which weights: `name` for people, `sha256` for machines, `licence` as an SPDX expression, or
    by its own name where SPDX has none. `quantization` is the scheme by which they were packed when
    they were loaded; empty for weights as their files hold them."""

    name: str
    sha256: str
    licence: str
    quantization: str = ""


@dataclass(frozen=True, kw_only=True)
class Control:
    """A ControlNet at work: `name` for people, `sha256` of its files for machines.

    It counts between `start` and `end`, shares of the run's steps.
    """

    name: str
    sha256: str
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        _check_text("control", self.name)
        _check_text("control", self.sha256)
        _check_range("control strength", self.strength, 0.0, 4.0, kind=float)
        _check_range("control start", self.start, 0.0, 1.0, kind=float)
        _check_range("control end", self.end, 0.0, 1.0, kind=float)
        if self.start >= self.end:
            raise RequestError(f"control: its start {self.start} is not below its end {self.end}")


@dataclass(frozen=True, kw_only=True)
class LoraUse:
    """A LoRA and how strongly it counts: `name` for people, `sha256` of its file for machines."""

    name: str
    sha256: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check_text("lora name", self.name)
        if not 0 < len(self.name) <= 255 or re.search(r"[/\\]", self.name):
            raise RequestError(f"lora name: {self.name[:80]!r} is not the name of a file")
        if not isinstance(self.sha256, str) or not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise RequestError(f"lora sha256: {str(self.sha256)[:80]!r} is no SHA-256")
        _check_range("lora weight", self.weight, -MAX_LORA_WEIGHT, MAX_LORA_WEIGHT, kind=float)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What every task carries. `None` means: the model's own recommendation.

    `schedule` names the noise levels of weights distilled to few steps; empty is the model's usual.

    Two are quicker and change the picture: `step_cache`, a threshold below which a step reuses what
    the one before did, 0 for none; and `attention` in fewer bits.
    """

    task: ClassVar[str]
    picture_fields: ClassVar[tuple[str, ...]] = ()

    prompt: str
    negative: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    schedule: str | None = None
    solver: str | None = None
    seed: int = 0
    count: int = 1
    loras: tuple[LoraUse, ...] = ()
    step_cache: float = 0.0
    attention: str = EXACT

    def __post_init__(self) -> None:
        _check_text("prompt", self.prompt)
        _check_text("negative", self.negative)
        if (self.width is None) != (self.height is None):
            raise RequestError("size: give width and height together, or neither")
        for name in ("width", "height"):
            _check_range(name, getattr(self, name), 16, MAX_SIDE_PX, optional=True)
        _check_range("steps", self.steps, 1, 1000, optional=True)
        _check_range("guidance", self.guidance, 1.0, 100.0, kind=float, optional=True)
        _check_choice("schedule", self.schedule, SCHEDULES)
        _check_choice("solver", self.solver, SOLVERS)
        _check_range("seed", self.seed, 0, MAX_SEED)
        _check_range("count", self.count, 1, 256)
        _check_range("loras", len(self.loras), 0, MAX_LORAS)
        _check_range("step_cache", self.step_cache, 0.0, 1.0, kind=float)
        _check_choice("attention", str(self.attention), ATTENTIONS)

    @property
    def is_exact(self) -> bool:
        """Whether nothing that is asked for trades the picture for speed."""
        return not self.step_cache and self.attention == EXACT

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture the request carries, in the order of `picture_fields`."""
        found: list[Picture] = []
        for name in self.picture_fields:
            value = getattr(self, name)
            found.extend(value if isinstance(value, tuple) else (value,))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class TextToImage(Request):
    """A new picture from words; map k is what control k follows."""

    task = "text_to_image"
    picture_fields = ("maps",)

    controls: tuple[Control, ...] = ()
    maps: tuple[Picture, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.controls) != len(self.maps):
            raise RequestError(
                f"controls: {len(self.controls)}, and {len(self.maps)} maps; each needs its own"
            )
        _check_range("controls", len(self.controls), 0, MAX_CONTROLS)
        _check_words(self.prompt, "describe the picture in a few words")


@dataclass(frozen=True, kw_only=True)
class ImageToImage(Request):
    """A picture made again from words. `strength` says how much of it is: 1 keeps nothing.

    No size: about the model's own area, in the picture's ratio.
    """

    task = "image_to_image"
    picture_fields = ("image",)

    image: Picture
    strength: float = 0.6

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_words(self.prompt, "describe the picture that it shall become")
        _check_strength(self.strength)


@dataclass(frozen=True, kw_only=True)
class Inpaint(Request):
    """The white part of a mask made anew; every other pixel comes back as it was.

    The model works on the mask and `margin` px around it, or on the whole picture without one;
    `width` and `height` are the size it works at. The mask fades inwards over `feather` px.
    """

    task = "inpaint"
    picture_fields = ("image", "mask")

    image: Picture
    mask: Picture
    strength: float = 1.0
    margin: int | None = None
    feather: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_words(self.prompt, "say what the masked part shall show")
        _check_strength(self.strength)
        _check_range("margin", self.margin, 0, MAX_SIDE_PX, optional=True)
        _check_range("feather", self.feather, 0, MAX_FEATHER_PX)
        _check_mask(self.mask, self.image)


@dataclass(frozen=True, kw_only=True)
class Outpaint(Request):
    """A picture continued beyond its edges by so many px a side; itself, it comes back as it was.

    What is new fades into the picture over `feather` px of the picture's edge: 0 keeps them all.
    """

    task = "outpaint"
    picture_fields = ("image",)

    image: Picture
    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0
    feather: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_words(self.prompt, "say what the whole picture shall show")
        for name in ("left", "right", "top", "bottom"):
            _check_range(name, getattr(self, name), 0, MAX_SIDE_PX)
        if not (self.left or self.right or self.top or self.bottom):
            raise RequestError("left, right, top, bottom: all are 0; say how much to add")
        _check_range("feather", self.feather, 0, MAX_FEATHER_PX)
        width, height = self.full_size
        if max(width, height) > MAX_SIDE_PX:
            raise RequestError(
                f"left, right, top, bottom: {width}x{height} px would be more than {MAX_SIDE_PX} "
                "on a side; add less"
            )

    @property
    def full_size(self) -> tuple[int, int]:
        """Width and height of the continued picture."""
        width = self.left + self.image.width + self.right
        return width, self.top + self.image.height + self.bottom


@dataclass(frozen=True, kw_only=True)
class Edit(Request):
    """Pictures changed, or joined in one, by an instruction; "Picture 2" in it is the second.

    No size: the one the model gives the last picture.
    """

    task = "edit"
    picture_fields = ("images",)

    images: tuple[Picture, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_words(self.prompt, "say what to change")
        if not self.images:
            raise RequestError("images: an edit needs one picture")


@dataclass(frozen=True, kw_only=True)
class Decompose(Request):
    """A picture taken apart into so many RGBA layers, the bottom one first.

    An empty prompt means: described by the model's own eye first. `resolution` is the side, in px,
    of a square of the area that the model works at.
    """

    task = "layers"
    picture_fields = ("image",)

    prompt: str = ""
    image: Picture
    layers: int = 4
    resolution: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range("layers", self.layers, 1, MAX_LAYERS)
        if self.resolution is not None and self.resolution not in RESOLUTIONS:
            known = " nor ".join(map(str, RESOLUTIONS))
            raise RequestError(f"resolution: {self.resolution} is neither {known}")


@dataclass(frozen=True, kw_only=True)
class Reconstruct(Request):
    """A picture through the VAE and back, as a check of it. The size is the picture's own, less
    what the model's multiple leaves over."""

    task = "reconstruct"
    picture_fields = ("image",)

    prompt: str = ""
    image: Picture


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A step, from 1, at which a lossy mode was compared with the exact run from the same tokens:
    the velocities differ by `difference`, relative to the exact one's L2 norm."""

    step: int
    difference: float


@dataclass(frozen=True, kw_only=True)
class Differences:
    """How far a picture's lossy modes were off: of `steps`, so many were `reused` by the step
    cache. None for a mode that was not at work, or a cache that found nothing to reuse."""

    steps: int
    reused: int = 0
    step_cache: Checked | None = None
    attention: Checked | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run gives back. `requests[k]` makes `pictures[k]` again: every value set, count 1.

    A picture taken apart gives its layers, each with the request that makes them all. `is_slower`:
    memory ran out in a first try, and the model now takes less of it, and more time. `differences`
    are those of each picture, none of an exact run.
    """

    pictures: tuple[Picture, ...]
    requests: tuple[Request, ...]
    model: ModelIdentity
    seconds: float
    is_slower: bool = False
    differences: tuple[Differences, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Writing:
    """Words asked of a model's own language model. The same seed gives the same words."""

    task: ClassVar[str]

    seed: int = 0

    def __post_init__(self) -> None:
        _check_range("seed", self.seed, 0, MAX_SEED)


@dataclass(frozen=True, kw_only=True)
class Polish(Writing):
    """A prompt, or an instruction about pictures, said as the model likes it best."""

    task = "polish"

    prompt: str
    images: tuple[Picture, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_text("prompt", self.prompt)
        _check_words(self.prompt, "write the few words that are to be polished")
        _check_range("images", len(self.images), 0, MAX_SEEN)


@dataclass(frozen=True, kw_only=True)
class Caption(Writing):
    """A picture described in English or Chinese, and judged as material."""

    task = "caption"

    image: Picture
    language: str = "en"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice("language", self.language, LANGUAGES)


@dataclass(frozen=True, kw_only=True)
class CaptionRecord:
    """What a caption says of a picture; `KEYS` are the Qwen-Image report's, in this order."""

    KEYS: ClassVar = (
        "Caption",
        "Image Type",
        "Image Style",
        "Watermark List",
        "Abnormal Element",
    )

    caption: str
    image_type: str
    image_style: str
    watermarks: tuple[str, ...]
    has_abnormal_element: bool

    def values(self) -> dict[str, Any]:
        """Under the report's keys, as JSON values."""
        abnormal = "yes" if self.has_abnormal_element else "no"
        own = (self.caption, self.image_type, self.image_style, list(self.watermarks), abnormal)
        return dict(zip(self.KEYS, own, strict=True))


@dataclass(frozen=True, kw_only=True)
class Text:
    """What a writing gives back. `is_original`: the prompt as it was, because no rewriting kept
    what stands in quotation marks, and the language. `record` is a caption's."""

    text: str
    request: Writing
    model: ModelIdentity
    seconds: float
    is_original: bool = False
    record: CaptionRecord | None = None


WRITINGS: Mapping[str, type[Writing]] = {cls.task: cls for cls in (Polish, Caption)}

TASKS: Mapping[str, type[Request]] = {
    cls.task: cls
    for cls in (TextToImage, ImageToImage, Inpaint, Outpaint, Edit, Decompose, Reconstruct)
}


CHANGES = (Edit, ImageToImage, Inpaint, Outpaint)
"""Tasks that begin from a picture and give another one of it."""


def _check_text(name: str, value: Any) -> None:
    if value is None and name == "negative":
        return
    if not isinstance(value, str):
        raise RequestError(f"{name}: must be text, got {type(value).__name__}")
    if len(value) > MAX_PROMPT_CHARS:
        raise RequestError(f"{name}: {len(value)} characters; at most {MAX_PROMPT_CHARS}")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise RequestError(f"{name}: holds half a character; type it anew")


def _check_words(prompt: str, advice: str) -> None:
    if not prompt.strip():
        raise RequestError(f"prompt: is empty; {advice}")


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise RequestError(f"{name}: {value!r} is none of {known}")


def _check_strength(value: Any) -> None:
    _check_range("strength", value, 0.0, 1.0, kind=float)
    if value == 0:
        raise RequestError("strength: 0 changes nothing; give more, up to 1")


def _check_mask(mask: Picture, image: Picture) -> None:
    if mask.mode != "L":
        raise RequestError(f"mask: {mask.mode} is no mask; it needs one grey channel")
    if (mask.width, mask.height) != (image.width, image.height):
        raise RequestError(
            f"mask: is {mask.width}x{mask.height}, the picture {image.width}x{image.height}; "
            "both must be of one size"
        )
    if not mask.data.translate(None, bytes(range(MASK_THRESHOLD))):
        raise RequestError("mask: is empty; paint white what may change")


def _check_range(
    name: str, value: Any, low: float, high: float, *, kind: type = int, optional: bool = False
) -> None:
    if value is None and optional:
        return
    accepted = (int, float) if kind is float else (int,)
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise RequestError(f"{name}: must be a number, got {value!r}")
    if not low <= value <= high:  # also refuses NaN
        raise RequestError(f"{name}: {value} is outside {low}…{high}")
