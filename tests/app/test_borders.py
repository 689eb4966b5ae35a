"""Borders that import contracts cannot draw: documents, stores and files know no widgets."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QT_VALUES = {"PySide6.QtCore", "PySide6.QtGui"}


def imported_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", ["document", "store", "files"])
def test_values_of_qt_are_all_that_documents_and_files_use(package: str) -> None:
    files = sorted((ROOT / "app" / package).glob("**/*.py"))
    assert files
    for path in files:
        modules = {".".join(n.split(".")[:2]) for n in imported_names(path) if "PySide6" in n}
        assert modules <= QT_VALUES | {"PySide6"}, path
        assert "PySide6.QtWidgets" not in imported_names(path), path


def test_nothing_can_unpickle() -> None:
    """`torch.load`, pickle and their kin appear nowhere in the program."""
    forbidden = {"pickle", "marshal", "shelve", "dill", "joblib", "torch.load", "numpy.load"}
    for package in ("app", "model", "training"):
        for path in sorted((ROOT / package).glob("**/*.py")):
            assert not imported_names(path) & forbidden, path
            calls = {
                f"{node.value.id}.{node.attr}"
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            }
            assert not calls & (forbidden | {"np.load"}), path


def test_packaging_stays_a_folder_of_data() -> None:
    """A package of that name would hide the distribution `packaging`."""
    assert not (ROOT / "packaging" / "__init__.py").exists()
