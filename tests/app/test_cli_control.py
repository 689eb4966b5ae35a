"""ControlNets from the command line: two in one run, their recipe, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app.files.raster import read_recipe, write_png
from model.bench.tiny import Tiny, randomise
from model.checkpoint.save import write_json
from model.config import TransformerConfig
from model.controlnet import ControlNet, ControlNetConfig
from model.requests import Picture
from tests.command_line import Run, pixels


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ControlNet for the tiny model, in InstantX's layout."""
    return make(tmp_path_factory.mktemp("nets") / "edges-net", extra=0)


@pytest.fixture(scope="session")
def filling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("nets") / "filling-net", extra=4)


def make(folder: Path, extra: int) -> Path:
    from safetensors.torch import save_file

    shared: TransformerConfig = Tiny(layers=1).transformer
    torch.manual_seed(extra)
    made = ControlNet(ControlNetConfig(transformer=shared, extra_condition_channels=extra))
    randomise(made)
    folder.mkdir()
    save_file(made.state_dict(), folder / "diffusion_pytorch_model.safetensors")
    values = {
        "_class_name": "QwenImageControlNetModel",
        "in_channels": shared.in_channels,
        "out_channels": shared.out_channels,
        "num_layers": 1,
        "attention_head_dim": shared.attention_head_dim,
        "num_attention_heads": shared.num_attention_heads,
        "joint_attention_dim": shared.joint_attention_dim,
        "axes_dims_rope": list(shared.axes_dims_rope),
        "extra_condition_channels": extra,
    }
    write_json(folder / "config.json", values)
    return folder


def test_a_control_from_a_map_and_from_edges(
    run: Run, tiny: Path, picture: Path, net: Path
) -> None:
    words = ("generate", "--prompt", "x", "--model", tiny, "--seed", 1, "--steps", 2)
    assert run(*words, "--output", "plain.png").status == 0
    control = ("--control", net, picture, 0.8, "--control-range", 0, 0.5)
    edges = ("--control", net, "canny", 1, "--canny", picture)
    done = run(*words, *control, *edges, "--json", "--output", "a.png")
    first, second = done.json["recipe"]["request"]["controls"]
    assert (first["name"], first["strength"], first["start"], first["end"]) == (
        "edges-net", 0.8, 0.0, 0.5,
    )  # fmt: skip
    assert (second["strength"], second["end"]) == (1.0, 1.0)
    assert str(net) not in Path("a.png").read_bytes().decode("latin-1")
    assert pixels(Path("a.png")) != pixels(Path("plain.png"))
    repeated = ("--recipe", "plain.png", "--model", tiny, "--output", "again.png")
    assert run("generate", *repeated).status == 0
    assert pixels(Path("again.png")) == pixels(Path("plain.png"))


def test_a_recipe_finds_its_control_by_content(
    run: Run, tiny: Path, picture: Path, net: Path
) -> None:
    words = ("generate", "--prompt", "x", "--model", tiny, "--seed", 1, "--steps", 1)
    assert run(*words, "--control", net, picture, 1, "--output", "a.png").status == 0
    recipe = read_recipe(Path("a.png"))
    assert recipe is not None
    again = ("generate", "--recipe", "a.png", "--image", picture, "--model", tiny)
    refused = run(*again, "--output", "b.png").refusal
    assert "control: edges-net" in refused
    assert "is not on this computer" in refused


def test_a_map_with_holes(run: Run, tiny: Path, picture: Path, net: Path, filling: Path) -> None:
    holed = Picture(width=4, height=4, mode="RGBA", data=bytes([9, 9, 9, 255] * 8 + [0] * 32))
    write_png(Path("holed.png"), holed)
    words = ("generate", "--prompt", "x", "--model", tiny, "--steps", 1, "--output", "a.png")
    assert run(*words, "--control", filling, "holed.png", 1).status == 0
    assert "follows a drawing" in run(*words, "--control", net, "holed.png", 1).refusal
    assert "the map has none" in run(*words, "--control", filling, picture, 1).refusal


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--control", "missing", "picture.png", 1), "missing: is no ControlNet"),
        (("--control", "NET", "missing.png", 1), "missing.png"),
        (("--control", "NET", "picture.png", "much"), "the strength 'much' is no number"),
        (("--control", "NET", "picture.png", 9), "control strength: 9.0 is outside"),
        (("--control", "NET", "canny", 1), "--canny: goes with --control FOLDER canny"),
        (("--canny", "picture.png"), "--canny: goes with --control FOLDER canny"),
        (("--control-range", 0, 1), "--control-range: one more than there are --control"),
        (
            ("--control", "NET", "picture.png", 1, "--control-range", 0.5, 0.2),
            "its start 0.5 is not below its end 0.2",
        ),
        (("--control", "NET", "picture.png", 1, "--image", "picture.png"), "leave --image out"),
    ],
)
@pytest.mark.usefixtures("picture")
def test_what_is_refused(
    run: Run, tiny: Path, net: Path, options: tuple[object, ...], words: str
) -> None:
    given = [net if option == "NET" else option for option in options]
    asked = ("generate", "--prompt", "x", "--model", tiny, "--output", "o.png")
    assert words in run(*asked, *given).refusal
