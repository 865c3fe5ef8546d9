"""Every public name has a docstring that says more than its signature, and its examples run."""

import doctest
import importlib
import inspect
import pathlib
import re

import pytest
import weft
import weft.nn.functional as F

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python" / "weft"

# Functions and classes without an example, and why.
WITHOUT_EXAMPLE = {
    "weft.autograd.drawing.Drawing": "draw() has one",
    "weft.autograd.HookHandle": "register_hook() has one",
    "weft.cpu.fail_allocation_at": "for tests of programs; it would fail what runs beside it",
    "weft.data.CIFAR10": "needs files",
    "weft.data.CIFAR100": "needs files",
    "weft.data.MNIST": "needs files",
    "weft.datasets.CIFAR10": "needs files",
    "weft.datasets.CIFAR100": "needs files",
    "weft.datasets.FashionMNIST": "needs files",
    "weft.datasets.MNIST": "needs files",
    "weft.datasets.fetch": "needs a network",
    "weft.data.read_contact_sheets": "needs files",
    "weft.nn.Elementwise": "a base class",
    "weft.nn.Loss": "a base class",
    "weft.nn.BatchNorm": "a base class",
    "weft.nn.Stateful": "a base class",
    "weft.nn.SummaryRow": "Summary has one",
    "weft.optim.lr_scheduler.LRScheduler": "a base class",
    "weft.utils.Pictures": "show_images() has one",
}
# What pybind11 puts first, or where it lists overloads.
SIGNATURE = re.compile(r"(\d+\. )?\w*\(.*\)( -> .*)?|Overloaded function\.")


def module_names():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(("weft", *parts)).removesuffix(".__init__")
        if not any(part.startswith("_") for part in name.split(".")):
            yield name


def public(module):
    """Functions and classes of weft that a module shows."""
    for name in getattr(module, "__all__", sorted(vars(module))):
        value = getattr(module, name)
        home = getattr(value, "__module__", None) or ""
        if not name.startswith("_") and callable(value) and home.split(".")[0] == "weft":
            yield name, value


MODULES = {name: importlib.import_module(name) for name in module_names()}


def shown():
    """Each where it is at home, or else wherever it is shown."""
    for place, module in MODULES.items():
        for name, value in public(module):
            home = MODULES.get(value.__module__)
            if home in (None, module) or not hasattr(home, name):
                yield f"{place}.{name}", value


SHOWN = dict(shown())
CLASSES = {name: value for name, value in SHOWN.items() if isinstance(value, type)}


def members(cls):
    """The public methods and properties that a class has of its own."""
    for name, value in vars(cls).items():
        kinds = (property, classmethod, staticmethod)
        described = inspect.isroutine(value) or inspect.isdatadescriptor(value)
        made_by_pybind11 = cls is weft.memory_format and name in ("name", "value")
        if not name.startswith("_") and not made_by_pybind11 and (described or isinstance(value, kinds)):
            yield name, value


MEMBERS = {f"{c}.{name}": value for c, cls in CLASSES.items() for name, value in members(cls)}


def prose(value):
    """A docstring without signatures and examples."""
    lines = (inspect.getdoc(value) or "").split(">>>")[0].splitlines()
    return " ".join(line.strip() for line in lines if not SIGNATURE.fullmatch(line.strip())).strip()


def says_something(text):
    return len(text.split()) >= 2 and text.rstrip('"').endswith((".", ")", ":"))


def test_the_names_are_found():
    assert len(MODULES) > 12 and {"weft", "weft.nn.functional", "weft.cpu"} <= set(MODULES)
    assert {"weft.exp", "weft.nn.Linear", "weft.cpu.memory_stats"} <= set(SHOWN)
    assert {"weft.Tensor.sum", "weft.Tensor.shape", "weft.nn.Module.train"} <= set(MEMBERS)
    assert prose(weft.manual_seed).startswith("Seeds the default generator")


def test_a_signature_alone_says_nothing():
    def bare():
        """f(x: int) -> int"""

    assert not says_something(prose(bare))
    assert not says_something(prose(lambda: 0))


@pytest.mark.parametrize("module", MODULES)
def test_modules_say_what_they_hold(module):
    assert says_something(prose(MODULES[module]))


@pytest.mark.parametrize("module", MODULES)
def test_functions_and_classes_say_what_they_do(module):
    own = {n: v for n, v in SHOWN.items() if n.rpartition(".")[0] == module}
    assert not {name for name, value in own.items() if not says_something(prose(value))}


@pytest.mark.parametrize("cls", CLASSES)
def test_methods_and_properties_say_what_they_do(cls):
    own = {n: v for n, v in MEMBERS.items() if n.rpartition(".")[0] == cls}
    assert not {name for name, value in own.items() if not says_something(prose(value))}


def shows_example(value):
    return ">>> " in (value.__doc__ or "")


@pytest.mark.parametrize("module", MODULES)
def test_functions_and_classes_have_examples(module):
    own = {n: v for n, v in SHOWN.items() if n.rpartition(".")[0] == module}
    errors = {n for n, v in own.items() if isinstance(v, type) and issubclass(v, Exception)}
    bare = {name for name, value in own.items() if not shows_example(value)} - errors
    assert bare <= set(WITHOUT_EXAMPLE), sorted(bare - set(WITHOUT_EXAMPLE))


def test_every_exception_is_one():
    assert not {name for name in WITHOUT_EXAMPLE if shows_example(SHOWN[name])}


EXAMPLES = {n: v for n, v in (MODULES | SHOWN | MEMBERS).items() if shows_example(v)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weft.manual_seed(0)
    names = {"weft": weft, "nn": weft.nn, "F": F}
    example = doctest.DocTestParser().get_doctest(EXAMPLES[name].__doc__, names, name, None, 0)
    report = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=report.append)
    assert not report, "".join(report)
