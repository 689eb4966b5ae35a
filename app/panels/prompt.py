"""The prompt panel: what to make, or what to change, with which model and numbers.

Shows a Generation and asks for work by signals; it knows neither document nor engine.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.i18n import mark, translate
from app.panels.extras import Extras
from app.panels.generate import GenerateBar
from app.panels.polish import PolishPreview
from app.panels.references import ReferenceStrip
from app.state.generation import SHOWN_SEED_LIMIT, Generation
from app.state.observable import bind, watch
from app.theme import CONTROL_PX, SPACE
from app.widgets.drops import DropTarget
from app.widgets.icons import Icons
from app.widgets.parts import (
    Combo,
    Panel,
    Segment,
    button,
    column,
    decimal,
    label,
    note,
    number,
    row,
    set_role,
    tool,
)
from app.widgets.prompt_edit import PromptEdit
from model.engine.protocol import ModelDescription

PROMPT_PX, MOST_PROMPT_PX = 104, 240
NEGATIVE_PX = 48


class PromptPanel(Panel):
    """Signals: `generate` and `cancel` are wishes, `real_models` asks how to get other models;
    `pictures_dropped` carries paths and images that were dropped or pasted here."""

    generate = Signal()
    cancel = Signal()
    mode_chosen = Signal(bool)
    real_models = Signal()
    pictures_dropped = Signal(list)

    def __init__(self, generation: Generation, icons: Icons) -> None:
        super().__init__()
        self._generation = generation
        self.mode = Segment(2)
        self.prompt = PromptEdit(PROMPT_PX)
        self.presets = button("", "link")
        self.polish, self.preview = button(), PolishPreview()
        self.example = button("", "link")
        self.add = button("", "link")
        self.references = ReferenceStrip(icons)
        self._drops = DropTarget(self)
        self.negative = PromptEdit(NEGATIVE_PX)
        self.negative.setMaximumHeight(NEGATIVE_PX)
        self.prompt.setMaximumHeight(MOST_PROMPT_PX)
        self.sizes = Combo()
        self.steps = number(1, 1000)
        self.guidance = decimal(1.0, 100.0, 0.5)
        self.seed = number(0, SHOWN_SEED_LIMIT - 1)
        self.lock, self.dice = tool(), tool()
        self.count = number(1, 16)
        self.model = Combo()
        self.notice = note()
        self.more = button("", "link")
        self.extras = Extras(generation, icons)
        self.bar = GenerateBar(icons)
        self._icons = icons
        self._labels = {name: label("", "muted") for name in _FIELDS}
        self._lay_out()
        self._bind()
        self.retranslate()

    def follow_situation(self, has_picture: bool) -> None:
        """With no picture there is nothing to change yet."""
        self.mode.enable(1, has_picture)

    def show_polish(self, is_enabled: bool, tip: str) -> None:
        self.polish.setEnabled(is_enabled)
        self.polish.setToolTip(tip)

    def retranslate(self) -> None:
        self.set_title(translate("Prompt", "Prompt"))
        self.mode.set_texts(
            translate("Prompt", "New picture"), translate("Prompt", "Change this picture")
        )
        for name, text in _texts().items():
            self._labels[name].setText(text)
            getattr(self, name).setAccessibleName(text)
        self._show_tips()
        self.more.setText(translate("Prompt", "Get real models"))
        self.polish.setText(translate("Prompt", "Polish"))
        self.presets.setText(translate("Prompt", "Presets…"))
        self.add.setText(translate("Prompt", "Add picture…"))
        self.preview.retranslate()
        self.bar.retranslate()
        self._show_mode(self._generation.is_change)
        self._show_models()
        self._show_sizes()
        captions = (self._labels[name] for name in ("model", "sizes", "steps", "seed", "count"))
        self.extras.align(max(caption.sizeHint().width() for caption in captions))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _show_tips(self) -> None:
        self.dice.setToolTip(translate("Prompt", "New seed  (Alt+R)"))
        self.dice.setAccessibleName(translate("Prompt", "New seed"))
        self.lock.setToolTip(translate("Prompt", "Keep this seed for the next pictures"))
        self.lock.setAccessibleName(translate("Prompt", "Keep this seed"))
        self.guidance.setToolTip(
            translate("Prompt", "How strictly the picture follows the words; 1 is free")
        )
        self.steps.setToolTip(translate("Prompt", "More steps take longer and draw finer"))
        self.count.setToolTip(translate("Prompt", "How many pictures to make, each with its seed"))
        self.add.setToolTip(
            translate("Prompt", "Pictures that the prompt speaks of, beside the page")
        )
        self.negative.setPlaceholderText(translate("Prompt", "What the picture should not show"))
        self.presets.setToolTip(translate("Prompt", "What is often asked, with fields to fill in"))
        self.example.setText(translate("Prompt", "Try an example"))
        self.example.setToolTip(example_prompt())

    def _lay_out(self) -> None:
        self.lock.setCheckable(True)
        self.dice.setIcon(self._icons("dice-five"))
        self.polish.setIcon(self._icons("magic-wand"))
        for field in (self.steps, self.guidance, self.seed, self.count):
            field.setMinimumWidth(56)
        inner = QWidget()
        content = QVBoxLayout(inner)
        content.setContentsMargins(0, 0, SPACE // 2, 0)
        content.setSpacing(SPACE)
        content.addWidget(self.prompt, 1)
        content.addLayout(row(self.presets, self.add, None, self.polish))
        content.addWidget(self.preview)
        content.addWidget(self.references)
        content.addLayout(row(self._labels["negative"], None, self.example))
        content.addWidget(self.negative)
        content.addLayout(self._form())
        content.addWidget(self.extras)
        content.addWidget(self.notice)
        content.addStretch(1)
        self.body.addWidget(self.mode)
        self.scroller = _scrolled(inner)
        self.body.addWidget(self.scroller, 1)
        self.body.addWidget(self.bar)

    def _form(self) -> QGridLayout:
        """Two fields a row where both are short."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(SPACE)
        grid.setVerticalSpacing(SPACE)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        seed = row(self.seed, self.lock, self.dice)
        seed.setStretch(0, 1)
        for line, name, field in (
            (0, "model", column(self.model, self.extras.variants, self.extras.precision)),
            (1, "sizes", self.sizes),
            (3, "seed", seed),
        ):
            grid.addWidget(self._labels[name], line, 0)
            if isinstance(field, QWidget):
                grid.addWidget(field, line, 1, 1, 3)
            else:
                grid.addLayout(field, line, 1, 1, 3)
        # Beside the first of what may stand under each other.
        self._labels["model"].setMinimumHeight(CONTROL_PX)
        grid.setAlignment(self._labels["model"], Qt.AlignmentFlag.AlignTop)
        for line, place, name in ((2, 0, "steps"), (2, 2, "guidance"), (4, 0, "count")):
            grid.addWidget(self._labels[name], line, place)
            grid.addWidget(getattr(self, name), line, place + 1)
        grid.addWidget(self.more, 4, 2, 1, 2, Qt.AlignmentFlag.AlignRight)
        return grid

    def _bind(self) -> None:
        make = self._generation
        for text, name in ((self.prompt, "prompt"), (self.negative, "negative")):
            watch(make, name, text.show_text)
            text.textChanged.connect(
                lambda text=text, name=name: setattr(make, name, text.toPlainText())
            )
            text.submitted.connect(self.generate)
        self.prompt.recalled.connect(make.recall)
        bind(make, "steps", self.steps.setValue, self.steps.valueChanged)
        bind(make, "guidance", self.guidance.setValue, self.guidance.valueChanged)
        bind(make, "seed", self.seed.setValue, self.seed.valueChanged)
        bind(make, "count", self.count.setValue, self.count.valueChanged)
        bind(make, "is_seed_locked", self.lock.setChecked, self.lock.toggled)
        watch(make, "is_seed_locked", self._show_lock)
        watch(make, "is_change", self._show_mode)
        watch(make, "prompt", lambda _: self._show_example())
        watch(make, "models", lambda _: self._show_models())
        watch(make, "model", lambda _: self._follow_model())
        watch(make, "size", lambda _: self._show_sizes())
        watch(make, "references", lambda _: self._show_references())
        self.prompt.pictured.connect(self.pictures_dropped)
        self._drops.dropped.connect(lambda pictures, _: self.pictures_dropped.emit(pictures))
        self._drops.over_changed.connect(
            lambda: set_role(self, "drop" if self._drops.is_over else "")
        )
        self.references.changed.connect(lambda found: setattr(make, "references", found))
        watch(make, "outlook", self.bar.show_outlook)
        self.mode.chosen.connect(lambda index: self.mode_chosen.emit(index == 1))
        self.dice.clicked.connect(make.roll_seed)
        self.sizes.activated.connect(lambda: setattr(make, "size", self.sizes.currentData()))
        self.model.activated.connect(lambda: make.choose(self.model.currentData()))
        self.example.clicked.connect(lambda: setattr(make, "prompt", example_prompt()))
        self.more.clicked.connect(self.real_models)
        self.bar.generate.connect(self.generate)
        self.bar.cancel.connect(self.cancel)

    def _follow_model(self) -> None:
        self._show_models()
        self._show_sizes()
        self._show_hint()
        self._show_references()
        self._show_example()

    def _show_example(self) -> None:
        make = self._generation
        self.example.setVisible(not make.prompt and not make.is_change)
        self.presets.setVisible(make.is_change and make.follows_instructions)

    def _show_references(self) -> None:
        """Numbered as the prompt numbers them: the page that is changed is the first."""
        make = self._generation
        takes_more = make.follows_instructions and make.model is not None
        self.add.setVisible(takes_more)
        first = 2 if make.is_change else 1
        self.references.show_pictures(make.references, first, make.reference_problem)

    def _show_lock(self, is_locked: bool) -> None:
        self.lock.setIcon(self._icons("lock-simple" if is_locked else "lock-simple-open"))

    def _show_mode(self, is_change: bool) -> None:
        self.mode.choose(int(is_change))
        self._show_hint()
        name = translate("Prompt", "Instruction") if is_change else translate("Prompt", "Prompt")
        self.prompt.setAccessibleName(name)
        self.set_title(name)
        self.sizes.setEnabled(not is_change)
        self._show_references()
        self._show_example()
        self.bar.set_change(is_change)
        self._show_sizes()

    def _show_hint(self) -> None:
        make = self._generation
        if not make.is_change:
            text = translate("Prompt", 'Describe the poster; put its words in "quotation marks"')
        elif make.follows_instructions:
            text = translate("Prompt", "Say what to change: make the page dark green")
        else:
            text = translate("Prompt", "Describe the picture, or what is selected, as it shall be")
        self.prompt.setPlaceholderText(text)

    def _show_models(self) -> None:
        self.model.clear()
        for model in self._generation.models:
            self._add_model(model)
        chosen = self._generation.model
        if chosen is None:
            self.model.setPlaceholderText(translate("Prompt", "Looking for models…"))
            self.notice.hide()
            return
        self.model.setCurrentIndex(
            self._generation.models.index(chosen) if chosen in self._generation.models else -1
        )
        self.notice.setText(translate("ModelNotice", chosen.notice) if chosen.notice else "")
        self.notice.setVisible(bool(chosen.notice))
        self.model.setToolTip(
            translate("Prompt", "Licence: {licence}").format(
                licence=chosen.licence or translate("Prompt", "not stated")
            )
        )

    def _add_model(self, model: ModelDescription) -> None:
        self.model.addItem(model.name, model)
        index = self.model.count() - 1
        tip = model.problem or model.path
        self.model.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
        if model.problem:
            self.model.setItemData(index, 0, Qt.ItemDataRole.UserRole - 1)  # not selectable

    def _show_sizes(self) -> None:
        self.sizes.clear()
        if self._generation.is_change:
            self.sizes.addItem(translate("Prompt", "As the picture"), None)
            return
        model, size = self._generation.model, self._generation.size
        sizes = list(model.sizes) if model else []
        if size is not None and size not in sizes:
            sizes.append(size)
        for width, height in sizes:
            self.sizes.addItem(f"{width} × {height}", (width, height))
        if size is not None:
            self.sizes.setCurrentIndex(sizes.index(size))


# What the starter says of itself; other models' notices are shown as they are.
NOTICES = (
    mark("ModelNotice", "Starter model, 128 px, for trying out"),
    mark("ModelNotice", "Starter model, 256 px, for trying out"),
)
_FIELDS = ("negative", "sizes", "steps", "guidance", "seed", "count", "model")


def _texts() -> dict[str, str]:
    return {
        "negative": translate("Prompt", "Avoid"),
        "sizes": translate("Prompt", "Size"),
        "steps": translate("Prompt", "Steps"),
        "guidance": translate("Prompt", "Guidance"),
        "seed": translate("Prompt", "Seed"),
        "count": translate("Prompt", "Variants"),
        "model": translate("Prompt", "Model"),
    }


def example_prompt() -> str:
    """One prompt that the starter understands."""
    return translate("Prompt", 'A navy poster with "SUMMER" and "SALE" in white at the top')


def _scrolled(widget: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    return area
