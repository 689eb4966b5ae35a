"""Networks with random weights for benches, ours and the reference's around the same tensors."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Generator
from typing import Any

import torch
from torch import nn

from model.bench.tiny import published
from model.checkpoint.packing import Packing, scheme_of, weights_of_linears
from model.checkpoint.vae_layout import fold
from model.config import TransformerConfig, VaeConfig
from model.memory.modulation import modulation_linears
from model.transformer import Transformer
from model.vae import Vae


def random_transformer(
    config: TransformerConfig,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    scheme: str | None = None,
    without: Callable[[Transformer], Collection[str]] = lambda _: (),
) -> Transformer:
    """With a scheme, its linears are packed one after the other. Tensors `without` values stay on
    the meta device."""
    with torch.device("meta"):
        network = Transformer(config)
    _fill(network, torch.device(device), dtype, frozenset(without(network)))
    if scheme is not None:
        pack(network, scheme)
    return network.eval()


class Passing:
    """Weights of linears in the order in which a table of the modulation is made, from chance; each
    is there until the next is asked for."""

    def __init__(self, network: Transformer, device: torch.device, dtype: torch.dtype) -> None:
        self._network, self._device, self._dtype = network, device, dtype

    def modules(self) -> Generator[str, None, None]:
        for name in modulation_linears(self._network):
            linear = self._network.get_submodule(name)
            empty = dict(linear.named_parameters())
            _fill(linear, self._device, self._dtype)
            yield name
            for leaf, parameter in empty.items():
                setattr(linear, leaf, parameter)


def pack(network: nn.Module, scheme: str) -> None:
    """The linears of its blocks, by a scheme of the command line."""
    for name in weights_of_linears(network):
        weight = network.get_parameter(name).data
        if weight.is_meta:
            continue
        packing = Packing(scheme=scheme_of(scheme), device=weight.device)
        packed = packing.packed(weight)
        if packed is not None:
            packing.dress(network, {name: packed})


def vaes(config: VaeConfig) -> tuple[Vae, Any]:
    """Ours and the reference's, of the same weights; ImportError without the reference."""
    torch.manual_seed(0)
    reference = importlib.import_module("diffusers").AutoencoderKLQwenImage(**published(config))
    ours = Vae(config)
    tensors = reference.state_dict()
    ours.load_state_dict({name: fold(name, tensors[name]) for name in ours.state_dict()})
    return ours.eval(), reference.eval()


def reference_transformer(network: Transformer) -> Any:
    """The reference's class around the same tensors; ImportError where it is not installed."""
    reference = importlib.import_module("diffusers").QwenImageTransformer2DModel
    with torch.device("meta"):
        made = reference(**published(network.config))
    made.load_state_dict(network.state_dict(), assign=True)
    # What is no parameter was on the meta device, too.
    made.pos_embed = type(made.pos_embed)(10000, list(network.config.axes_dims_rope), True)
    return made.eval()


def _fill(
    network: nn.Module, device: torch.device, dtype: torch.dtype, apart: Collection[str] = ()
) -> None:
    """In the place of tensors without values, but for those `apart`. Products of the width keep
    their size."""
    chance = torch.Generator(device).manual_seed(0)
    for name, parameter in list(network.named_parameters()):
        if name in apart:
            continue
        parent, _, leaf = name.rpartition(".")
        tensor = torch.ones(parameter.shape, dtype=dtype, device=device)
        if parameter.ndim > 1:
            tensor.normal_(0.0, 0.02, generator=chance)
        elif leaf == "bias":
            tensor.zero_()
        setattr(network.get_submodule(parent), leaf, nn.Parameter(tensor, requires_grad=False))
