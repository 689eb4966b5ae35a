"""The program `evaluate starter|RUN.toml`: what a model gets right on held-out prompts and edits.

    python -m training.evaluate starter

Writes a table, the numbers as JSON and a contact sheet into the run's folder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from model.checkpoint.save import write_json
from model.loader import Model, load, starter_path
from model.requests import Edit, Picture, Result, TextToImage
from training.config import STARTER, EvaluationRun, output_folder, read_run
from training.data.scenes import CELL_PX, Scene, render_array
from training.data.synthesis import EditSample
from training.errors import ConfigError
from training.evaluation.attributes import PosterFindings, check_poster, reduced
from training.evaluation.editing import EditFindings, check_edit
from training.evaluation.prompts import (
    PromptCase,
    default_config,
    free_config,
    held_out_edits,
    held_out_prompts,
)
from training.evaluation.report import Row, as_json, share, table
from training.evaluation.text_rendering import OcrReader, Pixels, Reader, is_read_exactly
from training.evaluation.text_rendering import read_glyphs as glyph_reader
from training.posters import to_bytes, to_pictures, to_signed
from training.program import run_program
from training.sheets import write_bytes, write_sheet

SHEET_COLUMNS = 6
REPORT_EVERY = 20


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One prompt's picture and what is right in it, and in the true picture of its scene, as it is
    and as the model's VAE gives it back."""

    case: PromptCase
    pixels: Pixels
    findings: PosterFindings
    truth: PosterFindings
    decoded: PosterFindings
    is_headline_by_glyphs: bool | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Edited:
    """One edit's picture and what is right in it."""

    case: EditSample
    pixels: Pixels
    findings: EditFindings
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluates the starter, or the model that a run file names, and prints the table."""
    return run_program(
        "evaluate", "starter|RUN.toml", arguments, lambda path: print(evaluate(_run_of(path)))
    )


def _run_of(path: Path) -> EvaluationRun:
    if path == Path(STARTER):
        return EvaluationRun(name="evaluation")
    run = read_run(path)
    if not isinstance(run, EvaluationRun):
        raise ConfigError(f"{path}: kind {run.kind!r} is nothing to evaluate")
    return run


def evaluate(run: EvaluationRun) -> str:
    """Runs every case, writes the report, and returns its table."""
    torch.set_num_threads(run.threads)
    read = OcrReader()
    path = starter_path() if run.model == STARTER else Path(run.model).expanduser()
    model = load(path, device=run.device)
    size_px, scale = _size_of(model)
    config = default_config(size_px, scale)
    prompts = held_out_prompts(run.prompts, config, run.seed)
    drawn = [_draw(model, case, run.seed + i, read) for i, case in _told("prompt", prompts)]
    edits = held_out_edits(run.edits, config, run.seed)
    edited = [_edit(model, case, scale, run.seed + i, read) for i, case in _told("edit", edits)]
    free = held_out_prompts(run.free, free_config(size_px, scale), run.seed)
    freely = [_draw(model, case, run.seed + i, read) for i, case in _told("free prompt", free)]
    rows = [*poster_rows(drawn), *edit_rows(edited), *free_rows(freely)]
    _write(run, model, rows, drawn, edited, freely)
    return table(rows)


def _size_of(model: Model) -> tuple[int, int]:
    """Of posters of the model's first size, with a cell a token: the side, and the scale."""
    width, height = model.row.sizes[0]
    if width != height:
        raise ConfigError(f"model: its first size is {width}x{height}; the cases are square")
    scale = max(1, model.networks.token_px // CELL_PX)
    return width // scale, scale


def _draw(model: Model, case: PromptCase, seed: int, read: Reader) -> Drawn:
    pixels, seconds = _picture(model.run(TextToImage(prompt=case.prompt, seed=seed)))
    true = render_array(case.scene, len(pixels) // case.scene.size)
    by_glyphs = glyph_reader(reduced(pixels, case.scene.size))
    texts = [line.text for line in case.scene.lines[:1]]
    return Drawn(
        case=case,
        pixels=pixels,
        findings=check_poster(pixels, case.scene, read),
        truth=check_poster(true, case.scene, read),
        decoded=check_poster(_through_vae(model, true), case.scene, read),
        is_headline_by_glyphs=is_read_exactly(by_glyphs, texts[0]) if texts else None,
        seconds=seconds,
    )


@torch.inference_mode()
def _through_vae(model: Model, pixels: Pixels) -> Pixels:
    vae = model.networks.vae
    like = next(vae.parameters())
    signed = to_signed(torch.from_numpy(pixels).permute(2, 0, 1)[None]).to(like)
    return np.asarray(to_pictures(to_bytes(vae.decode(vae.encode(signed))))[0])


def _edit(model: Model, case: EditSample, scale: int, seed: int, read: Reader) -> Edited:
    source = _as_picture(render_array(case.source, scale))
    request = Edit(
        prompt=case.instruction,
        images=(source,),
        seed=seed,
        width=source.width,
        height=source.height,
    )
    pixels, seconds = _picture(model.run(request))
    findings = check_edit(pixels, case.source, case.target, case.attribute, read)
    return Edited(case=case, pixels=pixels, findings=findings, seconds=seconds)


def _as_picture(pixels: Pixels) -> Picture:
    height, width, _ = pixels.shape
    return Picture(width=width, height=height, mode="RGB", data=pixels.tobytes())


def _picture(result: Result) -> tuple[Pixels, float]:
    picture = result.pictures[0]
    pixels = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, 3)
    return pixels, result.seconds


def _told(word: str, cases: Sequence[Any]) -> Any:
    """The cases with their numbers, told on the terminal now and then."""
    for i, case in enumerate(cases):
        if i % REPORT_EVERY == 0:
            print(f"{word} {i} of {len(cases)}", file=sys.stderr, flush=True)
        yield i, case


def poster_rows(drawn: Sequence[Drawn]) -> list[Row]:
    """Attributes of posters; text colours and shapes count only where some were asked for."""

    def row(name: str, attribute: str, aim: float | None, of: Sequence[Drawn] = drawn) -> Row:
        return Row(
            name=name,
            got=share(getattr(d.findings, attribute) for d in of),
            aim=aim,
            truth=share(getattr(d.truth, attribute) for d in of),
            decoded=share(getattr(d.decoded, attribute) for d in of),
        )

    with_text = [d for d in drawn if d.case.scene.lines]
    with_shapes = [d for d in drawn if d.case.scene.shapes]
    with_two_lines = [d for d in drawn if len(d.case.scene.lines) > 1]
    return [
        row("page colour", "page", 0.95),
        row("text colour", "text_colour", 0.9, with_text),
        row("shape and its colour", "shapes", 0.85, with_shapes),
        row("headline read exactly (rapidocr)", "headline", 0.8),
        Row(
            name="headline read exactly (nearest glyph)",
            got=share(d.is_headline_by_glyphs for d in drawn),
        ),
        row("both of two lines read exactly (rapidocr)", "lines", None, with_two_lines),
    ]


def free_rows(drawn: Sequence[Drawn]) -> list[Row]:
    """The same measures of posters asked for in free words."""
    rows = poster_rows(drawn) if drawn else []
    return [replace(row, name=f"free words: {row.name}", aim=None) for row in rows]


def edit_rows(edited: Sequence[Edited]) -> list[Row]:
    """Edits together, then by attribute."""
    rows = [
        Row(name="edit: attribute changed", got=share(e.findings.changed for e in edited), aim=0.8),
        Row(
            name="edit: headline kept exactly (rapidocr)",
            got=share(e.findings.headline_kept for e in edited),
            aim=0.7,
        ),
    ]
    for attribute in dict.fromkeys(e.case.attribute for e in edited):
        changed = share(e.findings.changed for e in edited if e.case.attribute == attribute)
        rows.append(Row(name=f"edit of {attribute}: changed", got=changed))
    return rows if edited else []


def _write(
    run: EvaluationRun,
    model: Model,
    rows: Sequence[Row],
    drawn: Sequence[Drawn],
    edited: Sequence[Edited],
    freely: Sequence[Drawn],
) -> None:
    folder = output_folder(run)
    write_bytes(folder / "report.md", table(rows).encode())
    extra = {
        "model": {"name": model.identity.name, "sha256": model.identity.sha256},
        "seed": run.seed,
        "seconds_a_poster": _mean([d.seconds for d in drawn]),
        "seconds_an_edit": _mean([e.seconds for e in edited]),
        "kept_psnr_db": _mean([e.findings.kept_psnr_db for e in edited]),
    }
    write_json(folder / "report.json", as_json(rows, extra))
    changes, free = edited[: run.sheet // 3], freely[: run.sheet // 3]
    posters = [*drawn[: run.sheet - len(changes) - len(free)], *free]
    _write_sheet(folder / "sheet.png", posters, changes)


def _write_sheet(path: Path, posters: Sequence[Drawn], changes: Sequence[Edited]) -> None:
    """The first pictures of each kind, unchosen; an edit stands beside its source."""
    pictures = [Image.fromarray(d.pixels) for d in posters]
    pictures += [_beside(e.case.source, e.pixels) for e in changes]
    captions = [d.case.prompt for d in posters] + [e.case.instruction for e in changes]
    write_sheet(path, pictures, captions, SHEET_COLUMNS)


def _beside(source: Scene, after: Pixels) -> Image.Image:
    before = render_array(source, len(after) // source.size)
    return Image.fromarray(np.concatenate([before, after], axis=1))


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return round(sum(found) / len(found), 3) if found else None


if __name__ == "__main__":
    sys.exit(main())
