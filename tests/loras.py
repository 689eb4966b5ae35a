"""LoRA files for tests: random pairs of a network's linears, written in every dialect; and tiny
checkpoints beside which diffusers and we load them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model import loader
from model.bench import tiny
from model.checkpoint.lora_files import read_lora
from model.checkpoint.lora_folders import LoraFolders
from model.lora import Adapter, Deltas, linears

Pairs = Mapping[str, tuple[Tensor, Tensor]]
"""A [R, I] and B [O, R] by linear."""

TOP_LEVEL = ("img_in", "txt_in", "proj_out", "norm_out.linear")


def pairs(network: nn.Module, *, rank: int = 3, seed: int = 0) -> Pairs:
    """For every linear of the network, the rank differing from one to the next."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for index, (name, (rows, columns)) in enumerate(linears(network).items()):
        inner = rank + index % 2
        found[name] = (
            0.3 * torch.randn(inner, columns, generator=generator),
            0.3 * torch.randn(rows, inner, generator=generator),
        )
    return found


def alpha_of(name: str) -> float:
    """Another one a module."""
    return 1.0 + len(name) % 5


def _named(
    down: str, up: str, prefix: str = "", *, is_flat: bool = False, alpha: bool = False
) -> Callable[[Pairs], dict[str, Tensor]]:
    def write(pairs: Pairs) -> dict[str, Tensor]:
        tensors = {}
        for name, (a, b) in pairs.items():
            whole = prefix + (name.replace(".", "_") if is_flat else name)
            scale = 1.0 if alpha else alpha_of(name) / a.shape[0]
            tensors[f"{whole}.{down}"] = a.clone()
            tensors[f"{whole}.{up}"] = b * scale
            if alpha:
                tensors[f"{whole}.alpha"] = torch.tensor(alpha_of(name))
        return tensors

    return write


A, B = "lora_A.weight", "lora_B.weight"
DOWN, UP = "lora_down.weight", "lora_up.weight"
DIALECTS = {
    "diffusers": _named(A, B, "transformer."),
    "diffusers, alpha": _named(A, B, "transformer.", alpha=True),
    "bare": _named(A, B),
    "PEFT": _named(A, B, "base_model.model."),
    "DiffSynth": _named("lora_A.default.weight", "lora_B.default.weight"),
    "Lightning": _named(DOWN, UP, alpha=True),
    "ai-toolkit": _named(A, B, "diffusion_model."),
    "ComfyUI": _named(DOWN, UP, "diffusion_model.", alpha=True),
    "ComfyUI, A and B with alpha": _named(A, B, "diffusion_model.", alpha=True),
    "kohya": _named(DOWN, UP, "lora_unet_", is_flat=True, alpha=True),
    "SimpleTuner": _named(DOWN, UP, "lycoris_", is_flat=True, alpha=True),
}
"""All say the same: the scale alpha / rank of a module is either told or inside its B."""

BEYOND_REFERENCE = ("diffusers, alpha", "bare", "PEFT", "SimpleTuner")
"""Dialects that diffusers' pipelines do not read for this model: without the prefix `transformer.`
nothing is loaded, and with `.alpha` beside it the prefix is put in front a second time."""


def write(tensors: Mapping[str, Tensor], path: Path, **metadata: str) -> Path:
    save_file({k: v.contiguous() for k, v in tensors.items()}, path, metadata=metadata)
    return path


def read(path: Path) -> dict[str, Tensor]:
    return load_file(path)


SIZES = {
    "plain": tiny.Tiny(pipeline=tiny.TEXT),
    "deep": tiny.Tiny(
        pipeline=tiny.TEXT, layers=3, heads=3, axes=(4, 10, 10), zero_cond_t=True, z=6, seed=1
    ),
}
GRIDS = [(1, 6, 4), (1, 3, 5)]


@dataclass(frozen=True)
class Pair:
    """The same files, opened by diffusers and by us."""

    size: tiny.Tiny
    reference: Any
    ours: loader.Model
    folders: LoraFolders

    @property
    def transformer(self) -> torch.nn.Module:
        return self.ours.networks.transformer

    def inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(5)
        tokens = sum(rows * columns for _, rows, columns in GRIDS)
        img = torch.randn(2, tokens, 4 * self.size.z, generator=generator)
        txt = torch.randn(2, 9, self.size.text_width, generator=generator)
        return img, txt, torch.tensor([0.83, 0.21])

    @torch.inference_mode()
    def expected(self, load: Callable[[Any], None] | None = None) -> Tensor:
        """The reference's velocity after `load` has given its pipeline LoRAs."""
        img, txt, sigma = self.inputs()
        try:
            if load is not None:
                load(self.reference)
            found = self.reference.transformer(
                hidden_states=img,
                encoder_hidden_states=txt,
                timestep=sigma,
                img_shapes=[GRIDS] * 2,
                return_dict=False,
            )[0]
        finally:
            self.reference.unload_lora_weights()
        return found[:, : GRIDS[0][1] * GRIDS[0][2]]

    @torch.inference_mode()
    def found(self, *used: tuple[Deltas, float]) -> Tensor:
        """Ours beside these LoRAs."""
        img, txt, sigma = self.inputs()
        adapters = [Adapter(self.transformer, deltas, weight) for deltas, weight in used]
        try:
            return self.transformer(img, txt, sigma, GRIDS)
        finally:
            for adapter in adapters:
                adapter.remove()

    def read(self, path: Path) -> Deltas:
        return read_lora(path, self.transformer)[0]


def make_pair(size: tiny.Tiny, folder: Path) -> Pair:
    reference = tiny.write_with_diffusers(size, folder / "model")
    folders = LoraFolders([folder / "loras"])
    ours = loader.load(folder / "model", lora_folders=folders)
    return Pair(size, reference, ours, folders)
