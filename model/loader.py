"""From a model folder to a model that runs requests.

Loading checks everything first and reads weights last; running knows nothing of processes, windows
or the files it came from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2Tokenizer

from model.checkpoint.assembly import read_model
from model.checkpoint.build import build, text_encoder
from model.checkpoint.control_folders import ControlFolders
from model.checkpoint.folder import ModelFolder, is_model_folder
from model.checkpoint.head import has_head, read_head
from model.checkpoint.identity import combined, file_hashes
from model.checkpoint.layout import STEMS, name_of
from model.checkpoint.lora_folders import LoraFolders
from model.checkpoint.packing import Packing, scheme_of
from model.checkpoint.published import needs_of
from model.checkpoint.variants import NO_VARIANTS, Variants
from model.checkpoint.weights import load_weights
from model.compiled import Compiled, keep_in
from model.config import Family
from model.engine.protocol import ModelDescription, Outlook
from model.errors import (
    CheckpointError,
    DoesNotFit,
    LicenceNotAccepted,
    ModelError,
    OutOfMemory,
    Stopped,
    memory_faults,
)
from model.hub.machine import place_of
from model.lora import Loras
from model.lossy.choice import Attentions
from model.lossy.run import Lossy
from model.memory.budget import free_bytes
from model.memory.calibration import speed_of
from model.memory.loading import (
    HOME,
    attach,
    forms_of,
    loads,
    settle_encoder,
    settle_vae,
    tabled,
)
from model.memory.planner import Planner
from model.memory.prompts import PromptCache
from model.memory.reserve import Reserve
from model.memory.savings import Savings
from model.memory.streaming import Stream
from model.pictures import to_picture
from model.pipelines.inputs import Inputs, Networks, Settled, stacked
from model.pipelines.render import OnLatents, render
from model.pipelines.tasks import pipeline_of, tasks_of
from model.preview import Preview
from model.requests import (
    MAX_SEED,
    Differences,
    LoraUse,
    ModelIdentity,
    Picture,
    Request,
    RequestError,
    Result,
    Text,
    Writing,
)
from model.system import give_memory_back
from model.text_encoder.encoder import IMAGE_PAD, TextEncoder, settle_rope
from model.text_encoder.tokenizer import load_tokenizer
from model.text_encoder.writing import OnText, Writer, no_text
from model.vae import Poll
from model.words import write

OnStep = Callable[[int, int, Picture | None], None]
ShouldStop = Callable[[], bool]

READERS = ("text_encoder/", "tokenizer/", "processor/")
"""What the files that decide about text states are called among the hashes."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def _no_steps(step: int, total: int, preview: Picture | None) -> None:
    """Nobody wants to see the steps."""


def _never() -> bool:
    return False


class Model:
    """Networks that run requests. Build one by `load`, or from live networks while they train.

    The LoRAs that a request names are looked for in `lora_folders`."""

    def __init__(
        self,
        networks: Networks,
        identity: ModelIdentity,
        path: Path | None = None,
        lora_folders: LoraFolders | None = None,
        variants: Variants | None = None,
        reserve: Reserve | None = None,
    ):
        self.networks = networks
        self.reserve = reserve
        self._variants = variants or NO_VARIANTS
        self.identity = identity
        self.path = path
        self._preview = Preview(networks.vae)
        self._attentions = Attentions()
        folders, network = lora_folders or LoraFolders(), networks.transformer
        self._lora_folders = folders
        self._loras = Loras(
            network, lambda use: folders.read(use, network, networks.device, networks.dtype)
        )

    @property
    def row(self) -> Family:
        return self.networks.row

    @property
    def tasks(self) -> tuple[str, ...]:
        can_see, can_write = self.networks.text_encoder.can_see, self.networks.writer is not None
        return tasks_of(self.row, can_see=can_see, can_write=can_write)

    def describe(self) -> ModelDescription:
        return _description(
            self.row,
            self._variants,
            name=self.identity.name,
            path=str(self.path or ""),
            size_multiple=self.networks.size_multiple,
            tasks=self.tasks,
        )

    def outlook(self, request: Request) -> Outlook:
        """What it will take, before it is run."""
        return Outlook() if self.reserve is None else self.reserve.outlook(request)

    @torch.inference_mode()
    def run(
        self, request: Request, on_step: OnStep = _no_steps, should_stop: ShouldStop = _never
    ) -> Result:
        """Make the request's pictures, one after the other. Where memory runs out, it is tried once
        more with fewer blocks in it.

        Raises Stopped within one transformer block after `should_stop` says yes, RequestError for
        what this model cannot do, ModelError for what went wrong.
        """
        try:
            return self._run(request, on_step, should_stop)
        except DoesNotFit:
            raise
        except OutOfMemory:
            if self.reserve is None or not self.reserve.step_down():
                raise
        return replace(self._run(request, on_step, should_stop), is_slower=True)

    def _run(self, request: Request, on_step: OnStep, should_stop: ShouldStop) -> Result:
        began = time.perf_counter()
        poll = _poll_of(should_stop)
        attention = self._attentions.choose(request.attention, self.networks.transformer)
        with self._at_work("making the picture", request.loras, poll):
            poll()
            request = self._complete(request, poll)
            if self.reserve is not None:
                self.reserve.make_room(request)
            settled, inputs = self._prepare(request, poll)
            self.networks.text_encoder.leave()
            draw = pipeline_of(request, self.row).draw
            requests = _singles(request, settled)
            made: list[tuple[Request, Picture]] = []
            differences: list[Differences] = []
            for index, single in enumerate(requests):
                report = self._reporter(on_step, index, len(requests))
                lossy = Lossy(request.step_cache, attention)
                images = draw(self.networks, inputs, settled, [single.seed], report, poll, lossy)
                finished = self._finish(single, settled, images[0])
                made += finished
                differences += lossy.differences(1) * len(finished)
        return self._result(made, began, differences)

    @torch.inference_mode()
    def run_together(
        self,
        requests: Sequence[Request],
        on_step: OnStep = _no_steps,
        should_stop: ShouldStop = _never,
    ) -> Result:
        """Make the pictures of several requests in one batch, in their order.

        They must agree in task, size, steps, guidance, schedule, LoRAs and attention; prompts,
        pictures and seeds may differ. There is no step cache. Equal to runs one by one but for
        rounding. Raises as `run` does.
        """
        began = time.perf_counter()
        poll = _poll_of(should_stop)
        loras = _common_loras(requests)
        attention = self._attentions.choose(_common_attention(requests), self.networks.transformer)
        with self._at_work("making the pictures", loras, poll):
            poll()
            if any(pipeline_of(r, self.row).draw is not render for r in requests):
                raise RequestError("batch: such a request is run alone")
            requests = [self._complete(request, poll) for request in requests]
            prepared = [self._prepare(request, poll) for request in requests]
            self.networks.text_encoder.leave()
            settled = _common([settled for settled, _ in prepared])
            singles = [one for r in requests for one in _singles(r, settled)]
            counts = [request.count for request in requests]
            parts: list[Inputs] = [
                inputs for (_, inputs), n in zip(prepared, counts, strict=True) for _ in range(n)
            ]
            seeds = [single.seed for single in singles]
            report = self._reporter(on_step, 0, 1)
            lossy = Lossy(attention=attention)
            images = render(self.networks, stacked(parts), settled, seeds, report, poll, lossy)
            made: list[tuple[Request, Picture]] = []
            for single, drawn in zip(singles, images, strict=True):
                made += self._finish(single, settled, drawn)
        return self._result(made, began, lossy.differences(len(made)))

    @torch.inference_mode()
    def write(
        self, request: Writing, on_text: OnText = no_text, should_stop: ShouldStop = _never
    ) -> Text:
        """Write what is asked for; `on_text` gets the text so far, which a second try begins anew.

        Raises Stopped within one block of the text encoder, RequestError for a model that cannot
        write or see, ModelError for an answer of which nothing can be made.
        """
        began = time.perf_counter()
        poll = _poll_of(should_stop)
        with memory_faults("writing"):
            poll()
            answer = write(self.networks, request, on_text, poll)
        return Text(
            text=answer.text,
            request=request,
            model=self.identity,
            seconds=time.perf_counter() - began,
            is_original=answer.is_original,
            record=answer.record,
        )

    @contextmanager
    def _at_work(self, doing: str, loras: Sequence[LoraUse], poll: Poll) -> Iterator[None]:
        with memory_faults(doing), self._loras.at_work(loras, poll):
            try:
                yield
            finally:
                self.networks.rest()

    def _complete(self, request: Request, poll: Poll) -> Request:
        if request.schedule is None and (found := self._lora_folders.schedule(request.loras)):
            request = replace(request, schedule=found)
        return pipeline_of(request, self.row).complete(self.networks, request, poll)

    def _prepare(self, request: Request, poll: Poll) -> tuple[Settled, Any]:
        pipeline = pipeline_of(request, self.row)
        settled = pipeline.plan(self.networks, request)
        return settled, pipeline.prepare(self.networks, request, settled, poll)

    def _finish(
        self, single: Request, settled: Settled, images: torch.Tensor
    ) -> list[tuple[Request, Picture]]:
        """The pictures of one seed, each with its request."""
        pictures = pipeline_of(single, self.row).finish(single, settled, images)
        return [(single, picture) for picture in pictures]

    def _result(
        self,
        made: Sequence[tuple[Request, Picture]],
        began: float,
        differences: Iterable[Differences],
    ) -> Result:
        return Result(
            pictures=tuple(picture for _, picture in made),
            requests=tuple(request for request, _ in made),
            model=self.identity,
            seconds=time.perf_counter() - began,
            differences=tuple(differences),
        )

    def _reporter(self, on_step: OnStep, index: int, count: int) -> OnLatents:
        """Steps of all pictures are counted through; of a batch the first picture is shown."""

        def report(step: int, total: int, latents: torch.Tensor) -> None:
            if on_step is not _no_steps:
                preview = to_picture(self._preview(latents[:1])[0])
                on_step(index * total + step, count * total, preview)

        return report


def _poll_of(should_stop: ShouldStop) -> Poll:
    def poll() -> None:
        if should_stop():
            raise Stopped

    return poll


def _common(settled: Sequence[Settled]) -> Settled:
    """What all of a batch share; only the negative prompts may differ."""
    first = settled[0]
    if any(replace(other, negative=first.negative) != first for other in settled):
        raise RequestError(
            "batch: size, steps, guidance, schedule and solver must be the same for all"
        )
    return first


def _common_loras(requests: Sequence[Request]) -> tuple[LoraUse, ...]:
    if any(request.loras != requests[0].loras for request in requests):
        raise RequestError("batch: the LoRAs and their weights must be the same for all")
    return requests[0].loras


def _common_attention(requests: Sequence[Request]) -> str:
    if any(request.step_cache for request in requests):
        raise RequestError(
            "step_cache: in a batch a picture would depend on those beside it; "
            "draw one at a time, or without the step cache"
        )
    if any(request.attention != requests[0].attention for request in requests):
        raise RequestError("batch: the attention must be the same for all")
    return requests[0].attention


def load(
    path: Path,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    quantization: str | None = None,
    budget_bytes: int | None = None,
    variant: str | None = None,
    variants: Mapping[str, str] | None = None,
    lora_folders: LoraFolders | None = None,
    control_folders: ControlFolders | None = None,
    accepted: Collection[str] = (),
    places: Sequence[Path] = (),
    savings: Savings | None = None,
    prompts: PromptCache | None = None,
    speeds: Path | None = None,
    compiled: Path | None = None,
) -> Model:
    """The model in a folder of the published layout, or that of a transformer's file, safetensors
    or GGUF, whose other parts are looked for in `places`.

    `variant` names the published model where the files leave several (-2512 or the first one), and
    else `variants` by the fingerprint of the weights.
    `accepted` names licences that the user has accepted: LicenceNotAccepted for a model under one
    that allows no commercial use and is not among them.

    `dtype` is float32, bfloat16 or float16; by default float32 on the CPU, else bfloat16. What
    stays in memory and what streams is planned so that the whole takes at most `budget_bytes` more
    than now, by default what the device has free, asked anew at every request; OutOfMemory where
    nothing fits. Given `savings` are taken as they are. They change memory and time, and no
    picture. `prompts` may be shared by models. In `speeds` is kept how fast devices are. With a
    folder `compiled`, where that is kept, blocks are compiled where it pays, which rounds
    otherwise.

    What a file holds packed of the blocks of transformer and text encoder stays packed.
    `quantization` names a scheme (int8, fp8 or int4) by which the transformer's are packed now,
    whatever they are in the files; the identity records it.
    """
    scheme = scheme_of(quantization)
    target, number_type = choose_device(device), _choose_dtype(dtype, device)
    folder = read_model(path, variant, variants, places)
    _check_licence(folder, accepted)
    if variant is None:
        _check_variant(folder, variants or {})
    parts = build(folder)
    packing = Packing(scheme=scheme, device=target)
    packings = {"transformer": packing, "text_encoder": replace(packing, scheme=None)}
    forms = forms_of(folder, parts, packings)
    planner = Planner(folder, number_type, target, forms, scheme=scheme, parts=parts)
    free = partial(free_bytes, target) if budget_bytes is None else None
    budget_bytes = free_bytes(target) if budget_bytes is None else budget_bytes
    if savings is None:
        savings = planner.choose_to_load(budget_bytes) if budget_bytes else Savings()
    if savings != Savings():
        give_memory_back()
    plan = loads(folder, parts, savings, number_type, target, packings)
    planner.let_go()
    tokenizer = load_tokenizer(folder.parts["tokenizer"])
    _check_vocabulary(folder, tokenizer)
    hashes = file_hashes(folder.config_files) | _told(folder)
    with memory_faults(f"loading {name_of(path)}"):
        for one in plan:
            shards = load_weights(
                one.network,
                one.place,
                STEMS[one.part],
                one.dialect,
                dtype=number_type,
                device=one.device,
                tower=one.tower,
                packing=one.packing,
            )
            names = shards if one.place.is_dir() else map(str, range(len(shards)))
            digests = zip(names, shards.values(), strict=True)
            hashes |= {f"{one.part}/{name}": digest for name, digest in digests}
    settle_rope(parts.network, HOME)
    encoder = text_encoder(folder, parts.network, tokenizer)
    expect = tabled(plan)
    if compiled is not None:
        keep_in(compiled)
        Compiled(parts.transformer)
    streams = attach(plan, number_type, target)
    settle_encoder(encoder, plan, target)
    settle_vae(parts.vae, savings)
    read_by = {name: digest for name, digest in hashes.items() if name.startswith(READERS)}
    remembered = prompts or PromptCache()
    networks = Networks(
        row=folder.row,
        transformer=parts.transformer,
        vae=parts.vae,
        text_encoder=encoder,
        scheduler=folder.scheduler,
        controls=control_folders or ControlFolders(),
        writer=_writer(encoder, folder.parts["text_encoder"]),
        encode=remembered.remembering(encoder, combined(read_by)),
        expect=expect,
        rest=partial(_rest, streams["transformer"]),
    )
    identity = ModelIdentity(
        name=name_of(path.resolve()),
        sha256=combined(hashes),
        licence=folder.row.licence,
        quantization=quantization or "",
    )
    speed = partial(speed_of, target, number_type, speeds)
    reserve = Reserve(
        planner,
        savings,
        budget_bytes,
        blocks=streams["transformer"],
        encoder=encoder,
        vae=parts.vae,
        speed=speed,
        free=free,
    )
    return Model(networks, identity, path, lora_folders, folder.variants, reserve)


def _rest(streams: Iterable[Stream]) -> None:
    for stream in streams:
        stream.rest()


def describe(
    path: Path,
    variants: Mapping[str, str] | None = None,
    places: Sequence[Path] = (),
    device: str = "cpu",
) -> ModelDescription:
    """What a model folder or file is, without reading its weights; `problem` says why it cannot be
    used. `variants`, `places` and `device` are as `load` takes them."""
    try:
        folder = read_model(path, remembered=variants, places=places)
    except CheckpointError as error:
        return ModelDescription(name=name_of(path.resolve()), path=str(path), problem=str(error))
    return _description(
        folder.row,
        folder.variants,
        name=name_of(path.resolve()),
        path=str(path),
        size_multiple=folder.size_multiple,
        tasks=tasks_of(
            folder.row,
            can_see=folder.images is not None,
            can_write=has_head(folder.parts["text_encoder"]),
        ),
        needs=needs_of(folder, place_of(device)),
    )


def available(places: Iterable[Path]) -> tuple[Path, ...]:
    """Model folders: the places themselves, and what lies directly in them; each once."""
    found: dict[Path, None] = {}
    for place in places:
        inside = sorted(place.iterdir()) if place.is_dir() else []
        for candidate in (place, *inside):
            if is_model_folder(candidate):
                found[candidate] = None
    return tuple(found)


def starter_path() -> Path:
    """The small model that comes with the program."""
    return Path(__file__).resolve().parent.parent / "assets" / "starter"


def choose_device(name: str) -> torch.device:
    """A device that is there; ModelError otherwise."""
    found = {
        "cpu": lambda: True,
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
    }
    kind = name.partition(":")[0]
    if kind not in found:
        raise ModelError(f"device {name!r} is not one of {', '.join(found)}")
    if not found[kind]():
        raise ModelError(f"device {name!r}: this computer has none that PyTorch can use; use cpu")
    return torch.device(name)


def _writer(encoder: TextEncoder, place: Path) -> Writer | None:
    """None where the files hold no output layer."""
    words = encoder.network.language_model.embed_tokens
    return Writer(encoder, lambda: read_head(place, words.weight)) if has_head(place) else None


def _choose_dtype(name: str | None, device: str) -> torch.dtype:
    name = name or ("float32" if device == "cpu" else "bfloat16")
    if name not in DTYPES:
        raise ModelError(f"dtype {name!r} is not one of {', '.join(DTYPES)}")
    return DTYPES[name]


def _check_licence(folder: ModelFolder, accepted: Collection[str]) -> None:
    row = folder.row
    if not row.is_commercial and row.licence not in accepted:
        raise LicenceNotAccepted(row.name, row.licence)


def _check_variant(folder: ModelFolder, remembered: Mapping[str, str]) -> None:
    """Ask what a single file is that nobody has told of: models of one architecture differ in more
    than their weights, and no config stands beside these."""
    found = folder.variants
    is_told = not found.names or found.proposed or found.fingerprint in remembered
    if folder.path.is_file() and not is_told:
        raise CheckpointError(
            f"{folder.path}: neither its tensors nor its name tell which model it is; say it with "
            f"--variant, which may be {', '.join(found.names)}"
        )


def _told(folder: ModelFolder) -> dict[str, str]:
    """What decides about a file's pictures and stands in no file; part of the identity."""
    return {} if folder.path.is_dir() else {"model": folder.row.name}


def _check_vocabulary(folder: ModelFolder, tokenizer: Qwen2Tokenizer) -> None:
    encoder = folder.encoder
    image_token = tokenizer.convert_tokens_to_ids(IMAGE_PAD)
    if len(tokenizer) > encoder.language.vocab_size:
        raise CheckpointError(
            f"{folder.path}: the tokenizer knows {len(tokenizer)} tokens, "
            f"the text encoder {encoder.language.vocab_size}"
        )
    if image_token != encoder.image_token_id:
        raise CheckpointError(
            f"{folder.path}: the tokenizer calls an image's place {image_token}, "
            f"the text encoder {encoder.image_token_id}"
        )


def _singles(request: Request, settled: Settled) -> tuple[Request, ...]:
    """The request once for each picture it asks for, every value set and the seed counted up."""
    values = {
        "width": settled.width,
        "height": settled.height,
        "steps": settled.steps,
        "guidance": settled.guidance,
        "negative": settled.negative,
        "schedule": settled.schedule,
        "solver": settled.solver,
    }
    return tuple(
        replace(request, count=1, seed=(request.seed + k) % (MAX_SEED + 1), **values)
        for k in range(request.count)
    )


def _description(row: Family, variants: Variants, **own: object) -> ModelDescription:
    return ModelDescription(
        schedule=row.schedule,
        variant=row.name,
        variants=variants.names,
        proposed_variant=variants.proposed,
        fingerprint=variants.fingerprint,
        licence=row.licence,
        is_commercial=row.is_commercial,
        notice=row.notice,
        sizes=row.sizes,
        steps=row.steps,
        guidance=row.guidance,
        negative=row.negative,
        max_references=row.max_references,
        **own,  # type: ignore[arg-type]
    )
