"""The text tool: a click asks for a text at a point, a drag for one in a box.

On a text that is there already it chooses that layer, ready to be typed into.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF

from app.canvas.tools.tool import Draft, Gesture, Pointer, Stage
from app.document.composite import layer_bounds
from app.document.layers import TextLayer, walk
from app.document.state import DocumentState

SMALLEST_BOX_PX = 8


def drag(stage: Stage, press: Pointer) -> Gesture:
    found = text_at(stage.state, press.page)
    if found is not None:
        stage.activate(found)
    box, is_released = QRectF(), False
    try:
        while not is_released:
            pointer = yield
            box = QRectF(press.page, pointer.page).normalized()
            stage.show_draft(Draft(rect=box.toAlignedRect()))
            is_released = pointer.is_release
    finally:
        stage.show_draft(None)
    is_click = max(box.width(), box.height()) < SMALLEST_BOX_PX
    stage.ask_text(QRectF(press.page, QSizeF(0, 0)) if is_click else box)


def text_at(state: DocumentState, point: QPointF) -> str | None:
    """The topmost visible text layer at a point of the page."""
    pixel = QPoint(int(point.x() // 1), int(point.y() // 1))
    for layer in reversed([*walk(state.layers)]):
        if isinstance(layer, TextLayer) and layer.visible and layer_bounds(layer).contains(pixel):
            return layer.id
    return None
