"""Compiled blocks, by compilers that stand in for torch.compile: each size's verdict, and that
nothing a compiler does spoils a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model import loader
from model.bench import tiny, tiny21
from model.compiled import Compiled
from model.errors import OutOfMemory
from model.lora import Adapter, Delta
from model.memory.savings import Savings
from model.requests import TextToImage
from model.transformer21 import Transformer21

POSTER = TextToImage(prompt="ink", width=64, height=64, steps=2, seed=1, guidance=2.0)
Block = Callable[..., Any]


class Compiler:
    """Counts the calls of what it has compiled; `change` is done to what that returns."""

    def __init__(self, change: Callable[[Any], Any] = lambda found: found) -> None:
        self.calls, self.compiled, self._change = 0, 0, change

    def __call__(self, plain: Block) -> Block:
        self.compiled += 1

        def made(*args: Any) -> Any:
            self.calls += 1
            return self._change(plain(*args))

        return made


def seconds(*times: float) -> Callable[[Callable[[], object], torch.device], float]:
    """Of a compiled block and a plain one, in turns."""
    left = list(times)
    return lambda run, device: left.pop(0)


def network(path: Path, *, savings: Savings | None = None) -> loader.Model:
    return loader.load(tiny.write(tiny.Tiny(pipeline=tiny.TEXT, layers=3), path), savings=savings)


def picture(model: loader.Model) -> bytes:
    return model.run(POSTER).pictures[0].data


@pytest.mark.parametrize("resident", [None, 1])
def test_they_are_used_where_they_take_less_time(resident: int | None, tmp_path: Path) -> None:
    model = network(tmp_path / "tiny", savings=Savings(resident_blocks=resident))
    plain, said, compiler = picture(model), [], Compiler()
    Compiled(
        model.networks.transformer,
        compile=compiler,
        seconds=seconds(1, 2, 3, 2),
        notice=said.append,
    )
    assert picture(model) == plain
    # Two prompts of unlike length: of one, all blocks but the last and all steps; of both a trial.
    assert (compiler.compiled, compiler.calls) == (1, 2 * 2 + 2)
    assert [line.partition(" s: ")[2] for line in said] == [
        "a block takes 0.50 of its time",
        "a block takes 1.50 of its time, which does not pay; run plainly",
    ]
    assert said[0].startswith("compiled for 64 and ")
    picture(model)
    assert len(said) == 2
    assert compiler.calls == 2 * 2 + 2 + 2 * 2


def test_those_of_2_1(tmp_path: Path) -> None:
    tiny21.write_with_diffusers(tiny21.Tiny21(), tmp_path / "Qwen-Image-2.1")
    model = loader.load(tmp_path / "Qwen-Image-2.1", accepted=["Qwen Research License"])
    assert isinstance(model.networks.transformer, Transformer21)
    plain, compiler = picture(model), Compiler()
    Compiled(model.networks.transformer, compile=compiler, seconds=seconds(*[1, 2] * 2))
    assert picture(model) == plain
    assert compiler.calls > 2


def spoiled(found: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return found[0] * 1.001, found[1]


def failing(found: object) -> object:
    raise ValueError("no compiler\nat all")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (spoiled, "compiled blocks are wrong by 0.1% on this computer; run plainly"),
        (
            failing,
            "blocks cannot be compiled on this computer (ValueError: no compiler); "
            "they run plainly",
        ),
        (lambda found: (found[0] * float("nan"), found[1]), "compiled blocks are wrong by nan%"),
    ],
)
def test_what_a_compiler_spoils_is_not_used(
    change: Callable[[Any], Any], word: str, tmp_path: Path
) -> None:
    model = network(tmp_path / "tiny")
    plain, said, compiler = picture(model), [], Compiler(change)
    Compiled(model.networks.transformer, compile=compiler, notice=said.append)
    assert picture(model) == plain
    assert compiler.calls == 1
    assert len(said) == 1
    assert said[0].startswith(word)


def test_memory_that_runs_out_is_no_fault_of_the_compiler(tmp_path: Path) -> None:
    def short(found: object) -> object:
        raise torch.OutOfMemoryError("CUDA out of memory")

    model, said = network(tmp_path / "tiny"), list[str]()
    Compiled(model.networks.transformer, compile=Compiler(short), notice=said.append)
    with pytest.raises(OutOfMemory):
        picture(model)
    assert said == []


def test_a_lora_makes_them_run_plainly(tmp_path: Path) -> None:
    model = network(tmp_path / "tiny")
    transformer = model.networks.transformer
    target = transformer.get_submodule("transformer_blocks.0.attn.to_q")
    assert isinstance(target, nn.Linear)
    rows, columns = target.weight.shape
    delta = Delta(chain=(torch.ones(rows, 1), torch.ones(1, columns)))
    with Adapter(transformer, {"transformer_blocks.0.attn.to_q": delta}, 0.1):
        plain = picture(model)
    compiler = Compiler()
    Compiled(transformer, compile=compiler, seconds=seconds(*[1, 2] * 2), notice=lambda _: None)
    with Adapter(transformer, {"transformer_blocks.0.attn.to_q": delta}, 0.1):
        assert picture(model) == plain
    assert picture(model) != plain
