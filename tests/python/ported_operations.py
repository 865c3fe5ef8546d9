"""Lines of PyTorch programs that are about operations and devices; see ported.py."""

E = (
    "a, b = weft.arange(6.0).reshape(2, 3), weft.arange(12.0).reshape(3, 4); v = weft.arange(3.0); "
    "c, s = weft.arange(24.0).reshape(2, 3, 4), weft.arange(9.0).reshape(3, 3); "
)
B = "b = weft.tensor([True, False]); "

# What each gives, or the name of its error.
ROWS = [
    # ---- Reductions of nothing
    ("weft.empty(3, 0).amax(dim=1)", "IndexError"),
    ("weft.empty(3, 0).amin((0, 1))", "IndexError"),
    ("weft.empty(3, 0).max(1)", "IndexError"),
    ("weft.empty(3, 0).min(dim=-1, keepdim=True)", "IndexError"),
    ("weft.empty(3, 0).argmax(1)", "IndexError"),
    ("weft.empty(0).argmin()", "IndexError"),
    ("weft.empty(0).max()", "RuntimeError"),
    ("weft.empty(3, 0).amax(0), weft.empty(3, 0).argmin(0).dtype", "(tensor([]), weft.int64)"),
    ("weft.any(weft.tensor([0, 2]), dim=())", "tensor([False,  True])"),
    ("weft.tensor([[0, 2]], dtype=weft.uint8).all(dim=[])", "tensor([[0, 1]], dtype=weft.uint8)"),
    (
        "weft.ones(2, 2).any(dim=None, keepdim=True), weft.ones(2).all()",
        "(tensor([[True]]), tensor(True))",
    ),
    # ---- bool
    (
        B + "b.masked_fill(b, 1), b.masked_fill(b, 0.0)",
        "(tensor([ True, False]), tensor([False, False]))",
    ),
    (B + "b.masked_fill_(~b, 2)", "tensor([True, True])"),
    (B + "b ** True, b.pow(False)", "(tensor([ True, False]), tensor([True, True]))"),
    (B + "b ** 2, b.pow(0), 2 ** b", "(tensor([1, 0]), tensor([1, 1]), tensor([2, 1]))"),
    (B + "b.pow_(True)", "tensor([ True, False])"),
    (B + "b.pow_(2)", "RuntimeError"),
    # ---- In place
    ("weft.ones(3, dtype=weft.int32).cumsum_(0)", "tensor([1, 2, 3], dtype=weft.int32)"),
    ("weft.tensor([1, 2, 3]).cumprod_(dim=0)", "tensor([1, 2, 6])"),
    ("weft.ones(3, dtype=weft.bool).cumsum_(0)", "NotImplementedError"),
    ("weft.ones(3).cumsum_(0, dtype=weft.float64)", "RuntimeError"),
    ("weft.ones(2, 2).tril_().triu_(diagonal=-1)", "tensor([[1., 0.],\n        [1., 1.]])"),
    (
        "weft.ones(3, 3).triu_(1)",
        "tensor([[0., 1., 1.],\n        [0., 0., 1.],\n        [0., 0., 0.]])",
    ),
    ("weft.tensor([float('nan'), 1.0]).nan_to_num_(2.0)", "tensor([2., 1.])"),
    (
        "weft.arange(3.0).clip_(1), weft.clip(weft.arange(3.0), max=1)",
        "(tensor([1., 1., 2.]), tensor([0., 1., 1.]))",
    ),
    (
        "weft.tensor([8, 1, 0]).log2(), weft.tensor([4.0]).log2_()",
        "(tensor([3., 0., -inf]), tensor([2.]))",
    ),
    ("weft.tensor([8]).log2_()", "RuntimeError"),
    (
        "x = weft.tensor([1.0, 2.0, 4.0], requires_grad=True); y = x * 1; "
        "y.cumprod_(0).sum().backward(); x.grad",
        "tensor([11.,  5.,  2.])",
    ),
    (
        "x = weft.tensor([2.0], requires_grad=True); (x * 1).log2_().backward(); x.grad",
        "tensor([0.7213])",
    ),
    # ---- Copies side by side, what goes round, what is in the middle
    (
        "weft.arange(2).repeat(2), weft.arange(2).repeat((2, 1)).shape",
        "(tensor([0, 1, 0, 1]), weft.Size([2, 2]))",
    ),
    ("weft.ones(1, 3).repeat(repeats=[2, 1, 2]).shape", "weft.Size([2, 1, 6])"),
    ("weft.ones(2, 2).repeat(2)", "RuntimeError"),
    (
        "weft.tile(weft.arange(4).reshape(2, 2), (2,))",
        "tensor([[0, 1, 0, 1],\n        [2, 3, 2, 3]])",
    ),
    ("weft.arange(2).tile(2, 2).tile(dims=(1,)).shape", "weft.Size([2, 4])"),
    (
        "x = weft.ones(2, requires_grad=True); (x.repeat(3) * weft.arange(6.0)).sum().backward(); "
        "x.grad",
        "tensor([6., 9.])",
    ),
    (
        "x = weft.arange(6).reshape(2, 3); x.roll(1), x.roll((1, -1), (0, 1)).tolist(), "
        "weft.roll(x, -4, 1).tolist()",
        "(tensor([[5, 0, 1],\n        [2, 3, 4]]), [[4, 5, 3], [1, 2, 0]], [[1, 2, 0], [4, 5, 3]])",
    ),
    ("weft.arange(3).roll(1, (0, 0))", "RuntimeError"),
    ("weft.tensor(3).roll(1, 0)", "IndexError"),
    (
        "weft.tensor([3.0, 1.0, 2.0, 4.0]).median(), weft.tensor([3, 1, 2]).median()",
        "(tensor(2.), tensor(2))",
    ),
    (
        "v, i = weft.tensor([[3, 1, 2, 4], [1, 1, 1, 1]]).median(dim=-1, keepdim=True); "
        "v.tolist(), i.tolist()",
        "([[2], [1]], [[2], [1]])",
    ),
    ("m = weft.tensor([3, 1, 2]).median(0); m.values, m.indices", "(tensor(2), tensor(2))"),
    (
        "x = weft.tensor([[3.0, float('nan'), 2.0, float('nan')]]); x.median(), "
        "x.median(1).indices, weft.empty(0).median()",
        "(tensor(nan), tensor([1]), tensor(nan))",
    ),
    ("weft.empty(3, 0).median(1)", "IndexError"),
    ("weft.tensor([True]).median()", "NotImplementedError"),
    (
        "x = weft.tensor([1.0, 2.0, 2.0, 3.0], requires_grad=True); x.median().backward(); x.grad",
        "tensor([0.0000, 0.5000, 0.5000, 0.0000])",
    ),
    (
        "x = weft.tensor([1.0, 2.0, 2.0, 3.0], requires_grad=True); x.median(0)[0].backward(); "
        "x.grad",
        "tensor([0., 1., 0., 0.])",
    ),
    (
        "weft.unique(weft.tensor([[1, 2], [1, 2], [0, 5]]), dim=0, return_inverse=True, "
        "return_counts=True)",
        "(tensor([[0, 5],\n        [1, 2]]), tensor([1, 1, 0]), tensor([1, 2]))",
    ),
    ("weft.tensor([[1, 0, 1], [1, 0, 1]]).unique(dim=-1)", "tensor([[0, 1],\n        [0, 1]])"),
    ("weft.unique(weft.empty(3, 0), dim=0)", "RuntimeError"),
    # ---- Einstein's convention
    (
        E + "weft.einsum('ij,jk->ik', a, b).equal(a @ b), weft.einsum('ij,jk', [a, b]).shape",
        "(True, weft.Size([2, 4]))",
    ),
    (
        E + "weft.einsum('ij->', a), weft.einsum('ij->j', a), weft.einsum('ba', a).shape",
        "(tensor(15.), tensor([3., 5., 7.]), weft.Size([3, 2]))",
    ),
    (
        E + "weft.einsum('ii', s), weft.einsum('ii->i', s), weft.einsum('iii->i', "
        "weft.arange(8).reshape(2, 2, 2))",
        "(tensor(12.), tensor([0., 4., 8.]), tensor([0, 7]))",
    ),
    (
        E + "weft.einsum('i,i', v, v), weft.einsum('i,i->i', v, v), weft.einsum('i,j->ij', v, "
        "v).shape",
        "(tensor(5.), tensor([0., 1., 4.]), weft.Size([3, 3]))",
    ),
    (
        E + "weft.einsum('...ij,...jk->...ik', c, b.T).equal(c @ b.T), weft.einsum('bij->bji', "
        "c).equal(c.mT)",
        "(True, True)",
    ),
    (
        E + "weft.einsum('...i,i', c.transpose(1, 2), v).tolist()",
        "[[20.0, 23.0, 26.0, 29.0], [56.0, 59.0, 62.0, 65.0]]",
    ),
    (
        E + "weft.einsum('...a,...b->...ab', c, a.unsqueeze(-1)).shape, weft.einsum('...->', c)",
        "(weft.Size([2, 3, 4, 1]), tensor(276.))",
    ),
    (
        E + "weft.einsum('ij,jk,kl->il', a, b, b.T).tolist()",
        "[[162.0, 554.0, 946.0], [504.0, 1688.0, 2872.0]]",
    ),
    (
        E + "weft.einsum('ij,kl->ljki', a, b).shape, weft.einsum('Ba', a).shape",
        "(weft.Size([4, 3, 3, 2]), weft.Size([2, 3]))",
    ),
    (
        E + "weft.einsum(a, [0, 1], b, [1, 2], [0, 2]).equal(a @ b), weft.einsum(c, [..., 0], [0, "
        "...]).shape",
        "(True, weft.Size([4, 2, 3]))",
    ),
    (
        E + "weft.einsum('ij,j->i', a, weft.ones(1)), weft.einsum(',', v[1], v[2])",
        "(tensor([ 3., 12.]), tensor(2.))",
    ),
    (
        E + "weft.einsum('ij->i', a.int()), weft.einsum('ij,jk', weft.ones(2, 0), weft.ones(0, 1))",
        "(tensor([ 3, 12]), tensor([[0.],\n        [0.]]))",
    ),
    (
        "a, b = weft.ones(2, 3, requires_grad=True), weft.arange(3.0); weft.einsum('ij,j->', a, "
        "b).backward(); a.grad",
        "tensor([[0., 1., 2.],\n        [0., 1., 2.]])",
    ),
    (
        "s = weft.ones(2, 2, requires_grad=True); weft.einsum('ii', s).backward(); s.grad",
        "tensor([[1., 0.],\n        [0., 1.]])",
    ),
    (E + "weft.einsum('ij,jk->ii', a, b)", "RuntimeError"),
    (E + "weft.einsum('ij->iz', a)", "RuntimeError"),
    (E + "weft.einsum('ij,jk', a)", "RuntimeError"),
    (E + "weft.einsum('ij', v)", "RuntimeError"),
    (E + "weft.einsum('i1', a)", "RuntimeError"),
    (E + "weft.einsum('i.j', a)", "RuntimeError"),
    (E + "weft.einsum('ij,jk', a, a)", "RuntimeError"),
    (E + "weft.einsum('iij', c)", "RuntimeError"),
    (E + "weft.einsum('......', a)", "RuntimeError"),
    # ---- Devices by number
    ("weft.device(1).type, weft.device(1).index, str(weft.device(0))", "('cuda', 1, 'cuda:0')"),
    ("weft.device(True)", "TypeError"),
    ("weft.ones(1, device=True)", "TypeError"),
    ("nn.Linear(1, 1).to(device='cpu').weight.device.type", "'cpu'"),
    # ---- Habits around the operations
    (
        "s = weft.ones(2, 3, 4).shape; s[1:], s[:-1].numel(), s + (1,), s[1:] * 2, s[-1], s[1:] == (3, 4)",
        "(weft.Size([3, 4]), 6, weft.Size([2, 3, 4, 1]), weft.Size([3, 4, 3, 4]), 4, True)",
    ),
    ("weft.ones(2, 3).size()[:0].numel(), [*weft.ones(2, 3).shape[::-1]]", "(1, [3, 2])"),
    ("weft.ones(2).shape['a']", "TypeError"),
    ("weft.ones(2).shape + [1]", "TypeError"),
    ("weft.ones(3)[weft.tensor([0.5])]", "IndexError"),
    ("x = weft.ones(3); x[weft.tensor([0.5])] = 1", "IndexError"),
    (
        "x = weft.ones(2, requires_grad=True); weft.autograd.grad(outputs=x * x, inputs=x, "
        "grad_outputs=weft.ones(2), create_graph=True, retain_graph=True, only_inputs=True)[0].tolist()",
        "[2.0, 2.0]",
    ),
    (
        "import io; f = io.BytesIO(); weft.save({'a': weft.ones(2)}, f); n = f.seek(0); "
        "weft.load(f, map_location='cpu', weights_only=True)",
        "{'a': tensor([1., 1.])}",
    ),
    (
        "import io; f = io.BytesIO(); weft.save(nn.Linear(1, 2).state_dict(), f); n = f.seek(0); "
        "sorted((k, v.tolist()) for k, v in weft.load(f, weft.device('cpu')).items()) != []",
        "True",
    ),
    ("weft.Generator(device='cpu').manual_seed(3).initial_seed()", "3"),
    ("weft.Generator('cpu').manual_seed(4).initial_seed()", "4"),
    (
        "weft.cuda.empty_cache(), weft.inf, -weft.inf, weft.nan, weft.pi > 3, weft.e > 2",
        "(None, inf, -inf, nan, True, True)",
    ),
    ("weft.cuda.manual_seed(1), weft.cuda.manual_seed_all(1)", "(None, None)"),
    (
        "s = weft.autograd.set_detect_anomaly; o = s(True); a = weft.is_anomaly_enabled(); o = s(False); "
        "a, weft.is_anomaly_enabled()",
        "(True, False)",
    ),
    (
        "m = nn.ParameterList([weft.ones(1)]); m += [weft.zeros(1)]; m[-1] = weft.ones(2); "
        "[(type(p).__name__, p.tolist()) for p in m]",
        "[('Parameter', [1.0]), ('Parameter', [1.0, 1.0])]",
    ),
    ("m = nn.ModuleList([nn.Tanh()]); m += [nn.ReLU()]; len(m), m[1]", "(2, ReLU())"),
    (
        "weft.multinomial(weft.tensor([[0.0, 3.0], [1.0, 0.0]]), 2, replacement=True)",
        "tensor([[1, 1],\n        [0, 0]])",
    ),
    ("weft.tensor([0.0, 3.0]).multinomial(1)", "tensor([1])"),
    ("weft.multinomial(weft.tensor([0.0, 3.0, 1.0]), num_samples=2).sort().values", "tensor([1, 2])"),
    ("weft.multinomial(weft.ones(2), 3)", "RuntimeError"),
    ("weft.multinomial(weft.tensor([-1.0, 2.0]), 1)", "RuntimeError"),
    ("weft.multinomial(weft.zeros(2), 1, True)", "RuntimeError"),
]
