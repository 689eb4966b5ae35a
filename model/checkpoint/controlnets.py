"""ControlNets from files: InstantX's folder with `config.json`, and DiffSynth's single file.

DiffSynth's has no config: its sizes are those of its tensors.
"""

from __future__ import annotations

from pathlib import Path

import torch

from model.checkpoint import keys
from model.checkpoint.configs import check_class, read_config
from model.checkpoint.safetensors_files import TensorFile
from model.checkpoint.sources import open_folder
from model.checkpoint.strict_json import read_object
from model.checkpoint.weights import check_weights, load_weights
from model.config import ConfigError, TransformerConfig
from model.controlnet import (
    MASK_CHANNELS,
    BlockwiseControlNet,
    ControlNet,
    ControlNetConfig,
)
from model.errors import CheckpointError
from model.transformer import Transformer

CLASSES = ("QwenImageControlNetModel",)
STEM = "diffusion_pytorch_model"
_MARK = "controlnet_blocks.0.x_rms.weight"


def is_controlnet(path: Path) -> bool:
    """Whether it looks like one; whether it can be used is `load_controlnet`'s word."""
    config = path / "config.json"
    if config.is_file():
        try:
            return read_object(config).get("_class_name") in CLASSES
        except CheckpointError:
            return False
    try:
        with TensorFile.open(_single_file(path)) as opened:
            return any(entry.name == _MARK for entry in opened.entries)
    except (CheckpointError, OSError):
        return False


def weight_files(path: Path) -> list[Path]:
    """The files that decide what the ControlNet does."""
    if (path / "config.json").is_file():
        return [path / "config.json", *sorted(path.glob("*.safetensors"))]
    return [_single_file(path)]


def load_controlnet(
    path: Path, transformer: Transformer, *, dtype: torch.dtype, device: torch.device | str
) -> tuple[ControlNet | BlockwiseControlNet, dict[str, str]]:
    """The network that fits the transformer, and the hash of each of its files."""
    net, folder, stem = _build(path, transformer.config)
    hashes = load_weights(net, folder, stem, keys.plain(net), dtype=dtype, device=device)
    return net.eval(), hashes


def check_fit(path: Path, transformer: Transformer) -> ControlNet | BlockwiseControlNet:
    """Refuse, from configs and headers alone, what `load_controlnet` would refuse; else the network
    on the meta device."""
    net, folder, stem = _build(path, transformer.config)
    with open_folder(folder, stem) as source:
        check_weights(keys.plain(net), source.weights, folder)
    return net


def _build(
    path: Path, theirs: TransformerConfig
) -> tuple[ControlNet | BlockwiseControlNet, Path, str]:
    """On the meta device, with the folder and the stem of its weight files."""
    if (path / "config.json").is_file():
        return _instantx(path, theirs), path, STEM
    file = _single_file(path)
    return _blockwise(file, theirs), file.parent, file.stem


def _instantx(path: Path, theirs: TransformerConfig) -> ControlNet:
    where = path / "config.json"
    values = read_object(where)
    check_class(values, CLASSES, str(where))
    shared = read_config(TransformerConfig, values, str(where))
    extra = values.get("extra_condition_channels", 0)
    for name in ("in_channels", "num_attention_heads", "attention_head_dim", "joint_attention_dim"):
        found, wanted = getattr(shared, name), getattr(theirs, name)
        if found != wanted:
            raise CheckpointError(
                f"{path}: this ControlNet has {name} {found}, the model {wanted}; "
                "it was made for another one"
            )
    if shared.num_layers > theirs.num_layers:
        raise CheckpointError(
            f"{path}: this ControlNet has {shared.num_layers} blocks, the model only "
            f"{theirs.num_layers}; it was made for another one"
        )
    try:
        config = ControlNetConfig(transformer=shared, extra_condition_channels=extra)
    except ConfigError as error:
        raise CheckpointError(f"{where}: {error}") from None
    with torch.device("meta"):
        return ControlNet(config)


def _blockwise(file: Path, theirs: TransformerConfig) -> BlockwiseControlNet:
    with TensorFile.open(file) as opened:
        shapes = {entry.name: entry.shape for entry in opened.entries}
    width = shapes.get("img_in.weight")
    if _MARK not in shapes or width is None or len(width) != 2:
        raise CheckpointError(
            f"{file}: is no ControlNet that this version reads: neither InstantX's folder with "
            "config.json nor DiffSynth's block-wise file"
        )
    extra = width[1] - theirs.in_channels
    if width[0] != theirs.dim or extra not in (0, MASK_CHANNELS):
        raise CheckpointError(
            f"{file}: this ControlNet is {width[0]} wide and reads {width[1]} channels, the model "
            f"{theirs.dim} and {theirs.in_channels}; it was made for another one"
        )
    with torch.device("meta"):
        return BlockwiseControlNet(theirs.dim, theirs.in_channels, theirs.num_layers, extra)


def _single_file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("*.safetensors")) if path.is_dir() else []
    if len(found) != 1:
        raise CheckpointError(
            f"{path}: is no ControlNet: neither a folder with config.json nor one with a single "
            ".safetensors file"
        )
    return found[0]
