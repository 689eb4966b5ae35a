"""The numbers of Qwen-Image-2.1's networks, beside those of 1.x in `config`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from model.config import ConfigError, check_axes, check_latents, check_positive, check_stages


@dataclass(frozen=True, kw_only=True)
class Transformer21Config:
    """`transformer/config.json` of Qwen-Image-2.1 (QwenImage21Transformer2DModel)."""

    patch_size: int = 1
    in_channels: int = 64
    out_channels: int = 64
    num_layers: int = 32
    attention_head_dim: int = 128
    num_attention_heads: int = 32
    context_in_dim: int = 4096
    mlp_ratio: int = 3
    axes_dims_rope: tuple[int, int, int] = (16, 56, 56)
    eps: float = 1e-6
    causal_condition: bool = True

    def __post_init__(self) -> None:
        check_positive(
            self,
            "in_channels",
            "num_layers",
            "attention_head_dim",
            "num_attention_heads",
            "context_in_dim",
            "mlp_ratio",
        )
        check_axes(self.axes_dims_rope, self.attention_head_dim)
        if self.in_channels != self.out_channels:
            raise ConfigError(
                f"in_channels {self.in_channels} must be out_channels {self.out_channels}"
            )
        for name, value in (("patch_size", 1), ("eps", 1e-6), ("causal_condition", True)):
            if getattr(self, name) != value:
                raise ConfigError(f"{name} is {getattr(self, name)}: only {value} is supported")

    @property
    def dim(self) -> int:
        return self.num_attention_heads * self.attention_head_dim

    @property
    def text_dim(self) -> int:
        return self.context_in_dim

    @property
    def side_tokens(self) -> int:
        """A picture's sides are multiples of so many tokens: its text slot covers two by two."""
        return 2


@dataclass(frozen=True, kw_only=True)
class Vae21Config:
    """`vae/config.json` of Qwen-Image-2.1 (AutoencoderKLQwenImage21)."""

    base_dim: int = 96
    decoder_base_dim: int | None = 144
    z_dim: int = 64
    dim_mult: tuple[int, ...] = (1, 2, 4, 8, 8)
    num_res_blocks: int = 2
    attn_scales: tuple[float, ...] = ()
    temperal_downsample: tuple[bool, ...] = (False, True, True, True)
    is_residual: bool = True
    in_channels: int = 4
    out_channels: int = 4
    patch_size: int | None = None
    latents_mean: tuple[float, ...] = (
        0.5126, 0.7721, -0.0631, 1.3506, -0.7855, -2.1025, -0.3458, 1.3722,
        1.8873, -1.7177, -0.6510, 0.2732, 0.7562, -0.6163, -1.0277, 3.8363,
        2.0210, 0.0472, 0.9320, 2.0087, 2.4954, -0.1391, -1.4249, 1.8464,
        -0.5236, 1.2826, 3.7046, -1.3035, 2.7286, -1.4518, -1.9036, -1.9955,
        -0.0342, -1.0265, -0.7636, 3.0555, 0.0746, -3.0751, -0.1076, 1.7376,
        -1.0914, -1.9435, -0.2784, -1.3680, 0.4809, -0.4433, 0.3764, 0.5729,
        -2.0595, 1.0960, -1.3260, -2.0211, -5.0179, 0.5275, 4.0162, 1.8505,
        0.3026, 1.9373, 1.4937, 0.2632, 0.5547, -1.7121, -0.1562, 0.0304,
    )  # fmt: skip
    latents_std: tuple[float, ...] = (
        3.2001, 3.2936, 3.4321, 3.0091, 3.1061, 4.0379, 4.0705, 3.7910,
        3.0785, 3.6500, 3.9308, 3.0904, 2.8778, 3.7675, 3.7320, 5.0756,
        3.2864, 4.0397, 3.1317, 4.0443, 2.9249, 3.9454, 3.0988, 4.2489,
        3.4896, 3.8513, 3.9323, 3.4719, 3.7498, 4.2830, 3.5694, 4.2467,
        3.9037, 3.2947, 5.0770, 3.5075, 3.2700, 3.4767, 2.8063, 5.1125,
        3.5327, 4.7833, 3.1286, 4.1819, 3.8527, 3.8312, 3.5605, 4.3875,
        3.9624, 4.0168, 3.5643, 4.0550, 5.5614, 4.2963, 4.4080, 3.4959,
        3.8747, 3.7608, 3.5735, 3.1490, 3.7662, 3.6746, 3.4563, 3.8161,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_positive(self, "base_dim", "decoder_width", "z_dim", "num_res_blocks")
        check_stages(self.dim_mult, self.temperal_downsample)
        _check_shortcuts(self.dim_mult, self.temperal_downsample)
        supported = {
            "attn_scales": (),
            "is_residual": True,
            "in_channels": 4,
            "out_channels": 4,
            "patch_size": None,
        }
        for name, value in supported.items():
            if getattr(self, name) != value:
                raise ConfigError(f"{name} is {getattr(self, name)}: only {value} is supported")
        check_latents(self.z_dim, self.latents_mean, self.latents_std)

    @property
    def scale(self) -> int:
        """Pixels a latent cell spans on each side."""
        return 2 ** (len(self.dim_mult) - 1)

    @property
    def channels(self) -> int:
        """Of a picture."""
        return self.in_channels

    @property
    def decoder_width(self) -> int:
        return self.base_dim if self.decoder_base_dim is None else self.decoder_base_dim


def _check_shortcuts(dim_mult: tuple[int, ...], temporal: tuple[bool, ...]) -> None:
    """Each stage's channels fold into the next one's without remainder, on the way down and up."""
    factors = [8 if is_temporal else 4 for is_temporal in temporal]
    down = zip(pairwise((1, *dim_mult)), (*factors, 1), strict=True)
    # The decoder's last stage keeps its size and has no shortcut.
    up = zip(pairwise((dim_mult[-1], *reversed(dim_mult))), reversed(factors), strict=False)
    folds = all(before * factor % after == 0 for (before, after), factor in down)
    unfolds = all(after * factor % before == 0 for (before, after), factor in up)
    if not folds or not unfolds:
        raise ConfigError(f"dim_mult {dim_mult}: a stage's channels do not fold into the next")
