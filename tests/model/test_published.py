"""A model of a published size needs what was counted; of others, and of packed ones, nothing is
said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model.bench.plan import published
from model.bench.tiny import TEXT, Tiny, write
from model.checkpoint.published import needs_of
from model.checkpoint.quantising import quantise
from model.config import FAMILIES, TransformerConfig
from model.hub.machine import Place
from model.hub.needs import needs
from model.memory.work import work_of


def test_needs_are_those_of_the_published_size(tmp_path: Path) -> None:
    for row in FAMILIES:
        folder = published(tmp_path, row)
        for place in Place:
            assert needs_of(folder, place) == needs(row.name, place) != ()
    smaller = replace(published(tmp_path, FAMILIES[0]), transformer=TransformerConfig(num_layers=9))
    assert needs_of(smaller, Place.card) == ()


def test_packed_model_is_not_packed_again(tmp_path: Path) -> None:
    packed = tmp_path / "packed.safetensors"
    quantise(write(Tiny(pipeline=TEXT), tmp_path / "tiny"), packed, "int8")
    folder = published(tmp_path, FAMILIES[0])
    assert (
        needs_of(replace(folder, parts={**folder.parts, "transformer": packed}), Place.card) == ()
    )


def test_layered_model_sees_the_picture_beside_its_layers(tmp_path: Path) -> None:
    row = next(row for row in FAMILIES if row.has_layers)
    work = work_of(published(tmp_path, row), None)
    assert work.grid == (5, 40, 40)
    assert work.references == ((1, 40, 40),)
