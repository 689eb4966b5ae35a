"""A menu that says, over an entry that is disabled, why it is."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QMenu, QToolTip


class ReasonMenu(QMenu):
    """An action's "what's this" is the reason; where there is none, nothing is shown."""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            action = self.actionAt(event.pos())
            reason = "" if action is None or action.isEnabled() else action.whatsThis()
            QToolTip.showText(event.globalPos(), reason, self)
            return True
        return super().event(event)
