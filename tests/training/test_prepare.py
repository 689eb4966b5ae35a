"""From checkpoints to a model folder: what is in it, who can open it, what it draws."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model import loader
from model.config import EDIT_TEMPLATE, TEXT_TEMPLATE
from model.requests import Edit, Picture, TextToImage
from tests.training_runs import flow_run, newest, published_vae
from training import prepare as prepare_module
from training.config import EvaluationRun, StarterRun
from training.encoder import make_tokenizer
from training.errors import CheckpointError, ConfigError
from training.evaluate import evaluate
from training.growth import grown
from training.prepare import assemble, main, prepare
from training.published import load_vae, replace_vae
from training.train import train


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starter")
    vae = published_vae(folder)
    flow = flow_run(folder, vae, steps=3)
    train(flow)
    run = starter_run(folder)
    return prepare(run, folder)


def starter_run(folder: Path) -> StarterRun:
    return StarterRun(
        name="tiny",
        folder="assembled",
        run=str(folder / "flow"),
        vae=str(folder / "published-vae"),
        sizes=((128, 128),),
        steps=2,
        guidance=2.0,
        notice="a tiny one",
    )


def test_it_makes_and_edits_pictures(starter: Path) -> None:
    model = loader.load(starter)
    assert set(model.tasks) >= {"text_to_image", "edit"}
    poster = model.run(TextToImage(prompt='"AB" in red')).pictures[0]
    assert (poster.width, poster.height) == (128, 128)
    edited = model.run(Edit(prompt="make the page blue", images=(poster,))).pictures[0]
    # an edit without a size is as large as the reference area says: 64 x 64 here
    assert (edited.width, edited.height) == (64, 64)


def test_the_settings_are_the_runs(starter: Path) -> None:
    settings = json.loads((starter / "inkstone.json").read_text())
    assert settings == {
        "version": 1,
        "condition_area": 4096,
        "reference_area": 4096,
        "sizes": [[128, 128]],
        "steps": 2,
        "guidance": 2.0,
        "notice": "a tiny one",
    }
    model = loader.load(starter)
    assert (model.row.steps, model.row.guidance, model.row.notice) == (2, 2.0, "a tiny one")


def test_the_weights_are_the_average_in_bf16(starter: Path) -> None:
    ema = newest(starter.parent / "flow").tensors["ema"]
    loaded = dict(loader.load(starter).networks.transformer.named_parameters())
    for name, parameter in loaded.items():
        expected = ema[f"transformer.{name}"].to(torch.bfloat16).float()
        assert torch.equal(parameter, expected), name


def test_bytes_are_tokens_and_prefixes_have_the_published_length(starter: Path) -> None:
    for tokenizer in (make_tokenizer(), loader.load(starter).networks.text_encoder.tokenizer):
        for template in (TEXT_TEMPLATE, EDIT_TEMPLATE):
            assert len(tokenizer(template.before).input_ids) == template.drop
            assert len(tokenizer(template.after).input_ids) == 5
        text = '"春天 AZ09" émoji 🖋'
        ids = tokenizer(text).input_ids
        assert len(ids) == len(text.encode())
        assert tokenizer.decode(ids) == text


@pytest.mark.parity
def test_diffusers_opens_it_and_makes_the_same_picture(starter: Path) -> None:
    diffusers: Any = pytest.importorskip("diffusers")
    pipeline = diffusers.QwenImagePipeline.from_pretrained(
        starter, torch_dtype=torch.float32, processor=None
    )
    pipeline.set_progress_bar_config(disable=True)
    prompt = '"春 AB" in red on a white page'
    theirs = pipeline(
        prompt=prompt,
        negative_prompt=" ",
        true_cfg_scale=2.0,
        width=128,
        height=128,
        num_inference_steps=3,
        generator=torch.Generator("cpu").manual_seed(5),
        output_type="np",
    ).images[0]
    request = TextToImage(prompt=prompt, steps=3, seed=5)
    ours = pixels(loader.load(starter).run(request).pictures[0])
    assert np.abs(ours / 255.0 - theirs).max() <= 1.01 / 255


def pixels(picture: Picture) -> np.ndarray:
    array = np.frombuffer(picture.data, np.uint8).astype(np.float64)
    return array.reshape(picture.height, picture.width, 3)


def test_a_vae_of_other_latents_is_refused(starter: Path, tmp_path: Path) -> None:
    run = dataclasses.replace(starter_run(starter.parent), vae=str(tmp_path / "other"))
    vae = load_vae(starter.parent / "published-vae")
    with torch.no_grad():
        vae.decoder.conv_in.weight.mul_(0.9)
    replace_vae(vae, tmp_path / "other")
    assemble(run, tmp_path / "fine")  # another decoder is welcome
    with torch.no_grad():
        vae.quant_conv.weight.mul_(0.9)
    replace_vae(vae, tmp_path / "other")
    with pytest.raises(ConfigError, match="its encoder is not that of"):
        assemble(run, tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


def test_a_run_without_checkpoint_is_refused(
    starter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = dataclasses.replace(starter_run(starter.parent), run=str(tmp_path / "none"))
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        assemble(run, tmp_path / "x")
    path = tmp_path / "run.toml"
    path.write_text('kind = "evaluation"\nname = "x"\n')
    assert main([str(path)]) == 2
    assert "nothing to prepare" in capsys.readouterr().err


def test_an_evaluation_writes_table_numbers_and_sheet(starter: Path, tmp_path: Path) -> None:
    run = EvaluationRun(
        name="tiny", folder=str(tmp_path), model=str(starter), prompts=2, edits=1, free=1, sheet=3
    )
    table = evaluate(run)
    assert (tmp_path / "report.md").read_text() == table
    report = json.loads((tmp_path / "report.json").read_text())
    page = report["measures"]["page colour"]
    assert page["count"] == 2
    assert page["truth"] == 1.0
    assert page["decoded"] < 1.0  # its VAE has random weights
    assert report["measures"]["headline read exactly (rapidocr)"]["aim"] == 0.8
    assert report["measures"]["edit: attribute changed"]["count"] == 1
    assert report["measures"]["free words: page colour"]["count"] == 1
    assert report["seconds_a_poster"] > 0
    assert report["seconds_an_edit"] > 0
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_a_grown_vae_makes_larger_pictures_if_it_kept_the_latents(
    starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = starter.parent
    torch.manual_seed(0)
    large = grown(load_vae(folder / "published-vae"))
    replace_vae(large, tmp_path / "grown")
    run = dataclasses.replace(starter_run(folder), vae=str(tmp_path / "grown"), sizes=((256, 256),))
    monkeypatch.setattr(prepare_module, "GROWN_DISTANCE", 0.1)
    model = loader.load(assemble(run, tmp_path / "large"))
    poster = model.run(TextToImage(prompt='"AB" in red')).pictures[0]
    assert (poster.width, poster.height) == (256, 256)
    edited = model.run(Edit(prompt="make the page blue", images=(poster,))).pictures[0]
    assert (edited.width, edited.height) == (128, 128)  # twice what the run was trained with
    with torch.no_grad():
        large.quant_conv.weight.mul_(2)
    replace_vae(large, tmp_path / "grown")
    with pytest.raises(ConfigError, match="its latents differ from those of training"):
        assemble(run, tmp_path / "wrong")
