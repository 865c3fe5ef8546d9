"""The dtypes of results: NumPy's lattice among arrays where PyTorch's is the same, numbers weak."""

import operator

import ml_dtypes
import numpy as np
import pytest
import weft
from hypothesis import assume, given, settings
from hypothesis import strategies as st

NAMES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
NUMPY = {name: np.dtype(getattr(ml_dtypes, name, name)) for name in NAMES}
WEFT = {name: getattr(weft, name) for name in NAMES}
FLOATING = NAMES[6:]


def category(name):
    return 0 if name == "bool" else 2 if name in FLOATING else 1


def promoted(a, b):
    """Within a category NumPy's; a floating dtype stands over all integers (PyTorch's rule)."""
    if category(a) != category(b):
        return max(a, b, key=category)
    if {a, b} == {"float16", "bfloat16"}:
        return "float32"
    if "bfloat16" in (a, b):
        return max(a, b, key=NAMES.index)
    return np.promote_types(NUMPY[a], NUMPY[b]).name


@pytest.mark.parametrize("a", NAMES)
@pytest.mark.parametrize("b", NAMES)
def test_pairs(a, b):
    expected = WEFT[promoted(a, b)]
    x, y = weft.ones(2, dtype=WEFT[a]), weft.ones(2, dtype=WEFT[b])
    assert weft.promote_types(WEFT[a], WEFT[b]) is expected
    assert weft.result_type(x, y) is expected
    assert (x + y).dtype is expected and weft.cat([x, y]).dtype is expected
    assert weft.where(weft.tensor([True, False]), x, y).dtype is expected
    assert (x == y).dtype is weft.bool


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", [True, 3, 0.5, np.float64(0.5), np.int8(3), np.bool_(True)])
def test_numbers_are_weak(name, number):
    """A number changes the category only: of integers to the default float32."""
    kind = 0 if isinstance(number, (bool, np.bool_)) else 2 if isinstance(number, float) else 1
    expected = name if kind <= category(name) else ["bool", "int64", "float32"][kind]
    x = weft.ones(2, dtype=WEFT[name])
    assert weft.result_type(x, number) is WEFT[expected]
    for result in (x + number, number + x, x * number, number * x):
        assert type(result) is weft.Tensor and result.dtype is WEFT[expected]


@pytest.mark.parametrize("a", NAMES)
@pytest.mark.parametrize("b", NAMES)
def test_tensors_without_dimensions_are_weak_within_a_category(a, b):
    x, scalar = weft.ones(2, dtype=WEFT[a]), weft.ones((), dtype=WEFT[b])
    expected = a if category(b) <= category(a) else b
    assert (x + scalar).dtype is WEFT[expected] and (scalar + x).dtype is WEFT[expected]


@pytest.mark.parametrize("name", NAMES)
def test_quotients_are_floating(name):
    x = weft.ones(2, dtype=WEFT[name])
    expected = WEFT[name if name in FLOATING else "float32"]
    assert (x / x).dtype is expected and (x / 2).dtype is expected and (1 / x).dtype is expected
    assert x.exp().dtype is expected if name != "bool" else True
    assert x.sum().dtype is (WEFT[name] if name in FLOATING else weft.int64)


@pytest.mark.parametrize("name", NAMES)
def test_in_place_keeps_the_dtype(name):
    x = weft.ones(2, dtype=WEFT[name])
    for number in (True, 2, 0.5):
        kind = {bool: 0, int: 1, float: 2}[type(number)]
        y = x.clone()
        if kind > category(name):
            with pytest.raises((TypeError, RuntimeError)):
                y += number
            assert (y == x).all()
        elif name != "bool":
            y += number
            assert y.dtype is WEFT[name]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 1), st.integers(-3, 3))
def test_values_after_promotion(a, b, one, value):
    """Both operands are converted before anything is computed."""
    x = np.array([one, 1]).astype(NUMPY[a])
    y = np.array([value, 1]).astype(NUMPY[b])
    common = NUMPY[promoted(a, b)]
    result = weft.tensor(x) * weft.tensor(y)
    assert result.numpy().dtype == common
    np.testing.assert_array_equal(result.numpy(), x.astype(common) * y.astype(common))


OPERATIONS = {
    "add": (operator.add, np.add),
    "sub": (operator.sub, np.subtract),
    "mul": (operator.mul, np.multiply),
    "maximum": (weft.maximum, np.maximum),
    "minimum": (weft.minimum, np.minimum),
    "eq": (operator.eq, np.equal),
    "lt": (operator.lt, np.less),
    "ge": (operator.ge, np.greater_equal),
}
EDGES = {name: np.iinfo(name) for name in NAMES[1:6]}


@st.composite
def operands(draw):
    """Values of a dtype, the ends of its range among them; of no dimensions now and then."""
    name = draw(st.sampled_from(NAMES))
    values = st.integers(-9, 9) if name in FLOATING else st.integers(0, 1)
    if name in EDGES:
        low, high = EDGES[name].min, EDGES[name].max
        values = st.one_of(st.integers(low, high), st.sampled_from([low, high, 0]))
    shape = draw(st.sampled_from([(), (3,), (3,), (1,), (0,), (2, 1)]))
    list_ = [draw(values) for _ in range(int(np.prod(shape)))]
    return name, np.array(list_, dtype=object).reshape(shape).astype(NUMPY[name])


def common_dtype(a, b):
    """Of two operands, where one without dimensions is weak within its category."""
    (name, x), (other, y) = a, b
    if (x.ndim == 0) != (y.ndim == 0):
        strong, weak = (name, other) if x.ndim else (other, name)
        return strong if category(weak) <= category(strong) else weak
    return promoted(name, other)


@settings(max_examples=400, deadline=None)
@given(operands(), operands(), st.sampled_from(sorted(OPERATIONS)))
def test_operations_of_any_two(a, b, operation):
    """Both converted first; integers wrap, and are compared as what they are."""
    ours, theirs = OPERATIONS[operation]
    x, y = a[1], b[1]
    common = common_dtype(a, b)
    assume(not (operation == "sub" and common == "bool"))
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        with pytest.raises(ValueError):
            ours(weft.tensor(x), weft.tensor(y))
        return
    # Halves are computed in float32, to which the operands go at once; the result is rounded.
    computed = np.dtype("float32") if common in ("float16", "bfloat16") else NUMPY[common]
    with np.errstate(all="ignore"):
        converted = [v.astype(computed) for v in (x, y)]
    pairs = zip(converted, (x, y))
    if category(common) == 1 and any((c.astype(object) != v.astype(object)).any() for c, v in pairs):
        # A weak number beyond the other's range.
        assume(operation not in ("maximum", "minimum"))
        if operation in ("eq", "lt", "ge"):
            converted = [x.astype(object), y.astype(object)]
    with np.errstate(all="ignore"):
        expected = np.asarray(theirs(*converted))
        expected = expected.astype(bool if operation in ("eq", "lt", "ge") else NUMPY[common])
    result = ours(weft.tensor(x), weft.tensor(y))
    assert str(result.dtype) == f"weft.{expected.dtype.name}"
    np.testing.assert_array_equal(result.numpy(), expected)


@settings(max_examples=300, deadline=None)
@given(operands(), operands(), st.sampled_from(["add", "mul"]))
def test_in_place_of_any_two(a, b, operation):
    """Computed in the common dtype, kept in the left one's; or refused with nothing changed."""
    change = {"add": operator.iadd, "mul": operator.imul}[operation]
    x, y = weft.tensor(a[1]), weft.tensor(b[1])
    try:
        expected = OPERATIONS[operation][0](x, y)
    except ValueError:
        expected = None
    before = x.clone()
    common = common_dtype(a, b)
    if expected is None or expected.shape != x.shape or category(common) > category(a[0]):
        with pytest.raises((ValueError, TypeError)):
            change(x, y)
        assert (x == before).all()
        return
    assert change(x, y) is x and (x == expected.to(x.dtype)).all()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.lists(st.integers(-100, 100)))
def test_conversions(a, b, values):
    x = np.array(values).astype(NUMPY[a])
    expected = x.astype(NUMPY[b])
    if b == "uint8" and category(a) == 2:  # out of range: C leaves it open
        expected = x.astype(np.int64).astype(np.uint8)
    np.testing.assert_array_equal(weft.tensor(x).to(WEFT[b]).numpy(), expected)


INPLACE = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
    "**=": operator.ipow,
}


@pytest.mark.parametrize("sign", INPLACE)
@pytest.mark.parametrize("name", NAMES)
def test_operators_in_place_change_the_tensor_itself(name, sign):
    """What holds the same memory sees it; a result of a higher category changes nothing."""
    f = INPLACE[sign]
    for other in (2, 0.5, weft.tensor([3.0, 1.0]), weft.tensor([2, 1]), weft.tensor(2)):
        x = weft.tensor([5, 3]).to(WEFT[name])
        view, before = x[:1], x.clone()
        plain = sign.removesuffix("=")
        try:
            result = eval(f"x {plain} other", {"x": x, "other": other})
        except TypeError:  # bool has no powers, and no quotient rounded down
            assert name == "bool"
            continue
        if category(str(result.dtype).removeprefix("weft.")) > category(name):
            with pytest.raises((TypeError, RuntimeError)):
                f(x, other)
            assert (x == before).all() and x.dtype is WEFT[name]
            continue
        y = f(x, other)
        assert y is x and x.dtype is WEFT[name] and (x == result.to(WEFT[name])).all()
        assert view[0].item() == x[0].item()


@pytest.mark.parametrize("sign", ["&", "|", "^"])
def test_bits_of_bool(sign):
    f = {"&": operator.iand, "|": operator.ior, "^": operator.ixor}[sign]
    x = weft.tensor([True, False])
    for other in (2, 0, weft.tensor([1, 0]), 0.5):
        for first, second in ((x, other), (other, x)):
            names = {"a": first, "b": second}
            if isinstance(other, float):
                with pytest.raises(TypeError):
                    eval(f"a {sign} b", names)
            else:
                assert eval(f"a {sign} b", names).dtype is weft.int64
        with pytest.raises(TypeError):
            f(x, other)
        assert x.tolist() == [True, False]
    view = x[1:]
    y = f(x, weft.tensor([True, True]))
    assert y is x and view.tolist() == [f(False, True)]
    with pytest.raises(ValueError):
        f(x, weft.ones(2, 2, dtype=weft.bool))
    with pytest.raises(ValueError):
        y = weft.ones(2)
        y **= weft.ones(2, 2)


def test_gradients_of_operators_in_place():
    x = weft.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    y **= 2
    y %= 5.0
    y.sum().backward()
    assert x.grad.tolist() == [4, 6]
    with pytest.raises(RuntimeError):
        x **= 2
    assert x.tolist() == [2, 3]
