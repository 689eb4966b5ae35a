"""Names and shapes of tensors as files hold them, beside those of our networks.

A `Dialect` says for one network: which published tensor becomes which of ours, which are checked
but not kept, and which may be absent. Knows shapes, not values or files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from torch import Tensor, nn

from model import vae21 as two_one
from model.checkpoint.stored import bare
from model.checkpoint.vae_layout import fold, published_shape, time_conv_shapes
from model.checkpoint.wan_names import published_vae_name
from model.config import VaeConfig
from model.config21 import Vae21Config
from model.text_encoder.config import Language21Config, LanguageConfig

Shape = tuple[int, ...]
HEAD = "lm_head.weight"
"""The text encoder's output layer, which only writing needs."""
GATE, PROJECTION = ".img_mlp.gate_layer.weight", ".img_mlp.proj.weight"
GATE_UP = ".img_mlp.gate_up.weight"
"""2.1's in ComfyUI's files: the rows of the gate, then those of the projection."""


def _same(name: str) -> str:
    return name


def _as_is(_: str, tensor: Tensor) -> Tensor:
    return tensor


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a network's tensors are published. `ours` translates names, `fold` values. `is_loose`:
    axes of one may stand elsewhere than expected."""

    shapes: Mapping[str, Shape]
    """Every tensor that is kept, by our name, in its published shape."""
    dropped: Mapping[str, Shape] = field(default_factory=dict)
    """Tensors that must be there and are not kept."""
    optional: Mapping[str, Shape] = field(default_factory=dict)
    """Tensors that may be there and are not kept."""
    ours: Callable[[str], str] = _same
    fold: Callable[[str, Tensor], Tensor] = _as_is
    fused: tuple[str, tuple[str, ...]] | None = None
    """The end of a name that stands for several, and their ends, which share its rows equally."""
    is_loose: bool = False

    def names(self, published: str) -> tuple[str, ...]:
        """Ours of what is published under one name."""
        name = self.ours(published)
        if self.fused is None or not name.endswith(self.fused[0]):
            return (name,)
        return tuple(name.removesuffix(self.fused[0]) + end for end in self.fused[1])

    def without(self, names: Iterable[str]) -> Dialect:
        """These of ours must be in the files, and are not kept."""
        left = set(names)
        kept = {name: shape for name, shape in self.shapes.items() if name not in left}
        dropped = {name: self.shapes[name] for name in left}
        return replace(self, shapes=kept, dropped={**self.dropped, **dropped})


def plain(module: nn.Module) -> Dialect:
    return Dialect(shapes={name: tuple(t.shape) for name, t in module.state_dict().items()})


def transformer_file(module: nn.Module) -> Dialect:
    """Of a single file: a prefix in front, and 2.1's gate and projection as one, gate first."""
    return replace(plain(module), ours=bare, fused=(GATE_UP, (GATE, PROJECTION)))


def vae_file(module: nn.Module, config: VaeConfig | Vae21Config) -> Dialect:
    """Of a single file, under Wan's names or the published ones. Of 2.1 it may have a time axis."""
    ours = partial(published_vae_name, num_res_blocks=config.num_res_blocks)
    if isinstance(config, Vae21Config):
        return replace(vae21(module, config), ours=ours, is_loose=True)
    return replace(vae(module, config), ours=ours)


def vae(module: nn.Module, config: VaeConfig) -> Dialect:
    return Dialect(
        shapes={name: published_shape(name, t) for name, t in module.state_dict().items()},
        dropped=time_conv_shapes(config),
        fold=fold,
    )


def vae21(module: nn.Module, config: Vae21Config) -> Dialect:
    names = module.state_dict().items()
    return Dialect(
        shapes={name: two_one.published_shape(name, tensor) for name, tensor in names},
        dropped=two_one.time_conv_shapes(config),
        fold=fold,
    )


def text_encoder(module: nn.Module, config: LanguageConfig | Language21Config) -> Dialect:
    return Dialect(
        shapes={name: tuple(t.shape) for name, t in module.state_dict().items()},
        optional={HEAD: (config.vocab_size, config.hidden_size)},
        ours=text_encoder_name,
    )


_OLD_PREFIXES = {
    "model.language_model.": "language_model.",
    "model.visual.": "visual.",
    "model.layers.": "language_model.layers.",
    "model.embed_tokens.": "language_model.embed_tokens.",
    "model.norm.": "language_model.norm.",
}
_PUBLISHED_PREFIX = {"language_model.": "model."}


def text_encoder_name(published: str) -> str:
    """Our name of a tensor; the published files and newer ones of transformers differ.

    >>> text_encoder_name("model.layers.0.mlp.up_proj.weight")
    'language_model.layers.0.mlp.up_proj.weight'
    """
    return _swap_prefix(published, _OLD_PREFIXES)


def published_text_encoder_name(ours: str) -> str:
    """The name under which the published layout stores our tensor.

    >>> published_text_encoder_name("language_model.norm.weight")
    'model.norm.weight'
    """
    return _swap_prefix(ours, _PUBLISHED_PREFIX)


def _swap_prefix(name: str, table: Mapping[str, str]) -> str:
    for old, new in table.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name
