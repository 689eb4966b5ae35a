"""The endless stream of synthetic posters and edits: example i depends on the seed and i alone.

A run may therefore stop anywhere and go on exactly, and any number of processes may draw.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from training.data.briefs import draw_brief
from training.data.captions import Namer, any_colour_name, caption, colour_name
from training.data.composition import Level, draw_scene
from training.data.edits import Change, draw_change, instruction
from training.data.free_captions import free_caption
from training.data.palette import WIDE
from training.data.scenes import CELL_PX, LossWeights, Scene, render_array, weights
from training.options import Options, Positive, Range, Share

__all__ = ["EditSample", "Level", "PosterBatch", "PosterSample", "PosterStream", "StreamConfig"]

SIZE_STEP_PX = 8 * CELL_PX  # places and shapes are laid out in eighths of the page, on cells


@dataclass(frozen=True, kw_only=True)
class StreamConfig(Options):
    """Which posters a run sees: the size, a mix of levels, and how many examples are edits."""

    size_px: Annotated[int, Range(SIZE_STEP_PX, 8 * SIZE_STEP_PX)] = 128
    """The side on which scenes are laid out, in cells of 16 px."""
    scale: Annotated[int, Range(1, 8)] = 1
    """Scenes are drawn so many times larger: 2 for a VAE whose token spans 32 px."""
    levels: tuple[Level, ...] = (Level(),)
    edits: Share = 0.0
    """Share of the groups that are edits."""
    edit_group: Positive = 32
    """So many examples in a row are all edits or all posters; a batch's size is the best."""
    letter_weight: Annotated[float, Range(0.0, 1000.0)] = 10.0
    """How much the loss counts a cell with a letter, a shape or the page alone. What weighs more is
    learned sooner, and drawn too often: in doubt the loss prefers a letter in every likely place to
    one that is missing. So a last stage has them nearly alike."""
    shape_weight: Annotated[float, Range(0.0, 1000.0)] = 3.0
    page_weight: Annotated[float, Range(0.0, 1000.0)] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size_px % SIZE_STEP_PX:
            raise ValueError(f"size_px {self.size_px} must be a multiple of {SIZE_STEP_PX}")
        for level in self.levels:
            level.check_page(self.size_px)
        if sum(level.weight for level in self.levels) <= 0:
            raise ValueError("no level has a weight above 0")

    @property
    def loss_weights(self) -> LossWeights:
        return LossWeights(
            letter=self.letter_weight, shape=self.shape_weight, page=self.page_weight
        )


@dataclass(frozen=True, kw_only=True)
class PosterSample:
    scene: Scene
    caption: str

    @property
    def target(self) -> Scene:
        """The scene to draw, by the name that an edit has for it."""
        return self.scene


@dataclass(frozen=True, kw_only=True)
class EditSample:
    """`attribute` says what differs between the two scenes."""

    source: Scene
    target: Scene
    instruction: str
    attribute: str

    @property
    def caption(self) -> str:
        """The instruction, by the name that a poster has for it."""
        return self.instruction


@dataclass(frozen=True, kw_only=True)
class PosterBatch:
    """Pictures to learn; of edits, also the pictures they start from (None: all are posters)."""

    images: NDArray[np.uint8]  # [n, height, width, 3]
    weights: NDArray[np.float32]  # [n, rows, columns], one a cell
    captions: tuple[str, ...]
    sources: NDArray[np.uint8] | None = None


class PosterStream:
    """Random access to the examples of one configuration and seed."""

    def __init__(self, config: StreamConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        self._level_weights = [level.weight for level in config.levels]

    def is_edit(self, index: int) -> bool:
        group = index // self.config.edit_group
        return self._chance("group", group).random() < self.config.edits

    def sample(self, index: int, wording: int | None = None) -> PosterSample | EditSample:
        """Another `wording` gives the same pictures in other words."""
        chance = self._chance("sample", index)
        level = chance.choices(self.config.levels, self._level_weights)[0]
        if self.is_edit(index):
            scene = draw_scene(chance, level, self.config.size_px)
            change = draw_change(chance, level, scene)
            return edit_sample(change, self._wording(wording) or chance, level)
        return draw_poster(chance, level, self.config.size_px, wording=self._wording(wording))

    def _wording(self, wording: int | None) -> random.Random | None:
        return None if wording is None else self._chance("wording", wording)

    def batch(self, first: int, count: int) -> PosterBatch:
        """Examples first … first + count - 1, which must be of one kind (see `edit_group`)."""
        samples = [self.sample(i) for i in range(first, first + count)]
        edits = [sample for sample in samples if isinstance(sample, EditSample)]
        if edits and len(edits) != count:
            raise ValueError(
                f"examples {first}…{first + count - 1} mix posters and edits; "
                f"batches must divide edit_group {self.config.edit_group}"
            )
        values = self.config.loss_weights
        return PosterBatch(
            images=np.stack([self.drawn(s.target) for s in samples]),
            weights=np.stack([weights(s.target, CELL_PX, values) for s in samples]),
            captions=tuple(s.caption for s in samples),
            sources=np.stack([self.drawn(s.source) for s in edits]) if edits else None,
        )

    def drawn(self, scene: Scene) -> NDArray[np.uint8]:
        """[height, width, 3] of a scene, at the scale of the stream."""
        return render_array(scene, self.config.scale)

    def _chance(self, purpose: str, index: int) -> random.Random:
        return random.Random(f"{self.seed} {purpose} {index}")


def draw_poster(
    chance: random.Random,
    level: Level,
    size_px: int,
    *,
    unseen: bool = False,
    wording: random.Random | None = None,
) -> PosterSample:
    """A poster and what asks for it; `wording` chooses the words alone."""
    if level.free and chance.random() < level.free:
        brief = draw_brief(chance, level, size_px, unseen=unseen)
        return PosterSample(scene=brief.scene, caption=free_caption(brief, wording or chance))
    scene = draw_scene(chance, level, size_px, unseen=unseen)
    return poster_sample(scene, wording or chance, level)


def poster_sample(scene: Scene, chance: random.Random, level: Level) -> PosterSample:
    words = caption(
        scene,
        chance,
        chinese=level.chinese,
        text_first=level.text_first,
        name=_namer(chance, level),
    )
    return PosterSample(scene=scene, caption=words)


def edit_sample(change: Change, chance: random.Random, level: Level) -> EditSample:
    words = instruction(
        change,
        chance,
        chinese=level.chinese,
        text_first=level.text_first,
        name=_namer(chance, level),
    )
    return EditSample(
        source=change.source,
        target=change.target,
        instruction=words,
        attribute=change.attribute,
    )


def _namer(chance: random.Random, level: Level) -> Namer:
    return any_colour_name(chance) if level.palette == WIDE else colour_name
