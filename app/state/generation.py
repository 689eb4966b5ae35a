"""The prompt panel's values, and the request they make. Knows models by their descriptions only."""

from __future__ import annotations

import random
from typing import Any

from app.document.geometry import Page, closest_size
from app.state.observable import Observable, Property
from model.engine.protocol import ModelDescription
from model.requests import (
    CHANGES,
    MAX_SEED,
    Decompose,
    Edit,
    ImageToImage,
    Inpaint,
    Picture,
    Request,
    TextToImage,
)

Size = tuple[int, int]
MAX_REMEMBERED = 200
SHOWN_SEED_LIMIT = 2**31  # seeds people read, say and type
_STORED = ("prompt", "negative", "size", "steps", "guidance", "seed", "is_seed_locked", "count")


def takes_apart(model: ModelDescription) -> bool:
    """Whether it splits pictures into layers, which no model does that draws any."""
    return Decompose.task in model.tasks


class Generation(Observable):
    """What will be asked next. `None` stands for the model's recommendation."""

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
    reference = Property[Picture | None](None)
    seconds = Property[float | None](None)

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
        self.steps = model.steps
        self.guidance = model.guidance
        if self.size not in model.sizes:
            self.size = model.sizes[0] if model.sizes else None

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
        }
        if self.is_change and source is not None:
            if self.follows_instructions:
                return Edit(images=(source,), **values)
            if mask is not None:
                return Inpaint(image=source, mask=mask, **values)
            return ImageToImage(image=source, **values)
        width, height = self.size or (None, None)
        if self.reference is not None:
            return Edit(images=(self.reference,), width=width, height=height, **values)
        return TextToImage(width=width, height=height, **values)

    def take(self, request: Request) -> None:
        """Show the values of an earlier request: "use these settings again"."""
        self.switch(isinstance(request, CHANGES) and request.width is None)
        self.prompt = request.prompt
        self.negative = request.negative or ""
        self.steps = request.steps or self.steps
        self.guidance = request.guidance or self.guidance
        self.seed, self.is_seed_locked = request.seed, True
        if request.width and request.height and not self.is_change:
            self.size = (request.width, request.height)

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
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Take back what `values` gave; anything of a wrong type is passed over."""
        self._other_prompt = self.prompt = ""
        self.is_change = values.get("is_change") is True
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
        elif type(value) is type(default):
            setattr(self, name, value)
