"""Helpers for notebooks."""

from __future__ import annotations

import html
import pathlib

from weft import _display
from weft._weft import as_tensor

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from numpy.typing import NDArray

    from weft._typing import StrPath
    from weft._weft import Tensor

__all__ = ["Pictures", "show_images"]


class Pictures:
    """Pictures side by side, shown at the end of a notebook's cell; html is their text."""

    def __init__(self, text: str) -> None:
        self.html = text

    def _repr_html_(self) -> str:
        return self.html

    def save(self, path: StrPath) -> None:
        """Writes a page with the pictures inside to an HTML file."""
        page = f'<!doctype html><meta charset="utf-8"><title>Pictures</title>{self.html}'
        pathlib.Path(path).write_text(page, encoding="utf-8")


def show_images(
    images: Iterable[Tensor | NDArray[Any]],
    titles: Iterable[object] | None = None,
    columns: int = 10,
    width: int = 64,
    normalize: bool = False,
) -> Pictures:
    """Pictures in rows of `columns`, each `width` pixels wide with its title below.

    images: [N, C, H, W], [N, H, W], or a list of [C, H, W] or [H, W], with 1 (grey), 3 or 4
    channels: uint8, or floats, which are clamped to [0, 1]. titles: one for each. normalize: maps
    each picture's smallest value to black and its largest to white, for weights and gradients.
    ValueError for other shapes or another number of titles.

    >>> pictures = weft.utils.show_images(weft.rand(2, 3, 32, 32), ["one", "two"])
    >>> pictures.html.count("<img")
    2
    """
    images = list(images)
    texts = [""] * len(images) if titles is None else [str(title) for title in titles]
    if len(texts) != len(images):
        raise ValueError(
            f"[show_images] got {len(texts)} titles, expected one for each of {len(images)} "
            "pictures"
        )
    cells = ""
    for given, title in zip(images, texts):
        image = as_tensor(given)
        if not (image.ndim == 2 or image.ndim == 3 and image.shape[0] in (1, 3, 4)):
            raise ValueError(
                f"[show_images] got a picture of shape {list(image.shape)}, expected [H, W], or "
                "[C, H, W] of 1, 3 or 4 channels"
            )
        cells += (
            f'<figure style="margin: 0; width: {width}px">'
            f"{_display.picture(image, width, normalize)}"
            '<figcaption style="font-size: 11px; line-height: 1.2; text-align: center; '
            f'white-space: pre-line">{html.escape(title)}</figcaption></figure>'
        )
    return Pictures(
        '<div style="display: grid; gap: 8px; grid-template-columns: '
        f'repeat({columns}, {width}px)">{cells}</div>'
    )
