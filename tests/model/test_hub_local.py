"""The catalogue says what the loader needs; what is here already is found where it lies."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.checkpoint.folder import _DECIDING_FILES, TOKENIZER_FILES
from model.checkpoint.layout import name_of
from model.config import FAMILIES
from model.engine.protocol import Need, Way
from model.errors import HubError
from model.hub import catalogue, local, machine
from model.hub.catalogue import CATALOGUE, find
from model.hub.endpoints import endpoint, token_for
from model.hub.machine import FREE, Machine, Place
from model.hub.needs import needs
from model.hub.shop import Shop
from model.quantize.schemes import SCHEMES
from tests.hub import COMMIT, Hub, offer, serving, small

DOWNLOAD = """
import sys
from huggingface_hub import HfApi, snapshot_download
tree = HfApi(endpoint=sys.argv[1]).list_repo_tree(sys.argv[2], recursive=True)
files = {item.path: item.size for item in tree if hasattr(item, "size")}
print(len(files), sum(files.values()))
print(snapshot_download(sys.argv[2], endpoint=sys.argv[1], cache_dir=sys.argv[3]))
"""


@pytest.fixture(autouse=True)
def _own_catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees what this computer has."""
    monkeypatch.setattr(catalogue, "CATALOGUE", CATALOGUE)
    monkeypatch.setattr(local.Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


# --- catalogue ---


def test_every_published_model_is_offered() -> None:
    assert [entry.name for entry in CATALOGUE] == [row.name for row in FAMILIES]
    assert len({entry.repository for entry in CATALOGUE}) == len(CATALOGUE)
    sizes = {entry.name: round(entry.bytes / 1e9, 1) for entry in CATALOGUE}
    assert sizes["Qwen-Image-2512"] == 57.7
    assert sizes["Qwen-Image-2.1"] == 33.1


def test_all_that_decides_about_pictures_is_fetched() -> None:
    """What the loader counts into a model's identity, but for our own settings."""
    for entry in CATALOGUE:
        named = {*sum(entry.needed, ()), *entry.welcome}
        wanted = {*_DECIDING_FILES} - {"inkstone.json"}
        tokenizer = "tokenizer" if entry.row.generation == "1.x" else "processor"
        wanted |= {f"{tokenizer}/{name}" for name in TOKENIZER_FILES}
        assert wanted <= named, entry.name
        assert not any(name.endswith((".py", ".bin", ".pt", ".pkl")) for name in named)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_shards_are_taken_when_the_set_is_whole(count: int) -> None:
    weights = find("Qwen-Image").weights[0]
    names = [weights._shard(number, count) for number in range(1, count + 1)]
    listed = dict.fromkeys([*names, weights.index()])
    assert weights.names(listed) == (weights.index(), *names)
    del listed[names[-1]]
    assert weights.names(listed) == ()


def test_unknown_name_lists_the_known_ones() -> None:
    assert find("qwen-image-2.1-TURBO").name == "Qwen-Image-2.1-Turbo"
    with pytest.raises(HubError, match="'qwen' is not in the catalogue: Qwen-Image, "):
        find("qwen")


# --- sources ---


@pytest.mark.parametrize(
    "source",
    ["http://example.com", "ftp://x", "example.com", "https://", "https://u:p@x", "https://x?a=1",
     "https://a b", "file:///etc", "modelscope:http://x", "https://[", "http://localhost.evil.com"],
)  # fmt: skip
def test_address_that_is_none(source: str) -> None:
    with pytest.raises(HubError, match="or the https address of a mirror"):
        endpoint(source)


def test_token_of_the_environment_is_for_the_hub_alone() -> None:
    environment = {"HF_TOKEN": "hf", "MODELSCOPE_API_TOKEN": "ms"}
    assert token_for("", environment) == "hf"
    assert token_for("https://huggingface.co/", environment) == "hf"
    assert token_for("modelscope", environment) == "ms"
    assert token_for("https://hf-mirror.com", environment) == ""
    assert token_for("https://huggingface.co.evil.com", environment) == ""


# --- this computer ---


def test_whole_models_are_found_and_halves_are_not(tmp_path: Path) -> None:
    entry, files = small()
    offer(entry)
    folder = write(tmp_path / "models/qwen-image-2512-bf16", files)
    assert local.whole_models([tmp_path / "models"]) == {"Qwen-Image-2512": folder}
    assert local.whole_models([folder]) == {"Qwen-Image-2512": folder}
    shard = folder / "transformer/diffusion_pytorch_model-00002-of-00002.safetensors"
    shard.unlink()
    assert local.whole_models([tmp_path / "models"]) == {}
    shard.symlink_to("nowhere")
    assert local.whole_models([tmp_path / "models"]) == {}


def test_cache_of_hugging_face_as_its_own_program_writes_it(tmp_path: Path) -> None:
    """And so the hub of these tests speaks as that program expects of a real one."""
    entry, files = small()
    offer(entry)
    cache = tmp_path / "cache"
    with serving(Hub(entry=entry, files=files)) as hub:
        environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"),
                       "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1"}  # fmt: skip
        command = [sys.executable, "-c", DOWNLOAD, hub.url, entry.repository, str(cache)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counted, path = done.stdout.splitlines()
    assert counted == f"{len(files)} {hub.total}"
    snapshot = Path(path)
    assert snapshot.name == COMMIT
    assert local.cached_models() == (snapshot,)
    assert name_of(snapshot) == "Qwen-Image-2512"
    shop = Shop(tmp_path / "models")
    found = {offer.name: offer.path for offer in shop.offers(shop.machine())}
    assert found["Qwen-Image-2512"] == path
    taken = shop.get("Qwen-Image-2512", "", lambda progress: None, lambda: False)
    assert taken == snapshot  # in place, and without a connection: the hub is gone
    assert not (tmp_path / "models").exists()
    next(snapshot.rglob("*.safetensors")).unlink()
    assert local.cached_models() == ()


def test_comfy_files_are_found_in_its_folders(tmp_path: Path) -> None:
    names = ["models/diffusion_models/qwen_image_bf16.safetensors", "models/vae/sub/v.safetensors",
             "models/text_encoders/q.gguf"]  # fmt: skip
    other = ["models/loras/l.safetensors", "models/vae/readme.txt", "output/x.safetensors"]
    comfy = write(tmp_path / "Comfy", dict.fromkeys([*names, *other], b"x"))
    expected = {comfy / name for name in names}
    assert set(local.comfy_files([comfy])) == expected
    assert set(local.comfy_files([comfy / "models"])) == expected
    write(tmp_path / "home/ComfyUI", {names[0]: b"x"})
    assert local.comfy_files([]) == (tmp_path / "home/ComfyUI" / names[0],)


def test_published_folder_is_no_comfy(tmp_path: Path) -> None:
    _, files = small()
    assert local.comfy_files([write(tmp_path / "model", files)]) == ()


# --- what fits ---


def test_room_is_that_of_the_device_that_will_be_used() -> None:
    gb = 10**9
    both = Machine(memory=64 * gb, graphics=24 * gb, free=0)
    assert (both.place(), both.place("cpu")) == (Place.card, Place.processor)
    assert both.room("cuda") == both.room() == int(FREE * 24 * gb)
    assert both.room("cpu") == int(FREE * 64 * gb)
    plain = Machine(memory=16 * gb, graphics=0, free=0)
    assert (plain.place(), plain.room()) == (Place.processor, int(FREE * 16 * gb))


def test_the_fastest_way_that_fits_is_told() -> None:
    need = Need(scheme="int8", whole=30, encoder_read=20, blocks_read=3)
    ways = [need.way(room) for room in (30, 29, 20, 19, 3, 2)]
    assert ways == [
        Way.whole, Way.encoder_read, Way.encoder_read, Way.blocks_read, Way.blocks_read, Way.none
    ]  # fmt: skip
    assert (need.bytes(Way.whole), need.bytes(Way.none), need.least) == (30, 3, 3)
    packed = Need(scheme="int4", whole=30, encoder_read=20)
    assert (packed.way(19), packed.least) == (Way.none, 20)


def test_every_model_is_counted_for_every_precision_and_fewer_bits_need_less() -> None:
    for entry in CATALOGUE:
        for place in Place:
            found = needs(entry.name, place)
            assert [need.scheme for need in found] == ["", *SCHEMES]
            assert found[0].whole > found[1].whole > found[3].whole


def test_this_machine_is_known(tmp_path: Path) -> None:
    found = machine.look(tmp_path / "not/there/yet")
    assert found.memory > 2**28
    assert found.free > 0


def test_cards_are_asked_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setattr(machine.shutil, "which", lambda name: str(tool))
    for text, expected in (("12288\n24564\n", 24564 * 2**20), ("[N/A]\n", 0), ("", 0)):
        tool.write_text(f"#!/bin/sh\nprintf '{text}'\n")
        tool.chmod(0o755)
        assert machine.nvidia_memory() == expected
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert machine.nvidia_memory() == 0


def test_offers_say_what_is_allowed(tmp_path: Path) -> None:
    shop = Shop(tmp_path, source="modelscope")
    offers = {offer.name: offer for offer in shop.offers(shop.machine())}
    assert offers["Qwen-Image-2.1"].licence == "Qwen Research License"
    assert not offers["Qwen-Image-2.1"].is_commercial
    assert offers["Qwen-Image-2.1"].page == "https://modelscope.cn/models/Qwen/Qwen-Image-2.1"
    assert offers["Qwen-Image"].is_commercial
    assert offers["Qwen-Image-Edit"].tasks == ("edit",)
    assert offers["Qwen-Image-Layered"].tasks == ("layers",)
    assert {dataclasses.asdict(o)["path"] for o in offers.values()} == {""}
