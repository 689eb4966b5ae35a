"""A model folder in the published layout: what it says it is, before a single weight is read.

Class names and fields come from our own tables; what else a folder holds or names is passed over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from model.checkpoint.configs import check_class, read_config
from model.checkpoint.layout import DIFFUSION_STEM, STEMS, name_of
from model.checkpoint.settings import with_settings
from model.checkpoint.strict_json import read_object
from model.checkpoint.titles import few_steps, titles
from model.checkpoint.variants import Variants, choose, metadata_of, weight_files
from model.config import (
    FAMILIES,
    ConfigError,
    Family,
    Generation,
    SchedulerConfig,
    TransformerConfig,
    VaeConfig,
    candidates,
    generation_of,
)
from model.config21 import Transformer21Config, Vae21Config
from model.errors import CheckpointError
from model.requests import FEW_STEPS
from model.text_encoder.config import (
    Encoder21Config,
    EncoderConfig,
    ImageConfig,
    Language21Config,
    LanguageConfig,
    Vision21Config,
    VisionConfig,
)

CLASSES = {
    "transformer": ("QwenImageTransformer2DModel",),
    "vae": ("AutoencoderKLQwenImage",),
    "text_encoder": ("Qwen2_5_VLForConditionalGeneration",),
    "scheduler": ("FlowMatchEulerDiscreteScheduler",),
    "tokenizer": ("Qwen2Tokenizer", "Qwen2TokenizerFast"),
    "processor": ("Qwen2VLProcessor", "Qwen2_5_VLProcessor"),
}
CLASSES_21 = {
    "transformer": ("QwenImage21Transformer2DModel",),
    "vae": ("AutoencoderKLQwenImage21",),
    "text_encoder": ("Qwen3VLForConditionalGeneration",),
    "scheduler": ("FlowMatchEulerDiscreteScheduler",),
    "processor": ("Qwen3VLProcessor",),
}
_DECIDING_FILES = (
    "model_index.json",
    "inkstone.json",
    "transformer/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "scheduler/scheduler_config.json",
    "processor/preprocessor_config.json",
)
TOKENIZER_FILES = (
    "tokenizer_config.json",
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
)
_UNSUPPORTED_SCHEDULES = (
    "invert_sigmas",
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "stochastic_sampling",
)


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How the parts of one generation are published, and what reads them. `encoder` is the config
    as a whole, its language model and its vision tower."""

    classes: Mapping[str, tuple[str, ...]]
    tokenizer: str
    transformer: type
    vae: type
    model_type: str
    encoder: tuple[type, type, type]


_KINDS = {
    Generation.first: _Kind(
        classes=CLASSES,
        tokenizer="tokenizer",
        transformer=TransformerConfig,
        vae=VaeConfig,
        model_type="qwen2_5_vl",
        encoder=(EncoderConfig, LanguageConfig, VisionConfig),
    ),
    Generation.two_one: _Kind(
        classes=CLASSES_21,
        tokenizer="processor",
        transformer=Transformer21Config,
        vae=Vae21Config,
        model_type="qwen3_vl",
        encoder=(Encoder21Config, Language21Config, Vision21Config),
    ),
}


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """Everything a published folder says in JSON, checked."""

    path: Path
    row: Family
    variants: Variants
    transformer: TransformerConfig | Transformer21Config
    vae: VaeConfig | Vae21Config
    scheduler: SchedulerConfig
    encoder: EncoderConfig | Encoder21Config
    images: ImageConfig | None
    parts: Mapping[str, Path]
    """The folder or file of each network, and the folder of the tokenizer."""
    config_files: Mapping[str, Path]
    """The small files that decide about pictures, by their place; part of the identity."""

    @property
    def size_multiple(self) -> int:
        """Sides of a picture are multiples of so many pixels."""
        patch = self.transformer.patch_size
        return self.vae.scale * patch * self.transformer.side_tokens


@dataclass(frozen=True, kw_only=True)
class Companions:
    """What a published folder holds beside the transformer."""

    path: Path
    pipeline: str
    sigmas: tuple[float, ...]
    vae: VaeConfig | Vae21Config
    scheduler: SchedulerConfig
    encoder: EncoderConfig | Encoder21Config
    images: ImageConfig | None
    parts: Mapping[str, Path]
    config_files: Mapping[str, Path]


def read_folder(
    path: Path, variant: str | None = None, remembered: Mapping[str, str] | None = None
) -> ModelFolder:
    """`variant` names the published model where index and configs leave several; `remembered` does
    so by the fingerprint of the weights."""
    pipeline, kind, sigmas = _read_index(path / "model_index.json")
    transformer = _read(path / "transformer/config.json", kind.transformer, kind.classes)
    zero_cond_t = getattr(transformer, "zero_cond_t", False)  # 2.1 has no such choice
    rows = candidates(pipeline, zero_cond_t=zero_cond_t, sigmas=sigmas)
    weights = weight_files(path / "transformer", DIFFUSION_STEM)
    name, metadata = name_of(path.resolve()), metadata_of(weights)
    try:
        row, variants = choose(
            rows, weights, titles(metadata, name), variant=variant, remembered=remembered
        )
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    row = with_settings(distilled(row, few_steps(metadata, name)), path / "inkstone.json")
    beside = read_companions(path)
    folder = ModelFolder(
        path=path,
        row=row,
        variants=variants,
        transformer=transformer,
        vae=beside.vae,
        scheduler=beside.scheduler,
        encoder=beside.encoder,
        images=beside.images,
        parts=beside.parts,
        config_files=beside.config_files,
    )
    check_joints(folder)
    return folder


def read_companions(path: Path) -> Companions:
    """Of a published folder, in which the transformer may be missing."""
    pipeline, kind, sigmas = _read_index(path / "model_index.json")
    return Companions(
        path=path,
        pipeline=pipeline,
        sigmas=sigmas,
        vae=_read(path / "vae/config.json", kind.vae, kind.classes),
        scheduler=_read_scheduler(path / "scheduler/scheduler_config.json"),
        encoder=_read_encoder(path / "text_encoder/config.json", kind),
        images=read_images(path / "processor"),
        parts={part: path / part for part in STEMS} | {"tokenizer": path / kind.tokenizer},
        config_files=_config_files(path, kind),
    )


def read_transformer(path: Path, generation: Generation) -> Any:
    """The config of a published folder's transformer."""
    kind = _KINDS[generation]
    return _read(path / "transformer/config.json", kind.transformer, kind.classes)


def _config_files(path: Path, kind: _Kind) -> dict[str, Path]:
    names: list[str] = list(_DECIDING_FILES)
    if not (path / "processor/preprocessor_config.json").exists():
        names.append("processor/processor_config.json")
    names += [f"{kind.tokenizer}/{name}" for name in TOKENIZER_FILES]
    return {name: path / name for name in names if (path / name).is_file()}


def is_model_folder(path: Path) -> bool:
    """Recognised by `model_index.json` alone; whether it can be used is `read_folder`'s word."""
    return (path / "model_index.json").is_file()


def _read_index(index_path: Path) -> tuple[str, _Kind, tuple[float, ...]]:
    """The pipeline's class, what reads its parts, and the noise levels it is distilled to."""
    if not index_path.exists():
        raise CheckpointError(
            f"{index_path.parent} is no model folder: it has no model_index.json; "
            "name the folder that holds transformer, vae and text_encoder"
        )
    index = read_object(index_path)
    name = index.get("_class_name")
    generation = generation_of(name) if isinstance(name, str) else None
    if not isinstance(name, str) or generation is None:
        known = ", ".join(sorted({row.pipeline for row in FAMILIES}))
        raise CheckpointError(
            f"{index_path.parent} is a {str(name)[:80]!r}; this version runs {known}"
        )
    kind = _KINDS[generation]
    for part, classes in kind.classes.items():
        entry = index.get(part)
        if entry is None and part == "processor" and kind.tokenizer != part:
            continue
        if not (isinstance(entry, list) and len(entry) == 2 and entry[1] in classes):
            raise CheckpointError(
                f"{index_path}: {part} is {str(entry)[:80]!r}; this version reads "
                f"{' or '.join(classes)}"
            )
    if generation is Generation.first:
        return name, kind, ()
    return name, kind, read_config(_Sampling, index, str(index_path)).sample_sigmas or ()


def distilled(row: Family, schedule: str) -> Family:
    """The row of weights that say they are distilled; 2.1 brings levels of its own, and layers have
    theirs."""
    if not schedule or row.generation is not Generation.first or row.has_layers:
        return row
    return dataclasses.replace(row, schedule=schedule, steps=FEW_STEPS[schedule], guidance=1.0)


@dataclass(frozen=True, kw_only=True)
class _Sampling:
    sample_sigmas: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        levels = self.sample_sigmas or (1.0,)
        falls = all(a > b for a, b in pairwise(levels))
        if not (falls and levels[0] <= 1 and levels[-1] > 0):
            raise ConfigError("sample_sigmas must fall, from 1 at most, and stay above 0")


def _read(path: Path, cls: Any, classes: Mapping[str, tuple[str, ...]]) -> Any:
    """The config in `path`, whose folder is named after the part."""
    values = read_object(path)
    check_class(values, classes[path.parent.name], str(path))
    return read_config(cls, values, str(path))


def _read_scheduler(path: Path) -> SchedulerConfig:
    values = read_object(path)
    for name in _UNSUPPORTED_SCHEDULES:
        if values.get(name):
            raise CheckpointError(f"{path}: {name} is set; such a schedule is not supported")
    return _read(path, SchedulerConfig, CLASSES)


def _read_encoder(path: Path, kind: _Kind) -> EncoderConfig | Encoder21Config:
    values = read_object(path)
    where = str(path)
    if values.get("model_type") != kind.model_type:
        raise CheckpointError(
            f"{path}: model_type {str(values.get('model_type'))[:80]!r} is not {kind.model_type}"
        )
    whole, language_type, vision_type = kind.encoder
    nested = values.get("text_config")  # older files have the language model's fields flat
    language = _with_rope(nested if isinstance(nested, dict) else values, where)
    vision = values.get("vision_config")
    if not isinstance(vision, dict):
        raise CheckpointError(f"{path}: lacks vision_config")
    parts = {
        "language": read_config(language_type, language, where),
        "vision": read_config(vision_type, vision, f"{where}: vision_config"),
    }
    ids = read_config(_TokenIds, values, where)
    try:
        return whole(**parts, **dataclasses.asdict(ids))
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None


@dataclass(frozen=True, kw_only=True)
class _TokenIds:
    image_token_id: int = 151655
    video_token_id: int = 151656
    vision_start_token_id: int = 151652
    vision_end_token_id: int = 151653


def _with_rope(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The rotary numbers, which stand one level down, beside the others."""
    rope = values.get("rope_parameters") or values.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise CheckpointError(f"{where}: rope_parameters is no object")
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in ("default", "mrope"):
        raise CheckpointError(f"{where}: rope_type {str(kind)[:40]!r} is not supported")
    names = ("mrope_section", "mrope_interleaved", "rope_theta")
    return {**values, **{name: rope[name] for name in names if name in rope}}


def read_images(folder: Path) -> ImageConfig | None:
    path, whole = folder / "preprocessor_config.json", folder / "processor_config.json"
    if path.exists():
        values = read_object(path)
    elif whole.exists():  # newer folders have it in here
        path, values = whole, read_object(whole).get("image_processor")
    else:
        return None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: lacks image_processor")
    size = values.get("size")
    if isinstance(size, dict):  # newer files have the limits in here
        names = {"shortest_edge": "min_pixels", "longest_edge": "max_pixels"}
        values = {**{names[k]: v for k, v in size.items() if k in names}, **values}
    return read_config(ImageConfig, values, str(path))


def check_joints(folder: ModelFolder) -> None:
    """Where one network's output is another's input, their widths agree."""
    transformer, vae, encoder = folder.transformer, folder.vae, folder.encoder
    if transformer.out_channels != vae.z_dim:
        raise CheckpointError(
            f"{folder.path}: the transformer makes {transformer.out_channels} latent channels, "
            f"the VAE has {vae.z_dim}"
        )
    if isinstance(transformer, TransformerConfig) and isinstance(vae, VaeConfig):
        _check_layers(folder, transformer, vae)
    if transformer.text_dim != encoder.language.hidden_size:
        raise CheckpointError(
            f"{folder.path}: the transformer takes text of width {transformer.text_dim}, "
            f"the text encoder gives {encoder.language.hidden_size}"
        )
    images, vision = folder.images, encoder.vision
    if images is None:
        return
    pairs = (
        (images.patch_size, vision.patch_size),
        (images.temporal_patch_size, vision.temporal_patch_size),
        (images.merge_size, vision.spatial_merge_size),
    )
    if any(a != b for a, b in pairs):
        raise CheckpointError(f"{folder.path}: processor and vision tower disagree about patches")


def _check_layers(folder: ModelFolder, transformer: TransformerConfig, vae: VaeConfig) -> None:
    """Transformer and VAE are those of Layered where the index says so, and only there."""
    row = folder.row
    layered = (transformer.use_layer3d_rope, transformer.use_additional_t_cond)
    channels = 4 if row.has_layers else 3
    if set(layered) != {row.has_layers} or vae.input_channels != channels:
        raise CheckpointError(
            f"{folder.path}: as {row.name} it needs {channels} image channels, and "
            f"use_layer3d_rope and use_additional_t_cond {str(row.has_layers).lower()}; its "
            f"VAE has {vae.input_channels}, its transformer {layered[0]} and {layered[1]}"
        )
