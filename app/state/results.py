"""What becomes of a result: nodes for the edit tree, and the command that puts one on the canvas.

Pure functions over document states and trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from app.document.edits import PlacedResult, place_picture, place_result
from app.document.errors import PictureDamaged
from app.document.history import EditTree, Made, Node
from app.document.pictures import to_image
from app.document.state import DocumentState
from app.store.jobs import Job
from model.recipes import to_recipe
from model.requests import CHANGES, Result

NAME_CHARS = 80


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
        name=" ".join(request.prompt.split())[:NAME_CHARS],
        recipe=to_recipe(request, result.model),
        content=Made(request=request, mask=job.mask, image=placed.image),
        region=placed.region,
        size=QSize(placed.picture.width(), placed.picture.height()),
        model=result.model,
        seconds=result.seconds / max(1, len(result.pictures)),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Arrival(node=node, placed=placed)


def place(state: DocumentState, tree: EditTree, job: Job, result: Result, k: int) -> PlacedResult:
    """Where the k-th picture goes in the document as it is now."""
    image = to_image(result.pictures[k])
    if not is_change(job):
        return place_picture(state, image, base=None)
    return place_result(state, image, mask=job.mask, base=_picture_of(tree, job.parent))


def _picture_of(tree: EditTree, node_id: str | None) -> QImage | None:
    """None where there is none to be read: the new node then needs nothing of it."""
    try:
        return tree.picture_at(node_id) if node_id in tree.nodes and node_id else None
    except PictureDamaged:
        return None
