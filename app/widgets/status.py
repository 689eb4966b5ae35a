"""The status bar: what is going on at the left; size, device, memory and zoom at the right."""

from __future__ import annotations

from PySide6.QtWidgets import QStatusBar

from app.i18n import translate
from app.widgets.parts import label, set_role
from app.widgets.words import count, memory, percent


class StatusBar(QStatusBar):
    """Each part is shown by one call; an empty text hides it."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.work = label("")
        self.outside = label("")
        self.page, self.device, self.memory, self.zoom = (label("") for _ in range(4))
        self._step: str | None = None
        self.addWidget(self.work)
        self.addWidget(self.outside)
        for part in (self.page, self.device, self.memory, self.zoom):
            self.addPermanentWidget(part)

    def show_work(self, text: str) -> None:
        self.work.setText(text)

    def show_step(self, node_id: str | None) -> None:
        """What was said of the making of one step is not said of another."""
        if node_id != self._step:
            self._step = node_id
            self.work.clear()
            self.outside.clear()

    def show_outside(self, pixels: int | None) -> None:
        """How many pixels outside the mask differ; None hides it: nothing was protected."""
        if pixels is None:
            self.outside.clear()
            return
        text = translate("Status", "%n px changed outside", n=pixels)
        self.outside.setText(text.replace(str(pixels), count(pixels)))
        set_role(self.outside, "success" if pixels == 0 else "warning")

    def show_correction(self, share: float, visible: float, *, is_poor: bool) -> None:
        """How much of a split picture its correction layer holds, and how much of that is seen."""
        text = translate("Status", "Correction layer: {share} of the picture, {visible} visible")
        self.outside.setText(text.format(share=percent(share), visible=percent(visible)))
        set_role(self.outside, "warning" if is_poor else "success")

    def show_page(self, width: int, height: int) -> None:
        self.page.setText(f"{width} × {height} px")

    def show_zoom(self, zoom: float) -> None:
        self.zoom.setText(f"{zoom * 100:.0f} %")
        self.zoom.setAccessibleName(translate("Status", "Zoom"))

    def show_device(self, text: str) -> None:
        self.device.setText(text)

    def show_memory(self, size_bytes: int) -> None:
        self.memory.setText(translate("Status", "Engine {size}").format(size=memory(size_bytes)))
