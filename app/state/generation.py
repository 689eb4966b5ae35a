"""The prompt panel's values, and the request they make. Knows models by their descriptions only."""

from __future__ import annotations

import random
from typing import Any

from app.document.geometry import Page, closest_size
from app.i18n import translate
from app.state.choices import (
    ControlChoice,
    LoraChoice,
    controls_of,
    lora_values,
    loras_from,
    loras_of,
)
from app.state.observable import Observable, Property
from model.engine.protocol import AdapterDescription, ModelDescription, Outlook
from model.requests import (
    ATTENTIONS,
    CHANGES,
    FEW_STEPS,
    MAX_SEED,
    SCHEDULES,
    Decompose,
    Edit,
    ImageToImage,
    Inpaint,
    Picture,
    Request,
    RequestError,
    TextToImage,
)

Size = tuple[int, int]
MAX_REMEMBERED = 200
SHOWN_SEED_LIMIT = 2**31  # seeds people read, say and type
WHOLE = -1  # no margin: the model sees the whole picture
_STORED = (
    "prompt",
    "negative",
    "size",
    "steps",
    "guidance",
    "seed",
    "is_seed_locked",
    "count",
    "strength",
    "mask_strength",
    "margin",
    "feather",
    "step_cache",
    "attention",
)
STEP_CACHE = 0.15
"""The threshold that the window offers; docs/measurements.md says on what it rests."""


def takes_apart(model: ModelDescription) -> bool:
    """Whether it splits pictures into layers, which no model does that draws any."""
    return Decompose.task in model.tasks


class Generation(Observable):
    """What will be asked next. `None` stands for the model's recommendation.

    `adapters` are the LoRAs and ControlNets on this computer, `loras` and `controls` those chosen.
    `schedule` is the user's own word; None follows what LoRAs and model say of themselves.
    """

    is_change = Property(False)
    prompt = Property("")
    negative = Property("")
    size = Property[Size | None](None)
    steps = Property(1)
    guidance = Property(1.0)
    seed = Property(0)
    is_seed_locked = Property(False)
    count = Property(1)
    model = Property[ModelDescription | None](None)
    models = Property[tuple[ModelDescription, ...]](())
    scheme = Property("")
    """By which the model is packed while it is loaded."""
    room = Property(0)
    """How much memory models may take in bytes, 0: not known."""
    references = Property[tuple[Picture, ...]](())
    """Beside the page, if it is changed; a new picture is made after them."""
    outlook = Property(Outlook())
    adapters = Property[tuple[AdapterDescription, ...]](())
    loras = Property[tuple[LoraChoice, ...]](())
    controls = Property[tuple[ControlChoice, ...]](())
    schedule = Property[str | None](None)
    has_mask = Property(False)
    strength = Property(ImageToImage.strength)
    mask_strength = Property(Inpaint.strength)
    margin = Property(WHOLE)
    feather = Property(Inpaint.feather)
    step_cache = Property(Request.step_cache)
    attention = Property(Request.attention)
    attentions = Property[tuple[str, ...]](())
    """The kinds, other than the exact one, that are quicker on this computer."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[str] = []
        self._position = 0
        self._draft = ""
        self._other_prompt = ""
        self._kept_model = ""
        self.roll_seed()

    def roll_seed(self) -> None:
        self.seed = random.randrange(SHOWN_SEED_LIMIT)

    def switch(self, is_change: bool) -> None:
        """Turn to the other kind of work; each keeps its own prompt."""
        if is_change == self.is_change:
            return
        self._other_prompt, prompt = self.prompt, self._other_prompt
        self.is_change = is_change
        self.prompt = prompt

    def offer(self, models: tuple[ModelDescription, ...], preferred: str = "") -> None:
        """Take the engine's list; keep the model that was chosen, here or when the project was
        open last, with the values that go with it."""
        self.models = models
        kept = self.model.path if self.model else self._kept_model
        usable = [model for model in models if not model.problem]
        wanted = (kept, preferred)
        found = next((m for path in wanted for m in usable if path and m.path == path), None)
        drawing = [model for model in usable if not takes_apart(model)]
        found = found or next(iter(drawing or usable), None)
        if found is not None:
            self.choose(found, keep=found.path == kept)

    def choose(self, model: ModelDescription, *, keep: bool = False) -> None:
        """Use a model, with the steps, guidance and sizes that it recommends."""
        self.model = model
        if keep:
            return
        self._recommend()
        if self.size not in model.sizes:
            self.size = model.sizes[0] if model.sizes else None

    # --- few steps ---

    @property
    def found_schedule(self) -> str:
        """Of the first LoRA at work that was distilled to few steps, or else of the model."""
        used = (lora.schedule for lora in self.loras if lora.is_used and lora.weight)
        own = self.model.schedule if self.model else ""
        return next(filter(None, used), own)

    @property
    def effective_schedule(self) -> str:
        return self.found_schedule if self.schedule is None else self.schedule

    def change_loras(self, loras: tuple[LoraChoice, ...]) -> None:
        """Other LoRAs; where they bring or take a schedule, its steps and guidance go with it."""
        before = self.effective_schedule
        self.loras = loras
        if self.effective_schedule != before:
            self._recommend()

    def change_schedule(self, schedule: str) -> None:
        """The user's own word, with the steps and guidance that belong to it."""
        self.schedule = None if schedule == self.found_schedule else schedule
        self._recommend()

    def settle_schedule(self) -> None:
        """A word that says only what was found anyway is none; once every LoRA has told."""
        is_told = all(lora.path or lora.problem for lora in self.loras)
        if is_told and self.schedule == self.found_schedule:
            self.schedule = None

    def _recommend(self) -> None:
        """Steps and guidance of the schedule, or of the model."""
        few, model = FEW_STEPS.get(self.effective_schedule), self.model
        if model is not None and (few is None or self.effective_schedule == model.schedule):
            self.steps, self.guidance = model.steps, model.guidance
        elif few is not None:
            self.steps, self.guidance = few, 1.0

    # --- the request ---

    def models_for(self, task: str) -> tuple[ModelDescription, ...]:
        """Those that are there for a task."""
        return tuple(model for model in self.models if task in model.tasks and not model.problem)

    def next_seed(self) -> int:
        """The seed that is kept, or else a new one."""
        if not self.is_seed_locked:
            self.roll_seed()
        return self.seed

    def fit_size(self, page: Page) -> None:
        """Choose the model's size that is nearest to the page."""
        if self.model is not None and self.model.sizes:
            self.size = closest_size(page, self.model.sizes)

    @property
    def follows_instructions(self) -> bool:
        """Whether the model edits. Another one paints anew what the prompt describes."""
        return self.model is None or Edit.task in self.model.tasks or not self.model.tasks

    @property
    def reference_problem(self) -> str:
        """Why the references cannot be used as they are, in one sentence; empty when they can."""
        if self.model is None or not self.references:
            return ""
        if not self.follows_instructions:
            return translate(
                "Making", "This model looks at no other pictures. Remove them, or choose another."
            )
        most, count = self.model.max_references, len(self.references)
        if count + self.is_change <= most:
            return ""
        if self.is_change:
            text = translate(
                "Making",
                "{count} pictures with the page are too many: this model takes {most}. "
                "Remove some.",
            )
            return text.format(count=count + 1, most=most)
        text = translate(
            "Making", "{count} pictures are too many: this model takes {most}. Remove some."
        )
        return text.format(count=count, most=most)

    def request(
        self, source: Picture | None, prompt: str | None = None, mask: Picture | None = None
    ) -> Request:
        """Raises RequestError, whose text names the field. `source` is what a change begins from,
        `mask` where it may change; `prompt` stands in for the user's when only the cost is asked
        for."""
        values: dict[str, Any] = {
            "prompt": self.prompt if prompt is None else prompt,
            "negative": self.negative or None,
            "steps": self.steps,
            "guidance": self.guidance,
            "seed": min(self.seed, MAX_SEED),
            "count": self.count,
            "schedule": self.effective_schedule or self.schedule,
            "loras": tuple(lora.use() for lora in self.loras if lora.is_used),
            "step_cache": self.step_cache,
            "attention": self.attention,
        }
        if self.reference_problem:
            raise RequestError(self.reference_problem)
        if self.is_change and source is not None:
            if self.follows_instructions:
                return self._edit((source, *self.references), source, values)
            if mask is not None:
                return Inpaint(
                    image=source,
                    mask=mask,
                    strength=self.mask_strength,
                    margin=None if self.margin == WHOLE else self.margin,
                    feather=self.feather,
                    **values,
                )
            return ImageToImage(image=source, strength=self.strength, **values)
        width, height = self.size or (None, None)
        used = [control.use() for control in self.controls if control.is_used]
        if self.references:
            if used:
                raise RequestError("control: follows words alone; take the pictures away first")
            return Edit(images=self.references, width=width, height=height, **values)
        controls, maps = tuple(c for c, _ in used), tuple(m for _, m in used)
        return TextToImage(width=width, height=height, controls=controls, maps=maps, **values)

    def _edit(self, images: tuple[Picture, ...], page: Picture, values: dict[str, Any]) -> Edit:
        """Of the page, beside which others may stand: the result has the page's ratio then, where
        a model left alone would take that of the last picture."""
        if len(images) == 1 or self.model is None or not self.model.sizes:
            return Edit(images=images, **values)
        width, height = self.model.sizes[0]
        scale = (width * height / (page.width * page.height)) ** 0.5
        step = self.model.size_multiple
        width, height = (
            max(step, round(side * scale / step) * step) for side in (page.width, page.height)
        )
        return Edit(images=images, width=width, height=height, **values)

    def take(self, request: Request, *, is_change: bool = True) -> None:
        """Show the values of an earlier request: "use these settings again". `is_change`: whether
        an edit changed what was on the page, and not a reference."""
        self.switch(isinstance(request, CHANGES) and (is_change or not isinstance(request, Edit)))
        if isinstance(request, Edit):
            self.references = request.images[1 if self.is_change else 0 :]
        else:
            self.references = ()
        self.change_loras(loras_of(request.loras))
        is_new = isinstance(request, TextToImage)
        self.controls = controls_of(request.controls, request.maps) if is_new else ()
        self.schedule = request.schedule
        self.settle_schedule()
        self._take_strength(request)
        self.prompt = request.prompt
        self.negative = request.negative or ""
        self.steps = request.steps or self.steps
        self.guidance = request.guidance or self.guidance
        self.seed, self.is_seed_locked = request.seed, True
        self.step_cache, self.attention = float(request.step_cache), request.attention
        if request.width and request.height and not self.is_change:
            self.size = (request.width, request.height)

    def _take_strength(self, request: Request) -> None:
        if isinstance(request, ImageToImage):
            self.strength = request.strength
        elif isinstance(request, Inpaint):
            self.mask_strength, self.feather = request.strength, request.feather
            self.margin = WHOLE if request.margin is None else request.margin

    def remember(self, prompt: str) -> None:
        """Put a prompt at the end of the history that Alt+Up walks."""
        self.prompts = [*(p for p in self.prompts if p != prompt), prompt][-MAX_REMEMBERED:]
        self._position = len(self.prompts)

    def recall(self, step: int) -> None:
        """Go back (-1) or forward (1) in the prompts used; the unsent one waits at the end."""
        if self._position == len(self.prompts):
            self._draft = self.prompt
        self._position = max(0, min(len(self.prompts), self._position + step))
        at_end = self._position == len(self.prompts)
        self.prompt = self._draft if at_end else self.prompts[self._position]

    def values(self) -> dict[str, Any]:
        """What a project keeps, as JSON values."""
        kept = {name: getattr(self, name) for name in _STORED}
        model = self.model.path if self.model else ""
        return kept | {
            "is_change": self.is_change,
            "other_prompt": self._other_prompt,
            "prompts": self.prompts,
            "model": model,
            "loras": lora_values(self.loras),
            "schedule": self.schedule,
        }

    def restore(self, values: dict[str, Any], references: tuple[Picture, ...] = ()) -> None:
        """Take back what `values` gave, and the pictures; anything of a wrong type is passed
        over."""
        self._other_prompt = self.prompt = ""
        self.is_change = values.get("is_change") is True
        self.change_loras(loras_from(values.get("loras")))
        self.controls, self.references = (), references
        said = values.get("schedule")
        self.schedule = said if said in SCHEDULES else None
        for name in _STORED:
            self._restore_one(name, values.get(name))
        other, prompts = values.get("other_prompt"), values.get("prompts")
        self._other_prompt = other if isinstance(other, str) else ""
        self.prompts = [p for p in prompts or () if isinstance(p, str)]
        self._position = len(self.prompts)
        self._restore_model(values.get("model"))

    def _restore_model(self, path: Any) -> None:
        """The project's model, now or as soon as the engine has told of it."""
        self._kept_model = path if isinstance(path, str) else ""
        found = next((m for m in self.models if m.path == self._kept_model), None)
        if found is not None and not found.problem:
            self.model = found

    def _restore_one(self, name: str, value: Any) -> None:
        default = getattr(Generation, name).default
        if name == "size":
            value = tuple(value) if isinstance(value, (list, tuple)) and len(value) == 2 else None
            if value is None or all(type(side) is int for side in value):
                self.size = value
        elif name == "step_cache" and (type(value) is not float or not 0 <= value <= 1):
            self.step_cache = default
        elif name == "attention" and value not in ATTENTIONS:
            self.attention = default
        elif type(value) is type(default):
            setattr(self, name, value)
