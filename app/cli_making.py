"""The words that make pictures: from options and recipes to requests, and from results to files.

Knows requests; models come to it loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from app.cli_options import CANNY, PROGRAM, CommandError, new_seed, numbered
from app.cli_progress import ProgressBar, terminal
from app.files.raster import read_mask, read_picture, read_recipe, write_png
from app.presets import preset_instruction
from model.engine.estimate import StepClock
from model.engine.protocol import Outlook
from model.recipes import from_recipe, to_recipe
from model.requests import (
    EXACT,
    MAX_SEED,
    Control,
    Edit,
    ImageToImage,
    Inpaint,
    LoraUse,
    Outpaint,
    Picture,
    Reconstruct,
    Request,
    Result,
    TextToImage,
)
from model.system import amount

if TYPE_CHECKING:
    import argparse

OnStep = Callable[[int, int, Picture | None], None]


class Names(Protocol):
    """How requests name files beside the model's, which are found by it from then on."""

    def lora(self, path: Path, weight: float) -> LoraUse: ...

    def control(self, path: Path, strength: float, start: float, end: float) -> Control: ...


Edges = Callable[[Picture], Picture]
"""The map of a picture's edges."""


Likeness = Callable[[Picture, Picture], tuple[float, float]]
"""PSNR in dB and SSIM of two pictures."""


LOSSY = ("step_cache", "attention")
SHARED = ("negative", "steps", "guidance", "schedule", "solver", "seed", *LOSSY)
OWN: dict[str, tuple[str, ...]] = {
    "generate": ("strength",),
    "edit": (),
    "inpaint": ("strength", "margin", "feather"),
    "outpaint": ("left", "right", "top", "bottom", "feather"),
}
"""The options of each word that are fields of its request."""


class Runs(Protocol):
    """A loaded model, as far as it is used here."""

    def outlook(self, request: Request) -> Outlook: ...

    def run(self, request: Request, on_step: OnStep = ...) -> Result: ...

    def run_together(self, requests: Sequence[Request], on_step: OnStep = ...) -> Result: ...


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the options ask for: one request a prompt, and the recipe they began with."""

    requests: tuple[Request, ...]
    recipe: dict[str, Any] | None = None


def read_wish(word: str, options: argparse.Namespace, names: Names, edges: Edges) -> Wish:
    if not 1 <= options.count <= 256:
        raise CommandError(f"--count: {options.count} is outside 1…256")
    if not 1 <= options.batch <= 256:
        raise CommandError(f"--batch: {options.batch} is outside 1…256")
    fields = (*SHARED, *OWN[word])
    given = {name: value for name in fields if (value := getattr(options, name)) is not None}
    if options.size:
        given["width"], given["height"] = options.size
    if options.lora:
        given["loras"] = tuple(names.lora(path, weight) for path, weight in options.lora)
    if word == "generate":
        given |= _controls(options, names, edges)
    pictures = tuple(read_picture(path) for path in options.image)
    mask = read_mask(options.mask) if options.mask else None
    prompts = _prompts(word, options)
    if word == "edit" and options.reconstruct:
        return Wish(requests=(_reconstruct(pictures, prompts, given),))
    if options.recipe:
        base, recipe = _from_recipe(word, options.recipe, pictures, mask)
        wished = [{"prompt": p} for p in prompts] or [{}]
        return Wish(
            requests=tuple(_changed(base, given | {"count": 1} | w) for w in wished),
            recipe=recipe,
        )
    if not prompts:
        raise CommandError("--prompt: is missing; say in words what you want")
    given.setdefault("seed", new_seed())
    make = {"generate": _generate, "edit": _edit, "inpaint": _inpaint, "outpaint": _outpaint}[word]
    return Wish(requests=tuple(make(pictures, mask, given | {"prompt": p}) for p in prompts))


def _controls(options: argparse.Namespace, names: Names, edges: Edges) -> dict[str, Any]:
    """The fields of a request that ControlNets take."""
    ranges = options.control_range
    if len(ranges) > len(options.control):
        raise CommandError("--control-range: one more than there are --control")
    is_drawn = any(drawing == CANNY for _, drawing, _ in options.control)
    if is_drawn is not (options.canny is not None):
        raise CommandError(f"--canny: goes with --control FOLDER {CANNY} STRENGTH")
    found: list[Control] = []
    maps: list[Picture] = []
    for number, (folder, drawing, strength) in enumerate(options.control):
        start, end = ranges[number] if number < len(ranges) else (0.0, 1.0)
        found.append(names.control(Path(folder), _strength(strength), start, end))
        is_edges = drawing == CANNY
        picture = read_picture(options.canny if is_edges else Path(drawing))
        maps.append(edges(picture) if is_edges else picture)
    return {"controls": tuple(found), "maps": tuple(maps)} if found else {}


def _strength(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CommandError(f"--control: the strength {text!r} is no number") from None


def _prompts(word: str, options: argparse.Namespace) -> list[str]:
    prompts = list(options.prompt or [])
    if word != "edit" or options.preset is None:
        if word == "edit" and options.field:
            raise CommandError("--field: goes with --preset")
        return prompts
    if prompts:
        raise CommandError("--preset: is an instruction itself; leave --prompt out")
    return [preset_instruction(options.preset, dict(options.field))]


def _reconstruct(
    pictures: tuple[Picture, ...], prompts: Sequence[str], given: dict[str, Any]
) -> Request:
    if prompts:
        raise CommandError("--reconstruct: takes no words; leave --prompt and --preset out")
    size = {name: given[name] for name in ("width", "height") if name in given}
    return Reconstruct(image=_single(pictures, "encode and decode"), **size)


def make(
    model: Runs, requests: Sequence[Request], options: argparse.Namespace, likeness: Likeness
) -> list[dict[str, Any]]:
    """Every picture as a file, and what --json says of it; a batch is on disk before the next."""
    check_comparison(requests, options)
    singles = [
        replace(request, seed=(request.seed + k) % (MAX_SEED + 1))
        for request in requests
        for k in range(options.count)
    ]
    made: list[dict[str, Any]] = []
    for first in range(0, len(singles), options.batch):
        batch = singles[first : first + options.batch]
        paths = [numbered(options.output, first + k, len(singles)) for k in range(len(batch))]
        result = run(model, batch, paths[0].name, is_quiet=options.json)
        found = _write(result, paths)
        if options.compare_exact:
            with_exact(model, batch, result, found, likeness, options)
        made += found
    return made


def check_comparison(requests: Sequence[Request], options: argparse.Namespace) -> None:
    if options.compare_exact and all(request.is_exact for request in requests):
        raise CommandError(
            "--compare-exact: it is exact anyway; goes with --step-cache, --attention"
        )


def with_exact(
    model: Runs,
    batch: Sequence[Request],
    result: Result,
    made: Sequence[dict[str, Any]],
    likeness: Likeness,
    options: argparse.Namespace,
) -> None:
    """Add to what --json says of pictures how near they are to those of the exact run, and how long
    that took."""
    exact = [replace(request, step_cache=0.0, attention=EXACT) for request in batch]
    name = f"{options.output.name}, exactly"
    expected = run(model, exact, name, is_quiet=options.json)
    pairs = zip(expected.pictures, result.pictures, strict=True)
    for each, (decibels, similarity) in zip(made, (likeness(*pair) for pair in pairs), strict=True):
        each["exact"] = {
            "psnr_db": round(decibels, 3),
            "ssim": round(similarity, 5),
            "seconds": round(expected.seconds, 3),
        }


def outlook_words(outlook: Outlook) -> str:
    """Empty where there is plenty of room, or what does not fit will be refused.

    >>> outlook_words(Outlook(peak_bytes=730_000_000, budget_bytes=7_900_000_000, seconds=41.2))
    'fits: 730 MB of 7.9 GB, about 41 s'
    """
    if outlook.peak_bytes is None or outlook.budget_bytes is None or outlook.seconds is None:
        return ""
    sizes = f"{amount(outlook.peak_bytes)} of {amount(outlook.budget_bytes)}"
    return f"fits: {sizes}, about {max(1, round(outlook.seconds))} s"


def run(model: Runs, batch: Sequence[Request], name: str, *, is_quiet: bool) -> Result:
    """With a line on the terminal that tells of `name`, and what there is to say of memory."""
    if words := outlook_words(model.outlook(batch[0])):
        print(f"{name}: {words}", file=sys.stderr)
    with ProgressBar(name, terminal(is_quiet=is_quiet), StepClock()) as bar:
        if len(batch) == 1:  # exactly what a recipe repeats
            result = model.run(batch[0], bar.on_step)
        else:
            result = model.run_together(batch, bar.on_step)
    if result.is_slower:
        print(f"{name}: memory ran out, so it was made in a slower way", file=sys.stderr)
    return result


def _write(result: Result, paths: Sequence[Path]) -> list[dict[str, Any]]:
    made = []
    for path, picture, request in zip(paths, result.pictures, result.requests, strict=True):
        recipe = to_recipe(request, result.model)
        write_png(path, picture, recipe)
        seconds = round(result.seconds, 3)
        made.append({"file": str(path), "seed": request.seed, "seconds": seconds, "recipe": recipe})
    for each, differences in zip(made, result.differences, strict=False):
        each["differences"] = asdict(differences)
    return made


def _generate(pictures: tuple[Picture, ...], mask: Picture | None, given: Any) -> Request:
    _refuse_mask(mask)
    if pictures and "controls" in given:
        raise CommandError("--control: follows words alone; leave --image out")
    if not pictures:
        if "strength" in given:
            raise CommandError("--strength: goes with --image")
        return TextToImage(**given)
    return ImageToImage(image=_single(pictures, "start from"), **given)


def _edit(pictures: tuple[Picture, ...], mask: Picture | None, given: Any) -> Request:
    _refuse_mask(mask)
    if not pictures:
        raise CommandError("--image: is missing; name the picture to change")
    return Edit(images=pictures, **given)


def _inpaint(pictures: tuple[Picture, ...], mask: Picture | None, given: Any) -> Request:
    if mask is None:
        raise CommandError("--mask: is missing; name a picture, white where it may change")
    return Inpaint(image=_single(pictures, "change in part"), mask=mask, **given)


def _outpaint(pictures: tuple[Picture, ...], mask: Picture | None, given: Any) -> Request:
    _refuse_mask(mask)
    return Outpaint(image=_single(pictures, "continue"), **given)


def _single(pictures: tuple[Picture, ...], purpose: str) -> Picture:
    if len(pictures) != 1:
        found = "is missing" if not pictures else f"{len(pictures)} were given"
        raise CommandError(f"--image: {found}; name the one picture to {purpose}")
    return pictures[0]


def _refuse_mask(mask: Picture | None) -> None:
    if mask is not None:
        raise CommandError(f"--mask: goes with --recipe, or with {PROGRAM} inpaint")


def _from_recipe(
    word: str, path: Path, pictures: tuple[Picture, ...], mask: Picture | None
) -> tuple[Request, dict[str, Any]]:
    recipe = read_recipe(path)
    if recipe is None:
        raise CommandError(f"--recipe: {path} holds no recipe; name a PNG that Inkstone made")
    if word != "generate" and recipe.get("task") != word:
        right = f"{PROGRAM} generate --recipe {path}"
        raise CommandError(f"--recipe: {path} is no {word}'s; use: {right}")
    known = (*pictures, *([mask] if mask else []))
    return from_recipe(recipe, {picture.sha256: picture for picture in known}), recipe


def _changed(base: Request, values: dict[str, Any]) -> Request:
    for name in values:
        if not hasattr(base, name):
            raise CommandError(f"--{name}: the recipe is of {base.task}, which has none")
    return replace(base, **values)
