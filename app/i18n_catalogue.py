"""The translators' tool: `python -m app.i18n_catalogue` brings assets/translations up to the code.

New texts are added as unfinished, vanished ones dropped, and the .qm files made by lrelease. The
window never imports this.
"""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.i18n import FOLDER

ROOT = Path(__file__).resolve().parent
PLURALS = {"en": 2, "zh_CN": 1}


@dataclass(frozen=True, order=True, kw_only=True)
class Source:
    """One text of the code. `plural` when some call gives it a number."""

    context: str
    text: str
    plural: bool = False


def sources(root: Path = ROOT) -> list[Source]:
    """Every text that the code under `root` hands to `translate` or `mark`."""
    found: dict[tuple[str, str], Source] = {}
    for path in sorted(root.rglob("*.py")):
        for source in _in_file(path):
            key = (source.context, source.text)
            if key not in found or source.plural:
                found[key] = source
    return sorted(found.values())


def _in_file(path: Path) -> Iterator[Source]:
    tree = ast.parse(path.read_text("utf-8"), str(path))
    names = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("translate", "mark"):
            values = [_texts(argument, names) for argument in node.args[:2]]
            for context, text in itertools.product(*values):
                yield Source(context=context, text=text, plural=_is_plural(node))


def _texts(node: ast.expr, names: Mapping[str, object]) -> list[str]:
    """What an argument may be: a literal, a constant of the file, or one of two by condition."""
    if isinstance(node, ast.IfExp):
        return _texts(node.body, names) + _texts(node.orelse, names)
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.Name):
        value = names.get(node.id)
    return [value] if isinstance(value, str) else []


def _is_plural(call: ast.Call) -> bool:
    return len(call.args) > 2 or any(keyword.arg == "n" for keyword in call.keywords)


def ts_path(language: str) -> Path:
    return FOLDER / f"inkstone_{language}.ts"


def read(language: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """The finished translations of a .ts file: (context, text) -> its forms."""
    if not ts_path(language).exists():
        return {}
    found = {}
    for context in ET.parse(ts_path(language)).getroot().iter("context"):
        for message in context.iter("message"):
            translation = message.find("translation")
            if translation is None or translation.get("type") == "unfinished":
                continue
            forms = [form.text or "" for form in translation.iter("numerusform")]
            key = (context.findtext("name", ""), message.findtext("source", ""))
            found[key] = tuple(forms or [translation.text or ""])
    return found


def write(language: str, known: dict[tuple[str, str], tuple[str, ...]]) -> list[Source]:
    """Write the .ts file of all sources; returns those that have no translation yet."""
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    missing, contexts = [], {}
    for source in sources():
        if language == "en" and not source.plural:
            continue
        if source.context not in contexts:
            contexts[source.context] = ET.SubElement(root, "context")
            ET.SubElement(contexts[source.context], "name").text = source.context
        forms = known.get((source.context, source.text), ())
        _add_message(contexts[source.context], source, forms, PLURALS[language])
        if not forms:
            missing.append(source)
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    head = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'
    ts_path(language).write_text(head + text + "\n", "utf-8")
    return missing


def _add_message(parent: ET.Element, source: Source, forms: tuple[str, ...], count: int) -> None:
    message = ET.SubElement(parent, "message")
    ET.SubElement(message, "source").text = source.text
    translation = ET.SubElement(message, "translation")
    if not forms:
        translation.set("type", "unfinished")
    if not source.plural:
        translation.text = "".join(forms[:1])
        return
    message.set("numerus", "yes")
    for index in range(count):
        ET.SubElement(translation, "numerusform").text = forms[index] if index < len(forms) else ""


def main() -> int:
    """Update both languages; the exit status is 1 while a text has no translation."""
    missing = [(lang, s) for lang in PLURALS for s in write(lang, read(lang))]
    for language, source in missing:
        print(f"{language}: {source.context}: {source.text!r} has no translation")
    release = Path(sysconfig.get_path("scripts")) / "pyside6-lrelease"
    for language in PLURALS:
        path = ts_path(language)
        command = [str(release), "-silent", str(path), "-qm", str(path.with_suffix(".qm"))]
        subprocess.run(command, check=True)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
