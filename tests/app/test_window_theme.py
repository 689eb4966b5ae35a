"""Both themes can be read, and icons and style sheets exist for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import actions
from app.actions import conflicts, keys_of, plain, table
from app.paths import assets
from app.theme import THEMES, Theme, contrast, style_sheet
from app.widgets.icons import Icons, outline

READ_ON = {
    "text": ("window", "panel", "field", "raised", "hover", "pressed", "marked", "notice"),
    "muted": ("window", "panel", "field", "notice"),
    "accent": ("panel", "window"),
    "on_accent": ("accent", "accent_hover"),
    "danger": ("panel", "notice"),
    "warning": ("panel", "window", "notice"),
    "success": ("panel", "window"),
}


@pytest.mark.parametrize("name", THEMES)
def test_text_stands_out_from_its_ground(name: str) -> None:
    tokens = THEMES[name]
    for ink, grounds in READ_ON.items():
        for ground in grounds:
            ratio = contrast(getattr(tokens, ink), getattr(tokens, ground))
            assert ratio >= 4.5, f"{name}: {ink} on {ground} is {ratio:.2f}"


@pytest.mark.parametrize("name", THEMES)
def test_outline_of_controls_stands_out(name: str) -> None:
    tokens = THEMES[name]
    assert contrast(tokens.outline, tokens.panel) >= 3
    assert contrast(tokens.accent, tokens.panel) >= 3


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", THEMES)
def test_style_sheet_is_complete(name: str, qapp) -> None:
    sheet = style_sheet(name)
    assert "$" not in sheet
    for line in sheet.splitlines():
        if "url(" in line:
            assert Path(line.split('url("')[1].split('"')[0]).is_file()


def test_theme_follows_the_choice(qapp) -> None:
    theme = Theme(qapp)
    changes: list[str] = []
    theme.changed.connect(lambda: changes.append(theme.name))
    theme.use("dark")
    theme.use("light")
    assert changes == ["dark", "light"]
    assert qapp.palette().window().color().name() == THEMES["light"].window


def test_icons_of_actions_exist_and_take_the_theme(qapp) -> None:
    theme = Theme(qapp)
    icons = Icons(theme)
    for spec in table():
        if spec.icon:
            assert not outline(spec.icon).isEmpty(), spec.icon
    icon = icons("image")
    theme.use("dark")
    dark = icon.pixmap(32, 32).toImage()
    theme.use("light")
    assert icon.pixmap(32, 32).toImage() != dark


def test_default_keys_do_not_clash() -> None:
    assert conflicts({}) == {}


def test_conflicts_name_both_actions() -> None:
    assert conflicts({"open": "Ctrl+S"}) == {"Ctrl+S": ("open", "save")}


def test_keys_can_be_taken_away() -> None:
    spec = next(spec for spec in table() if spec.id == "generate")
    assert keys_of(spec, {}) == ("Ctrl+Return", "Ctrl+Enter")
    assert keys_of(spec, {"generate": "F5"}) == ("F5",)
    assert keys_of(spec, {"generate": ""}) == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("&Save", "Save"), ("Save &As…", "Save As"), ("保存(&S)", "保存"), ("导出(&E)…", "导出")],
)
def test_plain_names(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_ids_are_unique_and_menus_known() -> None:
    ids = [spec.id for spec in table()]
    assert len(ids) == len(set(ids))
    assert {spec.menu for spec in table()} == set(actions.MENUS)


def test_assets_are_where_they_are_looked_for() -> None:
    assert (assets() / "icons" / "inkstone.svg").is_file()
