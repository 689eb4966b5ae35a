"""Runs as TOML files: every option a checked field of a frozen dataclass.

Knows every option's meaning and range; `options` knows how they are read and checked.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from training.data.synthesis import StreamConfig
from training.errors import ConfigError
from training.options import Choice, Count, Options, Positive, Range, Share, from_table

RUN_VERSION = 1
RUNS_VARIABLE = "INKSTONE_RUNS"
STARTER = "starter"
"""Stands in a run file for the model that comes with the program."""
MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(Options):
    """The optimiser, its learning rate over the run, and the moving average of the weights."""

    learning_rate: Annotated[float, Range(1e-8, 1.0)] = 1e-3
    """The peak, reached at the end of the warm-up."""
    final_share: Share = 0.05
    """The rate at the last step, as a share of the peak; a cosine leads there."""
    warmup_steps: Count = 200
    weight_decay: Annotated[float, Range(0.0, 1.0)] = 0.01
    """Of matrices; biases, norms and embeddings never decay."""
    beta1: Annotated[float, Range(0.0, 0.9999)] = 0.9
    beta2: Annotated[float, Range(0.0, 0.99999)] = 0.99
    muon_momentum: Annotated[float, Range(0.0, 0.9999)] = 0.0
    """Above 0, Muon moves matrices and kernels, and AdamW the rest: fewer steps, each dearer."""
    clip_norm: Annotated[float, Range(1e-6, 1e6)] = 1.0
    """The longest gradient that is taken as it is."""
    ema_decay: Annotated[float, Range(0.0, 0.999999)] = 0.999


@dataclass(frozen=True, kw_only=True)
class Run(Options):
    """What every training run has, whatever its objective."""

    kind: ClassVar[str]

    version: Annotated[int, Range(1, RUN_VERSION)] = RUN_VERSION
    name: str
    """Names the output folder below $INKSTONE_RUNS."""
    folder: str = ""
    """The output folder itself, instead of one below $INKSTONE_RUNS."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    device: Annotated[str, Choice(("cpu", "cuda", "mps"))] = "cpu"
    threads: Annotated[int, Range(1, 256)] = 1
    workers: Annotated[int, Range(0, 256)] = 0
    """Processes that draw posters; 0 draws them between the steps."""
    steps: Positive
    batch: Annotated[int, Range(1, 65536)]
    hours: Annotated[float, Range(0.0, 10_000.0)] = 0.0
    """Stops after so long in one process, with a checkpoint; 0 never does."""
    log_steps: Positive = 20
    checkpoint_steps: Positive = 250
    checkpoint_minutes: Annotated[float, Range(0.01, 1440.0)] = 5.0
    """A checkpoint is due after so many steps or minutes, whichever comes first."""
    keep: Annotated[int, Range(2, 1000)] = 2
    """Verified checkpoints that stay; the one before the newest is what saves a damaged disk."""
    sample_steps: Count = 1000
    """A sheet of samples every so many steps; 0 draws none."""
    data: StreamConfig
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)


@dataclass(frozen=True, kw_only=True)
class VaeNetwork(Options):
    """The numbers of a published VAE's config.json that training chooses."""

    base_dim: Annotated[int, Range(4, 1024)] = 16
    z_dim: Annotated[int, Range(1, 256)] = 16
    dim_mult: tuple[Annotated[int, Range(1, 64)], ...] = (1, 2, 4, 4)
    num_res_blocks: Annotated[int, Range(1, 8)] = 1


@dataclass(frozen=True, kw_only=True)
class VaeRun(Run):
    """Trains the VAE on crops of posters: L1 and gradient loss, a little noise on the latents."""

    kind = "vae"

    network: VaeNetwork = field(default_factory=VaeNetwork)
    start: str = ""
    """A published `vae` folder to begin from, instead of random weights. If `network.dim_mult` has
    one stage more in front, the VAE grows: see `grow_weight`."""
    grow_weight: Annotated[float, Range(0.0, 1000.0)] = 1.0
    """Of a VAE that grows: how much it costs when its latents differ from those of `start` for the
    picture at half the size, whose statistics it keeps: what knows the old latents knows these."""
    freeze_encoder: bool = False
    """Trains the decoder alone: latents, and their statistics, stay those of `start`."""
    crop_px: Annotated[int, Range(16, 1024)] = 32
    crops_per_poster: Annotated[int, Range(1, 1024)] = 8
    busy_share: Share = 0.75
    """Of the crops, how many are the busiest of four places; the others lie anywhere."""
    crop_step_px: Annotated[int, Range(1, 1024)] = 1
    """Crops begin at multiples of it: a token's side where letters always fill tokens."""
    gradient_weight: Annotated[float, Range(0.0, 100.0)] = 0.5
    latent_noise: Annotated[float, Range(0.0, 10.0)] = 0.05
    latent_bound: Annotated[float, Range(0.1, 1000.0)] = 3.0
    """Latents beyond it cost; within it they are free."""
    bound_weight: Annotated[float, Range(0.0, 100.0)] = 0.1
    statistics_posters: Annotated[int, Range(1, 100_000)] = 256
    """Posters whose latents give the mean and deviation written beside the weights."""


@dataclass(frozen=True, kw_only=True)
class TransformerNetwork(Options):
    """The numbers of a published transformer's config.json that training chooses."""

    num_layers: Annotated[int, Range(1, 100)] = 6
    num_attention_heads: Annotated[int, Range(1, 128)] = 6
    attention_head_dim: Annotated[int, Range(8, 256)] = 32
    axes_dims_rope: tuple[Annotated[int, Range(2, 256)], ...] = (8, 12, 12)


@dataclass(frozen=True, kw_only=True)
class EncoderNetwork(Options):
    """The numbers of the tiny Qwen2.5-VL; its width is the transformer's `joint_attention_dim`."""

    hidden_size: Annotated[int, Range(16, 4096)] = 192
    num_layers: Annotated[int, Range(1, 64)] = 1
    num_heads: Annotated[int, Range(1, 64)] = 6
    intermediate_size: Annotated[int, Range(16, 32768)] = 384
    vision_size: Annotated[int, Range(16, 4096)] = 96
    vision_layers: Annotated[int, Range(1, 64)] = 1
    vision_heads: Annotated[int, Range(1, 64)] = 3
    vision_intermediate_size: Annotated[int, Range(16, 32768)] = 192


@dataclass(frozen=True, kw_only=True)
class SampleOptions(Options):
    """The sheet of samples drawn while training, from the averaged weights."""

    count: Annotated[int, Range(1, 256)] = 8
    steps: Annotated[int, Range(1, 1000)] = 12
    guidance: Annotated[float, Range(1.0, 100.0)] = 2.5


@dataclass(frozen=True, kw_only=True)
class FlowRun(Run):
    """Trains transformer and text encoder by flow matching on latents of posters."""

    kind = "flow_matching"

    vae: str
    """The published `vae` folder that makes the latents."""
    start: str = ""
    """A run folder, or one of its checkpoints, whose averaged weights to begin from; or a model
    folder in the published layout."""
    pool: Count = 0
    """So many examples are drawn and come round again in other words, their latents kept in memory:
    a quarter less time for each after the first. 0 never repeats one."""
    network: TransformerNetwork = field(default_factory=TransformerNetwork)
    encoder: EncoderNetwork = field(default_factory=EncoderNetwork)
    freeze_encoder_steps: Count = 0
    """From this step on the text encoder stays as it is; 0 trains it to the end."""
    caption_dropout: Share = 0.1
    """Of the captions, how many are replaced by the empty prompt, for guidance."""
    sigma_mean: Annotated[float, Range(-10.0, 10.0)] = 0.7
    """sigma = sigmoid(N(mean, deviation)); above 0 leans to noise."""
    sigma_deviation: Annotated[float, Range(0.0, 10.0)] = 1.0
    noise_share: Share = 0.0
    """Of the examples, how many are noise alone (sigma 1): where sampling begins and the caption
    decides page and colours, which a logit-normal hardly ever shows."""
    condition_area_px: Annotated[int, Range(32 * 32, 2048 * 2048)] = 128 * 128
    """Area at which an edit's picture is shown to the text encoder."""
    reference_area_px: Annotated[int, Range(32 * 32, 2048 * 2048)] = 128 * 128
    """Area at which an edit's picture is given to the VAE."""
    samples: SampleOptions = field(default_factory=SampleOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool % self.batch:  # a resumed run must see the batches that it has seen before
            raise ValueError(f"pool {self.pool} must be a multiple of batch {self.batch}")


@dataclass(frozen=True, kw_only=True)
class StarterRun(Options):
    """Assembles a model folder in the published layout from trained parts."""

    kind: ClassVar[str] = "starter"

    version: Annotated[int, Range(1, RUN_VERSION)] = RUN_VERSION
    name: str
    folder: str
    """Where the model is written; relative to the run file."""
    run: str
    """The flow matching run (or one checkpoint of it) that holds transformer and encoder."""
    vae: str
    """The published `vae` folder that the run was trained with, or one with its encoder."""
    sizes: tuple[tuple[Positive, Positive], ...] = ((256, 256),)
    steps: Annotated[int, Range(1, 1000)] = 12
    guidance: Annotated[float, Range(1.0, 100.0)] = 2.5
    notice: str = "starter model, 256 px, for trying out"


@dataclass(frozen=True, kw_only=True)
class EvaluationRun(Options):
    """Measures a model folder on held-out prompts and edits."""

    kind: ClassVar[str] = "evaluation"

    version: Annotated[int, Range(1, RUN_VERSION)] = RUN_VERSION
    name: str
    folder: str = ""
    """Where table, numbers and contact sheet go; empty: below $INKSTONE_RUNS."""
    model: str = "starter"
    """A model folder, or the word `starter`."""
    device: Annotated[str, Choice(("cpu", "cuda", "mps"))] = "cpu"
    threads: Annotated[int, Range(1, 256)] = 2
    seed: Annotated[int, Range(0, 2**31 - 1)] = 1
    prompts: Annotated[int, Range(1, 100_000)] = 200
    edits: Annotated[int, Range(0, 100_000)] = 100
    free: Annotated[int, Range(0, 100_000)] = 60
    """Prompts in free words, which name every colour and leave parts out."""
    sheet: Annotated[int, Range(1, 400)] = 24
    """Pictures on the contact sheet."""


AnyRun = VaeRun | FlowRun | StarterRun | EvaluationRun
KINDS: dict[str, type[AnyRun]] = {
    cls.kind: cls for cls in (VaeRun, FlowRun, StarterRun, EvaluationRun)
}


def read_run(path: Path) -> AnyRun:
    """The run that a TOML file describes; ConfigError names the file and the option at fault."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes; not a run file")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error})") from None
    kind = table.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError(f"{path}: kind is {kind!r}; choose one of {', '.join(KINDS)}")
    try:
        return from_table(KINDS[kind], table)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def output_folder(run: AnyRun) -> Path:
    """Where a run writes: its own `folder`, or its name below the folder of all runs."""
    return Path(run.folder).expanduser() if run.folder else runs_folder() / run.name


def runs_folder() -> Path:
    """$INKSTONE_RUNS, or a folder among the user's data; never the checkout."""
    import appdirs

    chosen = os.environ.get(RUNS_VARIABLE)
    return Path(chosen or Path(appdirs.user_data_dir("inkstone", False)) / "runs").expanduser()


def resolve_input(text: str) -> Path:
    """A folder a run reads: absolute, below the folder of all runs, or `starter`, the model that
    comes with the program, and what is in it."""
    from model.loader import starter_path

    path = Path(text).expanduser()
    if path.parts[:1] == (STARTER,):
        return starter_path().joinpath(*path.parts[1:])
    return path if path.is_absolute() else runs_folder() / path
