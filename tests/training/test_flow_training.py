"""Training of transformer and text encoder: it learns, drops, freezes, edits, and goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.training_runs import flow_run, newest, published_vae, trainer_of
from training.config import FlowRun, StarterRun
from training.data.synthesis import StreamConfig
from training.errors import CheckpointError
from training.flow import EMPTY_PROMPT, FlowObjective, grouped, make_objective
from training.flow_samples import draw
from training.posters import HELD_OUT_FIRST
from training.prepare import assemble
from training.train import train
from training.trainer import Trainer


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_vae(tmp_path_factory.mktemp("vae"))


def with_edits(run: FlowRun, share: float) -> FlowRun:
    data = StreamConfig(size_px=128, edits=share, edit_group=2)
    return dataclasses.replace(run, data=data)


def objective_of(run: FlowRun) -> FlowObjective:
    torch.manual_seed(run.seed)
    return make_objective(run)


def repeated(trainer: Trainer, count: int) -> list[float]:
    """Losses of `count` steps on one batch with the same noise each time."""
    batch = grouped([trainer.objective.examples[i] for i in range(4)])
    losses = []
    for _ in range(count):
        trainer.generator.manual_seed(7)
        losses.append(trainer.train_step(batch)["loss"])
    return losses


@pytest.mark.parametrize("edits", [0.0, 1.0])
def test_one_batch_is_learned(tmp_path: Path, vae: Path, edits: float) -> None:
    """60 steps with the same noise: measured 1.12 -> 0.07 for posters, 1.11 -> 0.08 for edits."""
    run = with_edits(flow_run(tmp_path, vae, steps=10_000), edits)
    run = dataclasses.replace(run, caption_dropout=0.0)
    object.__setattr__(run.optimizer, "learning_rate", 5e-3)
    losses = repeated(trainer_of(run), 60)
    assert losses[-1] < 0.2 * losses[0]


def test_every_trained_tensor_gets_a_gradient(tmp_path: Path, vae: Path) -> None:
    """But for the text output of the last block, which nothing reads."""
    run = with_edits(flow_run(tmp_path, vae), 1.0)
    trainer = trainer_of(run)
    repeated(trainer, 3)  # the first steps open the gates, which begin at zero
    unread = ("to_add_out", "txt_mlp", "add_q_proj", "norm_added_q")
    without = {name for name, p in trainer.parameters.items() if p.grad is None}
    last = f"transformer_blocks.{run.network.num_layers - 1}."
    assert all(last in name and any(word in name for word in unread) for name in without)
    still = {name for name, p in trainer.parameters.items() if p.grad is not None}
    assert any(name.startswith("text_encoder.visual.") for name in still)


def test_a_pool_comes_round_with_the_same_tokens_in_other_words(tmp_path: Path, vae: Path) -> None:
    run = dataclasses.replace(with_edits(flow_run(tmp_path, vae), 0.5), pool=8)
    objective = objective_of(run)
    rounds = [[objective.examples[i].caption for i in range(n, n + 8)] for n in (0, 8, 8)]
    assert rounds[0] != rounds[1] == rounds[2]
    assert objective.examples[HELD_OUT_FIRST].index == HELD_OUT_FIRST
    for i in range(8):
        first, again = (grouped([objective.examples[n]])[0] for n in (i, 8 + i))
        seen = [objective._group_tokens(group) for group in (first, again)]
        assert len(seen[0]) == (1 if first.sources is None else 2)
        assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
        assert torch.equal(seen[0][0], objective.tokens(first.pixels))


def test_a_run_begins_from_a_model_folder(tmp_path: Path, vae: Path) -> None:
    """With the weights that are published, in bf16; a folder of another network is refused."""
    run = flow_run(tmp_path, vae, steps=2)
    train(run)
    model = StarterRun(name="model", folder="model", run=run.folder, vae=str(vae))
    folder = assemble(model, tmp_path / "model")
    averaged = newest(Path(run.folder)).tensors["ema"]
    begun = dataclasses.replace(run, seed=9, start=str(folder))
    for part, module in objective_of(begun).modules.items():
        for name, parameter in module.named_parameters():
            assert torch.equal(parameter, averaged[f"{part}.{name}"].bfloat16().float()), name
    wider = dataclasses.replace(run.network, num_layers=3)
    with pytest.raises(CheckpointError, match="another network"):
        objective_of(dataclasses.replace(begun, network=wider))


def test_an_edit_sees_its_source(tmp_path: Path, vae: Path) -> None:
    """Another source changes the text states and the reference tokens."""
    objective = objective_of(with_edits(flow_run(tmp_path, vae), 1.0))
    group = grouped([objective.examples[0], objective.examples[1]])[0]
    assert group.sources is not None
    other = 255 - group.sources
    with torch.no_grad():
        states = [objective.text_states(group.captions, s).states for s in (group.sources, other)]
        tokens = [objective.reference_tokens(s) for s in (group.sources, other)]
    assert not torch.allclose(states[0], states[1])
    assert not torch.allclose(tokens[0], tokens[1])


def test_dropped_captions_become_the_empty_prompt(tmp_path: Path, vae: Path) -> None:
    run = dataclasses.replace(flow_run(tmp_path, vae), caption_dropout=0.5)
    objective = objective_of(run)
    captions = [f"caption {i}" for i in range(400)]
    seen = objective._dropped(captions, torch.Generator().manual_seed(0))
    dropped = [i for i, caption in enumerate(seen) if caption == EMPTY_PROMPT]
    assert 150 < len(dropped) < 250
    assert all(seen[i] == captions[i] for i in range(400) if i not in dropped)


def test_groups_keep_captions_with_their_pictures(tmp_path: Path, vae: Path) -> None:
    objective = objective_of(flow_run(tmp_path, vae))
    examples = [objective.examples[i] for i in range(8)]
    seen = {
        caption: (pixels, source)
        for group in grouped(examples)
        for caption, pixels, source in zip(
            group.captions,
            group.pixels,
            [None] * len(group.captions) if group.sources is None else group.sources,
            strict=True,
        )
    }
    assert len(seen) == 8
    for example in examples:
        pixels, source = seen[example.caption]
        assert torch.equal(pixels, example.pixels)
        assert (source is None) == (example.source is None)
        if source is not None and example.source is not None:
            assert torch.equal(source, example.source)


def test_the_text_encoder_freezes_at_its_step(tmp_path: Path, vae: Path) -> None:
    run = dataclasses.replace(flow_run(tmp_path, vae, steps=10), freeze_encoder_steps=2)
    trainer = trainer_of(run)
    repeated(trainer, 2)
    at_freeze = {name: p.detach().clone() for name, p in trainer.parameters.items()}
    repeated(trainer, 2)
    moved = {n.split(".")[0] for n, p in trainer.parameters.items() if not p.equal(at_freeze[n])}
    assert moved == {"transformer"}


def test_a_run_begins_from_another_runs_average(tmp_path: Path, vae: Path) -> None:
    first = flow_run(tmp_path, vae, steps=3, name="first")
    train(first)
    second = dataclasses.replace(flow_run(tmp_path, vae, name="second"), start=first.folder)
    objective = objective_of(second)
    ema = newest(Path(first.folder)).tensors["ema"]
    loaded = dict(objective.transformer.named_parameters())
    assert torch.equal(loaded["img_in.weight"], ema["transformer.img_in.weight"])
    wider = dataclasses.replace(second.network, num_layers=3)
    with pytest.raises(CheckpointError, match="another network"):
        objective_of(dataclasses.replace(second, network=wider))


def test_the_plan_is_what_one_step_from_noise_would_draw(tmp_path: Path, vae: Path) -> None:
    run = flow_run(tmp_path, vae)
    objective = objective_of(
        dataclasses.replace(run, samples=dataclasses.replace(run.samples, steps=1, guidance=1.0))
    )
    group = grouped([objective.examples[0]])[0]
    with torch.no_grad():
        objective.transformer.proj_out.weight.normal_(std=0.1)  # untrained, it would say nothing
        planned, drawn = draw(objective, group)
    torch.testing.assert_close(planned, drawn)


def test_a_sheet_shows_source_plan_result_and_wanted(tmp_path: Path, vae: Path) -> None:
    trainer = trainer_of(with_edits(flow_run(tmp_path, vae), 1.0))
    repeated(trainer, 2)  # a network that predicts nothing at all cannot be guided
    with torch.no_grad():
        numbers = trainer.objective.write_sheet(tmp_path / "sheet.png")
    assert 0 < numbers["sample_psnr_db"] < 60
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 4 * 128


def test_a_sample_changes_nothing_of_the_run(tmp_path: Path, vae: Path) -> None:
    """Weights, random state and what a later step may use: equal to a run that drew none."""
    plain, sampling = (
        trainer_of(dataclasses.replace(flow_run(tmp_path, vae, name=name), sample_steps=0))
        for name in ("plain", "sampling")
    )
    repeated(plain, 1)
    repeated(sampling, 1)
    sampling.sample()
    assert repeated(plain, 2) == repeated(sampling, 2)
    assert all(p.equal(sampling.parameters[n]) for n, p in plain.parameters.items())
