"""A model out of one file: the transformer's numbers are those of its tensors, and what it lacks
(text encoder, VAE, tokenizer) is looked for among the places where models lie.

A published folder beside it serves with all its parts; single files of ComfyUI serve too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from model.checkpoint.configs import MAX_LAYERS
from model.checkpoint.folder import (
    TOKENIZER_FILES,
    Companions,
    ModelFolder,
    check_joints,
    distilled,
    read_companions,
    read_folder,
    read_images,
    read_transformer,
)
from model.checkpoint.gguf_files import is_gguf
from model.checkpoint.layout import STEMS
from model.checkpoint.settings import with_settings
from model.checkpoint.single_files import Part, Shape, SingleFile, recognise, refusal
from model.checkpoint.sources import SUFFIXES
from model.checkpoint.variants import weight_files
from model.config import (
    FAMILIES,
    ConfigError,
    Family,
    Generation,
    SchedulerConfig,
    TransformerConfig,
    VaeConfig,
    generation_of,
)
from model.config21 import Transformer21Config, Vae21Config
from model.errors import CheckpointError
from model.text_encoder.config import (
    Encoder21Config,
    EncoderConfig,
    ImageConfig,
    Language21Config,
    LanguageConfig,
    Vision21Config,
    VisionConfig,
)

SUBFOLDERS = ("text_encoders", "clip", "vae", "tokenizer", "processor")
"""Where ComfyUI keeps single files, and published folders the tokenizer."""
HEAD_DIM = 128
"""Of every published transformer, whose rotary axes no tensor tells."""
WANTED = {
    Part.text_encoder: "a text encoder ({encoder})",
    Part.vae: "a VAE ({vae})",
    Part.tower: "the text encoder's vision tower (its mmproj .gguf)",
    "tokenizer": "a tokenizer (a folder with tokenizer_config.json)",
}
_JOINTS = {
    Part.vae: (("decoder.conv_in.weight", "decoder.conv1.weight"), 1),
    Part.text_encoder: (
        (
            "model.embed_tokens.weight",
            "model.language_model.embed_tokens.weight",
            "token_embd.weight",
        ),
        1,
    ),
    Part.tower: (("mm.2.weight",), 0),
}
"""Tensors by their names in one file or another, and the axis that joins the transformer's."""
NAMES = {
    Generation.first: {"encoder": "Qwen2.5-VL-7B: qwen_2.5_vl_7b", "vae": "qwen_image_vae"},
    Generation.two_one: {"encoder": "Qwen3-VL-8B: qwen3vl_8b", "vae": "qwen_image_2.1_vae"},
}


def read_model(
    path: Path,
    variant: str | None = None,
    remembered: Mapping[str, str] | None = None,
    places: Sequence[Path] = (),
) -> ModelFolder:
    """A published folder, or a transformer's file with the parts that `places` have for it.

    `variant` and `remembered` are as `read_folder` takes them. CheckpointError names what a file
    lacks.
    """
    if not path.is_file():
        return read_folder(path, variant, remembered)
    if path.suffix.lower() not in SUFFIXES:
        raise CheckpointError(f"{path} is no model folder, and no file of weights by its name")
    row, found = _transformer(path, variant, remembered)
    near = _near(path)
    shelf = _Shelf(row, _joints(found), [*places, *near])
    base = shelf.base()
    parts, lacking = shelf.parts(base)
    if lacking:
        raise CheckpointError(_wanted(path, row, lacking, [*places, *near]))
    config_files = dict(base.config_files) if base else _tokenizer_files(parts["tokenizer"])
    if base is not None:
        row = with_settings(row, base.path / "inkstone.json")
    folder = ModelFolder(
        path=path,
        row=row,
        variants=found.variants,
        transformer=_transformer_config(found, row, base),
        vae=base.vae if base else vae_config(row),
        scheduler=_scheduler(row, base),
        encoder=base.encoder if base else encoder_config(row),
        images=_images(row, base, parts["tokenizer"]),
        parts={"transformer": path, **parts},
        config_files=config_files,
    )
    check_joints(folder)
    return folder


def _transformer(
    path: Path, variant: str | None, remembered: Mapping[str, str] | None
) -> tuple[Family, SingleFile]:
    try:
        found = recognise(path, remembered, variant)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    if found is None or found.part is not Part.transformer:
        raise CheckpointError(refusal(path))
    row = next(row for row in FAMILIES if row.name == found.base)
    return distilled(row, found.schedule), found


@dataclass(frozen=True)
class _Shelf:
    """Where parts for a transformer may lie: what is named first counts first. `joints` are the
    latent channels that it makes, and the width of the text that it takes."""

    row: Family
    joints: tuple[int, int]
    places: Sequence[Path]

    def base(self) -> Companions | None:
        """The first published folder whose networks join the transformer's."""
        for folder in self._folders():
            with suppress(CheckpointError):
                found = read_companions(folder)
                if self._joins(found):
                    return found
        return None

    def parts(self, base: Companions | None) -> tuple[dict[str, Path], list[Part | str]]:
        """Each part's place, and those that there are none of. Files that were named count before
        the folder, the folder before other files."""
        found: dict[str, Path] = {}
        lacking: list[Part | str] = []
        named = [place for place in self.places if place.is_file()]
        for key, part in (("text_encoder", Part.text_encoder), ("vae", Part.vae)):
            place = self._of(part, _recognised(named))
            if place is None and base and _has_weights(base.parts[key], STEMS[key]):
                place = base.parts[key]
            _shelve(found, lacking, key, part, place or self._of(part, self._others))
        encoder = found.get("text_encoder")
        encoder = encoder if encoder is not None and is_gguf(encoder) else None
        if encoder is not None:
            beside = _recognised([*named, *_weight_files(encoder.parent)])
            tower = self._of(Part.tower, beside) or self._of(Part.tower, self._others)
            _shelve(found, lacking, "tower", Part.tower, tower)
        tokenizer = base.parts["tokenizer"] if base else self._tokenizer() or encoder
        _shelve(found, lacking, "tokenizer", "tokenizer", tokenizer)
        return found, lacking

    def _of(self, part: Part, files: Iterable[SingleFile]) -> Path | None:
        fitting = (file.path for file in files if file.part is part and self._suits(file))
        return next(fitting, None)

    def _suits(self, found: SingleFile) -> bool:
        """Of the transformer's generation, and as wide where they join."""
        base = "Qwen-Image 1.x"
        if self.row.generation is Generation.two_one:
            base = "Qwen-Image 2.1"
        elif self.row.has_layers and found.part is Part.vae:
            base = "Qwen-Image-Layered"
        out_channels, text_dim = self.joints
        names, axis = _JOINTS[found.part]
        shape = next((found.shapes[name] for name in names if name in found.shapes), ())
        width = out_channels if found.part is Part.vae else text_dim
        return found.base == base and shape[axis : axis + 1] == (width,)

    def _joins(self, found: Companions) -> bool:
        if generation_of(found.pipeline) is not self.row.generation:
            return False
        out, text_dim = self.joints
        is_layered = isinstance(found.vae, VaeConfig) and found.vae.input_channels == 4
        return (
            found.vae.z_dim == out
            and found.encoder.language.hidden_size == text_dim
            and is_layered is self.row.has_layers
        )

    def _folders(self) -> Iterator[Path]:
        for place in self.places:
            for folder in (place, *_inside(place)):
                if (folder / "model_index.json") in _inside(folder):
                    yield folder

    @cached_property
    def _others(self) -> tuple[SingleFile, ...]:
        """What lies in the places and in ComfyUI's folders there."""
        folders = [p for place in self.places for p in (place, *(place / s for s in SUBFOLDERS))]
        return tuple(_recognised(path for folder in folders for path in _weight_files(folder)))

    def _tokenizer(self) -> Path | None:
        for place in self.places:
            for folder in (place, *(place / name for name in SUBFOLDERS)):
                if (folder / "tokenizer_config.json") in _inside(folder):
                    return folder
        return None


def _shelve(
    found: dict[str, Path],
    lacking: list[Part | str],
    key: str,
    part: Part | str,
    place: Path | None,
) -> None:
    if place is None:
        lacking.append(part)
    else:
        found[key] = place


def _inside(folder: Path) -> list[Path]:
    """Nothing in what is no folder, or not ours to read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _weight_files(folder: Path) -> list[Path]:
    return [path for path in _inside(folder) if path.suffix.lower() in SUFFIXES]


def _recognised(paths: Iterable[Path]) -> Iterator[SingleFile]:
    for path in paths:
        with suppress(CheckpointError):
            if found := recognise(path):
                yield found


def _near(path: Path) -> tuple[Path, ...]:
    """The file's folder, and the one above it, in which ComfyUI keeps the others."""
    folder = path.absolute().parent
    return folder, folder.parent


def _has_weights(folder: Path, stem: str) -> bool:
    return bool(paths := weight_files(folder, stem)) and all(map(Path.is_file, paths))


def _tokenizer_files(folder: Path) -> dict[str, Path]:
    paths = {f"tokenizer/{name}": folder / name for name in TOKENIZER_FILES}
    return {name: path for name, path in paths.items() if path.is_file()}


def _wanted(path: Path, row: Family, lacking: Sequence[Part | str], places: Sequence[Path]) -> str:
    wanted = ", ".join(WANTED[part].format(**NAMES[row.generation]) for part in lacking)
    looked = ", ".join(dict.fromkeys(map(str, places)))
    return (
        f"{path} is the transformer of {row.name} alone; it also needs {wanted}. None that fits is "
        f"in {looked}; put it there, or name its file or folder with --parts"
    )


# --- the numbers of the networks --------------------------------------------------------------


def _joints(found: SingleFile) -> tuple[int, int]:
    """Latent channels that the transformer makes, and the width of the text that it takes."""
    shapes = found.shapes
    is_newer = "txt_in.text_norm.weight" in shapes
    with _no_transformer(found.path):
        tokens, _ = shapes["proj_out.weight"]
        (text_dim,) = shapes["txt_in.text_norm.weight" if is_newer else "txt_norm.weight"]
    return (tokens if is_newer else tokens // TransformerConfig.patch_size**2), text_dim


@contextmanager
def _no_transformer(path: Path) -> Iterator[None]:
    """Shapes out of which no numbers can be made; also a ConfigError."""
    try:
        yield
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{path}: its tensors are of no transformer that this version knows ({error})"
        ) from None


def _transformer_config(
    found: SingleFile, row: Family, base: Companions | None
) -> TransformerConfig | Transformer21Config:
    shapes = found.shapes
    out_channels, text_dim = _joints(found)
    with _no_transformer(found.path):
        (head_dim,) = shapes["transformer_blocks.0.attn.norm_q.weight"]
        dim, in_channels = shapes["img_in.weight"]
        numbers: dict[str, Any] = {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "num_layers": _num_blocks(shapes),
            "attention_head_dim": head_dim,
            "num_attention_heads": dim // head_dim,
        }
        axes = _axes(head_dim, row, base, found.path)
        if row.generation is Generation.two_one:
            ratio: int = shapes["transformer_blocks.0.img_mlp.out.weight"][1] // dim
            return Transformer21Config(
                **numbers,
                axes_dims_rope=axes,
                context_in_dim=text_dim,
                mlp_ratio=ratio,
            )
        return TransformerConfig(
            **numbers,
            axes_dims_rope=axes,
            joint_attention_dim=text_dim,
            zero_cond_t=row.zero_cond_t,
            use_additional_t_cond=row.has_layers,
            use_layer3d_rope=row.has_layers,
        )


def _num_blocks(shapes: Mapping[str, Shape]) -> int:
    blocks = {name.split(".")[1] for name in shapes if name.startswith("transformer_blocks.")}
    if len(blocks) > MAX_LAYERS:
        raise ValueError(f"{len(blocks)} blocks")
    return len(blocks)


def _axes(head_dim: int, row: Family, base: Companions | None, path: Path) -> tuple[int, int, int]:
    """Rotary axes stand in no tensor: those of the published models, or of the folder beside."""
    if head_dim == HEAD_DIM:
        return TransformerConfig.axes_dims_rope
    with suppress(CheckpointError):
        if base is not None:
            config = read_transformer(base.path, row.generation)
            if config.attention_head_dim == head_dim:
                return config.axes_dims_rope
    raise CheckpointError(
        f"{path}: heads of {head_dim} numbers are none of a published model; lay it beside the "
        "folder whose transformer it replaces"
    )


def vae_config(row: Family) -> VaeConfig | Vae21Config:
    if row.generation is Generation.two_one:
        return Vae21Config()
    return VaeConfig(input_channels=4 if row.has_layers else 3)


def encoder_config(row: Family) -> EncoderConfig | Encoder21Config:
    if row.generation is Generation.two_one:
        return Encoder21Config(language=Language21Config(), vision=Vision21Config())
    return EncoderConfig(language=LanguageConfig(), vision=VisionConfig())


def _scheduler(row: Family, base: Companions | None) -> SchedulerConfig:
    """The folder's, if it is for such a model; else the published one."""
    if base is not None and bool(base.sigmas) is bool(row.sigmas):
        return base.scheduler
    if row.sigmas:
        return SchedulerConfig(use_dynamic_shifting=False, shift_terminal=None)
    if row.has_layers:
        return SchedulerConfig(time_shift_type="linear", shift_terminal=None)
    return SchedulerConfig()


def _images(row: Family, base: Companions | None, tokenizer: Path) -> ImageConfig | None:
    """The folder's, or what stands beside the tokenizer. A folder for text alone has none, and an
    edit needs them: those of 1.x are known."""
    found = base.images if base is not None else read_images(tokenizer)
    if found is None and (row.edits or row.has_layers) and row.generation is Generation.first:
        return ImageConfig()
    return found
