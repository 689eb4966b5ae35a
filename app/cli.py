"""The command line: one word decides what runs, with the requests and models of the window.

Nothing heavy is imported before the word is known. Whatever a person or a file gets wrong ends in
one line and exit status 2; a fault of ours in one line and status 1; Ctrl+C in one line and 130.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli_lines import (
    Lines,
    difference_lines,
    lora_lines,
    model_lines,
    part_lines,
    picture_lines,
    project_lines,
    run_words,
)
from app.cli_options import (
    MAKING,
    PROGRAM,
    USAGE,
    WHOLE,
    WRITING,
    CommandError,
    check_output,
    export_parser,
    info_parser,
    layers_parser,
    making_parser,
    writing_parser,
)

if TYPE_CHECKING:
    import argparse

    from app.settings import Settings
    from model.engine.library import Library, RunnableModel
    from model.engine.protocol import ModelDescription
    from model.requests import Picture

PROJECT_SUFFIX = ".ink"
WEIGHTS_SUFFIX = ".safetensors"
FIRST_PROMPT = 'A navy poster with "SUMMER" and "SALE" in white at the top'
FIRST_POSTER = Path("inkstone-poster.png")

DONE, FAULT, REFUSED, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the word in front of `argv` (by default the command line's); the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    word = arguments[0] if arguments else ""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may know fewer characters
    try:
        return _command(word)(arguments[1:] if word in WORDS else arguments)
    except KeyboardInterrupt:
        return _say(word, "stopped; what was finished is kept", INTERRUPTED)
    except Exception as error:
        if _is_expected(error):
            return _say(word, str(error), REFUSED)
        if os.environ.get("INKSTONE_DEBUG"):
            traceback.print_exc()
        text = f"a fault of Inkstone's own ({type(error).__name__}: {error})"
        return _say(word, f"{text}; INKSTONE_DEBUG=1 shows where, please report it", FAULT)


def _command(word: str) -> Callable[[list[str]], int]:
    if word in WORDS:
        return WORDS[word]
    if word in ("-h", "--help"):
        return _help
    if not word or word.startswith("-") or Path(word).exists():
        return _window
    raise CommandError(f"unknown word; known are {', '.join(WORDS)} ({PROGRAM} --help)")


def _say(word: str, text: str, status: int) -> int:
    where = f"{PROGRAM} {word}" if word else PROGRAM
    print(f"{where}: {_one_line(text)}", file=sys.stderr)
    return status


def _one_line(text: str) -> str:
    """Without breaks and control characters, which a hostile file could send to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def _is_expected(error: Exception) -> bool:
    """Errors whose text tells a person what to put right."""
    from app.document.errors import DocumentError
    from app.files.errors import FilesError
    from app.store.errors import StoreError
    from model.errors import ModelError
    from model.requests import RequestError

    known = (CommandError, RequestError, ModelError, FilesError, StoreError, DocumentError, OSError)
    return isinstance(error, known)


# --- words -----------------------------------------------------------------------------------


def _help(_: list[str]) -> int:
    print(USAGE, end="")
    return DONE


def _window(argv: list[str]) -> int:
    """The window; where there is no display, a first poster instead."""
    from app import display

    if not display.has_display():
        return _first_poster()
    if missing := display.missing_libraries(for_window=True):
        raise CommandError(missing)
    from app.run import main as run_window

    return run_window(argv)


def _first_poster() -> int:
    print("No display was found, so here is a poster by the starter model.")
    output = Path.cwd() / FIRST_POSTER
    return _make("generate", ["--prompt", FIRST_PROMPT, "--seed", "1", "--output", str(output)])


def _engine(argv: list[str]) -> int:
    from model.engine.process import main as run_engine

    return run_engine(argv)


def _models(argv: list[str]) -> int:
    from app.cli_models import Surroundings, run
    from app.paths import Paths
    from app.settings import Settings
    from model.errors import Stopped
    from model.hub.endpoints import token_for
    from model.hub.shop import Shop

    paths = Paths.default()
    around = Surroundings(
        shop=Shop,
        folder=paths.models,
        settings=Settings(paths.settings),
        token=lambda source: token_for(source, os.environ),
        recognise=_recognised,
        stopped=Stopped,
    )
    return run(argv, around)


def _recognised(path: Path) -> Any:
    """What a weight file is; None for one that is no part of a published model, or unreadable."""
    from model.checkpoint.single_files import recognise
    from model.errors import CheckpointError

    with contextlib.suppress(CheckpointError):
        return recognise(path)
    return None


def _quantize(argv: list[str]) -> int:
    from app.cli_quantize import run
    from model.checkpoint.quantising import quantise

    return run(argv, quantise)


def _bench(argv: list[str]) -> int:
    """That of packed weights reads posters, which training does; the model's know no training."""
    if argv[:1] == ["quantize"]:
        return importlib.import_module("training.evaluation.schemes").main(argv[1:])
    return importlib.import_module("model.bench").main(argv)


def _elsewhere(module: str) -> Callable[[list[str]], int]:
    def run(argv: list[str]) -> int:
        return importlib.import_module(module).main(argv)

    return run


def _export(argv: list[str]) -> int:
    options = export_parser().parse_args(argv)
    check_output(options.output, (".psd", ".png"))
    with _qt(), contextlib.closing(_project(options.project)) as project:
        from app.files.export import export

        recipes = {node.id: node.recipe for node in project.nodes}
        recipe = recipes.get(project.state.current_node or "")
        export(project.state, options.output, recipe=recipe)
    print(options.output)
    return DONE


def _info(argv: list[str]) -> int:
    path: Path = info_parser().parse_args(argv).path
    if path.is_dir():
        lines = _model_lines(path)
    elif path.suffix.lower() == PROJECT_SUFFIX:
        with _qt(), contextlib.closing(_project(path)) as project:
            lines = project_lines(project)
    elif path.suffix.lower() == WEIGHTS_SUFFIX:
        lines = _weights_lines(path)
    else:
        _need_qt_libraries()
        lines = picture_lines(path)
    for name, value in lines:
        print(f"{name:<12}{_one_line(value)}")
    return DONE


# --- making pictures -------------------------------------------------------------------------


def _make(word: str, argv: list[str]) -> int:
    options = making_parser(word).parse_args(argv)
    check_output(options.output, (".png",))
    _need_qt_libraries()
    from app.cli_making import make, read_wish

    library = _library(options)
    _quiet_libraries()
    with contextlib.redirect_stdout(sys.stderr):  # the object of --json stands alone
        wish = read_wish(word, options, library, _edges)
        library.check_attention(wish.requests[0].attention)
        made = make(_model(options, wish.recipe, library), wish.requests, options, _likeness)
        if word == "edit" and options.reconstruct:
            made[0] |= _fidelity(wish.requests[0].pictures[0], options.output)
    if options.json:
        print(json.dumps(made[0] if len(made) == 1 else {"files": made}))
        return DONE
    for each in made:
        how = f"seed {each['seed']}"
        if "psnr_db" in each:
            how = f"PSNR {each['psnr_db']:.2f} dB, SSIM {each['ssim']:.4f}"
        licence = each["recipe"]["model"]["licence"]
        run = run_words(each["recipe"]["request"])
        print(f"{each['file']}  {how}, {run}{each['seconds']:.1f} s, {licence}")
        _print_differences(each, each["recipe"]["request"])
    return DONE


def _print_differences(made: dict[str, Any], request: dict[str, Any]) -> None:
    """Nothing of an exact picture."""
    if "differences" in made:
        for line in difference_lines(request, made["differences"]):
            print(f"  {line}")
    if exact := made.get("exact"):
        seconds = f"{exact['seconds']:.1f} s instead of {made['seconds']:.1f} s"
        print(f"  exact: {seconds}; PSNR {exact['psnr_db']:.2f} dB, SSIM {exact['ssim']:.4f}")


def _edges(picture: Picture) -> Picture:
    from model.canny import canny

    return canny(picture)


def _fidelity(source: Picture, output: Path) -> dict[str, float]:
    """How near a reconstruction is to its source, brought to its size."""
    from app.files.raster import read_picture

    decibels, similarity = _likeness(source, read_picture(output))
    return {"psnr_db": round(decibels, 3), "ssim": round(similarity, 5)}


def _likeness(source: Picture, drawn: Picture) -> tuple[float, float]:
    from model.fidelity import likeness

    return likeness(source, drawn)


def _layers(argv: list[str]) -> int:
    options = layers_parser().parse_args(argv)
    with _qt():
        from app.cli_layers import make, read_request

        request = read_request(options)
        _quiet_libraries()
        with contextlib.redirect_stdout(sys.stderr):
            library = _library(options)
            library.check_attention(request.attention)
            made = make(_model(options, None, library), request, options, _likeness)
    if options.json:
        print(json.dumps(made))
        return DONE
    for path in made["files"]:
        print(path)
    print(f"the layers leave out {made['correction']:.1%} of the picture; {made['seconds']:.1f} s")
    _print_differences(made, made["recipe"]["request"])
    return DONE


def _write(word: str, argv: list[str]) -> int:
    options = writing_parser(word).parse_args(argv)
    _need_qt_libraries()
    from app.cli_writing import read_request, report, write

    request = read_request(word, options)
    library = _library(options)
    _quiet_libraries()
    with contextlib.redirect_stdout(sys.stderr):
        found = write(_model(options, None, library), request, options)
    report(found, options)
    return DONE


def _model(
    options: argparse.Namespace, recipe: dict[str, Any] | None, library: Library
) -> RunnableModel:
    """The named model; for a recipe without one, exactly that which made it."""
    from model.recipes import recipe_model

    told = recipe_model(recipe) if recipe is not None else None
    wanted = told if options.model is None else None
    name = options.model or (wanted.name if wanted else "")
    path = library.find(name)
    _settle_variant(library.description(path), options.variant)
    accepted = _accepted_licences(library.description(path), is_given=options.accept_licence)
    scheme = told.quantization if told and options.quantization is None else None
    model = library.load(path, accepted, scheme or None)
    if wanted and model.identity.sha256 != wanted.sha256:
        raise CommandError(
            f"--recipe: it was made by {wanted.name} ({wanted.sha256[:12]}…), and the model of "
            f"that name here is another ({model.identity.sha256[:12]}…); "
            f"--model {wanted.name} takes it all the same, with other pixels"
        )
    return model


def _library(options: argparse.Namespace | None = None) -> Library:
    """The models the window shows: in the user's own folder, and where the settings say."""
    from app.paths import Paths
    from app.settings import Settings
    from model.engine.library import Library
    from model.hub.local import cached_models

    paths = Paths.default()
    settings = Settings(paths.settings)
    folders = [paths.models, *map(Path, settings.model_folders), *cached_models()]
    scheme = options.quantization if options else None
    return Library(
        folders,
        device=options.device if options else None,
        dtype=options.dtype if options else None,
        variant=options.variant if options else None,
        variants=settings.variants,
        lora_folders=[paths.loras],
        parts=options.parts if options else (),
        quantization=None if scheme == WHOLE else scheme,
        budget_bytes=options.budget if options else None,
        speeds=paths.speeds,
        compiled=paths.compiled if options and options.compile else None,
    )


def _settle_variant(found: ModelDescription, variant: str | None) -> None:
    """Remember the user's word for these files; where nobody has said it, say what was taken."""
    settings = _settings()
    if not found.variants:
        return
    if variant is None:
        if (
            Path(found.path).is_dir()
            and not found.proposed_variant
            and found.fingerprint not in settings.variants
        ):
            print(
                f"{found.name}: taken for {found.variant}; its files may also be "
                f"{', '.join(name for name in found.variants if name != found.variant)}: "
                "--variant NAME says which, once",
                file=sys.stderr,
            )
    elif name := next((n for n in found.variants if n.lower() == variant.lower()), None):
        settings.remember_variant(found.fingerprint, name)


def _settings() -> Settings:
    from app.paths import Paths
    from app.settings import Settings

    return Settings(Paths.default().settings)


def _accepted_licences(found: ModelDescription, *, is_given: bool) -> tuple[str, ...]:
    """Those the settings remember, and now the model's own, where the option accepts it."""
    settings = _settings()
    if is_given and not found.is_commercial:
        settings.accept_licence(found.licence)
    return settings.accepted_licences


def _quiet_libraries() -> None:
    """No warnings between the lines that a person or a script reads, and no network."""
    import warnings

    warnings.simplefilter("ignore")
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


# --- export and info -------------------------------------------------------------------------


def _need_qt_libraries() -> None:
    from app import display

    if missing := display.missing_libraries(for_window=False):
        raise CommandError(missing)


@contextlib.contextmanager
def _qt() -> Any:
    """Text layers are painted by Qt, which wants an application, though no screen."""
    _need_qt_libraries()
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtGui import QGuiApplication

    application = QGuiApplication.instance() or QGuiApplication([PROGRAM])
    yield application


def _project(path: Path) -> Any:
    from app.store.project import Project

    return Project.open(path)


def _model_lines(path: Path) -> Lines:
    from model.loader import describe

    variants = _settings().variants
    found = describe(path, variants)
    if found.problem:
        raise CommandError(found.problem)
    return model_lines(found, variants.get(found.fingerprint, ""))


def _weights_lines(path: Path) -> Lines:
    """A part of a model in a single file, or else a LoRA."""
    from model.checkpoint.single_files import Part, recognise, refusal

    remembered = _settings().variants
    found = recognise(path, remembered=remembered)
    if found is None:
        return _lora_lines(path)
    is_transformer = found.part is Part.transformer
    more = _companion_lines(path) if is_transformer else [("notice", refusal(path))]
    return [*part_lines(found, remembered), *more]


def _companion_lines(path: Path) -> Lines:
    """What a transformer's file runs with, or lacks."""
    from model.errors import CheckpointError

    try:
        parts = _library().read(path).parts
    except CheckpointError as error:
        return [("notice", str(error))]
    names = ("text_encoder", "tower", "vae", "tokenizer")
    words = ("text encoder", "tower", "VAE", "tokenizer")
    pairs = zip(words, names, strict=True)
    return [(word, str(parts[name])) for word, name in pairs if name in parts]


def _lora_lines(path: Path) -> Lines:
    from model.checkpoint.lora_files import summarise

    return lora_lines(summarise(path))


WORDS: dict[str, Callable[[list[str]], int]] = {
    **{word: partial(_make, word) for word in MAKING},
    "layers": _layers,
    **{word: partial(_write, word) for word in WRITING},
    "export": _export,
    "info": _info,
    "models": _models,
    "quantize": _quantize,
    "prepare": _elsewhere("training.prepare"),
    "train": _elsewhere("training.train"),
    "evaluate": _elsewhere("training.evaluate"),
    "bench": _bench,
    "engine": _engine,
}


if __name__ == "__main__":
    sys.exit(main())
