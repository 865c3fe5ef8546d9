"""Lines of PyTorch programs that give the same in Weft. Run as a program with PyTorch installed,
this file evaluates them there.
"""

import importlib
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs/tools"))

from differences import result  # noqa: E402

START = "p = nn.Parameter(weft.ones(2)); (p * 3).sum().backward(); g = p.grad; "
TIED = "m = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)); m[1].weight = m[0].weight; "

# What each gives, or the name of its error.
ROWS = [
    # ---- zero_grad()
    (START + "optim.SGD([p], lr=0.1).zero_grad(set_to_none=False); p.grad", "tensor([0., 0.])"),
    (START + "optim.SGD([p], lr=0.1).zero_grad(False); p.grad is g", "True"),
    (START + "optim.Adam([p]).zero_grad(set_to_none=True); p.grad", "no error"),
    (START + "optim.SGD([p], lr=0.1).zero_grad(); p.grad", "no error"),
    (
        "m = nn.Linear(1, 1); m(weft.ones(1)).sum().backward(); m.zero_grad(set_to_none=False); "
        "m.weight.grad, m.bias.grad",
        "(tensor([[0.]]), tensor([0.]))",
    ),
    ("m = nn.Linear(1, 1); m.zero_grad(False); m.weight.grad", "no error"),
    ("m = nn.Linear(1, 1); m(weft.ones(1)).backward(); m.zero_grad(); m.bias.grad", "no error"),
    (
        "p = nn.Parameter(weft.ones(2)); (p * p).sum().backward(create_graph=True); "
        "optim.SGD([p], lr=0.1).zero_grad(set_to_none=False); p.grad, p.grad.requires_grad",
        "(tensor([0., 0.]), False)",
    ),
    # ---- Lists of a module
    (TIED + "len([*m.parameters()]), len([*m.named_parameters()])", "(3, 3)"),
    (
        TIED + "[n for n, p in m.named_parameters(remove_duplicate=False)]",
        "['0.weight', '0.bias', '1.weight', '1.bias']",
    ),
    (
        TIED + "[n for n, p in m.named_parameters('net', True, False)]",
        "['net.0.weight', 'net.0.bias', 'net.1.weight', 'net.1.bias']",
    ),
    (
        "b = nn.BatchNorm1d(2); m = nn.Sequential(b, b); "
        "len([*m.named_buffers(remove_duplicate=False)]), len([*m.named_buffers()])",
        "(6, 3)",
    ),
    (
        "r = nn.ReLU(); m = nn.Sequential(r, r); [n for n, p in m.named_modules()], "
        "[n for n, p in m.named_modules(remove_duplicate=False)]",
        "(['', '0'], ['', '0', '1'])",
    ),
    (
        "r = nn.ReLU(); m = nn.Sequential(r, nn.Tanh()); "
        "s = {r}; [n for n, p in m.named_modules(s, 'net')], len(s)",
        "(['net', 'net.1'], 3)",
    ),
]


if __name__ == "__main__":
    torch = importlib.import_module("torch")
    for expression, expected in ROWS:
        got = result(re.sub(r"\bweft\b", "torch", expression), torch).replace("torch.", "weft.")
        if got != expected:
            print(f"{expression}: {got}, the table says {expected}")
