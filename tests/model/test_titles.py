"""What weights say of themselves: schedules of few steps, and which published model they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model import loader
from model.bench import tiny21
from model.bench.tiny import LAYERED, PLUS, TEXT, Tiny, write
from model.checkpoint.single_files import recognise, refusal
from model.checkpoint.titles import few_steps
from model.checkpoint.variants import fingerprint
from model.engine.library import Library
from model.errors import CheckpointError
from model.transformer import Transformer
from model.transformer21 import Transformer21

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
ENCODER = "text_encoder/model.safetensors"


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("Qwen-Image-Lightning-4steps-V1.0", "lightning-4"),
        ("Qwen-Image-Lightning-8steps-V2.0-bf16", "lightning-8"),
        ("Qwen-Image-Edit-2509-Lightning-4steps-V1.0", "lightning-4"),
        ("Qwen-Image-fp8-e4m3fn-Lightning-4steps-V1.0", "lightning-4"),
        ("qwen_image_edit_2511_lightning_8_steps", "lightning-8"),
        ("Turbo 4-step", "lightning-4"),
        ("qwen_image_edit_2511_fp8_e4m3fn_scaled_lightning", ""),  # how many is not said
        ("Qwen-Image-4steps", ""),
        ("lightning-bolts", ""),
        ("Enlightning-4steps", ""),
        ("Lightning-14steps", ""),
        ("Lightning-V1.4steps", ""),
        ("Lightning-6steps", ""),
        ("Lightning-4stepsisters", ""),
        ("Lightning-4steps-8steps", ""),
        ("Turbocharged-8steps", ""),
    ],
)
def test_a_name_says_how_many_steps(name: str, schedule: str) -> None:
    assert few_steps({}, name) == schedule


def test_metadata_says_so_before_the_name() -> None:
    told = {"modelspec.title": "Qwen-Image-Lightning-8steps"}
    assert few_steps(told, "mine") == "lightning-8"
    assert few_steps(told, "Lightning-4steps") == "lightning-8"
    assert few_steps({"modelspec.title": "mine"}, "Lightning-4steps") == "lightning-4"
    about = {"modelspec.description": "goes with Lightning, 4 steps"}
    assert few_steps(about, "mine") == "", "what it goes with is not what it is"


# --- model folders ---


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(Tiny(pipeline=TEXT), tmp_path_factory.mktemp("models") / "mine")


def copied(source: Path, target: Path, **metadata: str) -> Path:
    """The same model under another name, its own `inkstone.json` left out."""
    shutil.copytree(source, target)
    (target / "inkstone.json").unlink()
    if metadata:
        save_file(load_file(target / WEIGHTS), target / WEIGHTS, metadata=metadata)
    return target


def test_a_folder_is_described_with_its_few_steps(words: Path, tmp_path: Path) -> None:
    usual = loader.describe(copied(words, tmp_path / "plain"))
    assert (usual.schedule, usual.steps, usual.guidance) == ("", 50, 4.0)
    for found in (
        loader.describe(copied(words, tmp_path / "Qwen-Image-Lightning-4steps")),
        loader.describe(copied(words, tmp_path / "other", title="Qwen-Image Lightning 4 steps")),
    ):
        assert (found.schedule, found.steps, found.guidance) == ("lightning-4", 4, 1.0)


def test_what_the_folder_itself_sets_counts_more(words: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Lightning-4steps"
    shutil.copytree(words, folder)
    found = loader.describe(folder)
    assert (found.schedule, found.steps, found.guidance) == ("lightning-4", 3, 3.0)


# --- variants ---


def test_a_variant_is_proposed_by_name_or_metadata(words: Path, tmp_path: Path) -> None:
    unnamed = loader.describe(words)
    assert unnamed.variants == ("Qwen-Image", "Qwen-Image-2512")
    assert (unnamed.variant, unnamed.proposed_variant) == ("Qwen-Image", "")
    named = loader.describe(copied(words, tmp_path / "qwen_image_2512_bf16"))
    told = loader.describe(copied(words, tmp_path / "told", title="Qwen Image 2512"))
    for found in (named, told):
        assert found.variant == found.proposed_variant == "Qwen-Image-2512"
        assert found.negative != unnamed.negative


def test_files_that_tell_have_no_variants(tmp_path: Path) -> None:
    found = loader.describe(write(Tiny(pipeline=PLUS), tmp_path / "Qwen-Image-Edit-2511"))
    assert (found.variant, found.variants, found.fingerprint) == ("Qwen-Image-Edit-2509", (), "")


def test_a_variant_is_remembered_for_these_weights_alone(words: Path, tmp_path: Path) -> None:
    known = {loader.describe(words).fingerprint: "Qwen-Image-2512"}
    moved = tmp_path / "moved"
    shutil.copytree(words, moved)
    assert loader.describe(moved, known).variant == "Qwen-Image-2512"
    assert loader.load(moved, variants=known).row.name == "Qwen-Image-2512"
    assert loader.load(moved, variants=known, variant="qwen-image").row.name == "Qwen-Image"
    other = write(Tiny(pipeline=TEXT, seed=3), tmp_path / "other")
    assert loader.describe(other, known).variant == "Qwen-Image", "same headers, other numbers"
    broken = {loader.describe(words).fingerprint: "Qwen-Image-9"}
    assert loader.describe(words, broken).variant == "Qwen-Image"


def test_a_fingerprint_reads_little_of_a_large_file(tmp_path: Path) -> None:
    """A sparse file of 3 GB: to hash it all would take long; its middle still counts."""
    path = tmp_path / "large.safetensors"
    size, header = (
        3 * 2**30,
        b'{"a":{"dtype":"U8","shape":[3221225472],"data_offsets":[0,3221225472]}}',
    )
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)
    before = fingerprint([path])
    with path.open("r+b") as file:
        file.seek(8 + len(header) + size // 2)
        file.write(b"x")
    assert fingerprint([path]) != before
    assert fingerprint([tmp_path / "missing.safetensors"]) == ""


# --- single files ---


def saved(network: torch.nn.Module, path: Path, prefix: str = "", **metadata: str) -> Path:
    tensors = {prefix + name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, path, metadata=metadata)
    return path


TRANSFORMER = Transformer(Tiny().transformer)
OPEN = ("Qwen-Image", "Qwen-Image-2512", "Qwen-Image-Edit", "Qwen-Image-Edit-2509")
OPEN += ("Qwen-Image-Edit-2511",)  # converters leave its mark out


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model."])
def test_a_transformer_by_its_tensors(tmp_path: Path, prefix: str) -> None:
    found = recognise(saved(TRANSFORMER, tmp_path / "mine.safetensors", prefix))
    assert found is not None
    assert (found.part, found.base, found.variants.names) == ("transformer", "Qwen-Image", OPEN)
    assert (found.variants.proposed, found.types) == ("", ("F32",))


def test_what_its_tensors_cannot_tell(tmp_path: Path) -> None:
    path = saved(TRANSFORMER, tmp_path / "qwen_image_edit_2509_lightning_4steps.safetensors")
    found = recognise(path)
    assert found is not None
    assert found.base == found.variants.proposed == "Qwen-Image-Edit-2509"
    assert found.schedule == "lightning-4"
    known = {found.variants.fingerprint: "Qwen-Image-2512"}
    told = recognise(path, remembered=known)
    assert told is not None
    assert told.base == "Qwen-Image-2512"
    path.rename(tmp_path / "renamed.safetensors")
    again = recognise(tmp_path / "renamed.safetensors", remembered=known)
    assert again is not None
    assert again.base == "Qwen-Image-2512", "names do not count"


def test_what_its_tensors_tell(tmp_path: Path) -> None:
    marked = {f"{n}": t.contiguous() for n, t in TRANSFORMER.state_dict().items()}
    marked["__index_timestep_zero__"] = torch.zeros(1)
    save_file(marked, tmp_path / "a.safetensors")
    layered = Tiny(pipeline=LAYERED)
    saved(Transformer(layered.transformer), tmp_path / "b.safetensors")
    saved(Transformer21(tiny21.Tiny21().transformer), tmp_path / "c.safetensors")
    whole = [write(size, tmp_path / size.pipeline) for size in (Tiny(), layered)]
    files = [tmp_path / f"{name}.safetensors" for name in "abc"]
    files += [folder / VAE for folder in whole] + [whole[0] / ENCODER]
    found = [recognise(path) for path in files]
    assert [f and (f.part.value, f.base) for f in found] == [
        ("transformer", "Qwen-Image-Edit-2511"),
        ("transformer", "Qwen-Image-Layered"),
        ("transformer", "Qwen-Image-2.1"),
        ("VAE", "Qwen-Image 1.x"),
        ("VAE", "Qwen-Image-Layered"),
        ("text encoder", "Qwen-Image 1.x"),
    ]


def test_a_single_file_alone_says_what_it_is(tmp_path: Path) -> None:
    published_heads = Transformer(Tiny(heads=1, axes=(16, 56, 56)).transformer)
    alone = tmp_path / "folder/alone"  # other tests' models lie beside tmp_path
    alone.mkdir(parents=True)
    path = saved(published_heads, alone / "mine.safetensors")
    wanted = "is the transformer of Qwen-Image alone; it also needs a text encoder"
    with pytest.raises(CheckpointError, match=wanted):
        Library().load(Library().find(str(path)))
    save_file({"x": torch.zeros(1)}, path)
    assert "is a file and no model" in refusal(path)
    assert recognise(path) is None
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off or damaged" in refusal(path)
