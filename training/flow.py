"""Training of transformer and text encoder on posters and edits of posters.

Binds the stream of samples, the frozen VAE and the networks to the flow matching objective.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model.config import TransformerConfig
from model.latents import pack
from model.pictures import fit_area
from model.rope import Grid
from model.text_encoder.encoder import TextEncoder, TextStates
from model.transformer import Transformer
from model.vae import Vae
from training.config import FlowRun, TransformerNetwork, resolve_input
from training.data.scenes import CELL_PX, Scene, weights
from training.data.synthesis import EditSample, PosterStream
from training.encoder import make_encoder
from training.errors import ConfigError
from training.objectives import flow_matching
from training.posters import HELD_OUT_FIRST, resized, to_pictures, to_signed
from training.published import load_vae

PATCH = 2
ENCODED_AT_ONCE = 4
"""Pictures in one pass of the VAE; on a CPU, whose cache they fit, twice as quick as 32."""
EMPTY_PROMPT = " "
"""What guidance compares with: the families' own negative prompt."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One target [3, H, W] with its caption and the loss weights of its tokens, rows first.

    An edit has a source besides, drawn as the target is. The same `index` is the same picture.
    """

    index: int
    pixels: Tensor
    weights: Tensor
    caption: str
    source: Tensor | None = None

    @property
    def kind(self) -> tuple[Any, ...]:
        """Examples of one kind make one forward pass."""
        return (tuple(self.pixels.shape), self.source is None)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Examples of one kind, stacked."""

    indices: tuple[int, ...]
    pixels: Tensor
    weights: Tensor
    captions: tuple[str, ...]
    sources: Tensor | None


class PosterExamples:
    """Example i: sample i of the stream, drawn; with a pool, trained ones come round again."""

    def __init__(self, run: FlowRun) -> None:
        self.stream = PosterStream(run.data, run.seed)
        self.pool = run.pool

    def __getitem__(self, index: int) -> Example:
        wording = None
        if self.pool and self.pool <= index < HELD_OUT_FIRST:
            index, wording = index % self.pool, index
        sample = self.stream.sample(index, wording)
        values = self.stream.config.loss_weights
        return Example(
            index=index,
            pixels=self._drawn(sample.target),
            weights=torch.from_numpy(weights(sample.target, CELL_PX, values)).flatten(),
            caption=sample.caption,
            source=self._drawn(sample.source) if isinstance(sample, EditSample) else None,
        )

    def _drawn(self, scene: Scene) -> Tensor:
        return torch.from_numpy(self.stream.drawn(scene)).permute(2, 0, 1)


def grouped(examples: Sequence[Example]) -> list[Group]:
    """Examples by kind, in the order in which each kind came first, and by length of caption."""
    kinds: dict[tuple[Any, ...], list[Example]] = {}
    for example in examples:
        kinds.setdefault(example.kind, []).append(example)
    return [_stacked(part) for group in kinds.values() for part in _by_length(group)]


def _by_length(examples: list[Example]) -> list[list[Example]]:
    """The half with the shorter captions and the rest: a sixth less time than padded together."""
    ordered = sorted(examples, key=lambda example: len(example.caption.encode()))
    half = len(ordered) // 2
    return [part for part in (ordered[:half], ordered[half:]) if part]


def _stacked(examples: list[Example]) -> Group:
    sources = [e.source for e in examples if e.source is not None]
    return Group(
        indices=tuple(e.index for e in examples),
        pixels=torch.stack([e.pixels for e in examples]),
        weights=torch.stack([e.weights for e in examples]),
        captions=tuple(e.caption for e in examples),
        sources=torch.stack(sources) if sources else None,
    )


class FlowObjective:
    """Velocities of noised posters, given their captions; of edits, given the source as well."""

    def __init__(
        self, run: FlowRun, vae: Vae, transformer: Transformer, encoder: TextEncoder
    ) -> None:
        self.run, self.token_px = run, vae.config.scale * PATCH
        if self.token_px != CELL_PX * run.data.scale:
            raise ConfigError(
                f"vae: a token spans {self.token_px} px, a cell {CELL_PX * run.data.scale} "
                f"(data.scale is {run.data.scale})"
            )
        self.vae = vae.requires_grad_(False).eval().to(run.device)
        self.vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.transformer = transformer.to(run.device)
        self.encoder = encoder.to(run.device)
        self.modules: Mapping[str, nn.Module] = {
            "transformer": self.transformer,
            "text_encoder": self.encoder.network,
        }
        self.examples = PosterExamples(run)
        self.collate = grouped
        self.examples_per_batch = run.batch
        self._known: dict[int, list[Tensor]] = {}  # tokens of target and source, by index

    def prepare_step(self, step: int) -> None:
        """Freezes the text encoder from its step on."""
        frozen = 0 < self.run.freeze_encoder_steps <= step
        self.encoder.requires_grad_(not frozen)

    def loss(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        total = sum(len(group.captions) for group in batch)
        loss: Tensor | float = 0.0
        sums = {"loss_text": 0.0, "loss_edit": 0.0}
        counts = dict.fromkeys(sums, 0)
        for group in batch:
            value, count = self._group_loss(group, generator), len(group.captions)
            name = "loss_text" if group.sources is None else "loss_edit"
            sums[name] += value.item() * count
            counts[name] += count
            loss = loss + value * (count / total)
        assert isinstance(loss, Tensor), "a batch holds at least one example"
        return loss, {name: sums[name] / n for name, n in counts.items() if n}

    def _group_loss(self, group: Group, generator: torch.Generator) -> Tensor:
        latents, *reference = self._group_tokens(group)
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        sigmas = flow_matching.draw_sigmas(
            len(latents),
            self.run.sigma_mean,
            self.run.sigma_deviation,
            self.run.noise_share,
            generator,
        ).to(latents)
        text = self.text_states(self._dropped(group.captions, generator), group.sources)
        img = torch.cat([flow_matching.noised(latents, noise, sigmas), *reference], dim=1)
        predicted = self.transformer(img, text.states, sigmas, self.grids(group), text.valid)
        target = flow_matching.velocity(latents, noise)
        return flow_matching.weighted_loss(predicted, target, group.weights.to(latents))

    def _group_tokens(self, group: Group) -> list[Tensor]:
        """Tokens of the targets, and of the sources of edits; what a pool repeats is kept."""
        if all(index in self._known for index in group.indices):
            known = [self._known[index] for index in group.indices]
            return [torch.stack(part) for part in zip(*known, strict=True)]
        parts = [self.tokens(group.pixels)]
        if group.sources is not None:
            parts.append(self.reference_tokens(group.sources))
        if self.run.pool:
            for i, index in enumerate(group.indices):
                self._known[index] = [part[i].clone() for part in parts]
        return parts

    def tokens(self, pixels: Tensor) -> Tensor:
        """Bytes [B, 3, H, W] -> normalised tokens of the frozen VAE."""
        with torch.inference_mode():
            pixels = pixels.to(self.run.device, memory_format=torch.channels_last)
            parts = to_signed(pixels).split(ENCODED_AT_ONCE)
            latents = torch.cat([self.vae.encode(part) for part in parts])
            packed = pack(latents, PATCH)
        return packed.clone()  # a clone may take part in a backward pass

    def reference_tokens(self, sources: Tensor) -> Tensor:
        """The sources of edits as the VAE reads them."""
        pictures = [resized(p, self.run.reference_area_px) for p in to_pictures(sources)]
        stacked = torch.from_numpy(np.stack([np.asarray(p) for p in pictures]))
        return self.tokens(stacked.permute(0, 3, 1, 2))

    def grids(self, group: Group) -> list[Grid]:
        """Of the targets, and of the sources as `reference_tokens` sizes them."""
        height, width = group.pixels.shape[-2:]
        sizes = [(width, height)]
        if group.sources is not None:
            sizes.append(fit_area(self.run.reference_area_px, width, height))
        return [(1, high // self.token_px, wide // self.token_px) for wide, high in sizes]

    def text_states(self, captions: Sequence[str], sources: Tensor | None) -> TextStates:
        """States of captions, or of instructions about the sources as the encoder sees them."""
        if sources is None:
            return self.encoder.encode(captions)
        area = self.run.condition_area_px
        return self.encoder.encode(captions, [resized(p, area) for p in to_pictures(sources)])

    def _dropped(self, captions: Sequence[str], generator: torch.Generator) -> list[str]:
        drop = flow_matching.draw_dropout(len(captions), self.run.caption_dropout, generator)
        return [EMPTY_PROMPT if d else c for c, d in zip(captions, drop, strict=True)]

    def write_sheet(self, path: Path) -> dict[str, float]:
        from training.flow_samples import write_samples

        return write_samples(self, path)


def make_objective(run: FlowRun) -> FlowObjective:
    """The networks that a run names: of random weights, or another run's averaged ones."""
    vae = load_vae(resolve_input(run.vae))
    transformer, encoder = make_networks(run, vae.config.z_dim)
    objective = FlowObjective(run, vae, transformer, encoder)
    if run.start:
        from training.prepare import load_start

        load_start(resolve_input(run.start), objective.modules, encoder.tokenizer)
    return objective


def make_networks(run: FlowRun, z_dim: int) -> tuple[Transformer, TextEncoder]:
    """Transformer and text encoder of random weights, as training starts them."""
    transformer = make_transformer(run.network, z_dim, run.encoder.hidden_size)
    return transformer, make_encoder(run.encoder, run.condition_area_px)


def make_transformer(network: TransformerNetwork, z_dim: int, text_width: int) -> Transformer:
    """A transformer whose blocks and output begin as zero, so that it starts near its input."""
    a, b, c = network.axes_dims_rope
    transformer = Transformer(
        TransformerConfig(
            patch_size=PATCH,
            in_channels=z_dim * PATCH**2,
            out_channels=z_dim,
            num_layers=network.num_layers,
            attention_head_dim=network.attention_head_dim,
            num_attention_heads=network.num_attention_heads,
            joint_attention_dim=text_width,
            axes_dims_rope=(a, b, c),
        )
    )
    for name, module in transformer.named_modules():
        if isinstance(module, nn.Linear):
            _initialise(name, module)
    return transformer


def _initialise(name: str, linear: nn.Linear) -> None:
    if any(word in name for word in ("_mod.", "norm_out.", "proj_out")):
        nn.init.zeros_(linear.weight)
    elif "time_text_embed" in name:
        nn.init.normal_(linear.weight, std=0.02)
    else:
        nn.init.xavier_uniform_(linear.weight)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)
