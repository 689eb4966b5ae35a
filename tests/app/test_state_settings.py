"""Settings are kept, come back, and survive an unreadable file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.paths import Paths
from app.settings import MAX_RECENT, Settings


def test_choices_come_back(tmp_path: Path, qapp) -> None:
    path = tmp_path / "config" / "settings.json"
    first = Settings(path)
    first.language, first.theme, first.reduced_motion = "zh_CN", "light", True
    first.keys = {"save": "F2"}
    first.model_folders = ("/models",)
    first.accept_licence("private")
    first.accept_licence("private")
    first.remember(tmp_path / "a.ink")
    second = Settings(path)
    assert (second.language, second.theme, second.reduced_motion) == ("zh_CN", "light", True)
    assert second.keys == {"save": "F2"}
    assert second.model_folders == ("/models",)
    assert second.accepted_licences == ("private",)
    assert second.recent == (str(tmp_path / "a.ink"),)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 99}', b"\xff\xfe\x00", b"[" * 100_000]
)
def test_unreadable_settings_are_set_aside(tmp_path: Path, content: bytes, qapp) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    settings = Settings(path)
    assert settings.language == ""
    assert settings.set_aside is not None
    assert settings.set_aside.read_bytes() == content


def test_values_of_wrong_types_are_passed_over(tmp_path: Path, qapp) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"version": 1, "theme": 3, "language": "zh_CN", "recent": ["a", 4]}')
    settings = Settings(path)
    assert (settings.theme, settings.language, settings.recent) == ("", "zh_CN", ("a",))


def test_recent_files_are_few_and_newest_first(tmp_path: Path, qapp) -> None:
    settings = Settings(tmp_path / "settings.json")
    for k in range(MAX_RECENT + 3):
        settings.remember(Path(f"/{k}.ink"))
    settings.remember(Path("/5.ink"))
    assert len(settings.recent) == MAX_RECENT
    assert settings.recent[0] == "/5.ink"
    settings.forget("/5.ink")
    assert "/5.ink" not in settings.recent


def test_home_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INKSTONE_HOME", str(tmp_path))
    paths = Paths.default()
    assert all(p.is_relative_to(tmp_path) for p in (paths.settings, paths.drafts, paths.models))
    assert list(tmp_path.iterdir()) == []
