"""What is done with files: new, open, save, export, and pictures that are placed or dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QCursor, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu

from app.deeds.extending import ExtendDeeds
from app.deeds.layers import LayerDeeds
from app.deeds.pictures import PATTERNS, picture_kinds, read_dropped
from app.deeds.references import ReferenceDeeds
from app.dialogs.page import PageDialog
from app.document.commands import AddLayer, SetPage
from app.document.composite import render
from app.document.geometry import Page, shift
from app.document.layers import PixelLayer
from app.document.tiles import PixelKind, Tiles
from app.files.errors import FilesError
from app.i18n import translate
from app.main_window import MainWindow
from app.state.messages import Kind, Message
from app.state.workspace import SUFFIX
from app.store.errors import StoreError
from app.store.project import Project
from app.widgets.drops import Dropped, dropped_pictures


class FileDeeds:
    """Asks for names with the system's dialogs; what goes wrong is told, never raised."""

    def __init__(
        self,
        window: MainWindow,
        layers: LayerDeeds,
        references: ReferenceDeeds,
        extend: ExtendDeeds,
    ) -> None:
        self._extend = extend
        self._window = window
        self._workspace = window.workspace
        self._layers = layers
        self._references = references

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "new": self.new,
            "open": self.open,
            "place": self.place,
            "save": self.save,
            "save_as": self.save_as,
            "export": self.export,
            "page": self.page,
            "copy": self.copy,
            "paste": self.paste,
        }

    # --- projects ---

    def new(self) -> None:
        title = translate("PageDialog", "New Page")
        dialog = PageDialog(self._workspace.document.state.page, title, self._window)
        page = self._answer(dialog)
        if page is not None and self._workspace.new(page):
            self._workspace.generation.fit_size(page)

    def page(self) -> None:
        """Another page around what lies on this one; undo brings the old one back."""
        title = translate("PageDialog", "Page Size")
        before = self._workspace.document.state.page
        dialog = PageDialog(before, title, self._window, has_content=True)
        page = self._answer(dialog)
        if page is not None:
            at = shift(before, page, *dialog.anchor.place)
            self._window.do(SetPage(page=page, dx=at.x(), dy=at.y()))
            if page.width > before.width or page.height > before.height:
                self._extend.offer()

    def _answer(self, dialog: PageDialog) -> Page | None:
        is_accepted = dialog.exec() == PageDialog.DialogCode.Accepted
        dialog.deleteLater()
        return dialog.chosen if is_accepted else None

    def open(self) -> None:
        kinds = translate("Files", "Projects and pictures ({kinds})").format(
            kinds=f"*{SUFFIX} {PATTERNS}"
        )
        name, _ = QFileDialog.getOpenFileName(
            self._window, translate("Files", "Open"), str(self._workspace.folder), kinds
        )
        if name:
            self.open_path(Path(name))

    def open_path(self, path: Path) -> None:
        """A project, or a picture as a new project."""
        if path.suffix.lower() == SUFFIX:
            if not self._workspace.open(path) and not path.exists():
                self._workspace.settings.forget(str(path))
        else:
            self._with_picture(path, lambda image: self._open_picture(image, path.stem))

    def fill_recent(self, menu: QMenu) -> None:
        menu.clear()
        for name in self._workspace.settings.recent:
            action = menu.addAction(Path(name).stem.replace("&", "&&"))
            action.setToolTip(name)
            action.triggered.connect(lambda _=False, name=name: self.open_path(Path(name)))

    def save(self) -> None:
        if self._workspace.is_untitled or not self._workspace.is_writable:
            self.save_as()
        else:
            self._workspace.save()

    def save_as(self) -> None:
        title = translate("Files", "Save As")
        kinds = translate("Files", "Inkstone project ({kinds})").format(kinds=f"*{SUFFIX}")
        start = str(self._workspace.folder / f"{self._workspace.title}{SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(self._window, title, start, kinds)
        if name:
            self._workspace.save_as(Path(name))

    # --- export ---

    def export(self) -> None:
        kinds = ";;".join(
            (translate("Files", "PNG, flat (*.png)"), translate("Files", "PSD, layers (*.psd)"))
        )
        start = str(self._workspace.folder / f"{self._workspace.title}.png")
        name, kind = QFileDialog.getSaveFileName(
            self._window, translate("Files", "Export"), start, kinds
        )
        if name:
            path = Path(name)
            if path.suffix.lower() not in (".png", ".psd"):
                path = path.with_name(path.name + (".psd" if "psd" in kind else ".png"))
            self.export_to(path)

    def export_to(self, path: Path) -> None:
        """Write the page as it is now; the ending decides between flat and layered."""
        from app.files.export import export

        state = self._workspace.document.state
        recipe = self._recipe(state.current_node)
        self._write(path, lambda: export(state, path, recipe=recipe))

    def export_node(self, node_id: str) -> None:
        """One step of the history as a PNG, with its recipe inside."""
        from app.files.raster import write_png

        tree, found = self._workspace.tree, list[QImage]()
        if not self._window.attempt(lambda: found.append(tree.picture_at(node_id))):
            return
        node, (image,) = tree.node(node_id), found
        start = str(self._workspace.folder / f"{_file_name(node.name)}.png")
        title = translate("Files", "Export")
        name, _ = QFileDialog.getSaveFileName(self._window, title, start, "PNG (*.png)")
        if name:
            path = Path(name).with_suffix(".png")
            self._write(path, lambda: write_png(path, image, node.recipe))

    def _recipe(self, node_id: str | None) -> Mapping[str, Any] | None:
        nodes = self._workspace.tree.nodes
        return nodes[node_id].recipe if node_id is not None and node_id in nodes else None

    def _write(self, path: Path, work: Callable[[], object]) -> None:
        """Off the window's thread; the outcome is told either way."""

        def guarded(_: Project) -> str:
            try:
                work()
            except (FilesError, StoreError) as error:
                return str(error)
            return ""

        self._workspace.run(guarded, lambda reason: self._tell(path, reason))

    def _tell(self, path: Path, reason: str) -> None:
        if reason:
            title = translate("Files", "“{name}” was not exported.").format(name=path.name)
            self._window.show_message(Message(kind=Kind.error, title=title, text=reason))
        else:
            title = translate("Files", "Exported to “{name}”.").format(name=path.name)
            text = str(path.parent)
            self._window.show_message(Message(kind=Kind.notice, title=title, text=text))

    # --- pictures ---

    def place(self) -> None:
        title, folder = translate("Files", "Place Picture"), str(self._workspace.folder)
        name, _ = QFileDialog.getOpenFileName(self._window, title, folder, picture_kinds())
        if name:
            self._ask_use(Path(name), self._window.page_middle())

    def copy(self) -> None:
        """What is seen on the page, or in the selection's box, to the clipboard."""
        state = self._workspace.document.state
        area = state.selection.bounds if state.selection is not None else state.page.rect
        QApplication.clipboard().setImage(render(state, area))

    def paste(self) -> None:
        data = QApplication.clipboard().mimeData()
        found = dropped_pictures(data) if data is not None else []
        if found:
            self.dropped(list(found), self._window.page_middle())
        else:
            self._window.refuse(translate("Files", "There is no picture on the clipboard."))

    def dropped(self, pictures: list[Dropped], at: QPointF) -> None:
        """Pictures from outside: the first is asked about, and so are all."""
        for picture in pictures[:1]:
            self._ask_use(picture, at, pictures[1:])

    def _ask_use(self, picture: Dropped, at: QPointF, more: list[Dropped] | None = None) -> None:
        every = [picture, *(more or [])]
        menu = QMenu(self._window)
        for text, deed in (
            (translate("Files", "As a layer here"), lambda: self._as_layers(every, at)),
            (
                translate("Files", "As reference for the next picture"),
                lambda: self._references.add(every),
            ),
            (
                translate("Files", "Open as a new project"),
                lambda: self._with_picture(
                    picture, lambda image: self._open_picture(image, _name_of(picture))
                ),
            ),
        ):
            menu.addAction(text, deed)
        menu.addSeparator()
        menu.addAction(translate("Files", "Cancel"))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(QCursor.pos())
        menu.setActiveAction(menu.actions()[0])

    def _as_layers(self, pictures: list[Dropped], at: QPointF) -> None:
        for picture in pictures:
            name = _name_of(picture)
            self._with_picture(
                picture, lambda image, name=name: self._layers.add_picture(image, name, at)
            )

    def _open_picture(self, image: QImage, name: str) -> None:
        """A page of the picture's own size, with it as its picture layer."""
        page = Page(width=image.width(), height=image.height(), dpi=72)
        if self._workspace.new(page):
            tiles = Tiles.from_image(image.convertToFormat(PixelKind.color.value), QPoint(0, 0))
            self._window.do(AddLayer(layer=PixelLayer(name=name, tiles=tiles)))
            self._workspace.generation.switch(True)

    def _with_picture(self, picture: Dropped, use: Callable[[QImage], object]) -> None:
        image = read_dropped(self._window, picture)
        if image is not None:
            use(image)


def _name_of(picture: Dropped) -> str:
    return picture.stem if isinstance(picture, Path) else translate("Files", "Pasted picture")


def _file_name(text: str) -> str:
    """A text that every system takes as the name of a file."""
    kept = "".join(c if c.isalnum() or c in " -_" else "" for c in text).strip()
    return kept[:60] or "inkstone"
