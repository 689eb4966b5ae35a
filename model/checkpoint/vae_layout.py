"""How the VAE of 1.x is published: a causal 3-D network (AutoencoderKLQwenImage, after Wan 2.1).

For one frame its causal padding puts zeros before the frame, so of every 3x3x3 kernel only the last
temporal tap counts; the `time_conv` of the resamplers never run.
"""

from __future__ import annotations

from torch import Tensor

from model.config import VaeConfig


def fold(name: str, tensor: Tensor) -> Tensor:
    """A published tensor as the 2-D network holds it: last temporal tap, gains without frames."""
    if name.endswith(".gamma"):
        return tensor.reshape(-1, 1, 1)
    return tensor[:, :, -1] if tensor.ndim == 5 else tensor


def published_shape(name: str, tensor: Tensor) -> tuple[int, ...]:
    """The shape in which the published layout stores our tensor `name`."""
    shape = tuple(tensor.shape)
    in_attention = ".attentions." in name
    if name.endswith(".gamma"):
        return shape if in_attention else (*shape, 1)
    is_spatial_only = in_attention or ".resample." in name
    if len(shape) != 4 or is_spatial_only:
        return shape
    return (*shape[:2], shape[2], *shape[2:])  # kernels are cubes: 1x1x1 or 3x3x3


def unfold(name: str, tensor: Tensor) -> Tensor:
    """Our tensor in the published shape; temporal taps that one frame never uses are zero."""
    shape = published_shape(name, tensor)
    if len(shape) == 5:
        full = tensor.new_zeros(shape)
        full[:, :, -1] = tensor
        return full
    return tensor.reshape(shape)


def time_conv_shapes(config: VaeConfig) -> dict[str, tuple[int, ...]]:
    """Tensors of the published layout that a single frame never uses, with their shapes."""
    shapes: dict[str, tuple[int, ...]] = {}
    stages = len(config.dim_mult) - 1
    for i, is_temporal in enumerate(config.temperal_downsample):
        if is_temporal:
            dim = config.base_dim * config.dim_mult[i]
            key = f"encoder.down_blocks.{(i + 1) * config.num_res_blocks + i}.time_conv"
            shapes |= {f"{key}.weight": (dim, dim, 3, 1, 1), f"{key}.bias": (dim,)}
    for i, is_temporal in enumerate(reversed(config.temperal_downsample)):
        if is_temporal:
            dim = config.base_dim * config.dim_mult[stages - i]
            key = f"decoder.up_blocks.{i}.upsamplers.0.time_conv"
            shapes |= {f"{key}.weight": (2 * dim, dim, 3, 1, 1), f"{key}.bias": (2 * dim,)}
    return shapes
