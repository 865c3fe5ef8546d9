"""Lines of PyTorch programs that give the same in Weft. Run as a program with PyTorch installed,
this file evaluates them there.
"""

import importlib
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs/tools"))

from differences import result  # noqa: E402
from ported_operations import ROWS as OPERATIONS  # noqa: E402

START = "p = nn.Parameter(weft.ones(2)); (p * 3).sum().backward(); g = p.grad; "
TWO = "x, w = weft.ones(2, requires_grad=True), weft.ones(2, requires_grad=True); "
X = "x = weft.tensor([-1.0, 2.0]); "
P = "x = weft.arange(16.0).reshape(1, 4, 4); "
STEP = "p, q = nn.Parameter(weft.ones(2)), nn.Parameter(weft.ones(1)); (p * 3).sum().backward(); "
RATES = (
    "L = optim.lr_scheduler; o = optim.SGD([nn.Parameter(weft.ones(1))], lr=1.0); "
    "g = o.param_groups[0]; run = lambda made, poke={}: [(round(g['lr'], 4), o.step(), "
    "g.update(lr=poke.get(i, g['lr'])), [s.step() for s in made])[0] for i in range(7)]; "
)
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
    # ---- backward(inputs=), grad(materialize_grads=)
    (TWO + "(x * w).sum().backward(inputs=[x]); x.grad, w.grad", "(tensor([1., 1.]), None)"),
    (TWO + "(x * w).sum().backward(inputs=x); x.grad, w.grad", "(tensor([1., 1.]), None)"),
    (
        TWO + "(x * w).sum().backward(None, False, False, (x, w)); x.grad, w.grad",
        "(tensor([1., 1.]), tensor([1., 1.]))",
    ),
    (TWO + "(x * w).sum().backward(inputs=None); w.grad", "tensor([1., 1.])"),
    (TWO + "(x * w).sum().backward(inputs=[])", "RuntimeError"),
    (TWO + "weft.autograd.backward((x * w).sum(), inputs=[])", "RuntimeError"),
    (
        TWO + "y = x * w; (y * 3).sum().backward(inputs=[y, x]); y.grad, x.grad, w.grad",
        "(tensor([3., 3.]), tensor([3., 3.]), None)",
    ),
    (
        TWO + "y = x * w; weft.autograd.backward((y * 3).sum(), inputs=[y]); y.grad, x.grad",
        "(tensor([3., 3.]), None)",
    ),
    (
        TWO + "weft.autograd.grad(x.sum(), [x, w], materialize_grads=True)",
        "(tensor([1., 1.]), tensor([0., 0.]))",
    ),
    (
        TWO + "weft.autograd.grad(x.sum(), [x, w], allow_unused=False, materialize_grads=True)",
        "ValueError",
    ),
    # ---- Gradients that stay
    (TWO + "y = x * w; a = y.retains_grad; y.retain_grad(); a, y.retains_grad", "(False, True)"),
    (TWO + "x.retain_grad(); x.retains_grad, weft.ones(1).retains_grad", "(False, False)"),
    (
        TWO + "y = x * w; y.retain_grad(); z = (y * 3).sum(); z.backward(retain_graph=True); "
        "z.backward(); y.grad, x.grad",
        "(tensor([6., 6.]), tensor([6., 6.]))",
    ),
    # ---- Hooks after a gradient has been gathered
    (
        TWO + "s = []; x.register_post_accumulate_grad_hook("
        "lambda p: s.append((p is x, p.grad.tolist()))); (x * w).sum().backward(); "
        "(x * 2).sum().backward(); weft.autograd.grad(x.sum(), x); s",
        "[(True, [1.0, 1.0]), (True, [3.0, 3.0])]",
    ),
    (
        TWO + "s = []; h = x.register_post_accumulate_grad_hook(s.append); h.remove(); "
        "(x * w).sum().backward(); s",
        "[]",
    ),
    (
        TWO + "o = optim.SGD([x], lr=0.5); x.register_post_accumulate_grad_hook("
        "lambda p: o.step() or o.zero_grad()); (x * w).sum().backward(); x, x.grad, w.grad",
        "(tensor([0.5000, 0.5000], requires_grad=True), None, tensor([1., 1.]))",
    ),
    (TWO + "(x * w).register_post_accumulate_grad_hook(print)", "RuntimeError"),
    (TWO + "weft.ones(1).register_post_accumulate_grad_hook(print)", "RuntimeError"),
    (
        TWO + "x.register_post_accumulate_grad_hook(lambda p: 3); (x * w).sum().backward()",
        "TypeError",
    ),
    # ---- data
    (
        TWO + "x.data = weft.zeros(3); x, x.shape, x.is_leaf",
        "(tensor([0., 0., 0.], requires_grad=True), weft.Size([3]), True)",
    ),
    (TWO + "x.data = weft.zeros(2, dtype=weft.float64); x.dtype", "weft.float64"),
    (TWO + "x.data = weft.zeros(2, dtype=weft.int64)", "RuntimeError"),
    (TWO + "x.data = 3", "TypeError"),
    (TWO + "v = weft.zeros(2); x.data = v; v[0] = 7; x.tolist()", "[7.0, 0.0]"),
    (
        TWO + "(x * 3).sum().backward(); x.data = weft.zeros(2); (x * 2).sum().backward(); x.grad",
        "tensor([5., 5.])",
    ),
    (
        TWO + "x.data = weft.zeros(3, dtype=weft.float64); (x * 2).sum().backward(); x.grad",
        "tensor([2., 2., 2.], dtype=weft.float64)",
    ),
    (
        TWO + "y = (x * x).sum(); x.data = weft.tensor([4.0, 5.0]); y.backward(); x.grad",
        "tensor([ 8., 10.])",
    ),
    (TWO + "x.data = w * 4; x", "tensor([4., 4.], requires_grad=True)"),
    (
        "b = weft.ones(4); v = b[:2]; v.data = weft.zeros(2); v += 1; b.sum(), v",
        "(tensor(4.), tensor([1., 1.]))",
    ),
    (
        "m = nn.Linear(2, 1); o = optim.SGD(m.parameters(), lr=1.0); "
        "m.weight.data = weft.ones(1, 2); m(weft.ones(1, 2)).sum().backward(); o.step(); m.weight",
        "Parameter containing:\ntensor([[0., 0.]], requires_grad=True)",
    ),
    (TWO + "x.data.mul_(3); x.data += 1; x", "tensor([4., 4.], requires_grad=True)"),
    (TWO + "x.data[0] = 5; x", "tensor([5., 1.], requires_grad=True)"),
    # ---- Layers
    ("nn.Linear(3, 2, dtype=weft.float64).weight.dtype", "weft.float64"),
    ("nn.Linear(3, 2, True, 'cpu', weft.float64).bias.dtype", "weft.float64"),
    ("nn.Conv2d(1, 2, 1, dtype=weft.float64).bias.dtype", "weft.float64"),
    ("nn.Embedding(3, 2, device='cpu', dtype=weft.bfloat16).weight.dtype", "weft.bfloat16"),
    ("nn.LayerNorm(2, dtype=weft.float64).bias.dtype", "weft.float64"),
    (
        "{k: v.dtype for k, v in nn.BatchNorm2d(2, dtype=weft.float64).state_dict().items()}",
        "{'weight': weft.float64, 'bias': weft.float64, 'running_mean': weft.float64, "
        "'running_var': weft.float64, 'num_batches_tracked': weft.int64}",
    ),
    ("nn.Linear(3, 2, dtype=weft.int64)", "RuntimeError"),
    ("nn.Linear(3, 2, device='cpu', dtype=None).weight.dtype", "weft.float32"),
    ("nn.Identity(54, unused=0.1)", "Identity()"),
    ("nn.Identity(54, unused=0.1)(weft.ones(1))", "tensor([1.])"),
    (X + "y = nn.ReLU(inplace=True)(x); y is x, x", "(True, tensor([0., 2.]))"),
    (X + "y = nn.LeakyReLU(0.5, True)(x); y is x, x", "(True, tensor([-0.5000,  2.0000]))"),
    (X + "y = nn.SiLU(inplace=True)(x); y is x, x", "(True, tensor([-0.2689,  1.7616]))"),
    (X + "y = nn.Dropout(1.0, inplace=True)(x); y is x, x.abs()", "(True, tensor([0., 0.]))"),
    (X + "y = nn.Dropout(0.5, True).eval()(x); y is x, x", "(True, tensor([-1.,  2.]))"),
    (X + "y = nn.ReLU()(x); y is x, x", "(False, tensor([-1.,  2.]))"),
    (X + "m = nn.ReLU(True); m.inplace = False; y = m(x); y is x, m", "(False, ReLU())"),
    (X + "nn.Sequential(nn.Identity(), nn.ReLU(True))(x); x", "tensor([0., 2.])"),
    (X + "nn.Sequential(nn.ReLU(True), nn.Identity())(x); x", "tensor([0., 2.])"),
    ("nn.ReLU(inplace=True)(weft.ones(1, requires_grad=True))", "RuntimeError"),
    ("nn.LeakyReLU(inplace=True)(weft.ones(1, requires_grad=True))", "RuntimeError"),
    ("nn.SiLU(inplace=True)(weft.ones(1, requires_grad=True))", "RuntimeError"),
    ("nn.Dropout(inplace=True)(weft.ones(1, requires_grad=True))", "RuntimeError"),
    (
        "x = weft.tensor([-1.0, 2.0], requires_grad=True); y = x * 1; "
        "nn.ReLU(inplace=True)(y).sum().backward(); x.grad",
        "tensor([0., 1.])",
    ),
    ("F.linear(weft.ones(2, 3), weft.ones(3))", "tensor([3., 3.])"),
    ("F.linear(weft.ones(3), weft.ones(3))", "tensor(3.)"),
    ("F.linear(weft.ones(2, 3), weft.ones(4))", "RuntimeError"),
    ("F.linear(weft.ones(2, 3), weft.ones(3), weft.ones(1))", "RuntimeError"),
    (
        P + "nn.MaxPool2d(2, return_indices=True)(x)",
        "(tensor([[[ 5.,  7.],\n         [13., 15.]]]), tensor([[[ 5,  7],\n         [13, 15]]]))",
    ),
    (P + "nn.MaxPool2d(2, 2, 0, 1, True, True)(x)[1].flatten().tolist()", "[5, 7, 13, 15]"),
    (P + "nn.MaxPool2d(2, 2, 0, 1, False, True)(x).flatten().tolist()", "[5.0, 7.0, 13.0, 15.0]"),
    ("nn.MaxPool2d(2, return_indices=True).return_indices", "True"),
    ("m = nn.MaxPool2d(2); m.kernel_size, m.stride, m.padding, m.dilation", "(2, 2, 0, 1)"),
    ("m = nn.AvgPool2d((2, 3), 1); m.kernel_size, m.stride, m.padding", "((2, 3), 1, 0)"),
    ("nn.AdaptiveAvgPool2d((1, None))(weft.ones(1, 2, 3, 4)).shape", "weft.Size([1, 2, 1, 4])"),
    ("nn.AdaptiveAvgPool2d((1, None)).output_size", "(1, None)"),
    ("nn.AdaptiveAvgPool2d(2).output_size", "2"),
    (
        "w = weft.ones(3, 2); m = nn.Embedding.from_pretrained(w); "
        "m, m.weight.requires_grad, m.weight.data_ptr() == w.data_ptr(), m(weft.tensor([0]))",
        "(Embedding(3, 2), False, True, tensor([[1., 1.]]))",
    ),
    (
        "m = nn.Embedding.from_pretrained(weft.ones(3, 2), freeze=False, padding_idx=1); "
        "m(weft.tensor([0, 1])).sum().backward(); m.weight.grad.tolist(), m.padding_idx",
        "([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]], 1)",
    ),
    ("nn.Embedding.from_pretrained(weft.ones(3, 2).double()).weight.dtype", "weft.float64"),
    # ---- How modules print
    (
        "nn.LayerNorm(3, bias=False)",
        "LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=False)",
    ),
    (
        "nn.LayerNorm((3, 4), elementwise_affine=False)",
        "LayerNorm((3, 4), eps=1e-05, elementwise_affine=False, bias=False)",
    ),
    (
        "nn.MaxPool2d(2)",
        "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
    ),
    (
        "nn.MaxPool2d((2, 3), stride=1, padding=(1, 1))",
        "MaxPool2d(kernel_size=(2, 3), stride=1, padding=(1, 1), dilation=1, ceil_mode=False)",
    ),
    ("nn.AvgPool2d(2)", "AvgPool2d(kernel_size=2, stride=2, padding=0)"),
    ("nn.AdaptiveAvgPool2d((1, None))", "AdaptiveAvgPool2d(output_size=(1, None))"),
    ("nn.AdaptiveAvgPool2d(1)", "AdaptiveAvgPool2d(output_size=1)"),
    (
        "nn.Dropout(), nn.Dropout(0.2, True)",
        "(Dropout(p=0.5, inplace=False), Dropout(p=0.2, inplace=True))",
    ),
    ("nn.ReLU(), nn.ReLU(True), nn.SiLU(True)", "(ReLU(), ReLU(inplace=True), SiLU(inplace=True))"),
    ("nn.LeakyReLU(0.2, True)", "LeakyReLU(negative_slope=0.2, inplace=True)"),
    (
        "nn.ParameterList([nn.Parameter(weft.ones(2)), nn.Parameter(weft.ones(2, 3))])",
        "ParameterList(\n    (0): Parameter containing: [weft.float32 of size 2]\n"
        "    (1): Parameter containing: [weft.float32 of size 2x3]\n)",
    ),
    ("nn.ParameterList(), nn.ModuleList()", "(ParameterList(), ModuleList())"),
    (
        "m = nn.Linear(2, 2); m.part = nn.ReLU(); m",
        "Linear(\n  in_features=2, out_features=2, bias=True\n  (part): ReLU()\n)",
    ),
    (
        "C = type('C', (nn.Module,), {'extra_repr': lambda self: 'one\\ntwo'}); m = C(); "
        "m.part = nn.ReLU(); n = nn.Sequential(m, C()); n",
        "Sequential(\n  (0): C(\n    one\n    two\n    (part): ReLU()\n  )\n  (1): C(\n"
        "    one\n    two\n  )\n)",
    ),
    (
        "nn.BatchNorm2d(3, affine=False)",
        "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, "
        "track_running_stats=True)",
    ),
    (
        "nn.ModuleList([nn.Linear(2, 2) for i in range(3)])",
        "ModuleList(\n  (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)\n)",
    ),
    (
        "S = nn.Sequential; r = nn.ReLU; nn.ModuleList([r(), S(r(), r()), S(r(), r()), r()])",
        "ModuleList(\n  (0): ReLU()\n  (1-2): 2 x Sequential(\n    (0): ReLU()\n    (1): ReLU()\n"
        "  )\n  (3): ReLU()\n)",
    ),
    (
        "nn.ModuleDict({'a': nn.ReLU(), 'b': nn.ReLU()})",
        "ModuleDict(\n  (a): ReLU()\n  (b): ReLU()\n)",
    ),
    # ---- Optimisers
    (
        STEP + "o = optim.SGD([p, q], lr=0.5, foreach=True); o.step(); p",
        "Parameter containing:\ntensor([-0.5000, -0.5000], requires_grad=True)",
    ),
    (
        STEP + "o = optim.Adam([p, q], lr=0.5, foreach=False, fused=True, capturable=False); "
        "o.step(); p",
        "Parameter containing:\ntensor([0.5000, 0.5000], requires_grad=True)",
    ),
    (STEP + "optim.AdamW([p], fused=None, differentiable=False).defaults['lr']", "0.001"),
    (STEP + "optim.AdamW([p], fused=True, foreach=True)", "RuntimeError"),
    (STEP + "optim.SGD([p], fused=True, foreach=True)", "RuntimeError"),
    (STEP + "o = optim.SGD([p, q], momentum=0.9); len(o.state), p in o.state", "(0, False)"),
    (
        STEP + "o = optim.SGD([p, q], momentum=0.9); o.step(); len(o.state), p in o.state, q in "
        "o.state, dict(o.state[p]), list(o.state)[0] is p",
        "(1, True, False, {'momentum_buffer': tensor([3., 3.])}, True)",
    ),
    (
        STEP + "o = optim.Adam([p, q], lr=0.1); o.step(); dict(o.state[p])",
        "{'step': tensor(1.), 'exp_avg': tensor([0.3000, 0.3000]), 'exp_avg_sq': "
        "tensor([0.0090, 0.0090])}",
    ),
    (
        STEP + "o = optim.AdamW([p], amsgrad=True); o.step(); sorted(o.state[p])[-2:]",
        "['max_exp_avg_sq', 'step']",
    ),
    (STEP + "o = optim.SGD([p, q]); o.step(); dict(o.state[p])", "{}"),
    (
        STEP + "o = optim.SGD([p], lr=1.0, momentum=1.0); o.step(); "
        "o.state[p]['momentum_buffer'].zero_(); o.step(); p",
        "Parameter containing:\ntensor([-5., -5.], requires_grad=True)",
    ),
    (
        "class O(optim.Optimizer): pass\n"
        "o = O([nn.Parameter(weft.ones(1))], {'lr': 2.0}); optim.lr_scheduler.StepLR(o, 1); "
        "str(o.state_dict()).count('initial_lr')",
        "1",
    ),
    # ---- Schedules, alone and chained
    (
        RATES + "run([L.ChainedScheduler([L.StepLR(o, 2, 0.5), L.LinearLR(o, 0.5, "
        "total_iters=3)])])",
        "[0.5, 0.6667, 0.4167, 0.5, 0.25, 0.25, 0.125]",
    ),
    (
        RATES + "run([L.ChainedScheduler([L.CosineAnnealingLR(o, 4, 0.1), L.StepLR(o, 1, 0.9)], "
        "optimizer=o)], {2: 3.0})",
        "[1.0, 0.7814, 0.4492, 0.8545, 0.09, 0.1996, 0.3961]",
    ),
    (
        RATES + "s = L.ChainedScheduler([L.StepLR(o, 1, 0.5)]); o.step(); s.step(); "
        "s.get_last_lr(), isinstance(s, L.LRScheduler)",
        "([0.5], True)",
    ),
    (RATES + "L.ChainedScheduler([])", "ValueError"),
    (
        RATES + "p = optim.SGD([nn.Parameter(weft.ones(1))], lr=1.0); "
        "L.ChainedScheduler([L.StepLR(o, 2), L.StepLR(p, 2)])",
        "ValueError",
    ),
    (
        RATES + "p = optim.SGD([nn.Parameter(weft.ones(1))], lr=1.0); "
        "L.ChainedScheduler([L.StepLR(o, 2)], p)",
        "ValueError",
    ),
    (
        RATES + "run([L.StepLR(o, 2, 0.5), L.LinearLR(o, 0.5, total_iters=3)])",
        "[0.5, 0.6667, 0.4167, 0.5, 0.25, 0.25, 0.125]",
    ),
    (
        RATES + "run([L.LinearLR(o, 0.5, total_iters=3), L.StepLR(o, 2, 0.5)])",
        "[0.5, 0.6667, 0.4167, 0.5, 0.25, 0.25, 0.125]",
    ),
    (
        RATES + "run([L.MultiStepLR(o, [1, 3, 3], 0.5), L.CosineAnnealingLR(o, 4, 0.1)])",
        "[1.0, 0.4414, 0.3, 0.0927, 0.1, 0.2318, 0.55]",
    ),
    (
        RATES + "run([L.CosineAnnealingLR(o, 4, 0.1)], {2: 3.0})",
        "[1.0, 0.8682, 0.55, 0.9494, 0.1, 0.2318, 0.55]",
    ),
    (
        RATES + "run([L.LinearLR(o, 0.5, total_iters=3)], {1: 3.0})",
        "[0.5, 0.6667, 3.75, 4.5, 4.5, 4.5, 4.5]",
    ),
    (
        RATES + "run([L.MultiStepLR(o, [1, 3, 3], gamma=0.5)], {1: 3.0})",
        "[1.0, 0.5, 3.0, 0.75, 0.75, 0.75, 0.75]",
    ),
    (
        RATES + "run([L.StepLR(o, 1, gamma=0.5)], {0: 8.0})",
        "[1.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.125]",
    ),
    (
        RATES + "run([L.LambdaLR(o, lambda i: 1 / (i + 1)), L.StepLR(o, 2, 0.5)])",
        "[1.0, 0.5, 0.1667, 0.25, 0.1, 0.1667, 0.0714]",
    ),
    (
        RATES + "run([L.StepLR(o, 2, 0.5), L.LambdaLR(o, lambda i: 1 / (i + 1))])",
        "[1.0, 0.5, 0.3333, 0.25, 0.2, 0.1667, 0.1429]",
    ),
    (
        RATES + "run([L.OneCycleLR(o, 2.0, total_steps=8), L.StepLR(o, 2, 0.5)])",
        "[0.08, 1.6386, 0.9719, 1.6235, 0.556, 0.5661, 0.0766]",
    ),
    (
        RATES + "run([L.SequentialLR(o, [L.LinearLR(o, 0.5, total_iters=2), L.StepLR(o, 1, 0.5)], "
        "[2])])",
        "[0.5, 0.75, 1.0, 0.5, 0.25, 0.125, 0.0625]",
    ),
    (
        RATES + "run([L.SequentialLR(o, [L.LinearLR(o, 0.5, total_iters=2), L.StepLR(o, 1, 0.5)], "
        "[2])], {0: 8.0, 4: 8.0})",
        "[0.5, 12.0, 1.0, 0.5, 0.25, 4.0, 2.0]",
    ),
    (
        RATES + "run([L.SequentialLR(o, [L.LinearLR(o, 0.5, total_iters=2), "
        "L.CosineAnnealingLR(o, 3)], [2]), L.StepLR(o, 2, 0.5)])",
        "[0.5, 0.75, 0.5, 0.375, 0.0625, 0.0, 0.125]",
    ),
    (
        RATES + "a = L.StepLR(o, 2, 0.5); b = L.LinearLR(o, 0.5, total_iters=3); run([a, b]); "
        "[round(r, 4) for r in a.get_last_lr() + b.get_last_lr() + a.base_lrs], b.last_epoch",
        "([0.125, 0.125, 1.0], 7)",
    ),
    (
        RATES + "a = L.StepLR(o, 2, 0.5); b = L.LambdaLR(o, lambda i: 1 / (i + 1)); run([a, b]); "
        "a.get_last_lr() == b.get_last_lr()",
        "False",
    ),
    (RATES + "L.StepLR(o, 2); o.param_groups[0]['initial_lr']", "1.0"),
    (
        "o = optim.SGD([{'params': [nn.Parameter(weft.ones(1))], 'initial_lr': 2.0}], lr=0.5); "
        "optim.lr_scheduler.LambdaLR(o, lambda i: 1 / i, last_epoch=3).get_last_lr()",
        "[0.5]",
    ),
    (RATES + "L.StepLR(o, 2, last_epoch=-1).last_epoch", "0"),
    (
        RATES + "g['initial_lr'] = 1.0; g['lr'] = 0.5; run([L.StepLR(o, 2, 0.5, last_epoch=3)])",
        "[0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625, 0.0312]",
    ),
    (
        RATES + "g['initial_lr'] = 1.0; g['lr'] = 0.25; run([L.StepLR(o, 2, 0.5, 2)])",
        "[0.25, 0.125, 0.125, 0.0625, 0.0625, 0.0312, 0.0312]",
    ),
    (
        RATES + "g['initial_lr'] = 1.0; g['lr'] = 0.25; run([L.MultiStepLR(o, [1, 2, 4], 0.5, 1)])",
        "[0.125, 0.125, 0.0625, 0.0625, 0.0625, 0.0625, 0.0625]",
    ),
    (
        RATES + "g['initial_lr'] = 1.0; g['lr'] = 0.25; run([L.CosineAnnealingLR(o, 6, 0, 2)])",
        "[0.25, 0.125, 0.0335, 0.0, 0.067, 0.25, 0.5]",
    ),
    (
        RATES + "g['initial_lr'] = 1.0; g['lr'] = 0.25; run([L.LinearLR(o, 0.5, 1.0, 4, 1)])",
        "[0.25, 0.2917, 0.3333, 0.3333, 0.3333, 0.3333, 0.3333]",
    ),
    (
        RATES + "g['initial_lr'] = 1.0; g['lr'] = 0.25; run([L.LambdaLR(o, lambda i: 1 / (i + 1), "
        "1)])",
        "[0.3333, 0.25, 0.2, 0.1667, 0.1429, 0.125, 0.1111]",
    ),
]

ROWS += OPERATIONS

if __name__ == "__main__":
    torch = importlib.import_module("torch")
    for expression, expected in ROWS:
        got = result(re.sub(r"\bweft\b", "torch", expression), torch).replace("torch.", "weft.")
        if got != expected:
            print(f"{expression}: {got}, the table says {expected}")
