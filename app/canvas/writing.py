"""Writing on the canvas: an editor over one text layer, each change of it a command.

All that is typed from the first key to the last is one step of undo. Knows no tools.
"""

from __future__ import annotations

import contextlib
import math

from PySide6.QtCore import QObject, QPointF, QRect, QRectF, Signal

from app.canvas.gestures import CanvasStage
from app.canvas.surface import CanvasSurface
from app.canvas.text_editor import TextEditor
from app.document.commands import AddLayer, EditText, RemoveLayer
from app.document.errors import DocumentError, LayerLocked, TextTooLong
from app.document.layers import TextLayer, find_layer, has_layer, new_id
from app.document.text import text_box

ROOM_PX = 12  # around the text, for the caret and slanted letters


class Writing(QObject):
    """At most one layer at a time is written in. `refused` says in words why something cannot be
    written."""

    refused = Signal(str)

    def __init__(self, surface: CanvasSurface, stage: CanvasStage) -> None:
        super().__init__(surface)
        self._surface = surface
        self._stage = stage
        self._editor: TextEditor | None = None
        self._layer_id = ""
        self._gesture = ""
        self._active_before: str | None = None
        self._is_new = False
        surface.moved.connect(self._place)

    @property
    def layer(self) -> TextLayer | None:
        """The layer that is written in."""
        layers = self._stage.state.layers if self._editor is not None else ()
        found = find_layer(layers, self._layer_id) if has_layer(layers, self._layer_id) else None
        return found if isinstance(found, TextLayer) else None

    def begin(self, layer_id: str, at: QPointF | None = None) -> None:
        """Write in a layer, the caret at a point of the page, else all selected.

        Raises DocumentError if it is locked or holds no text.
        """
        if self._editor is not None and layer_id == self._layer_id:
            return
        self.finish()
        self._stage.activate(layer_id)
        layer = find_layer(self._stage.state.layers, layer_id)
        text = layer.text if isinstance(layer, TextLayer) else ""
        EditText(layer_id=layer_id, text=text).apply(self._stage.state)
        self._gesture, self._is_new = new_id(), False
        self._open(layer_id)
        assert self._editor is not None
        if at is None:
            self._editor.select_all()
        else:
            self._editor.caret_to(at - QPointF(layer.x, layer.y))

    def begin_new(self, layer: TextLayer) -> None:
        """Add a layer and write in it; if nothing is written, it has never been there."""
        self.finish()
        self._gesture, self._is_new = new_id(), True
        self._active_before = self._stage.state.active
        self._stage.do(AddLayer(layer=layer, gesture=self._gesture))
        self._open(layer.id)
        assert self._editor is not None
        self._editor.select_all()

    def finish(self) -> None:
        """What has been written stays."""
        if self._editor is not None and self.layer is not None:
            self._editor.commit()
        layer = self.layer
        if not self._close():
            return
        if layer is not None and self._is_new and not layer.text.strip():
            before = self._active_before
            gone = RemoveLayer(layer_id=layer.id, active=before, gesture=self._gesture)
            with contextlib.suppress(LayerLocked):  # then it is wanted, words or not
                self._stage.do(gone)

    def _open(self, layer_id: str) -> None:
        self._layer_id = layer_id
        layer = find_layer(self._stage.state.layers, layer_id)
        assert isinstance(layer, TextLayer)
        self._editor = TextEditor(self._surface, layer)
        self._editor.typed.connect(self._type)
        self._editor.left.connect(self.finish)
        self._editor.refused.connect(self.refused)
        self._stage.document.changed.connect(self._follow)
        self._place()
        self._editor.show()
        self._editor.setFocus()
        self._surface.update()

    def _close(self) -> bool:
        """Whether anything was open."""
        editor, self._editor = self._editor, None
        if editor is None:
            return False
        self._stage.document.changed.disconnect(self._follow)
        had_focus = editor.hasFocus()
        editor.hide()
        editor.deleteLater()
        if had_focus:
            self._surface.setFocus()
        self._surface.update()
        return True

    def _type(self, text: str) -> None:
        try:
            self._stage.do(EditText(layer_id=self._layer_id, text=text, gesture=self._gesture))
        except TextTooLong as error:
            self.refused.emit(str(error))
            if self._editor is not None and self.layer is not None:
                self._editor.show_words(self.layer.text)
        except DocumentError as error:  # it was locked or deleted meanwhile
            self.refused.emit(str(error))
            self.finish()

    def _follow(self) -> None:
        layer = self.layer
        if layer is None or not layer.visible or self._stage.state.active != layer.id:
            self.finish()
        elif self._editor is not None:
            self._editor.show_layer(layer)
            self._place()

    def _place(self) -> None:
        layer = self.layer
        if layer is None or self._editor is None:
            return
        viewport = self._surface.viewport
        box = viewport.rect_to_screen(QRectF(text_box(layer).translated(layer.x, layer.y)))
        room = ROOM_PX + math.ceil(layer.size_px * viewport.scale / 4)
        seen = box.toAlignedRect().adjusted(-room, -room, room, room) & self._surface.rect()
        at = viewport.to_screen(QPointF(layer.x, layer.y))
        # Out of sight it stays open, as a pixel: hidden it would lose the keys.
        self._editor.place(seen if not seen.isEmpty() else QRect(0, 0, 1, 1), at, viewport.scale)
