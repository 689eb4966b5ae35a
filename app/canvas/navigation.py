"""Wheel, touchpad and fingers: they zoom at the pointer, and pan. Knows no tools."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QNativeGestureEvent, QWheelEvent
from PySide6.QtWidgets import QGestureEvent, QPinchGesture

from app.canvas.surface import CanvasSurface

NOTCH = 120


class Navigation(QObject):
    """Watches a surface's events. `on_control_wheel` may take notches of the wheel with Ctrl."""

    def __init__(self, surface: CanvasSurface, on_control_wheel: Callable[[int], bool]) -> None:
        super().__init__(surface)
        self._surface = surface
        self._on_control_wheel = on_control_wheel
        self._wheeled = 0
        surface.grabGesture(Qt.GestureType.PinchGesture)
        surface.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        match event:
            case QWheelEvent():
                self._wheel(event)
            case QNativeGestureEvent():
                return self._native(event)
            case QGestureEvent():
                return self._pinch(event)
            case _:
                return False
        return True

    def _wheel(self, event: QWheelEvent) -> None:
        """A touchpad pans with two fingers; a wheel goes from zoom stop to zoom stop."""
        event.accept()
        if not event.pixelDelta().isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase:
            self._surface.pan_by(event.pixelDelta().x(), event.pixelDelta().y())
            return
        self._wheeled += event.angleDelta().y()
        notches = int(self._wheeled / NOTCH)
        self._wheeled -= notches * NOTCH
        with_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if notches and not (with_control and self._on_control_wheel(notches)):
            self._surface.zoom_by(notches, event.position())

    def _native(self, event: QNativeGestureEvent) -> bool:
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        zoom = self._surface.viewport.zoom * (1 + event.value())
        self._surface.zoom_to(zoom, event.position())
        return True

    def _pinch(self, event: QGestureEvent) -> bool:
        pinch = event.gesture(Qt.GestureType.PinchGesture)
        if not isinstance(pinch, QPinchGesture):
            return False
        at = self._surface.mapFromGlobal(pinch.centerPoint())
        self._surface.zoom_to(self._surface.viewport.zoom * pinch.scaleFactor(), at)
        return True
