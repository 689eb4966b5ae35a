"""Model folders in the published layout, written so that a reader never sees half of one.

Everything is written into a folder beside the target, synced, and renamed into place. Every other
program that reads the published layout reads the result.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import struct
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Qwen2_5_VLModel, Qwen2Tokenizer

from model.checkpoint.folder import CLASSES
from model.checkpoint.keys import published_text_encoder_name
from model.checkpoint.layout import DIFFUSION_STEM, TRANSFORMERS_STEM
from model.checkpoint.safetensors_files import DTYPE_NAMES
from model.checkpoint.streamed import whole_file
from model.checkpoint.vae_layout import time_conv_shapes, unfold
from model.config import SchedulerConfig, TransformerConfig, VaeConfig
from model.lora import Deltas
from model.system import sync_folder
from model.text_encoder.config import ImageConfig
from model.transformer import Transformer
from model.vae import Vae

DIFFUSERS_VERSION = "0.36.0"  # the first that had every class named here
MAX_SHARD_BYTES = 5 * 10**9
LIBRARIES = {
    "text_encoder": "transformers",
    "tokenizer": "transformers",
    "processor": "transformers",
}


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a model folder is written from. `settings` becomes `inkstone.json`."""

    pipeline: str
    transformer: Transformer
    vae: Vae
    text_encoder: Qwen2_5_VLModel
    tokenizer: Qwen2Tokenizer
    images: ImageConfig | None
    scheduler: SchedulerConfig
    settings: Mapping[str, Any] | None = None


def save(
    model: Published,
    path: Path,
    *,
    dtype: torch.dtype = torch.bfloat16,
    shard_bytes: int = MAX_SHARD_BYTES,
) -> None:
    """Write the folder `path`; an older model there is replaced, other files in it are kept."""
    with _whole_folder(path) as folder:
        save_transformer(model.transformer, folder / "transformer", dtype, shard_bytes)
        save_vae(model.vae, folder / "vae", dtype, shard_bytes)
        save_text_encoder(model.text_encoder, folder / "text_encoder", dtype, shard_bytes)
        _save_scheduler(model.scheduler, folder / "scheduler")
        model.tokenizer.save_pretrained(folder / "tokenizer")
        if model.images is not None:
            _save_images(model.images, folder / "processor")
            model.tokenizer.save_pretrained(folder / "processor")
        if model.settings is not None:
            write_json(folder / "inkstone.json", model.settings)
        write_json(folder / "model_index.json", _index(model))


def save_transformer(
    transformer: Transformer,
    folder: Path,
    dtype: torch.dtype,
    shard_bytes: int = MAX_SHARD_BYTES,
) -> None:
    write_weights(folder, DIFFUSION_STEM, transformer.state_dict(), dtype, shard_bytes)
    _write_config(folder, "transformer", transformer.config)


def save_vae(
    vae: Vae, folder: Path, dtype: torch.dtype, shard_bytes: int = MAX_SHARD_BYTES
) -> None:
    """In the published 3-D layout: temporal taps and convolutions that we lack are zeros."""
    tensors = {name: unfold(name, tensor) for name, tensor in vae.state_dict().items()}
    tensors |= {name: torch.zeros(shape) for name, shape in time_conv_shapes(vae.config).items()}
    write_weights(folder, DIFFUSION_STEM, tensors, dtype, shard_bytes)
    _write_config(folder, "vae", vae.config)


def save_text_encoder(
    network: Qwen2_5_VLModel,
    folder: Path,
    dtype: torch.dtype,
    shard_bytes: int = MAX_SHARD_BYTES,
) -> None:
    """Without an output head, which conditioning never uses: the config ties it to the words."""
    tensors = {published_text_encoder_name(k): v for k, v in network.state_dict().items()}
    write_weights(folder, TRANSFORMERS_STEM, tensors, dtype, shard_bytes)
    values = network.config.to_dict()
    values["architectures"] = list(CLASSES["text_encoder"])
    values["tie_word_embeddings"] = True
    values["dtype"] = str(dtype).removeprefix("torch.")
    write_json(folder / "config.json", values)


def write_weights(
    folder: Path,
    stem: str,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype,
    shard_bytes: int = MAX_SHARD_BYTES,
) -> None:
    """One safetensors file, or shards with an index where one would be above `shard_bytes`."""
    shards = _split(tensors, dtype, shard_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        file = f"{stem}.safetensors"
        if len(shards) > 1:
            file = f"{stem}-{number:05}-of-{len(shards):05}.safetensors"
        write_tensors(folder / file, {name: tensors[name] for name in names}, dtype)
        weight_map |= dict.fromkeys(names, file)
    if len(shards) > 1:
        total = sum(tensor.numel() for tensor in tensors.values()) * dtype.itemsize
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        write_json(folder / f"{stem}.safetensors.index.json", index)


def save_lora(
    deltas: Deltas,
    path: Path,
    *,
    dtype: torch.dtype = torch.bfloat16,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write LoRA pairs as diffusers and PEFT name them; `path` holds the old file or the new.

    The scale goes into B. Of the programs that read such files some look for alpha in a tensor,
    some in the metadata and some nowhere; with none they agree. ValueError for a LoKr.
    """
    tensors: dict[str, Tensor] = {}
    for name, delta in deltas.items():
        if delta.left is not None or len(delta.chain) != 2:
            raise ValueError(f"{name}: is no pair of A and B")
        up, down = delta.chain
        tensors[f"transformer.{name}.lora_A.weight"] = down
        tensors[f"transformer.{name}.lora_B.weight"] = up * delta.scale
    with whole_file(path) as new:
        write_tensors(new, tensors, dtype, metadata)


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """A safetensors file, tensor by tensor, so that no second copy of all is in memory."""
    header: dict[str, Any] = {"__metadata__": {**(metadata or {}), "format": "pt"}}
    position = 0
    for name, tensor in tensors.items():
        end = position + tensor.numel() * dtype.itemsize
        header[name] = {
            "dtype": DTYPE_NAMES[dtype],
            "shape": list(tensor.shape),
            "data_offsets": [position, end],
        }
        position = end
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)  # the data begins aligned
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for tensor in tensors.values():
            plain = tensor.detach().to("cpu", dtype).contiguous()
            file.write(plain.reshape(-1).view(torch.uint8).numpy().data)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _split(tensors: Mapping[str, Tensor], dtype: torch.dtype, limit: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    filled = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * dtype.itemsize
        if shards[-1] and filled + size > limit:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += size
    return shards


def _write_config(folder: Path, part: str, config: TransformerConfig | VaeConfig) -> None:
    head = {"_class_name": CLASSES[part][0], "_diffusers_version": DIFFUSERS_VERSION}
    write_json(folder / "config.json", head | dataclasses.asdict(config))


def _save_scheduler(config: SchedulerConfig, folder: Path) -> None:
    head = {"_class_name": CLASSES["scheduler"][0], "_diffusers_version": DIFFUSERS_VERSION}
    write_json(folder / "scheduler_config.json", head | dataclasses.asdict(config))


def _save_images(config: ImageConfig, folder: Path) -> None:
    values = dataclasses.asdict(config)
    size = {"shortest_edge": config.min_pixels, "longest_edge": config.max_pixels}
    kind = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2_5_VLProcessor",
    }
    write_json(folder / "preprocessor_config.json", values | {"size": size} | kind)


def _index(model: Published) -> dict[str, Any]:
    parts = [p for p in CLASSES if p != "processor" or model.images is not None]
    entries = {part: [LIBRARIES.get(part, "diffusers"), CLASSES[part][-1]] for part in parts}
    entries["tokenizer"][1] = CLASSES["tokenizer"][0]
    head = {"_class_name": model.pipeline, "_diffusers_version": DIFFUSERS_VERSION}
    return head | entries


@contextlib.contextmanager
def _whole_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` at the end, or leaves it alone on a fault."""
    mark = uuid.uuid4().hex[:8]
    new, old = (path.with_name(f".{path.name}.{word}-{mark}") for word in ("new", "old"))
    path.parent.mkdir(parents=True, exist_ok=True)
    new.mkdir()
    try:
        yield new
        _keep_others(path, new)
        _sync_folders(new)
        if path.exists():
            path.rename(old)
        new.rename(path)
        sync_folder(path.parent)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _keep_others(path: Path, new: Path) -> None:
    """What someone else put beside the model, such as a README, moves along."""
    for item in path.iterdir() if path.is_dir() else ():
        if item.is_file() and not (new / item.name).exists() and item.name != "inkstone.json":
            shutil.copy2(item, new / item.name)


def _sync_folders(root: Path) -> None:
    for folder, _, _ in os.walk(root):
        sync_folder(Path(folder))
