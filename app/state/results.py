"""What becomes of a result: nodes for the edit tree, and the command that puts one on the canvas.

Pure functions over document states and trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from app.document.edits import (
    PlacedResult,
    place_extension,
    place_picture,
    place_result,
    with_region,
)
from app.document.errors import PictureDamaged
from app.document.extending import beyond, picture_area
from app.document.geometry import Page
from app.document.history import EditTree, Made, Node, compose
from app.document.pictures import to_image
from app.document.placing import PlaceSplit
from app.document.selection import Selection
from app.document.splitting import Split, split
from app.document.state import DocumentState
from app.document.tiles import PixelKind
from app.i18n import translate
from app.store.jobs import Job
from model.recipes import to_recipe
from model.requests import CHANGES, Decompose, Differences, Outpaint, Request, Result

NAME_CHARS = 80


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the status line says of the last result. No mask: nothing was to be protected. `split`:
    a picture taken apart. `is_map`: what was asked for is a map, not a picture. `is_slower`:
    memory ran out in a first try. `differences`: of one that was not made exactly."""

    seconds: float
    changed_outside: int | None = None
    split: Split | None = None
    is_map: bool = False
    is_slower: bool = False
    differences: Differences | None = None


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One picture of a result: its node, and how it is put in its place."""

    node: Node
    placed: PlacedResult


def is_change(job: Job) -> bool:
    """Whether the job changes what is on the canvas; an edit of a reference makes a new picture."""
    return isinstance(job.request, CHANGES) and job.details.get("kind") == "change"


def arrivals(state: DocumentState, tree: EditTree, job: Job, result: Result) -> list[Arrival]:
    """One for every picture of the result, in its order."""
    return [_arrival(state, tree, job, result, k) for k in range(len(result.pictures))]


def _arrival(state: DocumentState, tree: EditTree, job: Job, result: Result, k: int) -> Arrival:
    request = result.requests[k]
    parent = job.parent if is_change(job) and job.parent in tree.nodes else None
    placed = place(state, tree, job, result, k)
    node = Node(
        parent=parent,
        name=_name_of(request),
        recipe=to_recipe(request, result.model),
        content=Made(request=request, mask=job.mask, image=placed.image),
        region=placed.region,
        size=QSize(placed.picture.width(), placed.picture.height()),
        model=result.model,
        seconds=result.seconds / max(1, len(result.pictures)),
        differences=result.differences[k] if result.differences else None,
        time=_now(),
    )
    return Arrival(node=node, placed=placed)


def taken_apart(page: Page, path: Sequence[Node], job: Job, result: Result) -> tuple[Node, Split]:
    """The one node of a picture that was split, and its layers brought to the page.

    The node is a picture of what was split, and keeps the layers as the model made them. `path`
    leads to its parent.
    """
    request = result.requests[0]
    assert isinstance(request, Decompose)
    layers = tuple(to_image(part).convertToFormat(PixelKind.color.value)
                   for part in result.pictures)  # fmt: skip
    found = split(page, to_image(request.image), layers)
    kept = with_region(PlaceSplit(node="", layer=found.group), found.picture, _composed(path))
    node = Node(
        parent=path[-1].id if path else None,
        name=translate("History", "Split into %n layer(s)", len(layers)),
        recipe=to_recipe(request, result.model),
        content=Made(request=request, mask=None, image=kept.image, layers=layers),
        region=kept.region,
        size=found.picture.size(),
        model=result.model,
        seconds=result.seconds,
        differences=result.differences[0] if result.differences else None,
        time=_now(),
    )
    return node, found


def place(state: DocumentState, tree: EditTree, job: Job, result: Result, k: int) -> PlacedResult:
    """Where the k-th picture goes in the document as it is now."""
    image = to_image(result.pictures[k])
    if not is_change(job):
        return place_picture(state, image, base=None)
    base = _picture_of(tree, job.parent)
    if isinstance(job.request, Outpaint):
        return place_extension(state, image, mask=_mask_of(state, image, job), base=base)
    return place_result(state, image, mask=job.mask, base=base)


def _name_of(request: Request) -> str:
    """What stands in the history; the words of an extension are those of the whole picture."""
    if isinstance(request, Outpaint):
        width, height = request.full_size
        size = f"{width} × {height}"
        return translate("History", "Extended to {size} px").format(size=size)
    return " ".join(request.prompt.split())[:NAME_CHARS]


def _mask_of(state: DocumentState, image: QImage, job: Job) -> Selection:
    """What an extension may paint: on a page that has another size by now, what lies beyond the
    picture there."""
    if job.mask is not None and image.size() == state.page.rect.size():
        return job.mask
    return beyond(picture_area(state), state.page.rect)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _picture_of(tree: EditTree, node_id: str | None) -> QImage | None:
    """None where there is none to be read: the new node then needs nothing of it."""
    return _composed(tree.path(node_id)) if node_id in tree.nodes and node_id else None


def _composed(path: Sequence[Node]) -> QImage | None:
    try:
        return compose(path) if path else None
    except PictureDamaged:
        return None
