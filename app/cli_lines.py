"""What the command line prints of models, LoRAs, pictures and projects, line by line.

Opens no model: what one is, it is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.engine.protocol import ModelDescription
from model.requests import EXACT, FEW_STEPS

Lines = list[tuple[str, str]]


def schedule_words(schedule: str) -> str:
    """
    >>> schedule_words("lightning-4")
    'lightning-4: 4 steps, guidance off'
    """
    return f"{schedule}: {FEW_STEPS[schedule]} steps, guidance off"


def run_words(request: dict[str, Any]) -> str:
    """The schedule that a picture was made with, if it is not the model's usual one."""
    if request.get("schedule") not in FEW_STEPS:
        return ""
    guidance = request["guidance"]
    off = "guidance off" if guidance == 1 else f"guidance {guidance:g}"
    return f"{request['schedule']}: {request['steps']} steps, {off}, "


def difference_lines(request: dict[str, Any], differences: dict[str, Any]) -> list[str]:
    """What the lossy modes of a picture did, and how far they were off where it was checked.

    >>> checked = {"steps": 20, "reused": 9, "step_cache": {"step": 14, "difference": 0.0123}}
    >>> difference_lines({"step_cache": 0.1, "attention": "exact"}, checked)
    ['step cache: 9 of 20 steps reused, velocity off by 1.2 % where checked (step 14)']
    """
    lines = []
    if request["step_cache"]:
        check = _checked_words(differences.get("step_cache"))
        reused = f"{differences['reused']} of {differences['steps']} steps reused"
        lines.append(f"step cache: {reused}{f', {check}' if check else ''}")
    if request["attention"] != EXACT:
        check = _checked_words(differences.get("attention"))
        lines.append(f"{request['attention']} attention: {check or 'not used, it is exact'}")
    return lines


def _checked_words(check: dict[str, Any] | None) -> str:
    if check is None:
        return ""
    return (
        f"velocity off by {check['difference']:.1%} where checked (step {check['step']})".replace(
            "%", " %"
        )
    )


def model_lines(found: ModelDescription, remembered: str) -> Lines:
    kind = variant_words(found.variant, found.variants, found.proposed_variant, remembered)
    return [
        ("model", found.name),
        ("variant", kind),
        ("folder", found.path),
        ("licence", found.licence),
        ("tasks", ", ".join(found.tasks)),
        ("sizes", ", ".join(f"{w}x{h}" for w, h in found.sizes)),
        ("steps", str(found.steps)),
        ("guidance", f"{found.guidance:g}"),
        *([("schedule", schedule_words(found.schedule))] if found.schedule else []),
        *([("notice", found.notice)] if found.notice else []),
    ]


def part_lines(found: Any, remembered: Mapping[str, str]) -> Lines:
    """Of a single file of weights."""
    names, known = found.variants, remembered.get(found.variants.fingerprint, "")
    return [
        ("file", str(found.path)),
        ("part", found.part),
        ("of", variant_words(found.base, names.names, names.proposed, known)),
        ("numbers", ", ".join(found.types)),
        *([("schedule", schedule_words(found.schedule))] if found.schedule else []),
    ]


def lora_lines(found: Any) -> Lines:
    """Of a LoRA's summary."""
    return [
        ("lora", str(found.path)),
        ("for", found.base),
        ("form", found.dialect),
        ("rank", ", ".join(map(str, found.ranks)) or "full matrices"),
        ("modules", str(found.num_modules)),
        ("triggers", ", ".join(found.triggers) or "none named"),
        *([("schedule", schedule_words(found.schedule))] if found.schedule else []),
        *([("notice", found.problem)] if found.problem else []),
    ]


def picture_lines(path: Path) -> Lines:
    from app.files.raster import read_picture, read_recipe

    picture, recipe = read_picture(path), read_recipe(path)
    lines = [
        ("picture", str(path)),
        ("size", f"{picture.width}x{picture.height} {picture.mode}"),
        ("sha256", picture.sha256),
    ]
    if recipe is None:
        return [*lines, ("recipe", "none")]
    model = recipe.get("model")
    name = model.get("name", "") if isinstance(model, dict) else "not named"
    if isinstance(model, dict) and model.get("quantization"):
        name = f"{name} ({model['quantization']})"
    request = json.dumps(recipe.get("request"), ensure_ascii=False)
    return [*lines, ("model", str(name)), ("task", str(recipe.get("task"))), ("request", request)]


def project_lines(project: Any) -> Lines:
    from app.document.layers import walk
    from app.document.pruning import standing_nodes

    page, layers = project.state.page, list(walk(project.state.layers))
    nodes = standing_nodes(project.nodes, project.state)
    lines = [
        ("project", str(project.path)),
        ("page", f"{page.width}x{page.height} px, {page.dpi:g} dpi"),
        ("layers", str(len(layers))),
        *(("", layer.name) for layer in reversed(layers)),
        ("results", str(len(nodes))),
        *(("", node.name) for node in nodes),
    ]
    if project.notice is not None:
        lines.append(("notice", project.notice.text))
    return lines


def variant_words(variant: str, variants: tuple[str, ...], proposed: str, remembered: str) -> str:
    """Which model these files are taken for, and why."""
    if not variants:
        return variant
    others = " or ".join(variants)
    if remembered in variants:
        return f"{variant} (remembered; its files may be {others})"
    if proposed:
        return f"{variant} (by its metadata or name; its files may be {others})"
    return f"{variant} (not told: its files may be {others}; --variant NAME says which)"
