"""The numbers of the networks, and one row a published model: what distinguishes one from another.

A network's fields bear the names of the published `config.json`. Reading files is not done here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any


class Generation(StrEnum):
    """Models of one architecture, whose files are for the same classes."""

    first = "1.x"
    two_one = "2.1"


class ConfigError(ValueError):
    """Numbers from which no network can be built. The text names the fields and their values."""


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """`transformer/config.json` of Qwen-Image 1.x (QwenImageTransformer2DModel)."""

    patch_size: int = 2
    in_channels: int = 64
    out_channels: int = 16
    num_layers: int = 60
    attention_head_dim: int = 128
    num_attention_heads: int = 24
    joint_attention_dim: int = 3584
    guidance_embeds: bool = False
    axes_dims_rope: tuple[int, int, int] = (16, 56, 56)
    zero_cond_t: bool = False
    use_additional_t_cond: bool = False
    use_layer3d_rope: bool = False

    def __post_init__(self) -> None:
        check_counts(self)
        check_axes(self.axes_dims_rope, self.attention_head_dim)
        if self.in_channels != self.out_channels * self.patch_size**2:
            raise ConfigError(
                f"in_channels {self.in_channels} must be out_channels {self.out_channels} "
                f"x patch_size {self.patch_size} squared"
            )
        if self.guidance_embeds:
            raise ConfigError("guidance_embeds is true: this kind of transformer is not supported")

    @property
    def dim(self) -> int:
        return self.num_attention_heads * self.attention_head_dim

    @property
    def text_dim(self) -> int:
        return self.joint_attention_dim

    @property
    def side_tokens(self) -> int:
        """A picture's sides are multiples of so many tokens."""
        return 1


@dataclass(frozen=True, kw_only=True)
class VaeConfig:
    """`vae/config.json` of Qwen-Image 1.x (AutoencoderKLQwenImage)."""

    base_dim: int = 96
    z_dim: int = 16
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    attn_scales: tuple[float, ...] = ()
    temperal_downsample: tuple[bool, ...] = (False, True, True)
    input_channels: int = 3
    latents_mean: tuple[float, ...] = (
        -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
        0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921,
    )  # fmt: skip
    latents_std: tuple[float, ...] = (
        2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
        3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_positive(self, "base_dim", "z_dim", "num_res_blocks")
        check_stages(self.dim_mult, self.temperal_downsample)
        if any((self.base_dim * m) % 2 for m in self.dim_mult):
            raise ConfigError(f"base_dim {self.base_dim} x dim_mult {self.dim_mult} must be even")
        if self.attn_scales:
            raise ConfigError(f"attn_scales {self.attn_scales}: only an empty list is supported")
        if self.input_channels not in (3, 4):
            raise ConfigError(f"input_channels {self.input_channels} is neither 3 nor 4")
        check_latents(self.z_dim, self.latents_mean, self.latents_std)

    @property
    def scale(self) -> int:
        """Pixels a latent cell spans on each side."""
        return 2 ** (len(self.dim_mult) - 1)

    @property
    def channels(self) -> int:
        """Of a picture."""
        return self.input_channels


@dataclass(frozen=True, kw_only=True)
class SchedulerConfig:
    """`scheduler/scheduler_config.json` (FlowMatchEulerDiscreteScheduler), as far as it is used."""

    num_train_timesteps: int = 1000
    shift: float = 1.0
    use_dynamic_shifting: bool = True
    base_shift: float = 0.5
    max_shift: float = 0.9
    base_image_seq_len: int = 256
    max_image_seq_len: int = 8192
    shift_terminal: float | None = 0.02
    time_shift_type: str = "exponential"

    def __post_init__(self) -> None:
        check_counts(self)
        if self.base_image_seq_len >= self.max_image_seq_len:
            raise ConfigError("base_image_seq_len must be below max_image_seq_len")
        if self.time_shift_type not in ("exponential", "linear"):
            raise ConfigError(
                f"time_shift_type {self.time_shift_type!r} is neither exponential nor linear"
            )
        if self.shift_terminal is not None and not 0 < self.shift_terminal < 1:
            raise ConfigError(f"shift_terminal {self.shift_terminal} is outside 0…1")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A prompt template: the text before and after the prompt, and the tokens dropped in front; of
    2.1, those before the user's turn, which are counted."""

    before: str
    after: str
    drop: int = 0

    def fill(self, prompt: str) -> str:
        return self.before + prompt + self.after


_AFTER = "<|im_end|>\n<|im_start|>assistant\n"
IMAGE_SLOT = "<|vision_start|><|image_pad|><|vision_end|>"
TEXT_SYSTEM = (
    "Describe the image by detailing the color, shape, size, texture, quantity, text, "
    "spatial relationships of the objects and background:"
)
EDIT_SYSTEM = (
    "Describe the key features of the input image (color, shape, size, texture, objects, "
    "background), then explain how the user's text instruction should alter or modify the "
    "image. Generate a new image that meets the user's requirements while maintaining "
    "consistency with the original input where appropriate."
)


def _template(system: str, drop: int = 0) -> Template:
    before = f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n"
    return Template(before=before, after=_AFTER, drop=drop)


TEXT_TEMPLATE = _template(TEXT_SYSTEM, 34)
EDIT_TEMPLATE = _template(EDIT_SYSTEM, 64)
TEMPLATE_21 = _template("Comprehend and analyze the provided prompt.")


@dataclass(frozen=True, kw_only=True)
class Family:
    """One published model. `condition_area` is what the vision-language model sees of a reference
    and `reference_area` what the VAE sees, both in px². `numbers_pictures`: the template names each
    picture, and a prompt may speak of "Picture 2". `has_layers`: it takes a picture apart, and does
    nothing else. `sigmas`: the noise levels of a model distilled to them, before the shift; steps
    asked for do not count."""

    name: str
    pipeline: str
    generation: Generation = Generation.first
    licence: str = "Apache-2.0"
    is_commercial: bool = True
    edits: bool = False
    zero_cond_t: bool = False
    steps: int = 50
    guidance: float = 4.0
    negative: str = " "
    size_multiple: int = 16
    sizes: tuple[tuple[int, int], ...] = ((1024, 1024), (1184, 896), (896, 1184))
    condition_area: int = 1024 * 1024
    reference_area: int = 1024 * 1024
    max_references: int = 1
    numbers_pictures: bool = False
    has_layers: bool = False
    max_text_tokens: int = 512
    text_template: Template = TEXT_TEMPLATE
    edit_template: Template = EDIT_TEMPLATE
    schedule: str = ""
    solver: str = "euler"
    sigmas: tuple[float, ...] = ()
    rescales_guidance: bool = True
    notice: str = ""


_SIZES_1328 = (
    (1328, 1328), (1664, 928), (928, 1664), (1472, 1104), (1104, 1472), (1584, 1056), (1056, 1584),
)  # fmt: skip

_SIZES_21 = (
    (2048, 2048), (2400, 1792), (1792, 2400), (2528, 1696), (1696, 2528), (2752, 1536),
    (1536, 2752),
)  # fmt: skip

_NEGATIVE_2512 = (
    "低分辨率，低画质，肢体畸形，手指畸形，画面过饱和，蜡像感，人脸无细节，过度光滑，画面具有AI感。"
    "构图混乱。文字模糊，扭曲。"
)
"""What the model's README recommends."""

_ROW_21 = Family(
    name="Qwen-Image-2.1",
    pipeline="QwenImage21Pipeline",
    generation=Generation.two_one,
    licence="Qwen Research License",
    is_commercial=False,
    edits=True,
    steps=40,
    guidance=1.0,
    size_multiple=32,
    sizes=_SIZES_21,
    max_references=10,
    text_template=TEMPLATE_21,
    edit_template=TEMPLATE_21,
    rescales_guidance=False,
    notice="not for commercial use",
)

_ROW_2509 = Family(
    name="Qwen-Image-Edit-2509",
    pipeline="QwenImageEditPlusPipeline",
    edits=True,
    steps=40,
    condition_area=384 * 384,
    max_references=3,
    numbers_pictures=True,
)

FAMILIES: tuple[Family, ...] = (
    Family(name="Qwen-Image", pipeline="QwenImagePipeline", sizes=_SIZES_1328),
    Family(
        name="Qwen-Image-2512",
        pipeline="QwenImagePipeline",
        sizes=_SIZES_1328,
        negative=_NEGATIVE_2512,
    ),
    Family(name="Qwen-Image-Edit", pipeline="QwenImageEditPipeline", edits=True),
    _ROW_2509,
    replace(_ROW_2509, name="Qwen-Image-Edit-2511", zero_cond_t=True),
    Family(
        name="Qwen-Image-Layered",
        pipeline="QwenImageLayeredPipeline",
        has_layers=True,
        rescales_guidance=False,
        reference_area=640 * 640,
        sizes=((640, 640), (1024, 1024)),
    ),
    _ROW_21,
    replace(
        _ROW_21,
        name="Qwen-Image-2.1-Turbo",
        steps=8,
        sigmas=(1.0, 0.978453, 0.95418, 0.926626, 0.89508, 0.845148, 0.704534, 0.414568),
    ),
)


def candidates(
    pipeline: str,
    *,
    zero_cond_t: bool = False,
    sigmas: tuple[float, ...] = (),
) -> tuple[Family, ...]:
    """The rows that files of this `model_index.json` class may be, the likeliest first.

    Several are left where neither index nor configs tell: -2512 has the tensors of Qwen-Image.
    `sigmas` are those of the index, which take the place of the row's.
    """
    rows = [row for row in FAMILIES if row.pipeline == pipeline]
    rows = [row for row in rows if bool(row.sigmas) == bool(sigmas)] or rows
    fitting = [row for row in rows if row.zero_cond_t == zero_cond_t] or rows
    if not sigmas:
        return tuple(fitting)
    return tuple(replace(row, sigmas=sigmas, steps=len(sigmas)) for row in fitting)


def generation_of(pipeline: str) -> Generation | None:
    """Of a `model_index.json` class; None if there is no row for it."""
    return next((row.generation for row in FAMILIES if row.pipeline == pipeline), None)


def called(rows: Sequence[Family], variant: str) -> Family:
    """The row of this name, whatever its case; ConfigError when it is not among them."""
    found = next((row for row in rows if row.name.lower() == variant.lower()), None)
    if found is None:
        known = ", ".join(row.name for row in rows)
        raise ConfigError(f"variant {variant!r}: these files may be {known}")
    return found


def proposed(rows: Sequence[Family], texts: Iterable[str]) -> Family | None:
    """The row that the first of `texts` names which names any: titles in metadata, file names.

    >>> proposed(FAMILIES[:4], ["my model", "qwen_image_edit_2509_bf16"]).name
    'Qwen-Image-Edit-2509'
    """
    for text in texts:
        plain = text.lower().replace("_", "-").replace(" ", "-")
        named = [row for row in rows if row.name.lower() in plain]
        if named:
            return max(named, key=lambda row: len(row.name))
    return None


def check_counts(config: Any) -> None:
    """Every field of a dataclass that is annotated `int`, as text, is a whole number from 1."""
    check_positive(config, *(field.name for field in fields(config) if field.type == "int"))


def check_positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} is {value!r}; it must be a whole number from 1")


def check_axes(axes_dims: tuple[int, ...], head_dim: int) -> None:
    if len(axes_dims) != 3 or any(d < 2 or d % 2 for d in axes_dims):
        raise ConfigError(f"axes_dims_rope {axes_dims} must be three even numbers")
    if sum(axes_dims) != head_dim:
        raise ConfigError(f"axes_dims_rope {axes_dims} must sum to attention_head_dim {head_dim}")


def check_stages(dim_mult: tuple[int, ...], temporal: tuple[bool, ...]) -> None:
    if not dim_mult or any(m < 1 for m in dim_mult):
        raise ConfigError(f"dim_mult {dim_mult} must be numbers from 1")
    if len(temporal) != len(dim_mult) - 1:
        raise ConfigError(
            f"temperal_downsample {temporal} must have one entry fewer than dim_mult {dim_mult}"
        )


def check_latents(z_dim: int, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    for name, values in (("latents_mean", mean), ("latents_std", std)):
        if len(values) != z_dim or not all(math.isfinite(v) for v in values):
            raise ConfigError(f"{name} must have z_dim = {z_dim} finite numbers")
    if min(std) <= 0:
        raise ConfigError("latents_std must be above zero")
