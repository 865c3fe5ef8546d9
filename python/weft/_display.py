"""How tensors, modules and summaries look in a notebook (_repr_html_)."""

from __future__ import annotations

import base64
import html

from weft import _weft, data

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Sequence

    from weft._weft import Tensor
    from weft._weft.nn import Module, Summary

ROWS = 200  # of a table
SMALLEST, LARGEST = 8, 1024  # sides of what is taken for a picture
WIDTH = 128  # pixels that a small picture is enlarged to


# ---- Pictures


def pixels(image: Tensor, normalize: bool = False) -> Tensor:
    """A picture as uint8 [C, H, W], for encode_png(); floats are clamped to [0, 1] first, or with
    normalize mapped from their smallest and largest value to it. What is not finite counts as 0."""
    image = image.detach()
    if image.dtype == _weft.uint8 and not normalize:
        return image
    x = image.float()
    x = x.where(x.isfinite(), 0)
    if normalize:
        low, high = x.min(), x.max()
        x = (x - low) / (high - low).clamp(min=1e-12)
    return (x.clamp(0, 1) * 255).round().to(_weft.uint8)


def picture(image: Tensor, width: int, normalize: bool = False) -> str:
    """An <img> with the picture inside, `width` CSS pixels wide; pixels stay sharp."""
    png = base64.b64encode(data.encode_png(pixels(image, normalize))).decode()
    height = round(width * image.shape[-2] / image.shape[-1])
    return (
        f'<img src="data:image/png;base64,{png}" width="{width}" height="{height}" alt="picture" '
        'style="image-rendering: pixelated; margin: 0">'
    )


def is_picture(tensor: Tensor) -> bool:
    """Whether a tensor can hardly be anything else: [3, H, W] of bytes or of floats in [0, 1], or
    [H, W] or [1, H, W] of bytes."""
    if not 2 <= tensor.ndim <= 3 or not all(SMALLEST <= n <= LARGEST for n in tensor.shape[-2:]):
        return False
    channels = tensor.shape[0] if tensor.ndim == 3 else 1
    if tensor.dtype == _weft.uint8:
        return channels in (1, 3)
    if not tensor.is_floating_point() or channels != 3:
        return False
    low, high = tensor.detach().min().item(), tensor.detach().max().item()
    return 0 <= low < high <= 1


def tensor_html(tensor: Tensor) -> str | None:
    """The picture that a tensor is, above its numbers; None, which leaves repr(), for others."""
    if not is_picture(tensor):
        return None
    width = max(WIDTH, tensor.shape[-1]) if tensor.shape[-1] <= 2 * WIDTH else 2 * WIDTH
    kind = str(tensor.dtype).removeprefix("weft.")
    made = f", grad_fn={tensor.grad_fn!r}" if tensor.grad_fn else ""
    return (
        f"<div>{picture(tensor, width)}<br>"
        f"<code>{html.escape(f'{kind} {list(tensor.shape)}{made}')}</code>"
        f"<details><summary>numbers</summary><pre>{html.escape(repr(tensor))}</pre></details></div>"
    )


# ---- Tables


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], foot: str) -> str:
    left, right = (f'style="text-align: {s}; white-space: nowrap"' for s in ("left", "right"))
    sides = [right if name == "parameters" else left for name in head]
    more = len(rows) - ROWS
    lines = "".join(
        "<tr>" + "".join(f"<td {s}>{c}</td>" for s, c in zip(sides, row)) + "</tr>"
        for row in rows[:ROWS]
    )
    if more > 0:
        lines += f'<tr><td colspan="{len(head)}" {left}>and {more} more</td></tr>'
    return (
        "<table><thead><tr>"
        + "".join(f"<th {s}>{name}</th>" for s, name in zip(sides, head))
        + f"</tr></thead><tbody>{lines}</tbody>"
        + f'<tfoot><tr><td colspan="{len(head)}" {left}>{foot}</td></tr></tfoot></table>'
    )


def _layer(depth: int, name: str, kind: str) -> str:
    label = f"{html.escape(name)} <b>{html.escape(kind)}</b>".strip()
    return f'<span style="padding-left: {1.2 * depth:.1f}em">{label}</span>'


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _count(module: Module) -> str:
    """The module's own parameters, without its parts'."""
    try:
        count = sum(p.numel() for p in module.parameters(recurse=False))
    except _weft.Error:  # here, or in a part
        return "" if list(module.children()) else "waits for input"
    return f"{count:,}" if count else ""


def _total(module: Module) -> str:
    try:
        parameters = list(module.parameters())
    except _weft.Error:
        return "some parameters wait for the first input"
    count = sum(p.numel() for p in parameters)
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    size = sum(p.nbytes for p in parameters)
    return f"{count:,} parameters ({trainable:,} trainable), {_megabytes(size)}"


def module_html(module: Module) -> str:
    """A table of the module's parts: name and class, options, own parameters."""
    rows = []
    for path, part in module.named_modules():
        depth = path.count(".") + 1 if path else 0
        layer = _layer(depth, path.rpartition(".")[2], part.kind())
        rows.append((layer, f"<code>{html.escape(part.extra_repr())}</code>", _count(part)))
    mode = "in training" if module.training else "in evaluation"
    return _table(("layer", "options", "parameters"), rows, f"{_total(module)}; {mode}")


def summary_html(summary: Summary) -> str:
    """What str(summary) says, as a table."""
    rows = [
        (
            _layer(row.depth, row.name, row.kind),
            f"<code>{list(row.output)}</code>",
            f"{row.parameters:,}" if row.parameters else "",
        )
        for row in summary.rows
    ]
    foot = (
        f"{summary.parameters:,} parameters ({summary.trainable:,} trainable), "
        f"{_megabytes(summary.parameter_bytes)}; activations for "
        f"<code>{list(summary.input)}</code>: {_megabytes(summary.activation_bytes)}"
    )
    return _table(("layer", "output", "parameters"), rows, foot)
