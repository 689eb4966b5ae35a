"""The rules of polishing a prompt: what the model is told, what is kept, and what is taken.

Pure functions over texts; whoever can write is handed in. What stands in quotation marks is what a
poster shows, so it is kept letter by letter or nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from model.requests import MAX_SEED

PAIRS = {"“": "”", "「": "」", "『": "』", "‘": "’", '"': '"', "'": "'"}
"""Opening quotation marks, and the closing ones that go with them."""

_T2I_EN = """\
You turn short wishes of a poster designer into prompts for an image model.
Rewrite the user's prompt as one paragraph of English, 40 to 120 words.
- Begin with the medium and the subject, then say layout, colours, light, materials and background.
- Add what the user left open, and change nothing that the user said.
- Every text in quotation marks shall be seen in the picture. Repeat it in quotation marks, letter \
by letter, with its language, case and punctuation, and say where it stands and what lettering it \
has. Invent no other text.
Answer with the new prompt alone: no heading, no explanation, no quotation marks around the whole.\
"""
_T2I_ZH = """\
你为海报设计师把简短的想法改写成图像模型使用的提示词。
请把用户的提示词改写成一段中文，60 到 200 字。
- 先写画面的种类和主体，再写版式、颜色、光线、材质和背景。
- 用户没有说到的细节由你补充，用户说过的内容一律不改。
- 引号里的文字要出现在画面上。请原样写在引号里，一个字、一个字母、一个标点都不变，也不翻译，\
并说明它的位置和字体。不要编造别的文字。
只回答新的提示词：不写标题，不作解释，整段外面不加引号。\
"""
_EDIT_EN = """\
You turn short instructions about a picture into precise ones for an image editing model. You see \
what the user sees.
Rewrite the user's instruction in English, in one to three sentences.
- Say what is changed by how it looks and where it is, and what it becomes: colour, material, size.
- Ask for nothing that the user did not ask for; say what stays as it is.
- Repeat every text that stands in quotation marks, in quotation marks, letter by letter. Where \
the instruction replaces a text, name the old one as it stands in the picture.
Answer with the new instruction alone: no heading, no explanation, no quotation marks around the \
whole.\
"""
_EDIT_ZH = """\
你把关于图片的简短指令改写成图像编辑模型使用的准确指令。用户看到的图片，你也能看到。
请用中文改写用户的指令，一到三句话。
- 用外观和位置说明改什么，再说明改成什么样：颜色、材质、大小。
- 用户没有要求的不要改，并说明哪些保持原样。
- 引号里的文字请原样写在引号里，一个字、一个字母、一个标点都不变。如果要替换文字，写出图片上\
原来的文字。
只回答新的指令：不写标题，不作解释，整段外面不加引号。\
"""
_SYSTEM = {
    ("en", False): _T2I_EN,
    ("zh", False): _T2I_ZH,
    ("en", True): _EDIT_EN,
    ("zh", True): _EDIT_ZH,
}

_IDEOGRAPH = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[^\W\d_\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_MARKS = re.escape("".join(PAIRS) + "".join(PAIRS.values()))
_PREAMBLE = re.compile(
    rf"""(?:[*\#\s]*(?:
        (?:here(?:'s|’s|\ is|\ are)|sure|certainly|of\ course|okay)\b[^\n:：{_MARKS}]{{0,80}}[:：]
        | (?:sure|certainly|of\ course|okay|好的|当然|没问题)[，,。.！!]*\s*\n
        | (?:the\ )?(?:new|rewritten|polished|improved|enhanced|revised|refined|final|edited)[ ]
          (?:\w+\ )?(?:prompt|instruction|description|version)[*\s]*[:：]
        | (?:prompt|instruction|提示词|指令)[*\s]*[:：]
        | (?:好的|当然|没问题)[，,。！!]?[^\n:：{_MARKS}]{{0,30}}[:：]
        | (?:以下是|这是)?[^\n:：，,。{_MARKS}]{{0,8}}(?:改写|润色|优化|修改|新的)
          [^\n:：，,。{_MARKS}]{{0,8}}(?:提示词|指令|描述|版本|如下|后)[*\s]*[:：]
    )[*\s]*){{1,2}}""",
    re.IGNORECASE | re.VERBOSE,
)
_FENCE = re.compile(r"```[\w-]*\n?(.*?)\n?```", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Polished:
    """`is_original`: no rewriting kept the rules, so this is what the user wrote."""

    text: str
    is_original: bool


def polish(prompt: str, rewritten: Callable[[int], str], seed: int) -> Polished:
    """The first of two rewritings, of this seed and of the next, that keeps the rules.

    `rewritten` gives the model's answer for a seed.
    """
    for attempt in (seed, (seed + 1) % (MAX_SEED + 1)):
        text = cleaned(rewritten(attempt), quotations(prompt))
        if is_faithful(text, prompt):
            return Polished(text=text, is_original=False)
    return Polished(text=prompt, is_original=True)


def instructions(prompt: str, *, is_edit: bool) -> str:
    """What the model is told about a prompt, in the prompt's language."""
    return _SYSTEM[language_of(prompt), is_edit]


def language_of(text: str) -> str:
    """`zh` or `en`, by the characters outside quotation marks. A Chinese character counts as much
    as a word of letters.

    >>> language_of('A poster with "春节快乐" on it'), language_of("一张 Apple 海报")
    ('en', 'zh')
    """
    around = _without_quotations(text)
    if not _IDEOGRAPH.search(around) and not _WORD.search(around):
        around = text
    chinese = len(_IDEOGRAPH.findall(around))
    return "zh" if chinese and chinese >= len(_WORD.findall(around)) else "en"


def quotations(text: str) -> tuple[str, ...]:
    """What stands in quotation marks, whichever they are; nested ones belong to the outer.

    >>> quotations("the cat's “SALE” and 「开业“大吉”」 on 'blue'")
    ('SALE', '开业“大吉”', 'blue')
    """
    return tuple(text[start + 1 : end] for start, end in _spans(text))


def is_faithful(text: str, prompt: str) -> bool:
    """Whether a rewriting says something, in the prompt's language, with all its quotations."""
    kept = set(quotations(prompt)) <= set(quotations(text))
    return bool(text) and kept and language_of(text) == language_of(prompt)


def cleaned(answer: str, kept: tuple[str, ...] = ()) -> str:
    """The prompt in a model's answer, without what it puts around one: thoughts, a fence, a line
    that announces it, quotation marks around the whole. `kept` are the quotations wanted inside.

    >>> cleaned('Sure! Here is the prompt:\\n"A red poster."')
    'A red poster.'
    """
    text = _THOUGHT.sub("", answer).rpartition("</think>")[2].strip()
    if fenced := _FENCE.search(text):
        text = fenced[1].strip()
    if announced := _PREAMBLE.match(text):
        text = text[announced.end() :]
    return _unwrapped(text.strip(), kept)


def _unwrapped(text: str, kept: tuple[str, ...]) -> str:
    if len(text) < 2 or PAIRS.get(text[0]) != text[-1]:
        return text
    inner = text[1:-1].strip()
    is_one = quotations(text) == (text[1:-1],) and text[1:-1] not in kept
    # "A poster with "SALE" on it": marks in marks of the same kind read as other quotations.
    is_muddled = set(kept) <= set(quotations(inner)) and not set(kept) <= set(quotations(text))
    return inner if is_one or is_muddled else text


def _without_quotations(text: str) -> str:
    parts, at = [], 0
    for start, end in _spans(text):
        parts.append(text[at:start])
        at = end + 1
    return " ".join([*parts, text[at:]])


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Places of the outermost pairs of marks that hold something."""
    at = 0
    while at < len(text):
        closing = PAIRS.get(text[at])
        end = _closing(text, at, closing) if closing is not None else None
        if end is None:
            at += 1
            continue
        if text[at + 1 : end].strip():
            yield at, end
        at = end + 1


def _closing(text: str, start: int, closing: str) -> int | None:
    """Where the pair that opens at `start` closes; None if it does not, or is an apostrophe."""
    opening = text[start]
    if opening == "'" and start and _is_latin(text[start - 1]):
        return None
    depth = 0
    for at in range(start + 1, len(text)):
        if text[at] == opening != closing:
            depth += 1
        elif text[at] == closing and not _is_apostrophe(text, at):
            if depth == 0:
                return at
            depth -= 1
    return None


def _is_apostrophe(text: str, at: int) -> bool:
    """Before a letter, a single mark closes nothing."""
    return text[at] in "'’" and at + 1 < len(text) and _is_latin(text[at + 1])


def _is_latin(character: str) -> bool:
    return character.isdigit() or bool(_WORD.match(character))
