"""LoRA at run time: weighed, stacked, used by exactly the runs that ask for it, and gone without a
trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from model.checkpoint.lora_folders import LoraFolders
from model.checkpoint.save import save_lora
from model.errors import CheckpointError, Stopped
from model.lora import Adapter, Delta, Deltas, Loras
from model.requests import LoraUse, RequestError, TextToImage
from tests import loras
from tests.loras import GRIDS, Pair

pytestmark = pytest.mark.filterwarnings("ignore")


# --- at run time ------------------------------------------------------------------------------


def test_without_it_the_output_is_what_it_was_bit_for_bit(lora_pair: Pair, tmp_path: Path) -> None:
    pairs = loras.pairs(lora_pair.transformer)
    deltas = lora_pair.read(loras.write(loras.DIALECTS["bare"](pairs), tmp_path / "a.safetensors"))
    names, before = list(lora_pair.transformer.state_dict()), lora_pair.found()
    assert not torch.equal(lora_pair.found((deltas, 0.5)), before)
    assert torch.equal(lora_pair.found((deltas, 0.0)), before)
    assert torch.equal(lora_pair.found(), before)
    assert list(lora_pair.transformer.state_dict()) == names


def test_the_weight_may_change_at_any_time(lora_pair: Pair, tmp_path: Path) -> None:
    pairs = loras.pairs(lora_pair.transformer)
    deltas = lora_pair.read(loras.write(loras.DIALECTS["bare"](pairs), tmp_path / "a.safetensors"))
    img, txt, sigma = lora_pair.inputs()
    with torch.inference_mode(), Adapter(lora_pair.transformer, deltas) as adapter:
        adapter.weight = -2.0
        found = lora_pair.transformer(img, txt, sigma, GRIDS)
    assert torch.equal(found, lora_pair.found((deltas, -2.0)))


class Quantised(torch.nn.Module):
    """A linear without a weight of its own: what a quantised one looks like from outside."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.levels = (linear.weight.detach() * 64).round().to(torch.int8)

    def forward(self, x: Tensor) -> Tensor:
        return x @ (self.levels.to(x.dtype) / 64).T


def test_beside_something_in_the_place_of_a_linear() -> None:
    network = torch.nn.Sequential(Quantised(torch.nn.Linear(6, 4)))
    up, down, x = torch.randn(4, 2), torch.randn(2, 6), torch.randn(3, 6)
    plain = network(x)
    with Adapter(network, {"0": Delta(chain=(up, down), scale=0.5)}, weight=3.0):
        assert torch.allclose(network(x), plain + 1.5 * x @ (up @ down).T, atol=1e-6)
    assert torch.equal(network(x), plain)


def test_a_delta_for_no_linear_is_refused() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(6, 4))
    delta = Delta(chain=(torch.ones(4, 1), torch.ones(1, 5)))
    with pytest.raises(ValueError, match=r"0: \(4, 5\) beside a linear of \(4, 6\)"):
        Adapter(network, {"0": delta})
    assert not network[0]._forward_hooks


def test_read_once_and_kept_within_bounds() -> None:
    read: list[str] = []

    def deltas(use: LoraUse) -> Deltas:
        read.append(use.name)
        return {"0": Delta(chain=(torch.ones(4, 5), torch.ones(5, 5)))}  # 180 bytes

    kept = Loras(torch.nn.Sequential(torch.nn.Linear(5, 4)), deltas, kept_bytes=400)
    uses = {name: LoraUse(name=name, sha256=name * 64) for name in "abc"}
    for names in ("a", "ab", "aa", "c", "a", "b"):
        with kept.at_work([uses[name] for name in names]):
            pass
    assert read == ["a", "b", "c", "b"]


# --- in a request -----------------------------------------------------------------------------


def picture(lora_pair: Pair, uses: Sequence[LoraUse] = ()) -> bytes:
    request = TextToImage(
        prompt="a red poster", width=64, height=48, steps=2, guidance=1.0, loras=tuple(uses)
    )
    result = lora_pair.ours.run(request)
    assert result.requests[0].loras == tuple(uses)
    return result.pictures[0].data


@pytest.mark.parity
def test_a_run_uses_exactly_the_loras_of_its_request(lora_pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    loras.write(loras.DIALECTS["kohya"](loras.pairs(lora_pair.transformer)), path)
    use = lora_pair.folders.add(path, 0.8)
    plain, found = picture(lora_pair), picture(lora_pair, [use])

    lora_pair.reference.set_progress_bar_config(disable=True)
    lora_pair.reference.load_lora_weights(path, adapter_name="ink")
    lora_pair.reference.set_adapters("ink", 0.8)
    expected = lora_pair.reference(
        prompt="a red poster",
        true_cfg_scale=1.0,
        width=64,
        height=48,
        num_inference_steps=2,
        generator=torch.Generator("cpu").manual_seed(0),
        output_type="pt",
    ).images
    lora_pair.reference.unload_lora_weights()
    levels = np.frombuffer(found, np.uint8).reshape(48, 64, 3)
    wanted = (expected[0].permute(1, 2, 0) * 255).round().numpy()
    assert np.abs(levels - wanted).max() <= 1
    assert found != plain
    assert picture(lora_pair) == plain
    assert picture(lora_pair, [use]) == found


def test_a_batch_shares_its_loras(lora_pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    loras.write(loras.DIALECTS["bare"](loras.pairs(lora_pair.transformer)), path)
    use = lora_pair.folders.add(path)
    one, two = (
        TextToImage(prompt="x", width=48, height=48, steps=1, guidance=1.0, seed=seed, loras=(use,))
        for seed in (1, 2)
    )
    together = lora_pair.ours.run_together([one, two])
    for request, picture in zip((one, two), together.pictures, strict=True):
        alone = lora_pair.ours.run(request).pictures[0]
        levels = [np.frombuffer(p.data, np.uint8).astype(int) for p in (picture, alone)]
        assert np.abs(levels[0] - levels[1]).max() <= 1
    with pytest.raises(RequestError, match="the LoRAs and their weights must be the same"):
        lora_pair.ours.run_together([one, replace(two, loras=(replace(use, weight=0.5),))])


def test_nothing_stays_after_a_stop_or_a_fault(lora_pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    loras.write(loras.DIALECTS["bare"](loras.pairs(lora_pair.transformer)), path)
    use, before = lora_pair.folders.add(path), lora_pair.found()
    answers = iter([False] * 6 + [True])
    request = TextToImage(prompt="x", width=64, height=48, steps=2, loras=(use,))
    with pytest.raises(Stopped):
        lora_pair.ours.run(request, should_stop=lambda: next(answers))
    absent = LoraUse(name="gone", sha256="0" * 64)
    with pytest.raises(RequestError, match=r"gone .* is not on this computer"):
        picture(lora_pair, [use, absent])
    assert torch.equal(lora_pair.found(), before)


def test_found_by_content_under_any_name(lora_pair: Pair, tmp_path: Path) -> None:
    tensors = loras.DIALECTS["bare"](loras.pairs(lora_pair.transformer))
    folder = tmp_path / "loras/deep"
    folder.mkdir(parents=True)
    use = LoraFolders().add(loras.write(tensors, tmp_path / "ink.safetensors"))
    assert (use.name, use.weight) == ("ink", 1.0)
    (folder / "ink.safetensors").write_bytes(b"another of this name")
    (tmp_path / "ink.safetensors").rename(folder / "renamed.safetensors")
    folders = LoraFolders([tmp_path / "loras"])
    assert folders.find(use) == folder / "renamed.safetensors"
    loras.write({k: v + 1 for k, v in tensors.items()}, folder / "renamed.safetensors")
    with pytest.raises(RequestError, match="the very same file"):
        folders.find(use)


def test_a_file_that_changes_while_it_is_read_is_refused(
    lora_pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    loras.write(loras.DIALECTS["bare"](loras.pairs(lora_pair.transformer)), path)
    use = lora_pair.folders.add(path)
    other = loras.write(
        loras.DIALECTS["bare"](loras.pairs(lora_pair.transformer, seed=1)),
        tmp_path / "b.safetensors",
    )
    monkeypatch.setattr(lora_pair.folders, "find", lambda use: other)
    with pytest.raises(CheckpointError, match="was changed"):
        lora_pair.folders.read(use, lora_pair.transformer, torch.device("cpu"), torch.float32)


# --- writing ---------------------------------------------------------------------------------


def test_a_fault_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space")

    path = tmp_path / "a.safetensors"
    path.write_bytes(b"an older one")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        save_lora({"x": Delta(chain=(torch.ones(2, 1), torch.ones(1, 2)))}, path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
    assert path.read_bytes() == b"an older one"
