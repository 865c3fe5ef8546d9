"""The dtypes of results inside autocast("cpu"), as PyTorch 2.15 gives them.

    autocast_table.py    evaluates the table in PyTorch, which has to be there
"""

# Of one operand `a`, and of two, which may be mixed; all are [4, 4]. `i` are class indices.
LOWER = {
    "F.conv2d(a.reshape(1, 1, 4, 4), b.reshape(1, 1, 4, 4))": 2,
    "F.linear(a, b)": 2,
    "F.linear(a, b, b[0])": 2,
    "T.matmul(a, b)": 2,
    "T.matmul(a, b[0])": 2,
    "T.matmul(a[0], b[0])": 2,
    "T.mm(a, b)": 2,
    "T.bmm(a[None], b[None])": 2,
    "T.addmm(a, a, b)": 2,
    "a @ b": 2,
}
WIDEN = {
    "a.prod()": 1,
    "a.prod(0)": 1,
    "T.prod(a, 0)": 1,
    "F.l1_loss(a, b)": 2,
    "F.mse_loss(a, b)": 2,
    "F.binary_cross_entropy_with_logits(a, b)": 2,
    "F.nll_loss(a, i)": 1,
    "F.nll_loss(a, i, weight=b[0])": 2,
    "F.cross_entropy(a, i)": 1,
    "F.cross_entropy(a, i, weight=b[0])": 2,
    "F.cross_entropy(a, b)": 2,
    "F.pad(a, (1, 1), mode='reflect')": 1,
    "F.pad(a, (1, 1), mode='replicate')": 1,
    "F.pad(a[None], (1, 1, 1, 1), mode='reflect')": 1,
}
PROMOTE = {
    "T.cat([a, b])": 2,
    "T.stack([a, b])": 2,
    "T.index_copy(a, 0, T.tensor([0]), b[:1])": 2,
    "a + b": 2,
    "a * b": 2,
    "a / b": 2,
    "T.maximum(a, b)": 2,
    "T.where(a > 0.5, a, b)": 2,
    "T.outer(a[0], b[0])": 2,
}
KEEP = [
    *(f"a.{name}()" for name in "sum mean var std norm exp log tanh relu sigmoid sqrt erf".split()),
    "a.pow(2)",
    "a.clamp(0, 1)",
    "T.softmax(a, 0)",
    "T.log_softmax(a, 0)",
    "T.logsumexp(a, 0)",
    "T.dot(a[0], a[1])",
    "F.gelu(a)",
    "F.softplus(a)",
    "F.layer_norm(a, (4,))",
    "F.batch_norm(a, None, None, training=True)",
    "F.local_response_norm(a.reshape(1, 4, 4), 2)",
    "F.max_pool2d(a[None], 2)",
    "F.avg_pool2d(a[None], 2)",
    "F.adaptive_avg_pool2d(a[None], 2)",
    "F.dropout(a)",
    "F.embedding(i, a)",
    "F.pad(a, (1, 1))",
    "F.pad(a, (1, 1), mode='circular')",
]
ALONE = "float32", "bfloat16", "float16", "float64"
MIXED = ("float32", "bfloat16"), ("bfloat16", "float32")


def expected(expression, dtypes):
    """The name of the result's dtype."""
    if "float64" in dtypes:
        return "float64"
    if expression in LOWER:  # halves of the other kind are lowered to this one too
        return "bfloat16"
    return "float32" if expression in WIDEN or len(set(dtypes)) == 2 else dtypes[0]


def cases():
    """(expression, dtypes of a and b)."""
    for table in LOWER, WIDEN, PROMOTE, dict.fromkeys(KEEP, 1):
        for expression, operands in table.items():
            for t in ALONE:
                if t != "float16" or table is not PROMOTE:  # some of them PyTorch refuses
                    yield expression, (t, t)
            if operands == 2:
                yield from ((expression, pair) for pair in MIXED)


def result(library, functional, expression, dtypes):
    """The name of the dtype that a library gives."""
    kinds = [getattr(library, t) for t in dtypes]
    a, b = (library.linspace(0.1, 0.9, 16).reshape(4, 4).to(kind) for kind in kinds)
    names = {"T": library, "F": functional, "a": a, "b": b, "i": library.tensor([0, 1, 2, 3])}
    with library.autocast("cpu", library.bfloat16):
        return str(eval(expression, names).dtype).partition(".")[2]


if __name__ == "__main__":
    import torch

    wrong = 0
    for expression, dtypes in cases():
        try:
            found = result(torch, torch.nn.functional, expression, dtypes)
        except RuntimeError as error:
            found = str(error)
        if found != expected(expression, dtypes):
            wrong += 1
            print(f"{expression} of {' '.join(dtypes)}: {found}, not {expected(expression, dtypes)}")
    print(f"{wrong} of {len(list(cases()))} differ")
