"""Briefs in the words of someone who knows no grammar for posters: parts in any order, some left
out, words that say nothing about the picture, headlines in any case and with any quotation marks.

In quotation marks or in bare capitals a headline is drawn; failing both, short words of the topic.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from training.data import free_words as words
from training.data.briefs import Brief, is_word
from training.data.captions import any_colour_name, page_name, with_article
from training.data.composition import BARE, NO_TEXT, QUOTED, TOPIC
from training.data.layout import place_name, row_name, size_name
from training.data.scenes import Shape
from training.data.words import draw_text

_CASES: tuple[Callable[[str], str], ...] = (str.upper, str.upper, str.title, str.lower)
_TOO_LONG = (7, 10)  # letters of a topic's word that is not drawn


def free_caption(brief: Brief, chance: random.Random) -> str:
    return (_Chinese if brief.language == "zh" else _English)(brief, chance).caption()


class _English:
    """One caption: each method words a part, by chance."""

    language = "en"
    joints = (", ", ", ", ", ", ". ", " ", "; ")
    quotes = ('"{}"', '"{}"', '"{}"', '"{}"', "\u201c{}\u201d", "'{}'")
    between = " and "
    rows, endings, no_text = words.ROWS, words.ENDINGS, words.NO_TEXT
    page, in_colour, at_row = words.PAGE, words.IN_COLOUR, words.AT_ROW

    def __init__(self, brief: Brief, chance: random.Random) -> None:
        self.brief, self.scene, self.chance = brief, brief.scene, chance
        self.name = any_colour_name(chance)

    def caption(self) -> str:
        subject, said = self._subject()
        parts = [*self._page(said), *self._text(said), *self._shapes()]
        self.chance.shuffle(parts)
        if subject:
            parts.insert(0 if self._is(0.8) else self.chance.randint(0, len(parts)), subject)
        if self._is(0.15):
            parts.append(self.chance.choice(self.endings))
        return self._joined(parts)

    def _joined(self, parts: list[str]) -> str:
        joint = self.chance.choice(self.joints)
        if joint == ". " or self._is(0.5):
            parts = [_with_capital(p) if joint == ". " or p is parts[0] else p for p in parts]
        return joint.join(parts) + ("." if joint == ". " or self._is(0.2) else "")

    def _subject(self) -> tuple[str, set[str]]:
        """What is to be made, and which parts it has said already."""
        said: set[str] = set()
        topic = self._topic()
        kind = self.brief.text
        if topic and self._is(0.3):
            return topic, said
        if self._is(0.12) and kind != TOPIC:
            return "", said
        noun = self.chance.choices(words.NOUNS, words.NOUN_WEIGHTS)[0]
        style = self.chance.choice(words.STYLES) if self._is(0.25) else ""
        page = ""
        if self.brief.page and self._is(0.35):
            page, said = self._page_name(), said | {"page"}
        is_before = bool(topic) and self._is(0.4)
        phrase = " ".join(filter(None, (style, page, topic if is_before else "", noun)))
        if not self._is(0.15):
            phrase = with_article(phrase)
        opener = self.chance.choice(words.OPENERS) if self._is(0.4) else ""
        phrase = f"{opener} {phrase}".strip()
        if topic and not is_before:
            phrase += self.chance.choice(words.FOR_TOPIC).format(topic)
        if self.brief.page and "page" not in said and self._is(0.35):
            phrase += self.chance.choice(words.ON_PAGE).format(self._page_name())
            said = said | {"page"}
        if kind in (QUOTED, BARE) and self._is(0.35):
            phrase += self.chance.choice(words.THAT_SAYS).format(self._headline(said))
            said = said | {"text"}
        return phrase, said

    def _topic(self) -> str:
        """The headline in small letters, or a topic that a given headline outdoes."""
        kind = self.brief.text
        if kind == TOPIC:
            said = [line.text.lower() for line in self.scene.lines]
            if self._is(0.15):
                said.insert(self.chance.randint(0, len(said)), self._word(*_TOO_LONG))
            topic = " ".join(said)
            return topic.title() if self._is(0.2) else topic
        if kind == NO_TEXT or not self._is(0.4):
            return ""
        if self._is(0.4):
            return self.chance.choice(words.TOPICS)
        return " ".join(self._word(3, 9) for _ in range(self.chance.randint(1, 2)))

    def _word(self, shortest: int, longest: int) -> str:
        letters = self.chance.randint(shortest, longest)
        return draw_text(self.chance, letters, words=1.0, digits=0.0).split()[0].lower()

    def _page(self, said: set[str]) -> list[str]:
        if not self.brief.page or "page" in said:
            return []
        return [self.chance.choice(self.page).format(self._page_name())]

    def _text(self, said: set[str]) -> list[str]:
        kind = self.brief.text
        if kind == NO_TEXT:
            return self._no_text()
        parts = []
        if kind != TOPIC and "text" not in said:
            parts.append(self.chance.choice(words.TEXT).format(self._headline(said)))
        return parts + self._about_text(said)

    def _no_text(self) -> list[str]:
        return [self.chance.choice(self.no_text)] if self._is(0.3) else []

    def _about_text(self, said: set[str]) -> list[str]:
        """Colour and row in parts of their own, where they are still to be said."""
        parts = []
        if self.brief.colour and "colour" not in said:
            parts.append(self.chance.choice(self.in_colour).format(self._text_colour()))
        if self.brief.row and "row" not in said:
            parts.append(self.chance.choice(self.at_row).format(self._row()))
        return parts

    def _headline(self, said: set[str]) -> str:
        """The text with its colour and its row, where those are not left to parts of their own."""
        text = self._written()
        if self.brief.colour and self._is(0.65):
            said.add("colour")
            text = self.chance.choice(words.TEXT_IN).format(text, c=self._text_colour())
        if self.brief.row and self._is(0.65):
            said.add("row")
            text += f" {self._row()}"
        return text

    def _written(self) -> str:
        """The lines as one text, or one after the other; capitals where a word would be a token."""
        texts = [line.text for line in self.scene.lines]
        if self.brief.text == BARE:
            return " ".join(texts)
        if not any(is_word(text) for text in texts):
            case = self.chance.choice(_CASES)
            texts = [case(text) for text in texts]
        quote = self.chance.choice(self.quotes)
        if self._is(0.6):
            return quote.format(" ".join(texts))
        return self.between.join(quote.format(text) for text in texts)

    def _shapes(self) -> list[str]:
        return [self.chance.choice(words.SHAPE).format(self._shape(s)) for s in self.scene.shapes]

    def _shape(self, shape: Shape) -> str:
        size = self.chance.choice(words.SIZES[size_name(self.scene, shape)])
        kind = self.chance.choice(words.KINDS[shape.kind])
        phrase = with_article(" ".join(filter(None, (size, self._shape_colour(shape), kind))))
        if not self.brief.place:
            return phrase
        return f"{phrase} {self.chance.choice(words.PLACES[self._place(shape)])}"

    def _place(self, shape: Shape) -> str:
        """With the side of the text where that alone says where the text is."""
        place = place_name(self.scene, shape)
        if " " in place or not self.scene.lines:
            return place
        row = row_name(self.scene)
        if row == "bottom" and (not self.brief.row or self._is(0.3)):
            return f"top {place}"
        return f"bottom {place}" if row == "top" and self._is(0.25) else place

    def _page_name(self) -> str:
        return page_name(self.scene.page, self.language, self.name)

    def _text_colour(self) -> str:
        return self.name(self.scene.headline.colour, self.language)

    def _shape_colour(self, shape: Shape) -> str:
        return self.name(shape.colour, self.language) if self.brief.shape_colour else ""

    def _row(self) -> str:
        return self.chance.choice(self.rows[row_name(self.scene)])

    def _is(self, share: float) -> bool:
        return self.chance.random() < share


class _Chinese(_English):
    language = "zh"
    joints = ("，", "，", "，", "。", ",", " ")
    quotes = (
        '"{}"', '"{}"', "\u201c{}\u201d", "\u201c{}\u201d", "\u300c{}\u300d", "\u300a{}\u300b",
    )  # fmt: skip
    between = "和"
    rows, endings, no_text = words.ROWS_ZH, words.ENDINGS_ZH, words.NO_TEXT_ZH
    page, in_colour, at_row = words.PAGE_ZH, words.IN_COLOUR_ZH, words.AT_ROW_ZH

    def _joined(self, parts: list[str]) -> str:
        joint = self.chance.choice(self.joints)
        return joint.join(parts) + ("。" if joint == "。" or self._is(0.3) else "")

    def _subject(self) -> tuple[str, set[str]]:
        said: set[str] = set()
        if self._is(0.2):
            return "", said
        page = ""
        if self.brief.page and self._is(0.4):
            page, said = self._page_name() + self.chance.choice(("", "的")), said | {"page"}
        style = self.chance.choice(words.STYLES_ZH) + "的" if self._is(0.2) else ""
        topic = self.chance.choice(words.TOPICS_ZH) if self._is(0.4) else ""
        phrase = page + style + topic + self.chance.choice(words.NOUNS_ZH)
        return self.chance.choice(words.SUBJECTS_ZH).format(phrase), said

    def _text(self, said: set[str]) -> list[str]:
        if self.brief.text == NO_TEXT:
            return self._no_text()
        text = self._written()
        if self.brief.colour and self._is(0.65):
            said.add("colour")
            text = self.chance.choice(words.TEXT_IN_ZH).format(text, c=self._text_colour())
        text = self.chance.choice(words.TEXT_ZH).format(text)
        if self.brief.row and self._is(0.6):
            said.add("row")
            text = f"{self._row()}{text}"
        return [text, *self._about_text(said)]

    def _shapes(self) -> list[str]:
        parts = []
        for shape in self.scene.shapes:
            said = self._shape(shape)
            if not self.brief.place:
                parts.append(self.chance.choice(words.BARE_SHAPE_ZH).format(shape=said))
                continue
            place = self.chance.choice(words.PLACES_ZH[self._place(shape)])
            parts.append(self.chance.choice(words.SHAPE_ZH).format(place=place, shape=said))
        return parts

    def _shape(self, shape: Shape) -> str:
        size = self.chance.choice(words.SIZES_ZH[size_name(self.scene, shape)])
        kind = self.chance.choice(words.KINDS_ZH[shape.kind])
        return f"{size}{self._shape_colour(shape)}{kind}"


def _with_capital(text: str) -> str:
    return text[:1].upper() + text[1:]
