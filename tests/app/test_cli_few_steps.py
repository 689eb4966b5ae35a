"""Lightning and variants on the command line: found by themselves, said, and remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.paths import Paths
from app.settings import Settings
from model.bench.tiny import TEXT, Tiny, write
from model.transformer import Transformer
from tests import loras
from tests.command_line import Run

SIZE = Tiny()


@pytest.fixture
def lightning(tmp_path: Path) -> Path:
    tensors = loras.DIALECTS["Lightning"](loras.pairs(Transformer(SIZE.transformer)))
    return loras.write(tensors, tmp_path / "Qwen-Image-Lightning-4steps-V1.0.safetensors")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(Tiny(pipeline=TEXT), tmp_path_factory.mktemp("models") / "mine")


@pytest.fixture
def settings() -> Iterator[Settings]:
    path = Paths.default().settings
    path.unlink(missing_ok=True)
    yield Settings(path)
    path.unlink(missing_ok=True)


@pytest.mark.usefixtures("qapp")
def test_a_lora_brings_its_schedule(run: Run, tiny: Path, lightning: Path) -> None:
    words = ("generate", "--prompt", "x", "--model", tiny, "--seed", 1, "--lora", lightning)
    told = run(*words, "--output", "a.png")
    assert told.status == 0
    assert ", lightning-4: 4 steps, guidance off, " in told.out

    def values(*options: object) -> tuple[object, ...]:
        made = run(*words, *options, "--json", "--output", "b.png").json["recipe"]["request"]
        return made["schedule"], made["steps"], made["guidance"]

    assert values() == ("lightning-4", 4, 1.0)
    assert values("--steps", 2) == ("lightning-4", 2, 1.0)
    assert values("--guidance", 2) == ("lightning-4", 4, 2.0)
    assert values("--schedule", "lightning-8", "--steps", 1) == ("lightning-8", 1, 1.0)
    assert values("--schedule", "") == ("", 3, 3.0)
    assert values("--lora", f"{lightning}:0") == ("lightning-4", 4, 1.0), "one of the two counts"

    shown = run("info", lightning)
    assert "schedule    lightning-4: 4 steps, guidance off" in shown.out
    again = ("generate", "--recipe", "a.png", "--model", tiny, "--lora", lightning)
    assert run(*again, "--output", "c.png").status == 0
    assert Path("a.png").read_bytes() == Path("c.png").read_bytes()


@pytest.mark.usefixtures("qapp")
def test_its_metadata_says_so_too(run: Run, tiny: Path, lightning: Path) -> None:
    told = loras.write(
        loras.read(lightning), Path("mine.safetensors"), title="Qwen-Image-Lightning-8steps"
    )
    words = ("generate", "--prompt", "x", "--model", tiny, "--steps", 1, "--output", "a.png")
    made = run(*words, "--lora", told, "--json").json["recipe"]["request"]
    assert (made["schedule"], made["steps"], made["guidance"]) == ("lightning-8", 1, 1.0)
    off = run(*words, "--lora", f"{told}:0", "--json").json["recipe"]["request"]
    assert off["schedule"] == "", "a LoRA without weight sets nothing"


@pytest.mark.usefixtures("qapp")
def test_a_variant_is_said_once_and_remembered(run: Run, words: Path, settings: Settings) -> None:
    asked = ("generate", "--prompt", "x", "--model", words, "--steps", 1, "--output", "a.png")
    open_question = run(*asked)
    assert open_question.status == 0
    assert "mine: taken for Qwen-Image; its files may also be Qwen-Image-2512" in open_question.err
    assert "not told: its files may be Qwen-Image or Qwen-Image-2512" in run("info", words).out

    assert (
        "these files may be Qwen-Image, Qwen-Image-2512"
        in run(*asked, "--variant", "Qwen-Image-Edit").refusal
    )
    said = run(*asked, "--variant", "qwen-image-2512")
    assert (said.status, "taken for" in said.err) == (0, False)
    later = run(*asked, "--json")
    assert "taken for" not in later.err
    assert "低分辨率" in later.json["recipe"]["request"]["negative"]
    assert "variant     Qwen-Image-2512 (remembered; " in run("info", words).out
    assert list(Settings(settings.path).variants.values()) == ["Qwen-Image-2512"]


def test_info_of_a_single_file(run: Run, words: Path, settings: Settings) -> None:
    del settings
    told = run("info", words / "transformer/diffusion_pytorch_model.safetensors")
    assert told.status == 0
    assert "part        transformer" in told.out
    assert "of          Qwen-Image (not told: its files may be Qwen-Image or Qwen-" in told.out
    assert "notice" in told.out
    assert "only the transformer of Qwen-Image" in told.out
    refused = run("generate", "--prompt", "x", "--output", "a.png", "--model",
                  words / "transformer/diffusion_pytorch_model.safetensors").refusal  # fmt: skip
    assert "is only the transformer of Qwen-Image, and no model yet; name the folder" in refused
