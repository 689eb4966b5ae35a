"""Damaged and hostile model folders: every one is one clear CheckpointError, and nothing runs."""

from __future__ import annotations

import json
import pickle
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model import loader
from model.bench import tiny
from model.checkpoint import safetensors_files
from model.checkpoint.safetensors_files import TensorFile, check_header
from model.checkpoint.save import write_json
from model.checkpoint.strict_json import parse_object
from model.errors import CheckpointError

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tiny.Tiny(), tmp_path_factory.mktemp("pristine") / "model")


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A copy to spoil. Its files are links until they are written anew."""
    for file in pristine.rglob("*"):
        if file.is_file():
            place = tmp_path / "model" / file.relative_to(pristine)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(file)
    return tmp_path / "model"


def rewrite(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def refused(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        loader.load(folder)
    text = str(caught.value)
    assert len(text) < 1500
    return text


def file_of(header: Any, data: bytes) -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


# --- safetensors headers ----------------------------------------------------------------------

HEADERS: dict[str, tuple[Any, str]] = {
    "not JSON": (b"hello", "not valid JSON"),
    "not UTF-8": (b'{"\xff": 1}', "not valid JSON"),
    "a list": (b"[]", "not a JSON object"),
    "duplicate key": (b'{"a": {}, "a": {}}', "stands twice"),
    "infinite number": (b'{"a": 1e999}', "too large"),
    "NaN": (b'{"a": NaN}', "not a number"),
    "endless number": (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
    "nested deeply": (b'{"a":' * 70 + b"1" + b"}" * 70, "nested"),
    "nested very deeply": (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "nested"),
    "lone surrogate": (b'{"a": "\\ud800"}', "surrogates"),
    "no entry": ({"a": 3}, "lacks dtype"),
    "field too many": ({"a": {**F32, "code": "x"}}, "lacks dtype"),
    "unknown type": ({"a": {**F32, "dtype": "PICKLE"}}, "unknown type"),
    "type is a list": ({"a": {**F32, "dtype": ["F32"]}}, "unknown type"),
    "negative shape": ({"a": {**F32, "shape": [-2]}}, "impossible shape"),
    "shape of booleans": ({"a": {**F32, "shape": [True, True]}}, "impossible shape"),
    "shape overflows": ({"a": {**F32, "shape": [2**40, 2**40, 2**40]}}, "does not fill"),
    "too many dimensions": ({"a": {**F32, "shape": [1] * 9}}, "impossible shape"),
    "huge number": ({"a": {**F32, "shape": [2**70]}}, "impossible shape"),
    "offsets backwards": ({"a": {**F32, "data_offsets": [8, 0]}}, "impossible offsets"),
    "three offsets": ({"a": {**F32, "data_offsets": [0, 4, 8]}}, "impossible offsets"),
    "shape too large": ({"a": {**F32, "shape": [3]}}, "does not fill"),
    "overlap": ({"a": F32, "b": {**F32, "data_offsets": [4, 12]}}, "overlap"),
    "hole": ({"a": F32, "b": {**F32, "data_offsets": [12, 20]}}, "hole"),
    "too short": ({"a": {**F32, "shape": [1], "data_offsets": [0, 4]}}, "the file has"),
    "metadata is no table": ({"__metadata__": [1], "a": F32}, "metadata"),
    "metadata of numbers": ({"__metadata__": {"a": 1}, "a": F32}, "metadata"),
    "bloated metadata": ({"__metadata__": {"a": "x" * 2**21}, "a": F32}, "metadata"),
    "long name": ({"a" * 300: F32}, "300 characters"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers(case: str, tmp_path: Path) -> None:
    header, message = HEADERS[case]
    path = tmp_path / "w.safetensors"
    path.write_bytes(file_of(header, b"\0" * 8))
    with pytest.raises(CheckpointError, match=message):
        TensorFile.open(path)


def test_a_good_header(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    empty = {"dtype": "F32", "shape": [0, 3], "data_offsets": [8, 8]}
    path.write_bytes(file_of({"a": F32, "e": empty}, np.array([1, 2], np.float32).tobytes()))
    with TensorFile.open(path) as file:
        found = dict(file.tensors())
    assert found["a"].tolist() == [1.0, 2.0]
    assert found["e"].shape == (0, 3)
    assert file.sha256 is not None


def test_limits_of_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(file_of({"a": F32}, b"\0" * 8))
    monkeypatch.setattr(safetensors_files, "MAX_HEADER_BYTES", 16)
    with pytest.raises(CheckpointError, match="at most 16"):
        TensorFile.open(path)
    monkeypatch.setattr(safetensors_files, "MAX_TENSORS", 0)
    with pytest.raises(CheckpointError, match="1 tensors"):
        check_header(json.dumps({"a": F32}).encode(), 8, "here")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=True)
    | st.text(max_size=8)
    | st.sampled_from(["F32", "BF16", "dtype"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "a", "b"]), inner
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(header=json_values, size=st.integers(0, 64))
def test_any_header_is_read_or_refused(header: Any, size: int) -> None:
    try:
        entries, _ = check_header(json.dumps(header).encode(), size, "here")
    except CheckpointError:
        return
    assert sum(entry.end - entry.begin for entry in entries) == size


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_an_object_or_refused(data: bytes) -> None:
    try:
        found = parse_object(data, "here")
    except CheckpointError:
        return
    assert found == json.loads(data)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(position=st.integers(0, 400), byte=st.integers(0, 255))
def test_one_byte_of_a_file_changed(tmp_path: Path, position: int, byte: int) -> None:
    """Either the file still says what it holds, or it is refused."""
    path = tmp_path / "w.safetensors"
    header = {"__metadata__": {"format": "pt"}, "a": F32, "bb": {**F32, "data_offsets": [8, 16]}}
    data = bytearray(file_of(header, bytes(range(16))))
    data[position % len(data)] = byte
    path.write_bytes(data)
    try:
        with TensorFile.open(path) as file:
            found = dict(file.tensors())
    except CheckpointError:
        return
    assert sum(t.numel() * t.element_size() for t in found.values()) == 16


def test_cut_everywhere(folder: Path) -> None:
    """A download that broke off, at a hundred places."""
    path = folder / "vae/diffusion_pytorch_model.safetensors"
    whole = path.read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 100).astype(int):
        rewrite(path, whole[:cut])
        with pytest.raises(CheckpointError, match=r"vae/diffusion_pytorch_model\.safetensors"):
            TensorFile.open(path)
    rewrite(path, whole + b"\0")
    assert "the file has" in refused(folder)


def test_cut_while_it_is_read(folder: Path) -> None:
    path = folder / "vae/diffusion_pytorch_model.safetensors"
    whole = path.read_bytes()
    rewrite(path, whole)
    with TensorFile.open(path) as file:
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(CheckpointError, match="became shorter"):
            list(file.tensors())


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (sys.exit, ("a pickle was opened",))


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_under_our_name(folder: Path, protocol: int) -> None:
    path = folder / "transformer/diffusion_pytorch_model.safetensors"
    rewrite(path, pickle.dumps(Bomb(), protocol=protocol) + b"\0" * 100)
    assert "safetensors" in refused(folder)


def test_torch_weights_under_our_name(folder: Path, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "w.bin")
    path = folder / "transformer/diffusion_pytorch_model.safetensors"
    rewrite(path, (tmp_path / "w.bin").read_bytes())
    assert "zip archive" in refused(folder)
    path.unlink()
    (folder / "transformer/diffusion_pytorch_model.bin").write_bytes(b"\x80\x02")
    assert "never opened" in refused(folder)


def test_nothing_is_ever_unpickled(pristine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a pickle was opened")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    loader.load(pristine)


# --- tensors that do not fit ------------------------------------------------------------------


def respoken(path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Write a weight file anew, with its tensors changed."""
    from model.checkpoint.save import write_tensors

    with TensorFile.open(path) as file:
        tensors = dict(file.tensors())
    change(tensors)
    path.unlink()
    write_tensors(path, tensors, torch.float32)


def test_every_wrong_tensor_is_listed(folder: Path) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        del tensors["img_in.bias"]
        tensors["txt_norm.weight"] = torch.ones(3)
        tensors["something.else"] = torch.ones(1)

    respoken(folder / "transformer/diffusion_pytorch_model.safetensors", spoil)
    text = refused(folder)
    assert "3 tensor(s)" in text
    assert "missing: img_in.bias" in text
    assert "shape [3] instead of [16]: txt_norm.weight" in text
    assert "not of this network: something.else" in text


TIME_CONV = "decoder.up_blocks.0.upsamplers.0.time_conv.weight"


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, f"missing: {TIME_CONV}"), (torch.zeros(2, 2), "shape [2, 2] instead of [96, 48, 3")],
)
def test_unused_vae_tensors_are_checked(
    folder: Path, value: torch.Tensor | None, message: str
) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        del tensors[TIME_CONV]
        if value is not None:
            tensors[TIME_CONV] = value

    respoken(folder / "vae/diffusion_pytorch_model.safetensors", spoil)
    assert message in refused(folder)


def test_the_output_head_is_accepted_and_checked(folder: Path) -> None:
    path = folder / "text_encoder/model.safetensors"
    respoken(path, lambda tensors: tensors.update({"lm_head.weight": torch.zeros(264, 16)}))
    loader.load(folder)
    respoken(path, lambda tensors: tensors.update({"lm_head.weight": torch.zeros(264, 17)}))
    assert "lm_head.weight" in refused(folder)


def test_whole_numbers_are_no_weights(folder: Path) -> None:
    path = folder / "transformer/diffusion_pytorch_model.safetensors"
    data = path.read_bytes()
    rewrite(path, data.replace(b'"dtype":"F32"', b'"dtype":"I32"', 1))
    assert "of type int32" in refused(folder)


# --- index files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../secret.safetensors",
        "/etc/passwd",
        "a/b.safetensors",
        "..\\secret.safetensors",
        "C:w.safetensors",
        "w.safetensors:stream",
        "w.bin",
        ".hidden.safetensors",
        "\\\\server\\share\\w.safetensors",
        "w\0.safetensors",
        "",
        7,
        None,
        ["w.safetensors"],
    ],
)
def test_index_that_names_other_files(folder: Path, name: Any) -> None:
    index = folder / "transformer/diffusion_pytorch_model.safetensors.index.json"
    write_json(index, {"weight_map": {"img_in.bias": name}})
    assert "not a plain .safetensors name" in refused(folder)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({}, "no weight_map"),
        ({"weight_map": []}, "no weight_map"),
        ({"weight_map": {}}, "no weight_map"),
        ({"weight_map": {"a": "w.safetensors", "b": "W.safetensors"}}, "only by case"),
        ({"weight_map": {"a": "w.safetensors"}}, "is missing"),
        ({"weight_map": {"a": "diffusion_pytorch_model.safetensors"}}, "disagree"),
    ],
)
def test_index_that_is_odd(folder: Path, index: Any, message: str) -> None:
    write_json(folder / "transformer/diffusion_pytorch_model.safetensors.index.json", index)
    assert message in refused(folder)


def test_a_tensor_in_two_shards(folder: Path) -> None:
    part = folder / "transformer"
    whole = part / "diffusion_pytorch_model.safetensors"
    with TensorFile.open(whole) as file:
        names = [entry.name for entry in file.entries]
    for shard in ("a", "b"):
        (part / f"{shard}.safetensors").write_bytes(whole.read_bytes())
    weight_map = dict.fromkeys(names, "a.safetensors") | {names[0]: "b.safetensors"}
    index = part / "diffusion_pytorch_model.safetensors.index.json"
    write_json(index, {"weight_map": weight_map})
    assert "two of its files" in refused(folder)


# --- configs ----------------------------------------------------------------------------------

CONFIGS: list[tuple[str, str, Any, str]] = [
    ("model_index.json", "_class_name", "StableDiffusionPipeline", "this version runs"),
    ("model_index.json", "_class_name", ["QwenImagePipeline"], "this version runs"),
    ("model_index.json", "_class_name", None, "this version runs"),
    ("model_index.json", "transformer", ["custom", "Evil"], "this version reads"),
    ("model_index.json", "vae", "AutoencoderKLQwenImage", "this version reads"),
    ("model_index.json", "tokenizer", [["a"], ["b"]], "this version reads"),
    ("transformer/config.json", "_class_name", "QwenImage21Transformer2DModel", "this version"),
    ("transformer/config.json", "num_layers", 10**9, "num_layers"),
    ("transformer/config.json", "num_layers", 2000, "above 1024"),
    ("transformer/config.json", "num_layers", -1, "num_layers"),
    ("transformer/config.json", "num_layers", 2.0, "whole number"),
    ("transformer/config.json", "num_layers", True, "whole number"),
    ("transformer/config.json", "num_layers", "2", "whole number"),
    ("transformer/config.json", "num_layers", None, "whole number"),
    ("transformer/config.json", "num_layers", 3, "do not fit"),
    ("transformer/config.json", "num_attention_heads", 2**30, "no network|do not fit"),
    ("transformer/config.json", "axes_dims_rope", [8, 4], "3"),
    ("transformer/config.json", "axes_dims_rope", [8, 4, 5], "axes_dims_rope"),
    ("transformer/config.json", "axes_dims_rope", {"a": 1}, "no list"),
    ("transformer/config.json", "joint_attention_dim", 32, "the text encoder gives"),
    ("transformer/config.json", "use_layer3d_rope", True, "use_layer3d_rope"),
    ("vae/config.json", "dim_mult", [], "dim_mult"),
    ("vae/config.json", "dim_mult", [1] * 5000, "no list"),
    ("vae/config.json", "latents_std", [0] * 8, "latents_std"),
    ("vae/config.json", "latents_mean", [1e300] * 8, "out of range"),
    ("vae/config.json", "z_dim", 16, "z_dim|latents"),
    ("vae/config.json", "input_channels", 4, "image channels"),
    ("vae/config.json", "num_res_blocks", 10**6, "above 1024"),
    ("scheduler/scheduler_config.json", "use_karras_sigmas", True, "use_karras_sigmas"),
    ("scheduler/scheduler_config.json", "time_shift_type", "other", "time_shift_type"),
    ("scheduler/scheduler_config.json", "shift_terminal", 2, "shift_terminal"),
    ("text_encoder/config.json", "model_type", "llama", "not qwen2_5_vl"),
    ("text_encoder/config.json", "vision_config", None, "lacks vision_config"),
    ("text_encoder/config.json", "text_config", {"num_hidden_layers": 10**8}, "above 1024"),
    ("text_encoder/config.json", "text_config", {"rope_scaling": {"type": "evil"}}, "rope_type"),
    ("text_encoder/config.json", "text_config", {"rope_scaling": 3}, "no object"),
    ("text_encoder/config.json", "text_config", {"hidden_act": "os.system"}, "hidden_act"),
    ("text_encoder/config.json", "image_token_id", 10**6, "outside the vocabulary"),
    ("text_encoder/config.json", "image_token_id", 3, "calls an image's place"),
    ("processor/preprocessor_config.json", "patch_size", 0, "patch_size"),
    ("processor/preprocessor_config.json", "patch_size", 7, "disagree about patches"),
    ("processor/preprocessor_config.json", "image_std", [1, 0, 1], "image_std"),
    ("tokenizer/tokenizer_config.json", "tokenizer_class", "EvilTokenizer", "not Qwen2Tokenizer"),
    ("tokenizer/tokenizer.json", "model", {"type": "WordPiece"}, "no byte-pair"),
    ("tokenizer/tokenizer.json", "model", {"vocab": {"a": 0, "b": 0}}, "same number"),
    ("tokenizer/tokenizer.json", "model", {"vocab": {"a": -1}}, "number is none"),
    ("tokenizer/tokenizer.json", "model", {"vocab": {"a": 0}, "merges": [["a"]]}, "no pair"),
    ("tokenizer/tokenizer.json", "model", {"vocab": {"a": 0}, "merges": ["a b"]}, "fit together"),
    ("tokenizer/tokenizer.json", "added_tokens", [], "lacks the special token"),
    ("tokenizer/tokenizer.json", "added_tokens", [{"id": -5, "content": "x"}], "added token"),
    ("inkstone.json", "version", 2, "newer Inkstone"),
    ("inkstone.json", "version", "1", "not a number from 1"),
    ("inkstone.json", "steps", 0, "steps"),
    ("inkstone.json", "guidance", 0.5, "guidance"),
    ("inkstone.json", "sizes", [[64]], "2"),
    ("inkstone.json", "sizes", [], "sizes"),
    ("inkstone.json", "sizes", [[1, 1]], "16…8192"),
    ("inkstone.json", "condition_area", 10**12, "out of range"),
    ("inkstone.json", "notice", "x" * 10_000, "short text"),
]


@pytest.mark.parametrize(("file", "field", "value", "message"), CONFIGS)
def test_configs(folder: Path, file: str, field: str, value: Any, message: str) -> None:
    path = folder / file
    values = json.loads(path.read_text(encoding="utf-8"))
    values[field] = value
    path.unlink()
    write_json(path, values)
    with pytest.raises(CheckpointError, match=message):
        loader.load(folder)


def test_code_in_a_folder_is_never_run(folder: Path) -> None:
    """Names of code that other loaders would follow are passed over."""
    code = "raise SystemExit('code of a model folder ran')\n"
    for place in ("pipeline.py", "transformer/evil.py", "tokenizer/evil.py"):
        (folder / place).write_text(code, encoding="utf-8")
    for file in ("model_index.json", "transformer/config.json", "tokenizer/tokenizer_config.json"):
        values = json.loads((folder / file).read_text(encoding="utf-8"))
        values |= {
            "auto_map": {"AutoModel": "evil.Model", "AutoTokenizer": ["evil.T", None]},
            "custom_pipeline": "pipeline",
            "_attn_implementation_internal": "someone/kernel",
        }
        (folder / file).unlink()
        write_json(folder / file, values)
    loader.load(folder)


@pytest.mark.parametrize("name", [
    "model_index.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer_config.json",
    "tokenizer/tokenizer.json",
])  # fmt: skip
def test_missing_and_empty_files(folder: Path, name: str) -> None:
    path = folder / name
    path.unlink()
    assert path.parent.name in refused(folder)
    path.write_bytes(b"")
    assert path.name in refused(folder)
    path.unlink()
    path.mkdir()
    assert path.name in refused(folder)


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"")
    assert "is no model folder" in refused(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    file=st.sampled_from([file for file, *_ in CONFIGS]),
    key=st.integers(0, 40),
    value=json_values,
)
def test_any_value_in_a_config(folder: Path, file: str, key: int, value: Any) -> None:
    """A model, or a CheckpointError: nothing else leaves the loader."""
    path = folder / file
    original = path.read_bytes()
    values = json.loads(original)
    values[sorted(values)[key % len(values)]] = value
    path.unlink()
    path.write_text(json.dumps(values), encoding="utf-8")
    try:
        loader.load(folder)
    except CheckpointError:
        pass
    finally:
        rewrite(path, original)
