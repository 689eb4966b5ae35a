"""Every task of the family against diffusers: one tiny checkpoint each, opened by both sides.

Both draw the same picture from the same noise, in turns; a table tells how far apart the pictures
are and what each side took. The dimensions are fixed here: wide enough that the networks count and
not the start of a run, small enough that all tasks together take minutes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from model.bench import tiny, tiny21
from model.bench.reference import (
    Pair,
    as_pipeline,
    before_overlay,
    controlnets,
    disc,
    drawn,
    drawn_with,
    generator,
    holed,
    make_pair,
    noise_image,
    see_through,
    small_area,
    small_areas,
    to_picture,
    token_types,
)
from model.bench.timing import interleaved
from model.checkpoint.save import save_lora
from model.config import FAMILIES
from model.controlnet import BlockwiseControlNet, ControlNet
from model.errors import ModelError
from model.loader import Model, load
from model.lora import Adapter, Delta, linears
from model.requests import (
    Control,
    Decompose,
    Edit,
    ImageToImage,
    Inpaint,
    Picture,
    TextToImage,
)
from model.sampling.schedule import LIGHTNING_SHIFT

PROMPT, BOTH = '一张红色的海报, with the headline "SALE"', "put Picture 1 beside Picture 2"
NEGATIVE = " "
SEED, GUIDANCE, STEPS = 5, 4.0, 4
SHARED: dict[str, Any] = {"guidance": GUIDANCE, "steps": STEPS, "seed": SEED}
SIDE, SAMPLES = 192, 5
STRENGTH, LORA_RANK = 0.8, 4
CONTROLLED = "QwenImageControlNetPipeline"
GOAL, VAE_GOAL = 0.9, 0.35
LIMIT = 1e-4

Draw = Callable[[], Tensor]
AnyControlNet = ControlNet | BlockwiseControlNet


@dataclass(frozen=True, kw_only=True)
class Case:
    """One task: two ways to the same floats [K, C, H, W] in 0…1."""

    name: str
    ours: Draw
    theirs: Draw
    goal: float = GOAL


@dataclass(frozen=True, kw_only=True)
class Row:
    """`ours` and `theirs` in processor seconds."""

    name: str
    difference: float
    ours: float
    theirs: float
    goal: float

    def __str__(self) -> str:
        return (
            f"| {self.name} | {self.difference:.1e} | {1000 * self.theirs:.0f} ms "
            f"| {1000 * self.ours:.0f} ms | {self.ours / self.theirs:.2f} | {self.goal:.2f} |"
        )


SIZE = tiny.Tiny(
    pipeline=tiny.TEXT,
    layers=4,
    heads=4,
    axes=(8, 12, 12),
    z=16,
    base=16,
    mult=(1, 2, 4, 4),
    temporal=(False, True, True),
    text_width=64,
    mrope=(4, 6, 6),
    area=SIDE * SIDE,
)
SIZE_21 = tiny21.Tiny21(
    layers=4, heads=4, axes=(8, 12, 12), z=16, base=16, decoder_base=16, text_width=64, side=SIDE
)


def table(samples: int) -> str:
    """The comparison as Markdown; ModelError if diffusers is missing or a picture differs."""
    try:
        version = importlib.import_module("diffusers").__version__
    except ImportError as error:
        raise ModelError("diffusers is not installed; pip install 'inkstone[test]'") from error
    importlib.import_module("transformers").logging.disable_progress_bar()
    torch.set_num_threads(1)
    rows = measured(samples)
    return "\n".join([
        "| task | largest difference | diffusers | ours | ratio | goal |",
        "|---|---:|---:|---:|---:|---:|",
        *map(str, rows),
        "",
        f"Random weights, {SIDE} px, {STEPS} steps, guidance {GUIDANCE:g}, float32, one thread; "
        f"processor time, medians of {samples} interleaved samples. "
        f"diffusers {version}, torch {torch.__version__}.",
    ])  # fmt: skip


def measured(samples: int) -> list[Row]:
    with TemporaryDirectory() as folder:
        return [_measured(case, samples) for case in cases(Path(folder))]


def _measured(case: Case, samples: int) -> Row:
    difference = (case.ours() - case.theirs()).abs().max().item()
    if difference > LIMIT:
        raise ModelError(
            f"{case.name}: the pictures differ by {difference:.1e}; times mean nothing"
        )
    ours, theirs = interleaved((case.ours, case.theirs), samples)
    return Row(name=case.name, difference=difference, ours=ours, theirs=theirs, goal=case.goal)


def cases(folder: Path) -> Iterator[Case]:
    """One checkpoint after the other, so that never two are in memory."""
    yield from _of_text_model(make_pair(SIZE, folder / "text"), folder)
    yield from _of_edit_model(make_pair(tiny.like(SIZE, pipeline=tiny.EDIT), folder / "edit"))
    for name, zero_cond_t in (("2509", False), ("2511", True)):
        size = tiny.like(SIZE, pipeline=tiny.PLUS, zero_cond_t=zero_cond_t)
        yield _with_several_pictures(name, make_pair(size, folder / name))
    yield _into_layers(make_pair(tiny.like(SIZE, pipeline=tiny.LAYERED), folder / "layers"))
    yield from _of_21(folder / "21")


def _square() -> dict[str, Any]:
    return {"width": SIDE, "height": SIDE}


def _of_text_model(pair: Pair, folder: Path) -> Iterator[Case]:
    image, mask = noise_image(SIDE, SIDE), disc(SIDE, SIDE)
    picture, size = to_picture(image), _square()
    text = TextToImage(prompt=PROMPT, **SHARED)
    yield _through_vae(pair)
    yield _case("text to image", pair.ours, text, pair.reference, **size)
    yield _case(
        "image to image",
        pair.ours,
        ImageToImage(prompt=PROMPT, image=picture, strength=0.75, **SHARED),
        as_pipeline(pair, "QwenImageImg2ImgPipeline"),
        image=image,
        strength=0.75,
        **size,
    )
    yield _case(
        "inpaint",
        pair.ours,
        Inpaint(prompt=PROMPT, image=picture, mask=to_picture(mask), strength=1.0, **SHARED),
        as_pipeline(pair, "QwenImageInpaintPipeline"),
        image=image,
        mask_image=mask,
        strength=1.0,
        **size,
    )
    for name, extra, drawing, values in (
        ("ControlNet", 0, picture, {}),
        ("ControlNet for holes", 4, to_picture(holed(image, mask)), {"control_mask": mask}),
    ):
        nets = controlnets(pair, folder / name, layers=2, extra=extra, seed=0)
        yield _controlled(name, pair, text, nets, drawing, control_image=image, **values, **size)
    yield _in_few_steps(pair)
    yield _with_lora(pair, text, folder / "lora.safetensors")


def _of_edit_model(pair: Pair) -> Iterator[Case]:
    image, mask = noise_image(SIDE, SIDE), disc(SIDE, SIDE)
    picture, area = to_picture(image), pair.size.area
    types = partial(token_types, pair.reference)
    yield _case(
        "edit",
        pair.ours,
        Edit(prompt=PROMPT, images=(picture,), **SHARED),
        pair.reference,
        (types, partial(small_area, area)),
        image=image,
    )
    yield _case(
        "inpaint by an edit model",
        pair.ours,
        Inpaint(prompt=PROMPT, image=picture, mask=to_picture(mask), strength=1.0, **SHARED),
        as_pipeline(pair, "QwenImageEditInpaintPipeline"),
        (types, partial(small_area, area, "pipeline_qwenimage_edit_inpaint")),
        image=image,
        mask_image=mask,
        strength=1.0,
    )


def _with_several_pictures(name: str, pair: Pair) -> Case:
    images = [noise_image(SIDE, SIDE), noise_image(SIDE, SIDE // 2)]
    return _case(
        f"edit with two pictures ({name})",
        pair.ours,
        Edit(prompt=BOTH, images=tuple(map(to_picture, images)), **SHARED),
        pair.reference,
        (partial(token_types, pair.reference), partial(small_areas, pair.size)),
        image=images,
    )


def _into_layers(pair: Pair) -> Case:
    image = see_through(SIDE, SIDE)
    return _case(
        "three layers",
        pair.ours,
        Decompose(prompt=PROMPT, image=to_picture(image), layers=3, **SHARED),
        pair.reference,
        (partial(small_area, pair.size.area, "pipeline_qwenimage_layered"),),
        image=image,
        layers=3,
    )


def _of_21(folder: Path) -> Iterator[Case]:
    reference = tiny21.write_with_diffusers(SIZE_21, folder)
    reference.set_progress_bar_config(disable=True)
    ours = load(folder, accepted=[family.licence for family in FAMILIES])
    size = _square()
    yield _case("2.1: text to image", ours, TextToImage(prompt=PROMPT, **SHARED), reference, **size)
    images = [noise_image(SIDE, SIDE), noise_image(SIDE, SIDE // 2)]
    yield _case(
        "2.1: edit with two pictures",
        ours,
        Edit(prompt=BOTH, images=tuple(map(to_picture, images)), **SHARED, **size),
        reference,
        image=images,
        output_resolution=SIDE,
        **size,
    )


def _case(
    name: str,
    model: Model,
    request: TextToImage | Edit | ImageToImage | Inpaint | Decompose,
    reference: Any,
    within: Sequence[Callable[[], AbstractContextManager[None]]] = (),
    **values: Any,
) -> Case:
    """The request for us; for the reference's pipeline, the same in its words and `values`."""
    return Case(
        name=name,
        ours=partial(drawn, model, request),
        theirs=partial(_reference_draws, reference, request.prompt, within, **values),
    )


def _reference_draws(
    reference: Any,
    prompt: str,
    within: Sequence[Callable[[], AbstractContextManager[None]]],
    **values: Any,
) -> Tensor:
    with ExitStack() as stack:
        for context in (before_overlay, *within):
            stack.enter_context(context())
        images = reference(
            prompt=prompt,
            **{
                "negative_prompt": NEGATIVE,
                "true_cfg_scale": GUIDANCE,
                "num_inference_steps": STEPS,
                "generator": generator(SEED),
                "output_type": "pt",
                **values,
            },
        ).images
    return images[0] if isinstance(images, list) else images


def _controlled(
    name: str,
    pair: Pair,
    request: TextToImage,
    nets: tuple[Any, AnyControlNet],
    drawing: Picture,
    **values: Any,
) -> Case:
    reference, net = nets
    kind = "QwenImageControlNetInpaintPipeline" if "control_mask" in values else CONTROLLED
    pipeline = as_pipeline(pair, kind, controlnet=reference)

    def theirs() -> Tensor:
        torch.manual_seed(SEED)  # the reference draws the map's sample from the global state
        return _reference_draws(
            pipeline, request.prompt, (), controlnet_conditioning_scale=STRENGTH, **values
        )

    control = Control(name="net", sha256="0", strength=STRENGTH)
    return Case(
        name=name,
        ours=partial(drawn_with, pair, request, [(net, control, drawing)]),
        theirs=theirs,
    )


def _in_few_steps(pair: Pair) -> Case:
    """Lightning's schedule of four steps, without guidance."""
    scheduler = type(pair.reference.scheduler).from_config(
        pair.reference.scheduler.config,
        base_shift=LIGHTNING_SHIFT,
        max_shift=LIGHTNING_SHIFT,
        shift_terminal=None,
    )
    return _case(
        "Lightning, four steps",
        pair.ours,
        TextToImage(prompt=PROMPT, schedule="lightning-4", seed=SEED),
        as_pipeline(pair, "QwenImagePipeline", scheduler=scheduler),
        negative_prompt=None,
        true_cfg_scale=1.0,
        width=SIDE,
        height=SIDE,
    )


def _with_lora(pair: Pair, request: TextToImage, path: Path) -> Case:
    """Random pairs beside every linear. The reference puts them into its networks for good, so this
    is a checkpoint's last case."""
    ours, random = pair.ours.networks.transformer, generator(SEED)
    deltas = {
        name: Delta(
            chain=(
                0.1 * torch.randn(rows, LORA_RANK, generator=random),
                0.1 * torch.randn(LORA_RANK, columns, generator=random),
            )
        )
        for name, (rows, columns) in linears(ours).items()
    }
    save_lora(deltas, path, dtype=torch.float32)
    pair.reference.load_lora_weights(path)

    def with_adapter() -> Tensor:
        with Adapter(ours, deltas):
            return drawn(pair.ours, request)

    case = _case("LoRA", pair.ours, request, pair.reference, width=SIDE, height=SIDE)
    return replace(case, ours=with_adapter)


def _through_vae(pair: Pair) -> Case:
    pixels = torch.rand(1, 3, SIDE, SIDE, generator=generator(SEED)) * 2 - 1
    vae, reference = pair.ours.networks.vae, pair.reference.vae

    @torch.inference_mode()
    def ours() -> Tensor:
        return vae.decode(vae.encode(pixels)) / 2 + 0.5

    @torch.inference_mode()
    def theirs() -> Tensor:
        mode = reference.encode(pixels[:, :, None]).latent_dist.mode()
        return reference.decode(mode, return_dict=False)[0][:, :, 0] / 2 + 0.5

    return Case(name="VAE, encode and decode", ours=ours, theirs=theirs, goal=VAE_GOAL)
