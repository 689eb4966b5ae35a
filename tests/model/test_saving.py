"""What we write is the published layout: others open it, and a fault leaves no half of it."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from model import loader
from model.bench import tiny
from model.checkpoint import save as saving
from model.checkpoint.safetensors_files import TensorFile
from model.requests import TextToImage

POSTER = TextToImage(prompt="一张红色的海报", steps=2, guidance=2.0, width=48, height=80)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    transformer, vae, encoder = tiny.networks(tiny.Tiny())
    tiny.write(tiny.Tiny(), tmp_path / "model")
    networks = loader.load(tmp_path / "model").networks
    networks.text_encoder.open_eye()
    pairs = (
        (transformer, networks.transformer),
        (vae, networks.vae),
        (encoder, networks.text_encoder.network),
    )
    for written, read in pairs:
        state = read.state_dict()
        assert written.state_dict().keys() == state.keys()
        assert all(torch.equal(t, state[name]) for name, t in written.state_dict().items())


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shard_bytes", [10**9, 30_000])
def test_diffusers_opens_it_and_makes_the_same_picture(tmp_path: Path, shard_bytes: int) -> None:
    import diffusers

    folder = tiny.write(tiny.Tiny(), tmp_path / "model", shard_bytes=shard_bytes)
    pipeline: Any = diffusers.QwenImagePipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        prompt=POSTER.prompt,
        negative_prompt=" ",
        true_cfg_scale=2.0,
        width=48,
        height=80,
        num_inference_steps=2,
        generator=torch.Generator("cpu").manual_seed(0),
    ).images[0]
    (picture,) = loader.load(folder).run(POSTER).pictures
    pairs = zip(picture.data, expected.tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) <= 1


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
def test_safetensors_opens_it(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    path = tmp_path / "w.safetensors"
    tensors = {"a": torch.randn(3, 5), "b.c": torch.zeros(0, 2), "d": torch.tensor(2.5)}
    saving.write_tensors(path, tensors, torch.bfloat16)
    read = load_file(path)
    assert all(torch.equal(read[name], t.bfloat16()) for name, t in tensors.items())
    with TensorFile.open(path) as file:
        ours = dict(file.tensors())
    assert all(torch.equal(ours[name], t) for name, t in read.items())


def test_a_new_model_takes_the_old_ones_place(tmp_path: Path) -> None:
    folder = tiny.write(tiny.Tiny(), tmp_path / "model")
    (folder / "README.md").write_text("about", encoding="utf-8")
    first = loader.load(folder).identity.sha256
    tiny.write(tiny.Tiny(seed=9), folder)
    assert loader.load(folder).identity.sha256 != first
    assert (folder / "README.md").read_text(encoding="utf-8") == "about"
    assert [item.name for item in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("fault_at", [1, 5, 9, 12])
def test_a_full_disk_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault_at: int
) -> None:
    folder = tiny.write(tiny.Tiny(), tmp_path / "model")
    first = loader.load(folder).identity.sha256
    calls = 0
    real = os.fsync

    def fail(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == fault_at:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        tiny.write(tiny.Tiny(seed=9), folder)
    monkeypatch.undo()
    assert loader.load(folder).identity.sha256 == first
    assert [item.name for item in tmp_path.iterdir()] == ["model"]


FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {("torch", "load"), ("os", "system"), ("np", "load")}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib"}
FORBIDDEN_OPTIONS = {"trust_remote_code", "custom_pipeline", "allow_pickle", "shell"}


@pytest.mark.parametrize("package", ["model", "app", "training"])
def test_no_way_to_run_foreign_code(package: str) -> None:
    root = Path(__file__).resolve().parents[2]
    found = []
    for path in sorted((root / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if is_forbidden(node):
                found.append(f"{path}: {ast.unparse(node)}")
    assert not found


def is_forbidden(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in FORBIDDEN_CALLS
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
            return (owner, name) in FORBIDDEN_ATTRIBUTES
        case ast.keyword(arg=str(name), value=ast.Constant(value=True)):
            return name in FORBIDDEN_OPTIONS
        case ast.Import(names=names):
            return any(alias.name in FORBIDDEN_MODULES for alias in names)
        case ast.ImportFrom(module=str(name)):
            return name in FORBIDDEN_MODULES
    return False


def test_what_is_forbidden_is_seen() -> None:
    for code in ("eval('1')", "torch.load(p)", "import pickle", "f(trust_remote_code=True)"):
        assert any(is_forbidden(node) for node in ast.walk(ast.parse(code)))
