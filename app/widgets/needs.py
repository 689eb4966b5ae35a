"""What models need of memory, in words: by the planner's count, for the window and the command
line."""

from __future__ import annotations

from collections.abc import Sequence

from app.i18n import translate
from app.widgets.words import memory
from model.engine.protocol import Need, Way

TOLD_OF = ("", "int8", "int4")
"""Of the schemes, those that differ in memory."""
TENTH = 10**8
"""Of a GB, in bytes."""


def precision(scheme: str) -> str:
    """`8-bit (int8)`"""
    names = {
        "": translate("Needs", "Full precision"),
        "int8": translate("Needs", "8-bit (int8)"),
        "fp8": translate("Needs", "8-bit (fp8)"),
        "int4": translate("Needs", "4-bit (int4)"),
    }
    return names[scheme]


def loss(scheme: str) -> str:
    """What a precision costs of the picture. Figures: docs/measurements.md, Packed weights."""
    texts = {
        "": translate("Needs", "The model as its files hold it."),
        "int8": translate(
            "Needs", "Half the memory. On the starter model no difference can be seen (65 dB). "
            "Slower on a processor."
        ),
        "fp8": translate(
            "Needs", "Half the memory. On the starter model hardly a difference can be seen "
            "(55 dB). Slower on a processor."
        ),
        "int4": translate(
            "Needs", "Under a third of the memory. On the starter model fine detail differs "
            "(47 dB), and headlines are as readable. Slower on a processor."
        ),
    }  # fmt: skip
    return texts[scheme]


def way_text(need: Need, room: int) -> str:
    """`Runs whole: 34.7 GB of 44.1 GB`. A room of 0 is not known."""
    way = need.way(room) if room else Way.whole
    texts = {
        Way.whole: translate("Needs", "Runs whole: {size} of {room}"),
        Way.encoder_read: translate("Needs", "Text encoder from disk: {size} of {room}"),
        Way.blocks_read: translate("Needs", "Streamed, slower: at least {size} of {room}"),
        Way.none: translate("Needs", "Does not fit: needs {size}, has {room}"),
    }
    text = texts[way] if room else translate("Needs", "Needs {size}")
    return text.format(size=memory(enough(need.bytes(way))), room=memory(room))


def ways_text(needs: Sequence[Need], room: int) -> str:
    """Of every precision, shortly: `Full precision streamed, slower · 8-bit whole in 34.7 GB`."""
    told = [need for need in needs if need.scheme in TOLD_OF]
    if not told:
        return ""
    if not room or told[0].way(room) is Way.whole:
        return way_text(told[0], room)
    if all(need.way(room) is Way.none for need in told):
        least = min(need.least for need in told)
        text = translate("Needs", "Does not fit: it needs at least {size}")
        return text.format(size=memory(enough(least)))
    texts = {
        Way.whole: translate("Needs", "{precision} whole in {size}"),
        Way.encoder_read: translate("Needs", "{precision} in {size}, text encoder from disk"),
        Way.blocks_read: translate("Needs", "{precision} streamed, slower"),
        Way.none: translate("Needs", "{precision} needs {size}"),
    }
    return " · ".join(
        texts[way].format(precision=_short(need.scheme), size=memory(enough(need.bytes(way))))
        for need in told
        for way in (need.way(room),)
    )


def _short(scheme: str) -> str:
    if scheme == "int8":
        return translate("Needs", "8-bit")
    return translate("Needs", "4-bit") if scheme == "int4" else precision(scheme)


def fitting(needs: Sequence[Need], scheme: str, room: int) -> Need | None:
    """Of the other precisions one that fits, of fewer bits if there is one."""
    schemes = [need.scheme for need in needs]
    index = schemes.index(scheme) if scheme in schemes else 0
    others = (*needs[index + 1 :], *needs[:index])
    return next((need for need in others if need.way(room) is not Way.none), None)


def advice(needs: Sequence[Need], scheme: str, room: int) -> str:
    """What would fit instead, where the chosen precision does not; else nothing."""
    need = next((need for need in needs if need.scheme == scheme), None)
    if need is None or need.way(room) is not Way.none:
        return ""
    text = translate("Needs", "{precision} needs at least {size}, and {room} are there for it.")
    text = text.format(
        precision=precision(scheme), size=memory(enough(need.least)), room=memory(room)
    )
    other, least = fitting(needs, scheme, room), min(needs, key=lambda need: need.least)
    if other is not None:
        also = translate("Needs", "{precision} fits.").format(precision=precision(other.scheme))
    elif least.least < need.least:
        also = translate("Needs", "The least that any precision needs are {size}.").format(
            size=memory(enough(least.least))
        )
    else:
        return text
    return f"{text} {also}"


def enough(size_bytes: int) -> int:
    """Rounded up to what is shown of it, so that so much really fits."""
    return -(-size_bytes // TENTH) * TENTH
