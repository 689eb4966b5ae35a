"""The names under which single VAE files hold their tensors: those of Wan, from whose networks the
VAEs of 1.x (Wan 2.1) and of 2.1 (Wan 2.2) come. Ours are the published folders'."""

from __future__ import annotations

import re

_TOP = {"conv1": "quant_conv", "conv2": "post_quant_conv"}
_ENDS = {"conv1": "conv_in", "head.0": "norm_out", "head.2": "conv_out"}
_MIDDLE = {
    "middle.0": "mid_block.resnets.0",
    "middle.1": "mid_block.attentions.0",
    "middle.2": "mid_block.resnets.1",
}
_RESIDUAL = {"residual.0": "norm1", "residual.2": "conv1", "residual.3": "norm2"}
_RESIDUAL |= {"residual.6": "conv2", "shortcut": "conv_shortcut"}
_FLAT = re.compile(r"(down|up)samples\.(\d+)\.(?!downsamples|upsamples)")
_NESTED = re.compile(r"(down|up)samples\.(\d+)\.\1samples\.(\d+)\.")


def published_vae_name(name: str, num_res_blocks: int) -> str:
    """The published folder's name of a tensor; such a name itself is left as it is.

    >>> published_vae_name("decoder.upsamples.3.resample.1.weight", 2)
    'decoder.up_blocks.0.upsamplers.0.resample.1.weight'
    >>> published_vae_name("encoder.middle.0.residual.6.bias", 2)
    'encoder.mid_block.resnets.0.conv2.bias'
    """
    side, _, rest = name.partition(".")
    if side in _TOP:
        return f"{_TOP[side]}.{rest}"
    if side not in ("encoder", "decoder"):
        return name
    for table in (_ENDS, _MIDDLE):
        for theirs, ours in table.items():
            if rest.startswith(theirs + "."):
                rest = ours + rest.removeprefix(theirs)
    rest = _NESTED.sub(lambda m: _stage(m[1], int(m[2]), int(m[3]), num_res_blocks), rest)
    rest = _FLAT.sub(lambda m: _flat(m[1], int(m[2]), num_res_blocks), rest)
    for theirs, ours in _RESIDUAL.items():
        rest = rest.replace(f".{theirs}.", f".{ours}.")
    return f"{side}.{rest}"


def _flat(way: str, index: int, num_res_blocks: int) -> str:
    """1.x counts through all stages, on the way up each with one block more and its resampler."""
    if way == "down":
        return f"down_blocks.{index}."
    stage, place = divmod(index, num_res_blocks + 2)
    is_resnet = place <= num_res_blocks
    return f"up_blocks.{stage}." + (f"resnets.{place}." if is_resnet else "upsamplers.0.")


def _stage(way: str, stage: int, place: int, num_res_blocks: int) -> str:
    """2.1 counts within each stage; the resampler comes last."""
    is_resnet = place < num_res_blocks + (way == "up")
    return f"{way}_blocks.{stage}." + (f"resnets.{place}." if is_resnet else f"{way}sampler.")
