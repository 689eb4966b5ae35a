"""What the model is told to describe a picture, and how its answer is read.

The record is that of the Qwen-Image report (arXiv 2508.02324, figure 12): caption and quality in
one JSON object. Models write JSON nearly right, so it is read leniently. Pure functions.
"""

from __future__ import annotations

import json
import re
from typing import Any

from model.requests import CaptionRecord

CAPTION, TYPE, STYLE, WATERMARKS, ABNORMAL = CaptionRecord.KEYS
NOTHING = ("none", "no", "n/a", "无", "没有")

_PLAIN_EN = """\
Describe this picture in one paragraph of natural English, without lists or headings.
Name the objects with their number, colour, shape, size, material, place and state; how they \
relate to each other; the surroundings, the light and the mood. Give every readable text in \
quotation marks, exactly as it is written, and do not translate or explain it. Be specific, tell \
all that is to be seen, and nothing that is not.\
"""
_PLAIN_ZH = """\
请用一段自然的中文描述这张图片，不要列表，不要标题。
写出各个物体的数量、颜色、形状、大小、材质、位置和状态，它们之间的关系，以及环境、光线和气氛。\
能看清的文字一律放在引号里照抄，不翻译，也不解释。描述要具体，看得到的都写，看不到的不写。\
"""
_RECORD_EN = f"""\
{_PLAIN_EN}
Then judge the picture as material: what kind of image it is, by source and use (photo, poster, \
screenshot, illustration, …); its style; every watermark, as text; and whether something disturbs \
it, such as a QR code, a bar code or a mosaic.
Answer with one JSON object and nothing else. Within the caption, readable texts stand in “”.
"""
_RECORD_ZH = f"""\
{_PLAIN_ZH}
然后把图片当作素材来评价：按来源和用途说明是哪一类图像（照片、海报、截图、插画等）；说明风格；\
列出所有水印的文字；说明有没有妨碍观看的元素，例如二维码、条形码、马赛克。
只回答一个 JSON 对象，键名保持英文，内容用中文。图注里的文字放在“”里。
"""
_SHAPE = f"""\
{{"{CAPTION}": "…", "{TYPE}": "…", "{STYLE}": "…", "{WATERMARKS}": ["…"], "{ABNORMAL}": "yes|no"}}\
"""
PLAIN = {"en": _PLAIN_EN, "zh": _PLAIN_ZH}
"""The instruction for a description alone, by language."""
RECORD = {"en": _RECORD_EN + _SHAPE, "zh": _RECORD_ZH + _SHAPE}
"""The instruction for the whole record, by language."""


_TEXT_END = re.compile(r'"\s*(?:[,:}\]]|\Z)')
_TRAILING_COMMA = re.compile(r",\s*[}\]]")


class NoRecord(ValueError):
    """An answer that holds no record. The text says what is wrong with it."""


def parse_record(answer: str) -> CaptionRecord:
    """The record in an answer; text around the object, fences and trailing commas are passed over.

    Raises NoRecord when there is no object, or none with a caption.
    """
    start = answer.find("{")
    if start < 0:
        raise NoRecord("there is no object in it")
    try:
        values = json.loads(_repaired(answer[start:]), strict=False)
    except (ValueError, RecursionError) as error:
        raise NoRecord(f"its object is no JSON: {error}") from None
    caption = values.get(CAPTION) if isinstance(values, dict) else None
    if not isinstance(caption, str) or not caption.strip():
        raise NoRecord(f"its object has no {CAPTION!r}")
    return CaptionRecord(
        caption=caption.strip(),
        image_type=_text(values.get(TYPE)),
        image_style=_text(values.get(STYLE)),
        watermarks=_texts(values.get(WATERMARKS)),
        has_abnormal_element=_is_yes(values.get(ABNORMAL)),
    )


def _repaired(text: str) -> str:
    """The object at the start of `text`, up to the brace that closes it, as JSON has it.

    Trailing commas go; a quotation mark within a text, known by what follows it, is escaped.
    """
    out: list[str] = []
    depth, is_text, at = 0, False, 0
    while at < len(text):
        character = text[at]
        if is_text and character == "\\":
            out.append(text[at : at + 2])
            at += 2
            continue
        if character == '"':
            is_inner = is_text and not _TEXT_END.match(text, at)
            out.append('\\"' if is_inner else '"')
            is_text ^= not is_inner
        elif is_text or not _TRAILING_COMMA.match(text, at):
            out.append(character)
        if not is_text and character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                break
        at += 1
    return "".join(out)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    texts = (_text(item) for item in items)
    return tuple(text for text in texts if text and text.lower() not in NOTHING)


def _is_yes(value: Any) -> bool:
    return value is True or _text(value).lower() in ("yes", "true", "是", "有")
