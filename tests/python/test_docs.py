"""The examples in docstrings run."""

import doctest
import importlib
import pathlib

import pytest
import weft

PACKAGE = pathlib.Path(weft.__file__).parent
MODULES = sorted(
    "weft." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)


@pytest.mark.parametrize("name", [n.removesuffix(".__init__") for n in MODULES])
def test_examples(name):
    module = importlib.import_module(name)
    weft.manual_seed(0)
    result = doctest.testmod(module, globs={"weft": weft})
    assert result.failed == 0
