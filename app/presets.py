"""Instructions for what designers ask an edit model most: templates with fields, in two languages.

A preset is words alone. Where its answer is a map, `gives` says so, and the window can offer the
result as a mask, a selection or a layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from model.requests import RequestError

LANGUAGES = ("en", "zh")
PICTURE, MAP = "picture", "map"
MAX_FIELD_CHARS = 400


@dataclass(frozen=True, kw_only=True)
class Field:
    """What the person fills in. A number has a range; a choice one word a language for each."""

    name: str
    low: int | None = None
    high: int | None = None
    choices: Mapping[str, Mapping[str, str]] | None = None
    default: str | None = None

    def read(self, value: str, preset: str) -> str:
        """The value as it is put into words, checked."""
        where = f"field {self.name} of preset {preset}"
        text = " ".join(value.split())
        if not text or len(text) > MAX_FIELD_CHARS:
            raise RequestError(f"{where}: needs 1…{MAX_FIELD_CHARS} characters")
        if self.choices is not None and text not in self.choices:
            raise RequestError(f"{where}: {text!r} is none of {', '.join(self.choices)}")
        if self.low is not None and self.high is not None:
            if not re.fullmatch(r"[+-]?\d{1,4}", text) or not self.low <= int(text) <= self.high:
                raise RequestError(
                    f"{where}: {text!r} is no whole number in {self.low}…{self.high}"
                )
            return str(int(text))
        return text


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A sentence a language, with the fields' names in braces."""

    name: str
    english: str
    chinese: str
    fields: tuple[Field, ...] = ()
    gives: str = PICTURE

    def instruction(self, values: Mapping[str, str], language: str) -> str:
        """The instruction in words. Raises RequestError that names the field at fault."""
        unknown = sorted(set(values) - {field.name for field in self.fields})
        if unknown:
            known = ", ".join(field.name for field in self.fields) or "none"
            raise RequestError(f"preset {self.name}: has no field {unknown[0]!r} (known: {known})")
        words = {field.name: self._value(field, values, language) for field in self.fields}
        template = self.chinese if language == "zh" else self.english
        return template.format(**words)

    def _value(self, field: Field, values: Mapping[str, str], language: str) -> str:
        value = values.get(field.name, field.default)
        if value is None:
            raise RequestError(f"preset {self.name}: its field {field.name} is missing")
        found = field.read(value, self.name)
        return field.choices[found][language] if field.choices else found


_DIRECTIONS = {
    "left": {"en": "to the left", "zh": "向左"},
    "right": {"en": "to the right", "zh": "向右"},
    "up": {"en": "upwards", "zh": "向上"},
    "down": {"en": "downwards", "zh": "向下"},
}

PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="depth",
            english="Estimate the depth of this picture as a grey map: what is near is white, "
            "what is far is black.",
            chinese="估计这张图片的深度，输出灰度图：近处为白色，远处为黑色。",
            gives=MAP,
        ),
        Preset(
            name="edges",
            english="Draw the edges of everything in this picture as thin white lines on black.",
            chinese="把这张图片中所有物体的边缘画成黑底上的白色细线。",
            gives=MAP,
        ),
        Preset(
            name="segment",
            english="Segment {object}: paint it white and everything else black.",
            chinese="分割{object}：把它涂成白色，其余部分全部涂成黑色。",
            fields=(Field(name="object"),),
            gives=MAP,
        ),
        Preset(
            name="boxes",
            english="Detect {object}: draw a red box around each one and change nothing else.",
            chinese="检测{object}：在每一个周围画一个红色方框，其余部分不变。",
            fields=(Field(name="object"),),
        ),
        Preset(
            name="view",
            english="Show the same scene from another side: turn the camera {degrees} degrees "
            "{direction}.",
            chinese="从另一个角度展示同一场景：镜头{direction}转动{degrees}度。",
            fields=(
                Field(name="degrees", low=1, high=180),
                Field(name="direction", choices=_DIRECTIONS, default="right"),
            ),
        ),
        Preset(
            name="enlarge",
            english="Make this picture sharp and rich in detail, as if taken at a higher "
            "resolution. Change nothing else.",
            chinese="让这张图片更清晰、细节更丰富，如同以更高分辨率拍摄，其余部分不变。",
        ),
        Preset(
            name="style",
            english="Redraw this picture in the style of {style}. Keep what it shows and its "
            "layout.",
            chinese="用{style}的风格重画这张图片，内容和构图保持不变。",
            fields=(Field(name="style"),),
        ),
        Preset(
            name="background",
            english="Replace the background with {background}. Keep everything in front as it is.",
            chinese="把背景换成{background}，前景中的一切保持不变。",
            fields=(Field(name="background"),),
        ),
        Preset(
            name="add",
            english="Add {object} {place}. Keep everything else as it is.",
            chinese="在{place}添加{object}，其余部分保持不变。",
            fields=(Field(name="object"), Field(name="place")),
        ),
        Preset(
            name="remove",
            english="Remove {object} and fill the place with what lies behind. Keep everything "
            "else as it is.",
            chinese="去掉{object}，用其后方的内容补全，其余部分保持不变。",
            fields=(Field(name="object"),),
        ),
        Preset(
            name="replace",
            english="Replace {object} with {new}. Keep everything else as it is.",
            chinese="把{object}换成{new}，其余部分保持不变。",
            fields=(Field(name="object"), Field(name="new")),
        ),
        Preset(
            name="pose",
            english="Change the pose of {person}: {pose}. Keep face, clothes and background.",
            chinese="改变{person}的姿势：{pose}。面部、衣着和背景保持不变。",
            fields=(Field(name="person"), Field(name="pose")),
        ),
        Preset(
            name="text",
            english='Replace the text "{old}" with "{new}". Keep its font, colour, size and place.',
            chinese="把文字“{old}”改成“{new}”，字体、颜色、大小和位置保持不变。",
            fields=(Field(name="old"), Field(name="new")),
        ),
        Preset(
            name="material",
            english="Change the material of {object} to {material}. Keep its shape and everything "
            "else.",
            chinese="把{object}的材质改成{material}，形状和其余部分保持不变。",
            fields=(Field(name="object"), Field(name="material")),
        ),
    )
}


def language_of(text: str) -> str:
    """`zh` for text with Chinese characters, else `en`.

    >>> language_of("山"), language_of("hill")
    ('zh', 'en')
    """
    return "zh" if re.search(r"[\u3400-\u9fff]", text) else "en"


def gives_map(text: str) -> bool:
    """Whether these are the words of a preset whose answer is a map, whatever is in its fields."""
    maps = [preset for preset in PRESETS.values() if preset.gives == MAP]
    sentences = [words for preset in maps for words in (preset.english, preset.chinese)]
    return any(re.fullmatch(_pattern(words), text.strip()) for words in sentences)


def _pattern(template: str) -> str:
    literals = (literal for literal, *_ in Formatter().parse(template))
    return ".+".join(re.escape(literal) for literal in literals)


def preset_instruction(name: str, values: Mapping[str, str], language: str | None = None) -> str:
    """The words of a preset, in the language of its fields if none is named."""
    preset = PRESETS.get(name)
    if preset is None:
        raise RequestError(f"preset: {name!r} is none of {', '.join(PRESETS)}")
    return preset.instruction(values, language or language_of(" ".join(values.values())))
