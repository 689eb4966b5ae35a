"""The words and options of the command line. Parses, and imports nothing that takes time."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any, NoReturn

from app.presets import PRESETS
from model.requests import ATTENTIONS, EXACT, LANGUAGES, RESOLUTIONS, SCHEDULES, SOLVERS

PROGRAM = "main.py"
DEVICES = ("cpu", "cuda", "mps")
CANNY = "canny"
DTYPES = ("float32", "bfloat16", "float16")
SCHEMES = ("int8", "fp8", "int4")
WHOLE = "none"
"""In the place of a scheme: weights as their files hold them."""

USAGE = f"""\
Inkstone makes posters on this computer, with the open Qwen-Image models.

  {PROGRAM}                                    the window
  {PROGRAM} generate  --prompt P --output FILE  a picture from words
  {PROGRAM} edit      --image FILE --prompt P --output FILE
                                             a picture changed by an instruction
  {PROGRAM} inpaint   --image FILE --mask FILE --prompt P --output FILE
                                             the white part of a mask made anew
  {PROGRAM} outpaint  --image FILE --left N --prompt P --output FILE
                                             a picture continued beyond its edges
  {PROGRAM} layers    --image FILE --count N --output FOLDER|OUT.psd
                                             a picture taken apart
  {PROGRAM} polish    --prompt P [--image FILE]  a prompt said as a model likes it best
  {PROGRAM} caption   --image FILE             a picture in words
  {PROGRAM} export    PROJECT.ink OUT.psd|OUT.png
  {PROGRAM} info      MODEL|WEIGHTS|PICTURE|PROJECT.ink
  {PROGRAM} models    [get NAME]                which published models there are; getting one
  {PROGRAM} quantize  MODEL OUT.safetensors --scheme {"|".join(SCHEMES)}
                                             a model's weights in fewer bits
  {PROGRAM} prepare|train|evaluate  RUN.toml    training
  {PROGRAM} bench     NAME                      comparisons
  {PROGRAM} engine                             for the window

Each word explains itself: {PROGRAM} generate --help
"""

MAKING_NOTES = """\
The recipe of a picture is inside its PNG: with --recipe the same pixels are made again, by the
model that made them; options given beside it take the place of what the recipe says. With --count
N the files are called NAME-1.png to NAME-N.png and the seeds count up; several --prompt make so
many pictures each. --batch N draws N of them at once: quicker on some devices, and equal but for
rounding. An existing file of the same name is replaced once the new one is complete.

A LoRA or model that its metadata or name calls Lightning or Turbo with 4 or 8 steps brings that
schedule, its steps and no guidance along; --schedule '', --steps and --guidance take their place.

--step-cache and --attention trade the picture for speed. What they cost is measured in every such
run, at one step each, and printed; a recipe records them and makes the same pixels again.

A recipe knows its LoRAs by their content: they are found in the folder of LoRAs under any name, or
given with --lora.

--json prints one object: {"file", "seed", "seconds", "recipe"}; with --count above 1
{"files": [one such object a picture]}. Exit status: 0 done, 2 something to put right (one line on
standard error says what), 130 stopped by Ctrl+C.
"""


LAYERS_NOTES = """\
Take a picture apart into layers with transparency. A correction layer holds what they leave out, so
that all together equal the picture; a large share of it means a bad split.
"""


WRITING = {
    "polish": "Say a prompt, or with --image an instruction about pictures, more fully, in its own "
    "language. What stands in quotation marks is kept letter by letter.",
    "caption": "Describe a picture. --json adds what kind of image it is, and what spoils it.",
}
"""The words that answer in words."""


class CommandError(Exception):
    """What the person at the command line can put right, in one line."""


class Parser(argparse.ArgumentParser):
    """One that reports in one line, by a CommandError, and takes no abbreviations."""

    def __init__(self, **options: Any) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(allow_abbrev=False, formatter_class=formatter, **options)

    def error(self, message: str) -> NoReturn:
        text = message.removeprefix("argument ")
        raise CommandError(f"{text} (options: {self.prog} --help)")


MAKING = {
    "generate": "Make a picture from words, or with --image from a picture and words.",
    "edit": "Change pictures by an instruction; several are called Picture 1, Picture 2 in it.",
    "inpaint": "Make the white part of a mask anew; every other pixel stays as it is.",
    "outpaint": "Continue a picture beyond its edges; itself, it stays as it is.",
}
"""The words that make pictures."""


def making_parser(word: str) -> Parser:
    """The same options for every word, and its own; a recipe may need pictures with any of them."""
    parser = Parser(prog=f"{PROGRAM} {word}", description=MAKING[word], epilog=MAKING_NOTES)
    add = parser.add_argument
    add("--image", type=Path, action="append", default=[], metavar="FILE",
        help="a picture; with --recipe, the very file that it used")  # fmt: skip
    add("--mask", type=Path, metavar="FILE",
        help="white where the picture may change, black elsewhere; of its size"
        if word == "inpaint" else "only with --recipe: the very mask that it used")  # fmt: skip
    if word in ("generate", "inpaint"):
        add("--strength", type=float, metavar="X",
            help="how much of the picture is made anew, up to 1; default: "
            + ("0.6" if word == "generate" else "1"))  # fmt: skip
    if word == "inpaint":
        add("--margin", type=int, metavar="N",
            help="work on the mask and N px around it; default: the whole picture")  # fmt: skip
    if word == "outpaint":
        for side in ("left", "right", "top", "bottom"):
            add(f"--{side}", type=int, metavar="N", help=f"so many px more at the {side}")
    if word in ("inpaint", "outpaint"):
        add("--feather", type=int, metavar="N",
            help="fade the new into the old over N px")  # fmt: skip
    if word == "generate":
        add("--control", nargs=3, action="append", default=[],
            metavar=("FOLDER", "MAP", "STRENGTH"),
            help="a ControlNet, the picture it follows, and how strongly; may be repeated. An "
            "inpainting one fills what is transparent")  # fmt: skip
        add("--control-range", nargs=2, type=float, action="append", default=[],
            metavar=("START", "END"),
            help="when it counts, in shares of the run; the first is the first's")  # fmt: skip
        add("--canny", type=Path, metavar="FILE",
            help=f"a picture whose edges are the map where MAP is {CANNY!r}")  # fmt: skip
    if word == "edit":
        add("--preset", choices=tuple(PRESETS), metavar="NAME",
            help=f"an instruction with fields: {', '.join(PRESETS)}")  # fmt: skip
        add("--field", type=key_value, action="append", default=[], metavar="KEY=VALUE",
            help="a field of the preset; may be repeated")  # fmt: skip
        add("--reconstruct", action="store_true",
            help="only encode and decode the picture, and print PSNR and SSIM")  # fmt: skip
    add("--prompt", action="append", metavar="P",
        help="the instruction" if word == "edit" else "what to show; may be repeated")  # fmt: skip
    add("--negative", metavar="N", help="what to avoid; default: the model's own")
    add("--size", type=size, metavar="WxH", help="in pixels; default: the model's own")
    add("--steps", type=int, metavar="N", help="default: the model's own")
    add("--guidance", type=float, metavar="G", help="1 means none; default: the model's own")
    add("--schedule", choices=SCHEDULES, metavar="NAME",
        help=f"{', '.join(filter(None, SCHEDULES))}: for weights of few steps")  # fmt: skip
    add("--solver", choices=SOLVERS, metavar="NAME", help=f"{' or '.join(SOLVERS)}")
    add("--seed", type=int, metavar="S", help="default: another one each time")
    add("--count", type=int, default=1, metavar="N", help="so many pictures; default: 1")
    add("--batch", type=int, default=1, metavar="N", help="so many at once; default: 1")
    add("--lora", type=lora, action="append", default=[], metavar="FILE:WEIGHT",
        help="a LoRA and its weight, -4 to 4, by default 1; several add up")  # fmt: skip
    _add_lossy(parser)
    add("--recipe", type=Path, metavar="PICTURE", help="do again what made this PNG")
    _add_model(parser, "default: the starter that comes along")
    add("--output", type=Path, required=True, metavar="FILE", help="a .png file")
    return parser


def _add_lossy(parser: Parser) -> None:
    add = parser.add_argument
    add("--step-cache", type=float, metavar="THRESHOLD",
        help="reuse the last step where the first block changed by less than this share, up to 1, "
        "like 0.15: quicker, another picture; default: 0, never")  # fmt: skip
    add("--attention", choices=ATTENTIONS, metavar="KIND",
        help=f"{' or '.join(k for k in ATTENTIONS if k != EXACT)}: in eight bits, another picture; "
        f"default: {EXACT}")  # fmt: skip
    add("--compare-exact", action="store_true",
        help="make it exactly, too, and print PSNR and the seconds of both; the exact run comes "
        "second and finds the prompt read")  # fmt: skip


def _add_model(parser: Parser, which: str, *, required: bool = False) -> None:
    """Which model works, where and how, and in what form it reports."""
    add = parser.add_argument
    add("--model", metavar="FOLDER_FILE_OR_NAME", required=required, help=which)
    add("--parts", type=Path, action="append", default=[], metavar="FOLDER_OR_FILE",
        help="where a model that is a single file finds its text encoder, VAE and tokenizer, "
        "beside its own folder and the models'; may be repeated")  # fmt: skip
    add("--variant", metavar="NAME",
        help="which model it is, where its files do not tell; remembered")  # fmt: skip
    add("--accept-licence", action="store_true",
        help="accept, once, the model's licence that allows no commercial use")  # fmt: skip
    add("--device", choices=DEVICES, help="default: the best there is")
    add("--dtype", choices=DTYPES, help="default: float32 on the CPU, else bfloat16")
    add("--quantization", choices=(WHOLE, *SCHEMES), metavar="SCHEME",
        help=f"pack the transformer's weights by {', '.join(SCHEMES)} while loading; default: "
        "as its files hold them, or as a recipe says")  # fmt: skip
    add("--budget", type=budget, metavar="BYTES",
        help="so much memory may it take, like 8GB; default: what is free")  # fmt: skip
    add("--compile", action="store_true",
        help="compile the transformer's blocks where that pays: takes up to a minute for a new "
        "size, is kept, and rounds otherwise")  # fmt: skip
    add("--json", action="store_true", help="print one JSON object and no progress")


def layers_parser() -> Parser:
    parser = Parser(prog=f"{PROGRAM} layers", description=LAYERS_NOTES)
    add = parser.add_argument
    add("--image", type=Path, required=True, metavar="FILE", help="the picture to take apart")
    add("--count", type=int, default=4, metavar="N", help="so many layers; default: 4")
    add("--prompt", metavar="P", help="what the picture shows; default: described by the model")
    add("--negative", metavar="N", help="what to avoid; default: the model's own")
    add(
        "--resolution",
        type=int,
        choices=RESOLUTIONS,
        help="side of a square of the area it works at",
    )
    add("--steps", type=int, metavar="N", help="default: the model's own")
    add("--guidance", type=float, metavar="G", help="1 means none; default: the model's own")
    add("--seed", type=int, metavar="S", help="default: another one each time")
    _add_lossy(parser)
    _add_model(parser, "a Qwen-Image-Layered", required=True)
    add("--output", type=Path, required=True, metavar="FOLDER|OUT.psd",
        help="layer-1.png (the bottom) … and correction.png at the model's size, or a PSD at the "
        "picture's")  # fmt: skip
    return parser


def writing_parser(word: str) -> Parser:
    parser = Parser(prog=f"{PROGRAM} {word}", description=WRITING[word])
    add = parser.add_argument
    if word == "polish":
        add("--prompt", required=True, metavar="P", help="what to say more fully")
        add("--image", type=Path, action="append", default=[], metavar="FILE",
            help="a picture that the instruction changes; may be repeated")  # fmt: skip
    else:
        add("--image", type=Path, required=True, metavar="FILE", help="the picture to describe")
        add("--language", choices=LANGUAGES, default="en", help="default: en")
    add("--seed", type=int, metavar="S", help="default: another one each time")
    _add_model(parser, "default: the starter, which cannot write")
    return parser


def export_parser() -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} export", description="Write a project as a layered PSD or a flat PNG."
    )
    parser.add_argument("project", type=Path, metavar="PROJECT.ink")
    parser.add_argument("output", type=Path, metavar="OUT.psd|OUT.png")
    return parser


def info_parser() -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} info",
        description="Say what a model, a file of weights, a LoRA, a picture or a project is.",
    )
    parser.add_argument("path", type=Path, metavar="MODEL|WEIGHTS|PICTURE|PROJECT.ink")
    return parser


def key_value(text: str) -> tuple[str, str]:
    """
    >>> key_value("object=the cup = mug")
    ('object', 'the cup = mug')
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, for example object=cup")
    return key.strip(), value


def new_seed() -> int:
    """Another one each time, short enough to be typed again."""
    return int.from_bytes(os.urandom(4), "big")


def size(text: str) -> tuple[int, int]:
    """
    >>> size("512x768")
    (512, 768)
    """
    found = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, for example 512x768")
    return int(found[1]), int(found[2])


def budget(text: str) -> int:
    """
    >>> budget("1.5GB"), budget("600MB"), budget("2000000000")
    (1500000000, 600000000, 2000000000)
    """
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,3})?) ?(GB|MB|)", text, re.IGNORECASE)
    count = float(found[1]) * {"GB": 1e9, "MB": 1e6, "": 1}[found[2].upper()] if found else 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory, for example 8GB")
    return round(count)


def lora(text: str) -> tuple[Path, float]:
    """The last colon counts, unless no number is behind it: that is a drive's, or the name's.

    >>> lora("ink.safetensors:0.8")
    (PosixPath('ink.safetensors'), 0.8)
    """
    name, colon, weight = text.rpartition(":")
    try:
        return (Path(name), float(weight)) if colon and name else (Path(text), 1.0)
    except ValueError:
        return Path(text), 1.0


def numbered(output: Path, index: int, count: int) -> Path:
    """
    >>> numbered(Path("a/poster.png"), 0, 3).name
    'poster-1.png'
    """
    if count == 1:
        return output
    return output.with_name(f"{output.stem}-{index + 1}{output.suffix}")


def check_output(path: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse before the work what could not be written after it."""
    if path.suffix.lower() not in suffixes:
        raise CommandError(f"{path}: the file to write must end with {' or '.join(suffixes)}")
    if path.is_dir():
        raise CommandError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise CommandError(f"{path}: the folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"{path}: you may not write into the folder; choose another")
