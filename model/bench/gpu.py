"""The published transformer at its full size with random weights, on the graphics card there is, in
under nine minutes; on a machine without one at tiny sizes on the processor.

Random weights take as long as true ones. Each number type is built, run and let go before the next.
Of it on a card everything is untried.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from model.bench.networks import Passing, random_transformer, reference_transformer
from model.checkpoint import keys
from model.checkpoint.weights import load_weights
from model.config import TransformerConfig, VaeConfig
from model.errors import ModelError, Stopped
from model.lora import Adapter, Delta, linears
from model.memory.loading import list_blocks
from model.memory.modulation import ModulationTable, modulation_tensors
from model.memory.streaming import Stream
from model.proving import relative_error, wait
from model.rope import Grid
from model.transformer import Transformer
from model.vae import Vae

LIMIT_S = 480.0
FILE_BLOCKS = 6
BLOCKS = "transformer_blocks."
WARM_UPS, SAMPLES = 2, 5
TEXT_TOKENS = 128
RANK = 32
TINY = TransformerConfig(num_layers=3, num_attention_heads=2, attention_head_dim=32,
                         axes_dims_rope=(8, 12, 12), joint_attention_dim=64)  # fmt: skip
TINY_VAE = VaeConfig(base_dim=16)
LARGEST_DIFFERENCE = 5e-3
"""Of the velocities of both sides in bf16, as a share of their norm."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is run where. `sides_px` are of square pictures."""

    config: TransformerConfig
    vae: VaeConfig
    device: torch.device
    dtype: torch.dtype
    sides_px: tuple[int, ...]


def here() -> Bench:
    if torch.cuda.is_available():
        device = torch.device("cuda")
    elif torch.backends.mps.is_available():
        device = torch.device("mps")
    else:
        return Bench(config=TINY, vae=TINY_VAE, device=torch.device("cpu"), dtype=torch.float32,
                     sides_px=(64, 96))  # fmt: skip
    return Bench(config=TransformerConfig(), vae=VaeConfig(), device=device, dtype=torch.bfloat16,
                 sides_px=(1024, 1328))  # fmt: skip


def table(bench: Bench | None = None, samples: int = SAMPLES) -> str:
    """Markdown: medians of guidance steps (both prompts), the most memory, and what else takes
    time. ModelError if ours and diffusers' velocities differ."""
    bench = here() if bench is None else bench
    until = time.monotonic() + LIMIT_S
    sides = [f"{side} px" for side in bench.sides_px]
    lines = [
        f"| weights | build | {' | '.join(f'step, {side}' for side in sides)} | peak |",
        "|---|---:|" + "---:|" * len(sides) + "---:|",
    ]
    notes: list[str] = []
    with torch.inference_mode():
        for scheme in (None, "int8", "fp8", "int4"):
            if time.monotonic() > until:
                notes.append(f"{scheme}: left out, the time was up.")
                continue
            try:
                lines.append(_of_scheme(bench, scheme, samples))
            except torch.OutOfMemoryError:
                lines.append(f"| {scheme or 'plain'} | does not fit |" + " |" * (len(sides) + 1))
        for what, more in MORE.items():
            if time.monotonic() > until:
                notes.append("The time was up; further measures were left out.")
                break
            try:
                notes.append(more(bench, samples))
            except torch.OutOfMemoryError:
                notes.append(f"{what}: does not fit.")
    name = torch.cuda.get_device_name() if bench.device.type == "cuda" else bench.device.type
    notes.append(
        f"{name}, torch {torch.__version__}, {bench.config.num_layers} blocks of "
        f"{bench.config.dim}, {str(bench.dtype).removeprefix('torch.')}, random weights, medians "
        f"of {samples}; a step is both prompts of guidance."
    )
    return "\n".join([*lines, "", *notes])


def _of_scheme(bench: Bench, scheme: str | None, samples: int) -> str:
    began = time.perf_counter()
    _forget_peak(bench)
    network = _tabled(bench, scheme)
    wait(bench.device)
    build = time.perf_counter() - began
    steps = [_seconds(bench, _step(bench, network, side), samples) for side in bench.sides_px]
    cells = [f"{1000 * seconds:.0f} ms" for seconds in steps]
    return f"| {scheme or 'plain'} | {build:.1f} s | {' | '.join(cells)} | {_peak(bench)} |"


def _tabled(
    bench: Bench,
    scheme: str | None = None,
    without: Callable[[Transformer], Collection[str]] = modulation_tensors,
) -> Transformer:
    """As a run has it: a table in the place of the modulation's weights."""
    like: dict[str, Any] = {"device": bench.device, "dtype": bench.dtype}
    network = random_transformer(bench.config, scheme=scheme, without=without, **like)
    table = ModulationTable(network, Passing(network, **like))
    table.expect(_sigma(bench))
    return network


def _sigma(bench: Bench) -> Tensor:
    return torch.full((1,), 0.7, device=bench.device, dtype=bench.dtype)


def _inputs(bench: Bench, side_px: int) -> tuple[Tensor, Tensor, Tensor, Grid]:
    chance = torch.Generator(bench.device).manual_seed(1)
    cells = side_px // (bench.vae.scale * bench.config.patch_size)
    like: dict[str, Any] = {"device": bench.device, "dtype": bench.dtype, "generator": chance}
    tokens = torch.randn(1, cells * cells, bench.config.in_channels, **like)
    text = torch.randn(1, TEXT_TOKENS, bench.config.text_dim, **like)
    return tokens, text, _sigma(bench), (1, cells, cells)


def _step(bench: Bench, network: Transformer, side_px: int) -> Callable[[], object]:
    tokens, text, sigma, grid = _inputs(bench, side_px)
    texts = [(text, None), (text[:, : TEXT_TOKENS // 2], None)]
    return lambda: network.together(tokens, texts, sigma, [grid])


def _of_loras(bench: Bench, samples: int) -> str:
    """On the projections of the image's stream, as most LoRAs are."""
    network = _tabled(bench)
    ends = ("attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0")
    like: dict[str, Any] = {"device": bench.device, "dtype": bench.dtype}
    deltas = {
        name: Delta(chain=(torch.ones(rows, RANK, **like), torch.ones(RANK, columns, **like)))
        for name, (rows, columns) in linears(network).items()
        if name.endswith(ends)
    }
    began = time.perf_counter()
    adapter = Adapter(network, deltas, 0.01)
    put = time.perf_counter() - began
    with adapter:
        seconds = _seconds(bench, _step(bench, network, bench.sides_px[0]), 2)
    return (
        f"A LoRA of rank {RANK} beside {len(deltas)} linears: put in place in {1000 * put:.0f} ms, "
        f"a step of {bench.sides_px[0]} px {1000 * seconds:.0f} ms."
    )


def _of_stop(bench: Bench, samples: int) -> str:
    """From the wish to stop, in the middle of a pass, to the device's rest."""
    network = _tabled(bench)
    tokens, text, sigma, grid = _inputs(bench, bench.sides_px[-1])
    wish = threading.Event()
    asked = 0.0
    blocks = 0

    def poll() -> None:
        nonlocal asked, blocks
        blocks += 1
        if blocks > bench.config.num_layers // 2 and not wish.is_set():
            asked = time.perf_counter()
            wish.set()
        elif wish.is_set():
            raise Stopped

    try:
        network(tokens, text, sigma, [grid], poll=poll)
    except Stopped:
        wait(bench.device)
    took = 1000 * (time.perf_counter() - asked)
    return f"Stopping a pass of {bench.sides_px[-1]} px: {took:.0f} ms."


def _of_stream(bench: Bench, samples: int) -> str:
    """All blocks come from main memory at every step, page-locked on CUDA."""
    _forget_peak(bench)
    network = _tabled(bench, without=_blocks_and_modulation)
    listed = list_blocks(network, BLOCKS.removesuffix("."), 0)
    blocks = list(network.transformer_blocks)
    kept = {
        f"{BLOCKS}{index}.{name}": torch.zeros(block.get_parameter(name).shape, dtype=bench.dtype)
        for index, block in enumerate(blocks)
        for name in listed.tensors[index]
    }
    if bench.device.type == "cuda":
        kept = {name: tensor.pin_memory() for name, tensor in kept.items()}
    network.transformer_blocks = stream = Stream(
        blocks, BLOCKS, listed.tensors, 0, kept.__getitem__,
        dtype=bench.dtype, device=bench.device, is_kept=True,
    )  # fmt: skip
    side = bench.sides_px[-1]
    try:
        seconds = _seconds(bench, _step(bench, network, side), min(samples, 3))
    finally:
        stream.rest()
    return (
        f"All {len(blocks)} blocks streamed from main memory: a step of {side} px in "
        f"{1000 * seconds:.0f} ms{_at_most(bench)}."
    )


def _blocks_and_modulation(network: Transformer) -> frozenset[str]:
    return frozenset(name for name in network.state_dict() if name.startswith(BLOCKS)) | frozenset(
        modulation_tensors(network)
    )


def _of_load(bench: Bench, samples: int) -> str:
    """A file of a few blocks, as the system keeps it in memory behind the first reading."""
    config = replace(bench.config, num_layers=min(FILE_BLOCKS, bench.config.num_layers))
    network = random_transformer(config, device=bench.device, dtype=bench.dtype)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "transformer.safetensors")
        save_file(network.state_dict(), path)
        num_bytes = path.stat().st_size

        def load() -> None:
            with torch.device("meta"):
                empty = Transformer(config)
            load_weights(empty, path, "", keys.plain(empty), dtype=bench.dtype, device=bench.device)

        seconds = _seconds(bench, load, min(samples, 3))
    return (
        f"{config.num_layers} blocks from a file that is in the system's memory, hashed meanwhile: "
        f"{num_bytes / 1e9 / seconds:.2f} GB/s."
    )


def _beside_diffusers(bench: Bench, samples: int) -> str:
    """The same weights under the reference's class, if it is installed and both fit."""
    network = random_transformer(bench.config, device=bench.device, dtype=bench.dtype)
    try:
        reference = reference_transformer(network)
    except ImportError:
        return "diffusers is not installed: nothing to compare with."
    side = bench.sides_px[0]
    tokens, text, sigma, grid = _inputs(bench, side)

    def theirs() -> Tensor:
        return reference(
            hidden_states=tokens,
            encoder_hidden_states=text,
            encoder_hidden_states_mask=None,
            timestep=sigma,
            img_shapes=[[grid]],
            return_dict=False,
        )[0]

    def ours() -> Tensor:
        return network(tokens, text, sigma, [grid])

    difference = relative_error(ours(), theirs())
    if not difference <= LARGEST_DIFFERENCE:
        raise ModelError(f"ours differs from diffusers by {difference:.1%} of the velocity's norm")
    mine, other = [], []
    for _ in range(samples):
        mine.append(_once(bench, ours))
        other.append(_once(bench, theirs))
    ratio = median(other) / median(mine)
    return (
        f"One pass of {side} px beside diffusers, in turns: {1000 * median(mine):.0f} ms and "
        f"{1000 * median(other):.0f} ms, {ratio:.2f} times; they differ by {difference:.1e}."
    )


def _of_vae(bench: Bench, samples: int) -> str:
    with torch.device("meta"):
        vae = Vae(bench.vae)
    vae = vae.to_empty(device=bench.device).to(bench.dtype).eval()
    for parameter in vae.parameters():
        parameter.data.normal_(0.0, 0.02)
    _forget_peak(bench)
    times = []
    for side in bench.sides_px:
        cells = side // bench.vae.scale
        z = torch.zeros(1, bench.vae.z_dim, cells, cells, device=bench.device, dtype=bench.dtype)
        seconds = _seconds(bench, lambda z=z: vae.decode(z), samples)
        times.append(f"{side} px in {1000 * seconds:.0f} ms")
    return f"The VAE decodes {' and '.join(times)}{_at_most(bench)}."


MORE: dict[str, Callable[[Bench, int], str]] = {
    "A LoRA": _of_loras,
    "Stopping": _of_stop,
    "Streamed blocks": _of_stream,
    "Loading": _of_load,
    "Beside diffusers": _beside_diffusers,
    "The VAE": _of_vae,
}


def _seconds(bench: Bench, work: Callable[[], object], samples: int) -> float:
    for _ in range(WARM_UPS):
        work()
    wait(bench.device)
    return median(_once(bench, work) for _ in range(samples))


def _once(bench: Bench, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    wait(bench.device)
    return time.perf_counter() - began


def _forget_peak(bench: Bench) -> None:
    if bench.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _at_most(bench: Bench) -> str:
    return f", at most {_peak(bench)}" if bench.device.type == "cuda" else ""


def _peak(bench: Bench) -> str:
    """Only CUDA tells it."""
    if bench.device.type != "cuda":
        return "not told"
    return f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB"
