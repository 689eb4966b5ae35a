"""Reads the text of posters, by an OCR program or by the nearest glyph of the posters' own face.

Both readers give the rows of text that a picture holds, from the top. Knows no model and no scene.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data import glyphs
from training.data.scenes import CELL_PX
from training.errors import TrainingError

Pixels = NDArray[np.uint8]  # [height, width, 3]
Reader = Callable[[Pixels], tuple[str, ...]]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MIN_INK = 50.0  # RGB distance from the page; below it a cell is empty
MIN_LIKENESS = 0.7  # correlation with the nearest glyph; edges of shapes stay below

_OCR_SIDE_PX = 768  # where headlines are read best, for pages of 128 and of 256 px
_OCR_MAX_SCALE = 4
_ROW_OVERLAP = 0.5  # boxes that share so much of their height are one row


class ReaderMissingError(TrainingError):
    """The OCR program is not installed."""


def normalised(text: str) -> str:
    """Capitals in their plain form, without spaces: readers split words as they like."""
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


def is_read_exactly(rows: Sequence[str], text: str) -> bool:
    """Whether one row holds the text and nothing else."""
    return normalised(text) in [normalised(row) for row in rows]


def read_glyphs(pixels: Pixels) -> tuple[str, ...]:
    """The rows of letters on the 16 px grid; needs no OCR and takes a few milliseconds.

    Small letters come first, then those of two cells, which may begin on any cell.
    """
    large = 2 * CELL_PX
    rows = _read_grid(pixels, CELL_PX)
    for top in (0, CELL_PX):
        for left in (0, CELL_PX):
            rows += _read_grid(pixels[top:, left:], large)
    return tuple(rows)


def _read_grid(pixels: Pixels, cell_px: int) -> list[str]:
    chars, _ = nearest_letters(pixels, cell_px)
    rows = (" ".join("".join(row).split()) for row in chars)
    return [row for row in rows if row]


def nearest_letters(
    pixels: Pixels, cell_px: int = CELL_PX
) -> tuple[NDArray[np.str_], NDArray[np.float32]]:
    """The letter nearest to each cell (a space where none is near), and how near it is."""
    ink, strongest = cell_ink(pixels.astype(np.float32), cell_px)
    ink = ink.reshape(*ink.shape[:2], -1)
    ink -= ink.mean(axis=-1, keepdims=True)
    ink /= np.maximum(np.linalg.norm(ink, axis=-1, keepdims=True), 1e-6)
    likeness = ink @ _templates(cell_px).T
    best = likeness.max(axis=-1)
    chars = np.array(list(LETTERS))[likeness.argmax(axis=-1)]
    empty = (best < MIN_LIKENESS) | (strongest < MIN_INK)
    return np.where(empty, " ", chars), np.where(empty, 0, best).astype(np.float32)


def read_at(pixels: Pixels, cells: Sequence[tuple[tuple[int, int, int, int], str]]) -> str:
    """The letters nearest to given cells (see `scenes.letter_cells`), whatever is elsewhere."""
    read = ""
    for (left, top, side, _), _ in cells:
        chars, _ = nearest_letters(pixels[top : top + side, left : left + side], side)
        read += str(chars[0, 0])
    return read


class OcrReader:
    """Reads by rapidocr, on the picture enlarged; its models are loaded once."""

    def __init__(self) -> None:
        self._engine = _make_ocr()

    def __call__(self, pixels: Pixels) -> tuple[str, ...]:
        found = self._engine(np.ascontiguousarray(_enlarged(pixels)[:, :, ::-1]))
        if found.txts is None or found.boxes is None:
            return ()
        return _rows(found.boxes, found.txts)


def _make_ocr() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise ReaderMissingError(
            "rapidocr is not installed; install the extra: pip install 'inkstone[ocr]'"
        ) from None
    return RapidOCR(params={"Global.log_level": "error"})


def _enlarged(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    scale = max(1.0, min(_OCR_MAX_SCALE, _OCR_SIDE_PX / max(height, width)))
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _rows(boxes: Any, texts: Sequence[str]) -> tuple[str, ...]:
    """Boxes side by side are one row; rows come from the top, boxes in them from the left."""
    spans = [(box[:, 1].min(), box[:, 1].max(), box[:, 0].min()) for box in np.asarray(boxes)]
    rows: list[list[int]] = []
    for index in sorted(range(len(spans)), key=lambda i: spans[i][0]):
        home = next((row for row in rows if _is_beside(spans[row[0]], spans[index])), None)
        if home is None:
            rows.append([index])
        else:
            home.append(index)
    return tuple(" ".join(texts[i] for i in sorted(row, key=lambda i: spans[i][2])) for row in rows)


def _is_beside(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    shared = min(first[1], second[1]) - max(first[0], second[0])
    return shared > _ROW_OVERLAP * min(first[1] - first[0], second[1] - second[0])


def cell_ink(
    pixels: NDArray[np.float32], side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far each pixel is from its cell's page, [rows, columns, side, side], and the most of it.

    A cell's page is what its rim shows: letters leave most of that free.
    """
    cells = split_cells(pixels, side)
    rim = np.concatenate(
        [cells[:, :, 0], cells[:, :, -1], cells[:, :, :, 0], cells[:, :, :, -1]], axis=2
    )
    page = np.median(rim, axis=2)[:, :, None, None]
    ink = np.linalg.norm(cells - page, axis=-1)
    return ink, ink.max(axis=(2, 3))


def split_cells(pixels: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """[height, width, 3] -> [rows, columns, side, side, 3], dropping what is no whole cell."""
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    whole = pixels[: rows * side, : columns * side]
    return whole.reshape(rows, side, columns, side, 3).swapaxes(1, 2)


@cache
def _templates(side: int) -> NDArray[np.float32]:
    """Every letter's coverage, flat, centred and of length 1."""
    flat = np.stack([glyphs.letter(char, side).ravel() for char in LETTERS])
    flat = flat - flat.mean(axis=1, keepdims=True)
    return (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)
