"""A canvas for tests: one size, at 100 %, on the screen."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF
from pytestqt.qtbot import QtBot

from app.canvas.palette import LIGHT
from app.canvas.view import CanvasView
from app.document.document import Document
from app.document.state import DocumentState


def shown_canvas(qtbot: QtBot, state: DocumentState) -> CanvasView:
    """A canvas in the active window, over a document of its own in this state."""
    found = CanvasView(LIGHT)
    qtbot.addWidget(found)
    found.resize(500, 400)
    found.set_reduced_motion(True)
    found.set_document(Document(state))
    found.zoom_to(1.0)
    found.show()
    found.activateWindow()
    qtbot.waitActive(found)
    return found


def doc(view: CanvasView) -> Document:
    assert view.document is not None
    return view.document


def screen(view: CanvasView, x: float, y: float) -> QPoint:
    """A point of the page on the canvas."""
    return view.viewport.to_screen(QPointF(x, y)).toPoint()
