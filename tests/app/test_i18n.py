"""Every text of the interface has its Chinese, its plural forms, and a .qm that is up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QTranslator

from app import i18n_catalogue
from app.i18n import FOLDER, Languages, translate

SOURCES = i18n_catalogue.sources()
PLACES = re.compile(r"\{\w*\}|%n|%s")


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_catalogue_holds_every_text_and_no_other(language: str) -> None:
    known = i18n_catalogue.read(language)
    wanted = {(s.context, s.text) for s in SOURCES if s.plural or language != "en"}
    assert wanted - set(known) == set(), "run python -m app.i18n_catalogue and translate these"
    assert set(known) - wanted == set(), "run python -m app.i18n_catalogue: these have vanished"


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_forms_keep_the_places_of_their_source(language: str) -> None:
    for (_, text), forms in i18n_catalogue.read(language).items():
        for form in forms:
            assert sorted(PLACES.findall(form)) == sorted(PLACES.findall(text)), text


def test_chinese_is_chinese() -> None:
    same = {"A2", "A3", "A4", "A5", "{size} GB", "{size} MB"}
    marks = {", "}  # become others, which are no characters
    for (context, text), (form, *_) in i18n_catalogue.read("zh_CN").items():
        assert form, text
        if text not in same | marks:
            assert re.search(r"[\u4e00-\u9fff]", form), f"{context}: {text!r} -> {form!r}"


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_compiled_file_says_what_its_source_says(language: str, qapp: object) -> None:
    translator = QTranslator()
    assert translator.load(str(FOLDER / f"inkstone_{language}.qm"))
    for (context, text), forms in i18n_catalogue.read(language).items():
        found = translator.translate(context, text, None, 2 if len(forms) > 1 else 1)
        assert found == forms[-1], f"{text!r}: run python -m app.i18n_catalogue"


def test_plural_forms_follow_the_number(qapp) -> None:
    languages = Languages(qapp)
    text = "%n job(s) had not finished when Inkstone closed."
    languages.use("en")
    assert translate("Workspace", text, n=1).startswith("1 job had")
    assert translate("Workspace", text, n=3).startswith("3 jobs had")
    languages.use("zh_CN")
    assert translate("Workspace", text, n=3) == "Inkstone 关闭时有 3 个任务尚未完成。"
    languages.use("en")


def test_scanner_finds_literals_constants_and_either_branch(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        'CONTEXT = "C"\n'
        'translate(CONTEXT, "one")\n'
        'mark("D", "two" "three")\n'
        'translate("E", "on" if x else "off")\n'
        'translate("F", "%n", n=2)\n'
        'translate("G", variable)\n'
    )
    found = [(s.context, s.text, s.plural) for s in i18n_catalogue.sources(tmp_path)]
    expected = [("C", "one", False), ("D", "twothree", False), ("E", "off", False)]
    assert found == [*expected, ("E", "on", False), ("F", "%n", True)]
