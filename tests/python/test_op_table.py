"""Each row of the op table called from Python: the bits, dtypes, sizes and strides of C++."""

import collections

import op_table
import pytest
import weft
from op_table import as_inplace, as_method, bits, evaluate

if not op_table.PROGRAM.exists():
    pytest.skip(f"{op_table.PROGRAM} is not built", allow_module_level=True)

TABLE = op_table.table()
ROWS = op_table.names()
CALLS = collections.defaultdict(list)
for _call in TABLE.calls:
    CALLS[_call["op"]].append(_call)
ERRORS = collections.defaultdict(list)
for _call in TABLE.errors:
    ERRORS[_call["op"]].append(_call)

# Rows whose calls do not show their name: what shows them instead, and why nothing may.
SHOWN_BY = {
    "div_floor": "rounding_mode='floor'",
    "div_trunc": "rounding_mode='trunc'",
    "from_blob": "torch.tensor(",  # Python has no pointers; from_numpy() is in test_numpy.py
    "gelu_tanh": "approximate='tanh'",
    "index": "x[0][x[1]",
    "log_softmax_to_f64": "dtype=torch.float64",
    "max_pool2d_with_indices": "return_indices=True",
    "round_decimals": "decimals=",
    "slice": "x[0][:, 1:5:2]",
    "softmax_to_f64": "dtype=torch.float64",
    "to_bool": "to(torch.bool)",
    "to_int": "to(torch.int32)",
    "view_of_bits": "view(torch.int32)",
}
# Of these C++ has in-place forms for its own use only.
NOT_IN_PLACE = {"gelu", "gelu_tanh"}
# Errors of other words: Python's nested lists are read by other code than C++'s.
OWN_WORDS = {"tensor"}
# None among indices is a new axis.
NONE_IS_FINE = {"index", "index_put_"}
CATEGORY = {"bool": 0, **dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 2)}


def head(call):
    return f"{call['python']} of {call['dtype']}"


def strides(tensors):
    return [[] if t is None else list(t.stride()) for t in tensors]


def check(call, x, outputs, gradients=True):
    """Outputs, and gradients of x, against those of C++."""
    assert all(isinstance(y, weft.Tensor) for y in outputs), head(call)
    expected = TABLE.found(call, "y", call["outputs"])
    assert list(map(bits, outputs)) == list(map(bits, expected)), head(call)
    assert strides(outputs) == call["strides"], head(call)
    recorded = [y for y in outputs if y.requires_grad]
    assert bool(recorded) == call["gradients"], head(call)
    if not recorded or not gradients:
        return
    wanted = [t for t in x if t.requires_grad]
    given = TABLE.found(call, "g", len(recorded))
    grads = weft.autograd.grad(recorded, wanted, given, allow_unused=True)
    expected = TABLE.found(call, "dx", len(wanted))
    assert list(map(bits, grads)) == list(map(bits, expected)), head(call)
    assert strides(grads) == call["grad_strides"], head(call)


@pytest.mark.parametrize("name", ROWS)
def test_functions(name):
    for call in CALLS[name]:
        x = TABLE.inputs(call)
        check(call, x, evaluate(call["python"], x))


def forms(of):
    found = collections.defaultdict(list)
    for call in TABLE.calls:
        if form := of(call["python"]):
            found[form[0]].append((call, form[1]))
    return found


METHODS, INPLACE = forms(as_method), forms(as_inplace)


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    for call, expression in METHODS[name]:
        x = TABLE.inputs(call)
        check(call, x, evaluate(expression, x), gradients=False)


def category(dtype):
    return CATEGORY.get(str(dtype).removeprefix("weft."), 1)


@pytest.mark.parametrize("name", INPLACE)
def test_inplace_forms(name):
    """x[0] becomes what the call gives, or is refused and stays."""
    for call, expression in INPLACE[name]:
        x, (expected,) = TABLE.inputs(call), TABLE.found(call, "y", 1)
        leaf, x[0] = x[0], x[0].clone()
        target, version = x[0], x[0]._version
        fits = expected.shape == leaf.shape and category(expected.dtype) <= category(leaf.dtype)
        if not fits:
            with pytest.raises((TypeError, ValueError)):
                evaluate(expression, x)
            assert bits(target) == bits(leaf), head(call)
            continue
        (y,) = evaluate(expression, x)
        assert y is target and bits(y) == bits(expected.to(leaf.dtype)), head(call)
        assert y._version > version or bits(y) == bits(leaf), head(call)
        if call["gradients"] and expected.dtype == leaf.dtype:
            wanted = [t for t in [leaf, *x[1:]] if t.requires_grad]
            grads = weft.autograd.grad(y, wanted, TABLE.found(call, "g", 1), allow_unused=True)
            assert list(map(bits, grads)) == list(map(bits, TABLE.found(call, "dx", len(wanted))))


def test_every_in_place_form_of_the_table_is_tried():
    tried = {call["op"] for calls in INPLACE.values() for call, _ in calls}
    tried |= {name for name in ROWS if name.endswith("_")}
    assert {call["op"] for call in TABLE.calls if call["inplace"]} - tried == NOT_IN_PLACE


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_called(name):
    shown = SHOWN_BY.get(name, name + "(")
    assert any(shown in call["python"] for call in CALLS[name])


def test_every_dtype_is_tried():
    assert len({d for call in TABLE.calls for d in call["dtype"].split()}) == 10


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    """The class and the words of C++; None where a tensor belongs is a TypeError."""
    for call in ERRORS[name]:
        x = TABLE.found(call, "x", call["inputs"], "errors.safetensors")
        if call["what"].startswith("undefined"):
            if call["what"].endswith(" 0") or name not in NONE_IS_FINE:
                with pytest.raises((TypeError, AttributeError)):
                    evaluate(call["torch"], x)
            continue
        with pytest.raises(weft.Error) as caught:
            evaluate(call["torch"], x)
        assert type(caught.value) is getattr(weft, call["error"]), call
        assert str(caught.value) == call["message"] or name in OWN_WORDS, call
