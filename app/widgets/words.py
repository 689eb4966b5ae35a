"""Numbers as people read them, in the language of the interface."""

from __future__ import annotations

from datetime import datetime

from app.i18n import translate


def duration(seconds: float) -> str:
    """`8 s`, `2 min 5 s`, `1 h 20 min`"""
    whole = max(0, round(seconds))
    if whole < 60:
        return translate("Words", "{s} s").format(s=whole)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return translate("Words", "{min} min {s} s").format(min=minutes, s=rest)
    hours, minutes = divmod(minutes, 60)
    return translate("Words", "{h} h {min} min").format(h=hours, min=minutes)


def memory(size_bytes: float) -> str:
    """`512 MB`, `1.5 GB`: a thousand million bytes, as disks, hubs and the engine's own sentences
    count them."""
    if size_bytes < 1e9:
        digits = 0 if size_bytes >= 1e7 else 1
        return translate("Words", "{size} MB").format(size=f"{size_bytes / 1e6:.{digits}f}")
    return translate("Words", "{size} GB").format(size=f"{size_bytes / 1e9:.1f}")


def percent(share: float) -> str:
    """`0 %`, `less than 1 %`, `37 %`; all of it only where it is all."""
    if 0 < share < 0.01:
        return translate("Words", "less than 1 %")
    return f"{min(round(100 * share), 99) if share < 1 else 100} %"


def count(number: int) -> str:
    """Digits in groups of three."""
    return f"{number:,}".replace(",", "\u202f")


def clock(time: str) -> str:
    """The hour and minute, here, of an ISO 8601 time; with the day if it was not today."""
    try:
        then = datetime.fromisoformat(time).astimezone()
    except ValueError:
        return ""
    is_today = then.date() == datetime.now().astimezone().date()
    return then.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M")
