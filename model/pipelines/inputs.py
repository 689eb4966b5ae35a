"""What every task is made of: the networks, the values of a run, positions and text states.

Shapes: B pictures drawn together, L image tokens, C packed channels, z latent channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from model.checkpoint.control_folders import ControlFolders
from model.config import Family, SchedulerConfig
from model.controlnet import BlockwiseControlNet, ControlNet
from model.latents import pack
from model.memory.prompts import Encode
from model.pictures import FIT_MULTIPLE, fit_area, floor_to, resize, to_pixels
from model.prefix import end_of
from model.requests import FEW_STEPS, Request, RequestError
from model.rope import MAX_POSITION, MAX_POSITION_21, Grid, text_start
from model.sampling.schedule import scheduler_of
from model.text_encoder.encoder import TextEncoder, TextStates
from model.text_encoder.writing import Writer
from model.transformer import Transformer
from model.transformer21 import Transformer21
from model.vae import Poll, Vae
from model.vae21 import Vae21

Expect = Callable[[Tensor, Poll], None]
"""Is told the timesteps [steps] of a run before its first."""


def no_preparation(timesteps: Tensor, poll: Poll) -> None:
    """The transformer needs none."""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """All parts of a model, on one device and in one type of number."""

    row: Family
    transformer: Transformer | Transformer21
    vae: Vae | Vae21
    text_encoder: TextEncoder
    scheduler: SchedulerConfig
    controls: ControlFolders = field(default_factory=ControlFolders)
    writer: Writer | None = None
    """The text encoder as a writer, where its files hold what that takes."""
    expect: Expect = no_preparation
    encode: Encode | None = None
    """As the text encoder does, where states are remembered."""
    rest: Callable[[], None] = lambda: None
    """Gives up memory that only the transformer's passes need."""

    @property
    def device(self) -> torch.device:
        return self.transformer.proj_out.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.transformer.proj_out.weight.dtype

    @property
    def patch(self) -> int:
        return self.transformer.config.patch_size

    @property
    def channels(self) -> int:
        """Of a token, packed."""
        return self.transformer.config.in_channels

    @property
    def token_px(self) -> int:
        """Pixels that a token spans on each side."""
        return self.vae.config.scale * self.patch

    @property
    def size_multiple(self) -> int:
        """Sides of a picture are multiples of so many pixels."""
        return self.token_px * self.transformer.config.side_tokens

    @property
    def picture_channels(self) -> int:
        return self.vae.config.channels

    def pixels(self, image: Image.Image) -> Tensor:
        """An image of the model's size as the VAE takes it, [1, C, H, W]."""
        return to_pixels(image, self.vae.post_quant_conv.weight)

    @property
    def can_edit(self) -> bool:
        return self.row.edits and self.text_encoder.can_see


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """A picture as the VAE gives it: `mean` and `deviation` [B, z, h, w], normalised."""

    mean: Tensor
    deviation: Tensor
    mask: Tensor | None = None


AnyPosterior = TypeVar("AnyPosterior", bound=Posterior)


@dataclass(frozen=True, kw_only=True)
class Start(Posterior):
    """What the run begins from. `strength` is the share of the schedule that is run. Where `mask`
    [B, L, C] is 0 the picture is put back after every step. `is_reference`: its tokens stand beside
    the target's as well."""

    strength: float
    is_reference: bool = False


@dataclass(frozen=True, kw_only=True)
class ControlMap(Posterior):
    """The map of a ControlNet; `mask` [B, L, 4] marks with 1 what an inpainting one shall keep.
    Where it counts: `ControlInput`."""

    net: ControlNet | BlockwiseControlNet
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the denoise loop needs beyond noise: text, size, and the tokens of references.

    `layers`: of the target, behind a first frame that shows them all together; 0 is one picture.
    `levels`: noise levels of the run, where they are not the usual ones.
    """

    width: int
    height: int
    text: TextStates
    negative: TextStates | None
    references: Tensor | None = None
    reference_grids: tuple[Grid, ...] = ()
    start: Start | None = None
    controls: tuple[ControlMap, ...] = ()
    layers: int = 0
    levels: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A request with every open value filled in from the model's row."""

    width: int
    height: int
    steps: int
    guidance: float
    negative: str
    schedule: str
    solver: str
    scheduler: SchedulerConfig
    sigmas: tuple[float, ...] = ()


def settle(networks: Networks, request: Request, size: tuple[int, int]) -> Settled:
    """The request's values, or the model's own; `size` is the one it would choose."""
    row = networks.row
    width, height = size
    if request.width is not None and request.height is not None:
        width, height = request.width, request.height
    multiple = networks.size_multiple
    schedule = row.schedule if request.schedule is None else request.schedule
    few = FEW_STEPS.get(schedule)
    steps, guidance = row.steps, row.guidance
    if few is not None and request.schedule is not None:
        # Asked for, it is another one than the row's own numbers are for.
        steps, guidance = few, 1.0
    fixed = row.sigmas if few is None else ()
    return Settled(
        width=floor_to(width, multiple),
        height=floor_to(height, multiple),
        steps=len(fixed) or request.steps or steps,
        guidance=guidance if request.guidance is None else request.guidance,
        negative=row.negative if request.negative is None else request.negative,
        schedule=schedule,
        solver=request.solver or row.solver,
        scheduler=scheduler_of(networks.scheduler, schedule),
        sigmas=fixed,
    )


def usual_size(networks: Networks, width: int, height: int) -> tuple[int, int]:
    """The model's own area in the ratio of a picture."""
    own_width, own_height = networks.row.sizes[0]
    return fit_area(own_width * own_height, width, height, networks.size_multiple)


def reference_size(
    networks: Networks, width: int, height: int, area: int | None = None
) -> tuple[int, int]:
    """The size in which the VAE gets a picture, of about `area` px² or the model's own."""
    multiple = math.lcm(FIT_MULTIPLE, networks.size_multiple)
    return fit_area(area or networks.row.reference_area, width, height, multiple)


def seen_by_encoder(networks: Networks, image: Image.Image) -> Image.Image:
    """The picture as the vision-language model gets it."""
    return resize(image, fit_area(networks.row.condition_area, image.width, image.height))


def grid_of(networks: Networks, width: int, height: int) -> Grid:
    return 1, height // networks.token_px, width // networks.token_px


def prepare_inputs(
    networks: Networks,
    request: Request,
    settled: Settled,
    poll: Poll,
    *,
    seen: list[Image.Image] | None = None,
    references: Tensor | None = None,
    reference_grids: tuple[Grid, ...] = (),
    start: Start | None = None,
    controls: tuple[ControlMap, ...] = (),
    layers: int = 0,
    levels: Tensor | None = None,
) -> Inputs:
    """The request's inputs, with its texts encoded beside the pictures that the encoder sees."""
    encode = networks.encode or networks.text_encoder.encode
    text = encode([request.prompt], seen, poll)
    negative = encode([settled.negative], seen, poll) if settled.guidance > 1 else None
    target = grid_of(networks, settled.width, settled.height)
    beside = (target,) if start is not None and start.is_reference else ()
    for states in (text, negative):
        if states is not None:
            _check_positions(networks, states, (target, *beside, *reference_grids), layers)
    return Inputs(
        layers=layers,
        levels=levels,
        width=settled.width,
        height=settled.height,
        text=text,
        negative=negative,
        references=references,
        reference_grids=(*beside, *reference_grids),
        start=start,
        controls=controls,
    )


def encode_references(
    networks: Networks, images: Sequence[Image.Image], poll: Poll
) -> tuple[Tensor, tuple[Grid, ...]]:
    """Tokens [1, L, C] of images that have the VAE's sizes, in their order, and their grids."""
    tokens = [
        pack(networks.vae.encode(networks.pixels(image), poll), networks.patch) for image in images
    ]
    grids = tuple(grid_of(networks, image.width, image.height) for image in images)
    return torch.cat(tokens, dim=1), grids


def start_from(
    networks: Networks,
    image: Image.Image,
    strength: float,
    poll: Poll,
    *,
    mask: Tensor | None = None,
    is_reference: bool = False,
) -> Start:
    """The posterior of an RGB image that has the model's size."""
    mean, deviation = networks.vae.posterior(networks.pixels(image), poll)
    return Start(
        mean=mean,
        deviation=deviation,
        strength=strength,
        mask=mask,
        is_reference=is_reference,
    )


def stacked(parts: Sequence[Inputs]) -> Inputs:
    """Inputs of one size and of one kind as one, their texts padded to the longest."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if len({_kind(part) for part in parts}) > 1:
        raise RequestError(
            "batch: pictures of different sizes, tasks, strengths or ControlNets cannot be drawn "
            "together"
        )
    negatives = [p.negative for p in parts if p.negative is not None]
    starts = [p.start for p in parts if p.start is not None]
    return replace(
        first,
        text=_padded([p.text for p in parts]),
        negative=_padded(negatives) if negatives else None,
        references=_joined([p.references for p in parts]),
        start=_stacked(starts) if starts else None,
        controls=tuple(_stacked(same) for same in zip(*(p.controls for p in parts), strict=True)),
    )


def repeated(inputs: Inputs, count: int) -> Inputs:
    """The same inputs for `count` pictures."""
    return stacked([inputs] * count)


def _padded(texts: Sequence[TextStates]) -> TextStates:
    longest = max(t.states.shape[1] for t in texts)
    states = [F.pad(t.states, (0, 0, 0, longest - t.states.shape[1])) for t in texts]
    masks = [_mask_of(t, longest) for t in texts]
    valid = torch.cat(masks)
    return TextStates(
        states=torch.cat(states),
        valid=None if valid.all() else valid,
        # Pictures stand before the prompts, at the same places in all of them.
        is_slot=max((t.is_slot for t in texts), key=len),
    )


def _mask_of(text: TextStates, longest: int) -> Tensor:
    B, T, _ = text.states.shape
    mask = text.valid if text.valid is not None else text.states.new_ones((B, T)).bool()
    return F.pad(mask, (0, longest - T))


def _joined(tensors: Sequence[Tensor | None]) -> Tensor | None:
    found = [tensor for tensor in tensors if tensor is not None]
    return torch.cat(found) if found else None


def _kind(part: Inputs) -> tuple[Any, ...]:
    """What must be the same in all that is drawn together: everything but texts and pictures."""
    start = part.start
    return (
        part.width,
        part.height,
        part.negative is None,
        part.reference_grids,
        part.layers,
        start and (start.strength, start.mask is None, start.is_reference),
        tuple((id(c.net), c.mask is None, c.strength, c.start, c.end) for c in part.controls),
    )


def _stacked(parts: Sequence[AnyPosterior]) -> AnyPosterior:
    return replace(
        parts[0],
        mean=torch.cat([part.mean for part in parts]),
        deviation=torch.cat([part.deviation for part in parts]),
        mask=_joined([part.mask for part in parts]),
    )


def _check_positions(
    networks: Networks, text: TextStates, grids: tuple[Grid, ...], layers: int
) -> None:
    """Text and pictures (the target first) lie within the positions that the transformer knows."""
    count = text.states.shape[1]
    room = MAX_POSITION - max(text_start(grids), layers + 1)
    if isinstance(networks.transformer, Transformer21):
        room = MAX_POSITION_21 - 1 - end_of(text.is_slot, grids[1:]) + count
    if count > room:
        raise RequestError(f"prompt: {count} tokens; at most {room} at this size, so shorten it")
