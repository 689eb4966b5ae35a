"""Judges edits of posters: the named attribute changed as asked, everything else stayed.

Compares pixels with the scenes before and after; knows no model.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from training.data.edits import (
    HEADLINE,
    PAGE,
    SHAPE_ADDED,
    SHAPE_MOVED,
    SHAPE_RECOLOURED,
    SHAPE_REMOVED,
    TEXT_COLOUR,
)
from training.data.scenes import Scene, render_array
from training.evaluation.attributes import PosterFindings, check_poster
from training.evaluation.text_rendering import Pixels, Reader

FINDING_OF = {
    HEADLINE: "headline",
    PAGE: "page",
    TEXT_COLOUR: "text_colour",
    SHAPE_ADDED: "shapes",
    SHAPE_REMOVED: "shapes",
    SHAPE_RECOLOURED: "shapes",
    SHAPE_MOVED: "places",
}
"""Which finding shows that a change was made."""

_KEPT = ("page", "text_colour", "headline", "shapes")


@dataclass(frozen=True, kw_only=True)
class EditFindings:
    changed: bool
    """The named attribute is as asked."""
    kept: dict[str, bool]
    """Of the other attributes, which are as they were."""
    kept_psnr_db: float | None
    """Over the pixels that a perfect edit leaves alone; None where there are none."""

    @property
    def headline_kept(self) -> bool | None:
        """None where the headline was to be changed."""
        return self.kept.get("headline")


def check_edit(
    pixels: Pixels, source: Scene, target: Scene, attribute: str, read: Reader
) -> EditFindings:
    findings = check_poster(pixels, target, read)
    return EditFindings(
        changed=_is_changed(findings, attribute),
        kept=_kept(findings, attribute),
        kept_psnr_db=kept_psnr_db(pixels, source, target),
    )


def kept_psnr_db(pixels: Pixels, source: Scene, target: Scene) -> float | None:
    """How near the pixels that both scenes share are to the source's (99 dB: the same)."""
    scale = len(pixels) // source.size
    before, after = render_array(source, scale), render_array(target, scale)
    shared = (before == after).all(axis=-1)
    if not shared.any():
        return None
    error = (pixels[shared].astype(np.float64) - before[shared]) ** 2
    return min(99.0, 10 * math.log10(255**2 / max(float(error.mean()), 1e-12)))


def _is_changed(findings: PosterFindings, attribute: str) -> bool:
    named = asdict(findings)
    if attribute == SHAPE_ADDED:
        return named["shapes"] and named["places"]
    return named[FINDING_OF[attribute]]


def _kept(findings: PosterFindings, attribute: str) -> dict[str, bool]:
    changed = {FINDING_OF[attribute], "shapes" if attribute == SHAPE_MOVED else ""}
    return {
        name: value
        for name, value in asdict(findings).items()
        if name in _KEPT and name not in changed
    }
