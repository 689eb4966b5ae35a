"""What packed weights cost a model of posters: `main.py bench quantize` prints a Markdown table.

The same prompts and seeds at full precision and by each scheme of `model.quantize`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from model.errors import ModelError
from model.fidelity import psnr_db
from model.loader import Model, load, starter_path
from model.pipelines.inputs import grid_of
from model.proving import relative_error
from model.quantize.schemes import SCHEMES
from model.requests import TextToImage
from training.data.scenes import CELL_PX
from training.errors import TrainingError
from training.evaluation.attributes import reduced
from training.evaluation.prompts import PromptCase, default_config, held_out_prompts
from training.evaluation.text_rendering import (
    OcrReader,
    Pixels,
    ReaderMissingError,
    is_read_exactly,
    read_glyphs,
)

POSTERS = 24
SEED = 1
NOISE_LEVEL = 0.7
"""Of the one forward that is compared."""
OK, REFUSED = 0, 2

SizedReader = Callable[[Pixels, int], tuple[str, ...]]
"""The rows of a poster whose scene has so many px a side."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of one scheme. `num_bytes` of the transformer in memory, `velocity` of one forward, `seconds`
    of processor time a poster."""

    num_bytes: int
    velocity: Tensor
    posters: tuple[Pixels, ...]
    headlines: int
    seconds: float


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"{self.prog}: {message}; --help lists what there is\n")


def main(arguments: Sequence[str]) -> int:
    parser = _Parser(prog="main.py bench quantize", description=__doc__)
    parser.add_argument("--model", type=Path, help="model folder; the starter by default")
    parser.add_argument("--posters", type=int, default=POSTERS, help=f"default: {POSTERS}")
    options = parser.parse_args(list(arguments))
    try:
        print(table(options.model or starter_path(), options.posters))
    except (ModelError, TrainingError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return REFUSED
    return OK


def table(path: Path, posters: int) -> str:
    """The comparison as Markdown; ModelError for what cannot be loaded."""
    torch.set_num_threads(1)
    read, reader = _reader()
    outcomes = {name: _outcome(path, name, posters, read) for name in (None, *SCHEMES)}
    whole = outcomes[None]
    lines = [
        "| scheme | bytes | one forward, relative error | PSNR | headlines read | seconds |",
        "|---|---:|---:|---:|---:|---:|",
        *(_row(name or "none", found, whole) for name, found in outcomes.items()),
        "",
        f"{path.name}, {posters} posters of held-out prompts, headlines read exactly by {reader}; "
        "PSNR is the mean against the posters of full precision, seconds are of the processor, a "
        f"poster. Weights that are not packed are float32; torch {torch.__version__}, one thread.",
    ]
    return "\n".join(lines)


def _row(name: str, found: Outcome, whole: Outcome) -> str:
    error = relative_error(found.velocity, whole.velocity)
    pairs = zip(found.posters, whole.posters, strict=True)
    psnr = np.mean([psnr_db(*(torch.from_numpy(p.copy()) / 255 for p in pair)) for pair in pairs])
    is_whole = found is whole
    return (
        f"| {name} | {found.num_bytes / 1e6:.1f} MB | {'' if is_whole else f'{error:.4f}'} "
        f"| {'' if is_whole else f'{psnr:.1f} dB'} | {found.headlines} of {len(found.posters)} "
        f"| {found.seconds:.2f} |"
    )


def _outcome(path: Path, scheme: str | None, count: int, read: SizedReader) -> Outcome:
    model = load(path, quantization=scheme)
    cases = _cases(model, count)
    began = time.process_time()
    posters = tuple(_poster(model, case, SEED + i) for i, case in enumerate(cases))
    seconds = (time.process_time() - began) / count
    return Outcome(
        num_bytes=held_bytes(model.networks.transformer),
        velocity=_velocity(model, cases[0].prompt),
        posters=posters,
        headlines=sum(
            is_read_exactly(read(poster, case.scene.size), case.scene.headline.text)
            for poster, case in zip(posters, cases, strict=True)
        ),
        seconds=seconds,
    )


def _cases(model: Model, count: int) -> tuple[PromptCase, ...]:
    width, height = model.row.sizes[0]
    if width != height or count < 1:
        raise ModelError(f"{count} posters of {width}x{height}: one or more square ones are drawn")
    scale = max(1, model.networks.token_px // CELL_PX)
    return held_out_prompts(count, default_config(width // scale, scale), SEED)


def _poster(model: Model, case: PromptCase, seed: int) -> Pixels:
    picture = model.run(TextToImage(prompt=case.prompt, seed=seed)).pictures[0]
    return np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, 3)


@torch.inference_mode()
def _velocity(model: Model, prompt: str) -> Tensor:
    """Of one forward at the model's first size, from the same noise for all."""
    networks = model.networks
    grid = grid_of(networks, *networks.row.sizes[0])
    text = networks.text_encoder.encode([prompt])
    random = torch.Generator().manual_seed(SEED)
    img = torch.randn(1, grid[1] * grid[2], networks.channels, generator=random)
    sigma = torch.tensor([NOISE_LEVEL])
    return networks.transformer(img, text.states, sigma, [grid], text.valid)


def held_bytes(network: nn.Module) -> int:
    """Parameters and buffers, packed ones as they are."""
    return sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))


def _reader() -> tuple[SizedReader, str]:
    """rapidocr where it is installed, else the nearest glyph of the posters' face."""
    try:
        ocr = OcrReader()
    except ReaderMissingError:
        return lambda pixels, size: read_glyphs(reduced(pixels, size)), "the nearest glyph"
    return lambda pixels, _: ocr(pixels), "rapidocr"
