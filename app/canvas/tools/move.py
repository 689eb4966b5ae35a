"""The move tool: takes hold of the topmost layer under the pointer, with Ctrl of the active one.

Shift keeps the way straight. A full stop of the pointer moves nothing, and selects the layer.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect

from app.canvas.tools.tool import Gesture, Key, Pointer, Stage
from app.document.commands import OffsetLayer
from app.document.composite import content, layer_bounds
from app.document.layers import GroupLayer, Layer, Layers, PixelLayer, has_layer, new_id
from app.document.state import DocumentState


def drag(stage: Stage, press: Pointer) -> Gesture:
    layer_id = target(stage.state, press)
    if layer_id is None:
        return _nothing()
    stage.activate(layer_id)
    return _move(stage, press, layer_id)


def nudge(stage: Stage, dx: int, dy: int, gesture: str) -> None:
    """Moves the active layer."""
    layer = stage.state.active_layer
    if layer is not None:
        stage.do(OffsetLayer(layer_id=layer.id, dx=dx, dy=dy, gesture=gesture))


def target(state: DocumentState, press: Pointer) -> str | None:
    """The id of the layer that a press takes hold of."""
    active = state.active_layer
    if active is not None and press.holds(Key.ControlModifier):
        return active.id
    found = layer_at(state.layers, press.page)
    is_inside_active = isinstance(active, GroupLayer) and has_layer(active.children, found)
    return active.id if active is not None and (found is None or is_inside_active) else found


def layer_at(layers: Layers, point: QPointF) -> str | None:
    """The topmost layer that shows at a point of the page, locked ones aside."""
    pixel = QPoint(int(point.x() // 1), int(point.y() // 1))
    for layer in reversed(layers):
        if not layer.visible or layer.locked or not layer_bounds(layer).contains(pixel):
            continue
        if isinstance(layer, GroupLayer):
            if (found := layer_at(layer.children, point)) is not None:
                return found
        elif _is_hit(layer, pixel):
            return layer.id
    return None


def straightened(way: QPoint) -> QPoint:
    """Only the longer of the two directions.

    >>> straightened(QPoint(-9, 4))
    PySide6.QtCore.QPoint(-9, 0)
    """
    return QPoint(way.x(), 0) if abs(way.x()) >= abs(way.y()) else QPoint(0, way.y())


def _move(stage: Stage, press: Pointer, layer_id: str) -> Gesture:
    gesture, done = new_id(), QPoint()
    is_released = False
    while not is_released:
        pointer = yield
        way = (pointer.page - press.page).toPoint()
        if pointer.holds(Key.ShiftModifier):
            way = straightened(way)
        step = way - done
        if not step.isNull():
            stage.do(OffsetLayer(layer_id=layer_id, dx=step.x(), dy=step.y(), gesture=gesture))
        done, is_released = way, pointer.is_release


def _nothing() -> Gesture:
    while not (yield).is_release:
        pass


def _is_hit(layer: Layer, pixel: QPoint) -> bool:
    """Text is hit anywhere in its box, so that thin letters can be taken hold of."""
    if not isinstance(layer, PixelLayer):
        return True
    here = QRect(pixel - QPoint(layer.x, layer.y), pixel - QPoint(layer.x, layer.y))
    return content(layer).image(here).pixelColor(0, 0).alpha() > 0
