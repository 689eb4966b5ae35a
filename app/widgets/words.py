"""Numbers as people read them, in the language of the interface."""

from __future__ import annotations

from datetime import datetime

from app.i18n import translate
from model.requests import Checked, Differences


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


def differences_text(found: Differences) -> str:
    """`9 of 20 steps reused, 1.2 % off where checked (step 14)`"""
    parts = []
    if found.step_cache is not None:
        text = translate(
            "Words", "{reused} of {steps} steps reused, {off} off where checked (step {step})"
        )
        check = found.step_cache
        parts.append(
            text.format(reused=found.reused, steps=found.steps, off=_off(check), step=check.step)
        )
    if found.attention is not None:
        text = translate("Words", "attention {off} off where checked (step {step})")
        parts.append(text.format(off=_off(found.attention), step=found.attention.step))
    return " · ".join(parts) or translate("Words", "no step reused")


def worst_text(found: Differences) -> str:
    """`1.2 % off`; empty where nothing was to be checked."""
    checks = [check for check in (found.step_cache, found.attention) if check is not None]
    if not checks:
        return ""
    worst = max(checks, key=lambda check: check.difference)
    return translate("Words", "{off} off").format(off=_off(worst))


def _off(check: Checked) -> str:
    return f"{check.difference * 100:.1f} %"


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
