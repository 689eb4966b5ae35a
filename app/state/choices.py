"""LoRAs and ControlNets as they are chosen for the next pictures. Pure values.

A choice knows its file by path and content; the request that it becomes part of, by content alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.document.layers import new_id
from app.document.pictures import over_black, to_image, to_picture
from model.engine.protocol import AdapterDescription
from model.requests import Control, LoraUse, Picture, RequestError


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What LoRAs and ControlNets have in common. `sha256` is empty until the engine has read the
    file; `problem` says why the model cannot use it."""

    id: str = field(default_factory=new_id)
    name: str
    path: str = ""
    sha256: str = ""
    is_on: bool = True
    problem: str = ""

    @property
    def is_used(self) -> bool:
        return self.is_on and not self.problem

    def check_known(self, kind: str) -> None:
        if not self.sha256:
            raise RequestError(f"{kind}: {self.name} is still being read; try again in a moment")


@dataclass(frozen=True, kw_only=True)
class LoraChoice(Choice):
    weight: float = 1.0
    schedule: str = ""

    def told(self, found: AdapterDescription) -> LoraChoice:
        """With what the engine found the file to be."""
        return replace(self, **_facts(self, found), schedule=found.schedule)

    def use(self) -> LoraUse:
        """RequestError while the file is being read."""
        self.check_known("lora")
        return LoraUse(name=self.name, sha256=self.sha256, weight=self.weight)


@dataclass(frozen=True, kw_only=True)
class ControlChoice(Choice):
    """`map` is what it follows, or None until one is chosen."""

    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    map: Picture | None = None
    fills_holes: bool = False

    def told(self, found: AdapterDescription) -> ControlChoice:
        return replace(self, **_facts(self, found), fills_holes=found.fills_holes)

    def use(self) -> tuple[Control, Picture]:
        """With its map: a drawing lies on black, one that fills holes keeps them. RequestError
        while the file is being read, or without a map."""
        self.check_known("control")
        if self.map is None:
            raise RequestError(f"control: {self.name} has no map; choose the picture it follows")
        control = Control(
            name=self.name,
            sha256=self.sha256,
            strength=self.strength,
            start=self.start,
            end=self.end,
        )
        has_holes = self.map.mode == "RGBA" and not self.fills_holes
        return control, to_picture(over_black(to_image(self.map))) if has_holes else self.map


def loras_of(uses: tuple[LoraUse, ...]) -> tuple[LoraChoice, ...]:
    """Those of an earlier request; where their files lie is still to be found."""
    return tuple(LoraChoice(name=u.name, sha256=u.sha256, weight=u.weight) for u in uses)


def controls_of(
    controls: tuple[Control, ...], maps: tuple[Picture, ...]
) -> tuple[ControlChoice, ...]:
    return tuple(
        ControlChoice(
            name=control.name,
            sha256=control.sha256,
            strength=control.strength,
            start=control.start,
            end=control.end,
            map=picture,
        )
        for control, picture in zip(controls, maps, strict=True)
    )


_KEPT: Mapping[str, type] = {
    "name": str,
    "path": str,
    "sha256": str,
    "is_on": bool,
    "weight": float,
    "schedule": str,
}


def lora_values(loras: tuple[LoraChoice, ...]) -> list[dict[str, Any]]:
    """What a project keeps of them, as JSON values."""
    return [{name: getattr(lora, name) for name in _KEPT} for lora in loras]


def loras_from(values: Any) -> tuple[LoraChoice, ...]:
    """What `lora_values` gave; whatever is of another form is passed over."""
    return tuple(
        LoraChoice(**{name: item[name] for name in _KEPT})
        for item in (values if isinstance(values, list) else ())
        if isinstance(item, dict)
        and all(type(item.get(name)) is kind for name, kind in _KEPT.items())
    )


def _facts(choice: Choice, found: AdapterDescription) -> dict[str, Any]:
    """What could not be used keeps the name and the hash by which it is looked for."""
    return {
        "name": choice.name if found.problem else found.name,
        "path": found.path or choice.path,
        "sha256": found.sha256 or choice.sha256,
        "problem": found.problem,
    }
