"""Rich display: tensors, modules, summaries and tapes in notebooks."""

import base64
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import weft
from weft import autograd, data, nn, utils

SVG = "{http://www.w3.org/2000/svg}"


def shown(html):
    """The pictures in a text, as tensors."""
    found = re.findall(r"data:image/png;base64,([\w+/=]+)", html)
    return [data.decode_image(base64.b64decode(png)) for png in found]


def rows(html):
    """The cells' texts of each row of a table."""
    return [
        [" ".join("".join(cell.itertext()).split()) for cell in row]
        for row in ElementTree.fromstring(html).iter("tr")
    ]


# ---- Tensors


def test_a_picture_shows_its_pixels():
    image = weft.randint(0, 256, (3, 9, 20)).to(weft.uint8)
    (picture,) = shown(image._repr_html_())
    assert (picture == image).all()
    (picture,) = shown((image.float() / 255)._repr_html_())
    assert (picture == image).all()


@pytest.mark.parametrize("shape", [(12, 10), (1, 12, 10)])
def test_grey_bytes_are_a_picture(shape):
    image = weft.arange(120).to(weft.uint8).reshape(*shape)
    (picture,) = shown(image._repr_html_())
    assert (picture[0] == image.reshape(12, 10)).all()


@pytest.mark.parametrize(
    "tensor",
    [
        weft.rand(16, 16),  # may be anything
        weft.randn(3, 16, 16),
        weft.zeros(3, 16, 16),
        weft.full((3, 16, 16), float("nan")),
        weft.rand(3, 16, 16) + 0.5,
        weft.rand(4, 16, 16),
        weft.rand(2, 3, 16, 16),
        weft.rand(3, 4, 4),
        weft.arange(768).reshape(3, 16, 16) % 2,
        weft.arange(768).reshape(3, 16, 16) % 2 == 1,
        weft.zeros(3, 0, 16, dtype=weft.uint8),
        weft.zeros(2000, 8, dtype=weft.uint8),
        weft.tensor(1.0),
        weft.zeros(5, dtype=weft.uint8),
    ],
    ids=lambda t: f"{t.dtype}{list(t.shape)}",
)
def test_what_is_no_picture_is_text(tensor):
    assert tensor._repr_html_() is None


def test_a_picture_on_the_tape():
    x = weft.rand(3, 8, 8, requires_grad=True)
    y = x * 0.5
    html = y._repr_html_()
    assert html.count("grad_fn=&lt;mul&gt;") == 2 and "float32 [3, 8, 8]" in html
    assert x.grad is None and y.grad_fn.name() == "mul"
    assert nn.Parameter(weft.rand(3, 8, 8))._repr_html_()


# ---- show_images


def test_show_images_clamps_and_normalizes():
    image = weft.tensor(np.linspace(-1, 2, 100).reshape(10, 10))
    (picture,) = shown(utils.show_images([image]).html)
    expected = np.round(np.clip(np.linspace(-1, 2, 100), 0, 1) * 255).reshape(10, 10)
    assert np.array_equal(picture[0], expected) and (picture[0] == picture[2]).all()
    (picture,) = shown(utils.show_images(image[None], normalize=True).html)
    assert np.abs(np.asarray(picture[0]) - np.linspace(0, 255, 100).reshape(10, 10)).max() <= 0.501
    (picture,) = shown(utils.show_images([weft.full((4, 4), float("nan"))]).html)
    assert not picture.any()
    gap = weft.tensor([[float("nan"), -1.0], [0.0, 1.0]])
    (picture,) = shown(utils.show_images([gap], normalize=True).html)
    assert picture[0].tolist() == [[128, 0], [128, 255]]
    assert not shown(utils.show_images([weft.ones(3, 4, 4)], normalize=True).html)[0].any()


def test_show_images_takes_batches_lists_and_arrays():
    batch = weft.rand(5, 3, 8, 8)
    assert len(shown(utils.show_images(batch).html)) == 5
    assert len(shown(utils.show_images([batch[0], batch[1, :1], batch[2, 0]]).html)) == 3
    assert len(shown(utils.show_images(np.zeros((2, 8, 8), np.uint8)).html)) == 2
    assert utils.show_images([]).html.count("<img") == 0


def test_titles_are_text(tmp_path):
    pictures = utils.show_images(weft.rand(2, 8, 8), ["<b>", 7])
    assert "&lt;b&gt;" in pictures.html and ">7<" in pictures.html and "<b>" not in pictures.html
    pictures.save(tmp_path / "pictures.html")
    assert pictures.html in (tmp_path / "pictures.html").read_text(encoding="utf-8")
    assert pictures._repr_html_() == pictures.html


@pytest.mark.parametrize(
    "images, titles, message",
    [
        (weft.rand(2, 8, 8), ["one"], "got 1 titles, expected one for each of 2"),
        (weft.rand(1, 2, 8, 8), None, r"got a picture of shape \[2, 8, 8\]"),
        (weft.rand(8), None, r"got a picture of shape \[\]"),
    ],
)
def test_show_images_errors(images, titles, message):
    with pytest.raises(ValueError, match=message):
        utils.show_images(images, titles)


# ---- Modules


def test_module_table():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False)))
    model[0].bias.requires_grad_(False)
    head, *parts, foot = rows(model._repr_html_())
    assert head == ["layer", "options", "parameters"]
    assert [row[0] for row in parts] == [
        "Sequential",
        "0 Linear",
        "1 Sequential",
        "0 ReLU",
        "1 Linear",
    ]
    assert [row[2] for row in parts] == ["", "16", "", "", "8"]
    paddings = re.findall(r"padding-left: ([\d.]+)em", model._repr_html_())
    assert paddings == ["0.0", "1.2", "1.2", "2.4", "2.4"]
    assert parts[4][1] == "in_features=4, out_features=2, bias=False"
    assert foot == ["24 parameters (20 trainable), 0.1 kB; in training"]
    assert "in evaluation" in model.eval()._repr_html_()


def test_module_of_python_and_one_that_waits():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(weft.ones(5))
            self.last = nn.Linear(0, 2)

        def extra_repr(self):
            return "a < b"

        def forward(self, x):
            return self.last(x * self.scale)

    model = Net()
    table = rows(model._repr_html_())
    assert table[1] == ["Net", "a < b", ""]
    assert table[2][2] == "waits for input" and "wait for the first input" in table[3][0]
    model(weft.ones(1, 5))
    table = rows(model._repr_html_())
    assert [row[2] for row in table[1:3]] == ["5", "12"] and table[3][0].startswith("17 param")


def test_long_tables_end():
    model = nn.Sequential(*[nn.ReLU() for _ in range(300)])
    table = rows(model._repr_html_())
    assert len(table) == 203 and table[-2] == ["and 101 more"]


def test_summary_table():
    model = nn.models.AlexNet(nn.models.AlexNetOptions.cifar())
    summary = model.summary((7, 3, 32, 32))
    head, *parts, foot = rows(summary._repr_html_())
    assert head == ["layer", "output", "parameters"] and len(parts) == len(summary.rows)
    for cells, row in zip(parts, summary.rows):
        assert cells[0] == f"{row.name} {row.kind}".strip()
        assert cells[1] == str(list(row.output))
        assert cells[2].replace(",", "") == (str(row.parameters) if row.parameters else "")
    assert foot[0].startswith(f"{summary.parameters:,} parameters")


# ---- The tape


def boxes(drawing):
    """(texts, x, y, width, height) of each box."""
    elements = list(ElementTree.fromstring(drawing.svg))
    found = []
    for element in elements:
        if element.tag == SVG + "rect":
            place = [float(element.get(key)) for key in ("x", "y", "width", "height")]
            found.append(([], *place))
        elif element.tag == SVG + "text":
            found[-1][0].append(element.text)
    return found


def texts(drawing):
    return sorted(" ".join(box[0]) for box in boxes(drawing))


def test_draw_names_and_shapes(tmp_path):
    x = weft.rand(4, 3, requires_grad=True)
    w = weft.rand(3, 2, requires_grad=True)
    h = (x @ w).tanh()
    y = (h * h).sum()
    drawing = autograd.draw(y, {"x": x, "w": w, "h": h, "y": y, "constant": weft.ones(2)})
    assert texts(drawing) == ["matmul", "mul", "sum y []", "tanh h [4, 2]", "w [3, 2]", "x [4, 3]"]
    assert texts(autograd.draw(y))[:2] == ["accumulate_grad", "accumulate_grad"]
    assert drawing.svg.count("h6l-3 5z") == 6  # arrows: x, w, matmul, tanh twice, mul
    assert drawing._repr_svg_() == drawing.svg
    drawing.save(tmp_path / "tape.svg")
    assert (tmp_path / "tape.svg").read_text(encoding="utf-8") == drawing.svg
    assert x.grad is None


def test_draw_under_no_grad_and_of_a_leaf():
    x = weft.ones(2, requires_grad=True)
    with weft.no_grad():
        assert texts(autograd.draw(x, {"x": x})) == ["x [2]"]
        assert texts(autograd.draw([x, x.detach().requires_grad_()])) == ["[2]", "[2]"]


def test_draw_escapes_names():
    x = weft.ones(2, requires_grad=True)
    assert texts(autograd.draw(x.exp(), {"<&>": x})) == ["<&> [2]", "exp [2]"]


def random_tape(seed):
    generator = np.random.default_rng(seed)
    tensors = [weft.ones(2, requires_grad=True) for _ in range(3)]
    for _ in range(40):
        a, b = (tensors[i] for i in generator.integers(max(0, len(tensors) - 9), len(tensors), 2))
        tensors.append(a * b if generator.random() < 0.7 else a.exp())
    return tensors[-4:]


@pytest.mark.parametrize("seed", range(5))
def test_boxes_do_not_overlap(seed):
    outputs = [t for t in random_tape(seed) if t.grad_fn]
    drawing = autograd.draw(outputs)
    found = boxes(drawing)
    assert len(found) > 15
    _, _, width, height = map(float, ElementTree.fromstring(drawing.svg).get("viewBox").split())
    for i, (_, x, y, w, h) in enumerate(found):
        for _, x2, y2, w2, h2 in found[:i]:
            assert x + w < x2 or x2 + w2 < x or y + h < y2 or y2 + h2 < y
        assert 0 <= y and y + h <= height and w <= width


def test_every_edge_leads_down():
    drawing = autograd.draw([t for t in random_tape(7) if t.grad_fn])
    for path in re.findall(r'<path d="M[\d.-]+ ([\d.-]+)(C[^"]+)"', drawing.svg):
        ys = [float(path[0])] + [float(c.split()[-1]) for c in path[1].split("C")[1:]]
        assert ys == sorted(ys)


def test_draw_errors():
    with pytest.raises(ValueError, match="not on the tape"):
        autograd.draw(weft.ones(2))
    x = weft.ones(2, requires_grad=True)
    for _ in range(100_000):
        x = x + 1
    with pytest.raises(ValueError, match="more than 400"):
        autograd.draw(x)


def test_display_is_loaded_when_used():
    code = "import sys, weft; assert not {'weft._display', 'weft.utils'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
