"""`main.py models`: which there are, and getting one. For the window too, one object a line.

Knows the shop by what it is asked alone: the window's side of the program imports no model.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.cli_options import PROGRAM, CommandError, Parser
from app.cli_progress import TransferBar, terminal
from app.settings import Settings
from app.widgets.needs import ways_text
from app.widgets.words import memory

ABOUT = """\
The published Qwen-Image models: their size, their licence, how they would run on this computer and
whether they are here. `get NAME` downloads one, or goes on with it: stopped or killed, it goes on
where it was. `discard NAME` deletes what has arrived of one that is not complete.

Every file is checked against the SHA-256 that the source lists for it before the model is seen
anywhere. Models in Hugging Face's cache are used where they are.
"""
DONE, REFUSED = 0, 2


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the word is given: the shop as `shop(folder, places, source, device)`, the folder of
    models, those of the settings, `token(source)` from the environment, and `stopped`, the
    exception of an early end. `recognise` says what a weight file is, or None."""

    shop: Callable[..., Any]
    folder: Path
    settings: Settings
    token: Callable[[str], str]
    recognise: Callable[[Path], Any]
    stopped: type[Exception]


def run(argv: Sequence[str], around: Surroundings) -> int:
    """Raises CommandError, or what the shop raises."""
    options = _parser().parse_args(argv)
    settings = around.settings
    source = options.endpoint if options.endpoint is not None else settings.model_source
    places = [Path(place) for place in settings.model_folders]
    shop = around.shop(options.folder or around.folder, places, source, settings.device)
    if options.deed == "get":
        return _get(shop, options, around)
    if options.deed == "discard":
        shop.discard(options.name)
        print(f"{options.name}: what had arrived is deleted")
        return DONE
    return _list(shop, around, as_json=options.json)


def _parser() -> Parser:
    parser = Parser(prog=f"{PROGRAM} models", description=ABOUT)
    parser.add_argument(
        "deed", nargs="?", choices=("list", "get", "discard"), default="list", metavar="DEED",
        help="list (default), get or discard",
    )  # fmt: skip
    parser.add_argument("name", nargs="?", metavar="NAME", help="for example Qwen-Image-2512")
    parser.add_argument("--endpoint", metavar="SOURCE",
        help="huggingface, modelscope, or the https address of a mirror; default: your choice "
        "in the window")  # fmt: skip
    parser.add_argument("--folder", type=Path, metavar="FOLDER",
        help="where models are brought; default: Inkstone's own")  # fmt: skip
    parser.add_argument("--accept-licence", action="store_true",
        help="accept, once, the model's licence that allows no commercial use")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, no progress")
    parser.add_argument("--events", action="store_true", help=argparse.SUPPRESS)
    return parser


# --- list -------------------------------------------------------------------------------------


def _list(shop: Any, around: Surroundings, *, as_json: bool) -> int:
    machine = shop.machine()
    offers = shop.offers(machine)
    comfy = [found for path in shop.comfy_files() if (found := around.recognise(path))]
    device, limit = around.settings.device, around.settings.budget_bytes
    room = limit or machine.room(device)
    if as_json:
        print(
            json.dumps(
                {
                    "folder": str(shop.folder),
                    "machine": dataclasses.asdict(machine),
                    "place": machine.place(device),
                    "room": room,
                    "is_limited": bool(limit),
                    "models": [dataclasses.asdict(offer) for offer in offers],
                    "comfyui": [_file(found) for found in comfy],
                }
            )
        )
        return DONE
    rows = [("model", "download", "licence", "runs here", "is here")]
    rows += [
        (offer.name, memory(offer.bytes), offer.licence, ways_text(offer.needs, room), _here(offer))
        for offer in offers
    ]
    _print_table(rows)
    if comfy:
        print("\nOf a ComfyUI, used where they are:")
        _print_table([(str(f.path), f"{f.part} of {f.base}", ", ".join(f.types)) for f in comfy])
    graphics = (
        f"{memory(machine.graphics)} on a graphics card" if machine.graphics else "no card known"
    )
    whose = "by the settings" if limit else f"of the {machine.place(device)}'s memory, about"
    print(
        f"\nThis computer has {memory(machine.memory)} of memory, {graphics}, "
        f"and {memory(machine.free)} free for {shop.folder}.\n"
        f"Models may take {memory(room)} ({whose}); what they need is counted by the planner."
    )
    return DONE


def _here(offer: Any) -> str:
    if offer.path:
        return offer.path
    return f"{memory(offer.arrived)} of it; get goes on" if offer.arrived else "-"


def _file(found: Any) -> dict[str, Any]:
    return {"path": str(found.path), "part": found.part, "of": found.base, "types": found.types}


def _print_table(rows: Iterable[tuple[str, ...]]) -> None:
    rows = list(rows)
    widths = [max(_columns(row[index]) for row in rows) for index in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [c + " " * (w - _columns(c)) for c, w in zip(row, widths, strict=False)]
        print("  ".join((*cells, row[-1])))


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# --- get --------------------------------------------------------------------------------------


def _get(shop: Any, options: argparse.Namespace, around: Surroundings) -> int:
    if not options.name:
        raise CommandError(f"get: which one? {PROGRAM} models lists them")
    entry = shop.find(options.name)
    _check_licence(entry, around.settings, is_given=options.accept_licence)
    if options.events:
        return _tell_events(shop, entry.name, around)
    token = around.token(shop.source)
    with TransferBar(entry.name, terminal(is_quiet=options.json)) as bar:
        path = shop.get(entry.name, token, bar.show, lambda: False)
    print(json.dumps({"model": entry.name, "path": str(path)}) if options.json else path)
    return DONE


def _check_licence(entry: Any, settings: Settings, *, is_given: bool) -> None:
    """One that allows no commercial use is accepted once, as when the model is used."""
    row = entry.row
    if row.is_commercial or row.licence in settings.accepted_licences:
        return
    if not is_given:
        raise CommandError(
            f"{entry.name} is under the {row.licence}, which allows no commercial use; read it, "
            "and if you accept it say so once (--accept-licence)"
        )
    settings.accept_licence(row.licence)


def _tell_events(shop: Any, name: str, around: Surroundings) -> int:
    """For the window: on standard input one object with the access token, and its end to stop; on
    standard output progress, and one ending."""
    stop = threading.Event()
    token = _read_token(sys.stdin.readline()) or around.token(shop.source)
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    try:
        path = shop.get(
            name, token, lambda p: _tell("progress", dataclasses.asdict(p)), stop.is_set
        )
    except around.stopped:
        return _tell("stopped", {})
    except Exception as error:
        _tell("failed", {"message": str(error)})
        return REFUSED
    return _tell("done", {"path": str(path)})


def _tell(event: str, value: dict[str, Any]) -> int:
    print(json.dumps({"event": event, **value}), flush=True)
    return DONE


def _read_token(line: str) -> str:
    try:
        token = json.loads(line)["token"]
    except (ValueError, KeyError, TypeError):
        return ""
    return token if isinstance(token, str) else ""


def _wait_for_end(stop: threading.Event) -> None:
    while sys.stdin.readline():
        pass
    stop.set()
