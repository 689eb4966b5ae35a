"""Held-out prompts and edits: words, and pairs of page and shape colour, that no run trains on.

The same count and seed give the same cases on every machine.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.data.composition import Level, draw_scene
from training.data.edits import ATTRIBUTES, Change, draw_change_of
from training.data.palette import WIDE
from training.data.scenes import Scene
from training.data.synthesis import EditSample, StreamConfig, draw_poster, edit_sample

DEFAULT_SEED = 1


@dataclass(frozen=True, kw_only=True)
class PromptCase:
    """A prompt and the scene it asks for."""

    prompt: str
    scene: Scene


def default_config(size_px: int, scale: int = 1) -> StreamConfig:
    """What the starter is measured on, drawn `scale` times larger: half of the prompts begin with
    the text, half do not; one poster in three has a second line."""
    levels = [
        Level(placement="centred", second_line=1 / 3, shape=0.6, text_first=text_first)
        for text_first in (1.0, 0.0)
    ]
    return StreamConfig(size_px=size_px, scale=scale, levels=tuple(levels))


def free_config(size_px: int, scale: int = 1) -> StreamConfig:
    """The same posters in every colour, asked for in free words."""
    level = Level(
        placement="centred", second_line=1 / 4, shape=0.6, palette=WIDE, words=0.6, free=1.0
    )
    return StreamConfig(size_px=size_px, scale=scale, levels=(level,))


def held_out_prompts(
    count: int, config: StreamConfig, seed: int = DEFAULT_SEED
) -> tuple[PromptCase, ...]:
    """`count` prompts with headlines that differ from each other and from all of training."""
    cases: dict[str, PromptCase] = {}
    number = 0
    while len(cases) < count:
        chance = random.Random(f"{seed} prompt {number}")
        sample = draw_poster(chance, _level(chance, config), config.size_px, unseen=True)
        key = sample.scene.headline.text if sample.scene.lines else sample.caption
        cases.setdefault(key, PromptCase(prompt=sample.caption, scene=sample.scene))
        number += 1
    return tuple(cases.values())


def held_out_edits(
    count: int, config: StreamConfig, seed: int = DEFAULT_SEED
) -> tuple[EditSample, ...]:
    """`count` edits of held-out posters, every attribute in turn."""
    return tuple(
        _held_out_edit(ATTRIBUTES[number % len(ATTRIBUTES)], config, f"{seed} edit {number}")
        for number in range(count)
    )


def _held_out_edit(attribute: str, config: StreamConfig, seed: str) -> EditSample:
    chance = random.Random(seed)
    change: Change | None = None
    level = config.levels[0]
    while change is None:
        level = _level(chance, config)
        scene = draw_scene(chance, level, config.size_px, unseen=True)
        change = draw_change_of(attribute, chance, level, scene, unseen=True)
    return edit_sample(change, chance, level)


def _level(chance: random.Random, config: StreamConfig) -> Level:
    return chance.choices(config.levels, [level.weight for level in config.levels])[0]
