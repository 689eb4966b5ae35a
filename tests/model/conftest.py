"""Checkpoints that both sides open, made once a session."""

from __future__ import annotations

import pytest

from model.bench import tiny
from model.bench.reference import (
    Pair,
    make_pair,
)
from tests import loras
from tests.reference import (
    SIZES,
)


@pytest.fixture(scope="session", params=list(SIZES))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(SIZES[request.param], tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def text_pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    size = tiny.Tiny(pipeline=tiny.TEXT, seed=3)
    return make_pair(size, tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="session", params=list(loras.SIZES))
def lora_pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> loras.Pair:
    return loras.make_pair(loras.SIZES[request.param], tmp_path_factory.mktemp(request.param))
