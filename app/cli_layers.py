"""`layers`: a picture taken apart, written as PNG files or as one layered PSD."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli_making import LOSSY, Likeness, Runs, check_comparison, run, with_exact
from app.cli_options import CommandError, check_output, new_seed
from app.document.geometry import Page
from app.document.pictures import sized, to_image
from app.document.recomposing import Recomposed, recompose
from app.document.state import DocumentState
from app.files.psd import write_psd
from app.files.raster import read_picture, write_png
from model.recipes import to_recipe
from model.requests import Decompose, Result

if TYPE_CHECKING:
    import argparse

PSD = ".psd"


def read_request(options: argparse.Namespace) -> Decompose:
    _check_output(options.output)
    names = ("negative", "steps", "guidance", "seed", "resolution", "prompt", *LOSSY)
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    given.setdefault("seed", new_seed())
    return Decompose(image=read_picture(options.image), layers=options.count, **given)


def make(
    model: Runs, request: Decompose, options: argparse.Namespace, likeness: Likeness
) -> dict[str, Any]:
    """Runs the request and writes what came of it; what --json says of it."""
    check_comparison([request], options)
    result = run(model, [request], options.output.name, is_quiet=options.json)
    written = _write_psd if options.output.suffix.lower() == PSD else _write_folder
    files, found = written(result, request, options.output)
    made: dict[str, Any] = {
        "files": [str(path) for path in files],
        "correction": round(found.share, 4),
        "seed": result.requests[0].seed,
        "seconds": round(result.seconds, 3),
        "recipe": to_recipe(result.requests[0], result.model),
    }
    if result.differences:
        made["differences"] = asdict(result.differences[0])
    if options.compare_exact:
        layers: list[dict[str, Any]] = [{} for _ in result.pictures]
        with_exact(model, [request], result, layers, likeness, options)
        made["exact"] = min((layer["exact"] for layer in layers), key=lambda e: e["psnr_db"])
    return made


def _write_folder(
    result: Result, request: Decompose, folder: Path
) -> tuple[list[Path], Recomposed]:
    """At the model's size: layer-1.png is the bottom one, correction.png what they leave out."""
    images = [to_image(picture) for picture in result.pictures]
    found = recompose(images, sized(to_image(request.image), images[0].size()))
    folder.mkdir(exist_ok=True)
    recipe = to_recipe(result.requests[0], result.model)
    files = []
    for number, picture in enumerate(result.pictures, start=1):
        files.append(folder / f"layer-{number}.png")
        write_png(files[-1], picture, recipe)
    files.append(folder / "correction.png")
    write_png(files[-1], found.correction)
    return files, found


def _write_psd(result: Result, request: Decompose, path: Path) -> tuple[list[Path], Recomposed]:
    """At the picture's size: a group whose layers and correction equal the picture."""
    source = to_image(request.image)
    found = recompose([to_image(picture) for picture in result.pictures], source)
    page = Page(width=source.width(), height=source.height(), background=None)
    write_psd(path, DocumentState(page=page, layers=(found.group("Layers"),)))
    return [path], found


def _check_output(path: Path) -> None:
    if path.suffix.lower() == PSD:
        return check_output(path, (PSD,))
    if path.suffix:
        raise CommandError(f"{path}: name a folder, or a file that ends with {PSD}")
    if path.exists() and not path.is_dir():
        raise CommandError(f"{path}: is a file; name a folder")
    if not path.parent.is_dir():
        raise CommandError(f"{path}: the folder {path.parent} does not exist; create it first")
