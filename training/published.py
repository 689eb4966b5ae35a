"""Trained networks as the published layout's folders, and back again for a run that needs them.

Knows the files of one network; the folder of a whole model is `prepare`'s.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.config import TransformerConfig, VaeConfig
from model.vae import Vae, fold, time_conv_shapes, unfold
from training.errors import CheckpointError
from training.sheets import write_bytes

WEIGHTS = "diffusion_pytorch_model.safetensors"
DIFFUSERS_VERSION = "0.36.0"  # the first that had every class written here

Config = TypeVar("Config", TransformerConfig, VaeConfig)


def save_vae(vae: Vae, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """`vae/` in the published 3-D layout: unused temporal taps and convolutions are zeros."""
    tensors = {name: unfold(name, tensor) for name, tensor in vae.state_dict().items()}
    for name, shape in time_conv_shapes(vae.config).items():
        tensors[name] = torch.zeros(shape)
    save_network(folder, "AutoencoderKLQwenImage", vae.config, tensors, dtype)


def save_network(
    folder: Path,
    class_name: str,
    config: TransformerConfig | VaeConfig,
    tensors: dict[str, Tensor],
    dtype: torch.dtype,
) -> None:
    """Weights first, config last: a folder with a config is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: t.detach().to("cpu", dtype).contiguous() for name, t in tensors.items()}
    temporary = folder / f".{WEIGHTS}"
    save_file(plain, temporary, metadata={"format": "pt"})
    temporary.chmod(0o644)
    temporary.replace(folder / WEIGHTS)
    values = {"_class_name": class_name, "_diffusers_version": DIFFUSERS_VERSION}
    write_json(folder / "config.json", values | dataclasses.asdict(config))


def load_vae(folder: Path) -> Vae:
    """A VAE from a published folder, in float32; CheckpointError names what does not fit."""
    config = _read_config(folder, VaeConfig)
    vae = Vae(config)
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder / WEIGHTS}: cannot be read ({error})") from None
    unused = time_conv_shapes(config)
    folded = {name: fold(name, t.float()) for name, t in tensors.items() if name not in unused}
    try:
        vae.load_state_dict(folded, strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"{folder}: does not fit its config ({error})") from None
    return vae


def write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode())


def _read_config(folder: Path, cls: type[Config]) -> Config:
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        names = {field.name for field in dataclasses.fields(cls)}
        known = {key: _tuple(value) for key, value in values.items() if key in names}
        return cls(**known)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: is not a usable config ({error})") from None


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
