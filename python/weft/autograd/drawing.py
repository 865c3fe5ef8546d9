"""draw(): the tape as a picture, for notebooks."""

from __future__ import annotations

import html
import itertools
import pathlib

from weft._modes import enable_grad
from weft._weft import Tensor

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from weft._typing import StrPath
    from weft._weft.autograd import Node

    Inputs = dict[Node, list[Node]]
    Layers = list[list["Box"]]

__all__ = ["Drawing", "draw"]

LIMIT = 400  # nodes; a larger picture says nothing to anybody
LETTER, LINE, PAD, GAP, STEP = 7.3, 15, 8, 18, 62  # pixels
COLOURS = {"leaf": ("#dbeafe", "#3b82f6"), "operation": ("#f3f4f6", "#9ca3af")}
COLOURS["result"] = ("#dcfce7", "#22c55e")


class Box:
    """A node of the tape, or a bend of an edge that passes a layer (no lines, no width)."""

    def __init__(self, lines: Iterable[str] = (), kind: str = "bend") -> None:
        self.lines, self.kind = list(lines), kind
        self.layer, self.x = 0, 0.0
        self.above: list[Box] = []
        self.below: list[Box] = []

    @property
    def width(self) -> float:
        return max((len(line) for line in self.lines), default=0) * LETTER + 2 * PAD

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + PAD if self.lines else 0


class Drawing:
    """A picture of a tape: shown by itself at the end of a notebook's cell; svg is its text."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: StrPath) -> None:
        """Writes the picture to an SVG file."""
        pathlib.Path(path).write_text(self.svg, encoding="utf-8")


def draw(outputs: Tensor | Iterable[Tensor], names: Mapping[str, Tensor] | None = None) -> Drawing:
    """The tape that leads to the outputs, as a Drawing: tensors that gather a gradient (blue) on
    top, each operation below what it reads, the results (green) at the bottom. Values flow along
    the arrows, gradients against them.

    outputs: a tensor with a grad_fn, or several. names: a dict of tensors by the names to show for
    them, such as dict(model.named_parameters()). ValueError if nothing is recorded, or more than
    400 operations are.

    >>> x = weft.tensor([1.0, 2.0], requires_grad=True)
    >>> drawing = weft.autograd.draw((x * x).sum(), {"x": x})
    >>> drawing.svg.count("<rect")
    3
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    nodes = _nodes([_node(t) for t in outputs])
    boxes = _boxes(nodes, outputs, names or {})
    layers = _layers(nodes, boxes)
    _order(layers)
    _place(layers)
    return Drawing(_svg(layers))


# ---- The tape


def _node(tensor: Tensor) -> Node:
    if not tensor.requires_grad:
        raise ValueError("[draw] got a tensor that is not on the tape, expected one with a grad_fn")
    if tensor.grad_fn is not None:
        return tensor.grad_fn
    with enable_grad():  # a view's node leads to the leaf's
        view = tensor.view(tensor.shape).grad_fn
    leaf = view and view.next_functions[0][0]
    assert leaf
    return leaf


def _inputs(node: Node) -> list[Node]:
    return [made for made, _ in node.next_functions if made is not None]


def _nodes(roots: Iterable[Node]) -> Inputs:
    """The nodes reached from the roots, each after everything that leads to it."""
    waiting = list(roots)
    met: Inputs = {}
    while waiting:
        node = waiting.pop()
        if node in met:
            continue
        met[node] = _inputs(node)
        waiting += met[node]
        if len(met) > LIMIT:
            raise ValueError(f"[draw] got a tape of more than {LIMIT} operations")
    readers = {node: 0 for node in met}
    for made in itertools.chain.from_iterable(met.values()):
        readers[made] += 1
    free = [n for n in met if not readers[n]]
    order: Inputs = {}
    while free:
        node = free.pop()
        order[node] = met[node]
        for made in met[node]:
            readers[made] -= 1
            if not readers[made]:
                free.append(made)
    return order


def _label(name: str, tensor: Tensor) -> str:
    return f"{name} {list(tensor.shape)}".strip()


def _boxes(
    nodes: Inputs, outputs: Iterable[Tensor], names: Mapping[str, Tensor]
) -> dict[Node, Box]:
    known: dict[Node, str] = {}
    for name, tensor in names.items():
        if tensor.requires_grad:
            known.setdefault(_node(tensor), _label(name, tensor))
    results: dict[Node, str] = {}
    for tensor in outputs:
        results.setdefault(_node(tensor), _label("", tensor))
    boxes = {}
    for node in nodes:
        leaf = node.name() == "accumulate_grad"
        label = known.get(node, results.get(node))
        kind = "result" if node in results else "leaf" if leaf else "operation"
        lines = [label] if leaf and label else [node.name(), *([label] if label else [])]
        boxes[node] = Box(lines, kind)
    return boxes


# ---- Layers: the results are in the last; an edge that passes a layer has a bend there


def _layers(nodes: Inputs, boxes: dict[Node, Box]) -> Layers:
    for node, inputs in nodes.items():
        for made in inputs:
            boxes[made].layer = max(boxes[made].layer, boxes[node].layer + 1)
    layers: Layers = [[] for _ in range(1 + max(box.layer for box in boxes.values()))]
    for node in nodes:
        layers[boxes[node].layer].append(boxes[node])
    for node, inputs in nodes.items():
        for made in inputs:
            _link(boxes[node], boxes[made], layers)
    return layers


def _link(low: Box, high: Box, layers: Layers) -> None:
    for layer in range(low.layer + 1, high.layer):
        bend = Box()
        bend.layer = layer
        layers[layer].append(bend)
        low.above.append(bend)
        bend.below.append(low)
        low = bend
    low.above.append(high)
    high.below.append(low)


def _mean(values: Iterable[float], otherwise: float) -> float:
    values = list(values)
    return sum(values) / len(values) if values else otherwise


def _order(layers: Layers) -> None:
    """Puts each box near the mean place of its neighbours, up and down a few times: fewer crossings
    (Sugiyama, Tagawa and Toda 1981)."""
    wishes: dict[Box, float] = {}
    for sweep in range(12):
        down = sweep % 2
        for layer in reversed(layers) if down else layers:
            place: dict[Box, float] = {}
            for other in layers:
                place.update((box, i / max(len(other) - 1, 1)) for i, box in enumerate(other))
            for box in layer:
                beside = box.above if down else box.below
                wishes[box] = _mean((place[n] for n in beside), place[box])
            layer.sort(key=wishes.__getitem__)


def _spread(layer: Sequence[Box], wishes: Iterable[float]) -> None:
    """The places nearest to the wishes, in least squares, at which boxes stand side by side."""
    offsets = [0.0]
    for left, right in itertools.pairwise(layer):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + GAP)
    # Runs of boxes that touch: (the sum of their wishes less their offsets, how many they are).
    groups: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets):
        groups.append((wish - offset, 1))
        while len(groups) > 1 and groups[-2][0] * groups[-1][1] > groups[-1][0] * groups[-2][1]:
            total, count = groups.pop()
            groups[-1] = (groups[-1][0] + total, groups[-1][1] + count)
    starts = itertools.chain.from_iterable([total / n] * n for total, n in groups)
    for box, start, offset in zip(layer, starts, offsets):
        box.x = start + offset


def _place(layers: Layers) -> None:
    for layer in layers:
        _spread(layer, [0.0] * len(layer))
    for sweep in range(80):
        for layer in layers if sweep % 2 else reversed(layers):
            _spread(layer, [_mean((n.x for n in b.above + b.below), b.x) for b in layer])


# ---- The picture


def _svg(layers: Layers) -> str:
    boxes = [box for layer in layers for box in layer]
    left = min(box.x - box.width / 2 for box in boxes) - PAD
    width = max(box.x + box.width / 2 for box in boxes) + PAD - left
    height = len(layers) * STEP
    y = {box: height - STEP * (box.layer + 0.5) for box in boxes}
    edges = "".join(_edges(box, y) for box in boxes if box.lines)
    shapes = "".join(_shape(box, y[box]) for box in boxes if box.lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" style="max-width: 100%" '
        'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12" '
        f'text-anchor="middle"><g fill="none" stroke="#8b929c" stroke-width="1.3">{edges}</g>'
        f"{shapes}</svg>"
    )


def _edges(box: Box, y: dict[Box, float]) -> str:
    """The curves down from a box; those of x * x stand side by side."""
    paths = ""
    for low in dict.fromkeys(box.below):
        count = box.below.count(low)
        paths += "".join(_edge(box, low, y, 10 * (i - (count - 1) / 2)) for i in range(count))
    return paths


def _edge(high: Box, low: Box, y: dict[Box, float], shift: float) -> str:
    """A curve from a box down to the next, through the bends between, with an arrow's head."""
    x, top = high.x + shift, y[high] + high.height / 2
    path = f"M{x:.1f} {top:.1f}"
    while True:
        end, bottom = low.x + shift, y[low] - low.height / 2 - (5 if low.lines else 0)
        middle = (top + bottom) / 2
        path += f"C{x:.1f} {middle:.1f} {end:.1f} {middle:.1f} {end:.1f} {bottom:.1f}"
        x, top = end, bottom
        if low.lines:
            break
        (low,) = low.below
    return f'<path d="{path}"/><path fill="#8b929c" d="M{x - 3:.1f} {top - 1:.1f}h6l-3 5z"/>'


def _shape(box: Box, y: float) -> str:
    fill, stroke = COLOURS[box.kind]
    top = y - box.height / 2
    text = "".join(
        f'<text x="{box.x:.1f}" y="{top + PAD / 2 + LINE * (i + 0.75):.1f}" fill="#111827">'
        f"{html.escape(line)}</text>"
        for i, line in enumerate(box.lines)
    )
    return (
        f'<rect x="{box.x - box.width / 2:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
        f'height="{box.height}" rx="5" fill="{fill}" stroke="{stroke}"/>{text}'
    )
