"""Requests in records: the recipe as JSON, beside it the addresses of the pictures it carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.store.blobs import BadBlob
from app.store.pixels import PixelReader, PixelWriter
from model.recipes import from_recipe
from model.requests import Picture, Request, RequestError


def encode_pictures(request: Request | None, pixels: PixelWriter) -> list[str]:
    """The pictures a request carries, so that it can be run again."""
    return [] if request is None else [pixels.picture(picture) for picture in request.pictures]


def decode_request(
    recipe: Mapping[str, Any], addresses: list[Any], pixels: PixelReader
) -> Request | None:
    """The request again; None for a recipe of a newer form: it can be shown, only not run.

    Raises BadBlob for a lost picture, unless `pixels` is lenient.
    """
    try:
        pictures: dict[str, Picture] = {name: pixels.picture(name) for name in addresses}
        return from_recipe(recipe, pictures)
    except RequestError:
        return None
    except BadBlob:
        if not pixels.lenient:
            raise
        pixels.lost += 1
        return None
