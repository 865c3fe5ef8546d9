"""What the pages of docs/ say is so: every public name has a place, examples run, differences hold."""

import doctest
import pathlib
import re
import sys

import pytest

import weft

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS / "tools"))

import differences  # noqa: E402
import names  # noqa: E402

DOCUMENTED = names.documented()
# A name that another module gives too is described where users look for it first.
ELSEWHERE = {id(getattr(names.scope(w), n)) for w, found in DOCUMENTED.items() for n in found}


@pytest.mark.parametrize("where", [*names.modules(), "weft.Tensor"])
def test_every_public_name_is_on_a_page(where):
    scope = names.scope(where)
    public = set(names.public(scope))
    missing = public - set(DOCUMENTED.get(where, ()))
    assert sorted(n for n in missing if id(getattr(scope, n)) not in ELSEWHERE) == []


def test_public_names_are_found():
    assert {"weft", "weft.cpu", "weft.nn.functional", "weft.optim.lr_scheduler"} <= set(names.modules())
    assert {"conv2d", "relu"} <= set(names.public(names.scope("weft.nn.functional")))
    assert {"Tensor", "relu", "float32"} <= set(names.public(weft))


@pytest.mark.parametrize("where", sorted(DOCUMENTED))
def test_every_name_on_a_page_is_there_once(where):
    found = DOCUMENTED[where]
    assert [n for n in found if not hasattr(names.scope(where), n)] == []
    assert sorted(n for n in set(found) if found.count(n) > 1) == []


PAGES = [p for p in sorted(DOCS.rglob("*.md")) if ">>>" in p.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_on_pages_run(page):
    weft.manual_seed(0)
    text = re.sub(r"^```.*$", "", page.read_text(), flags=re.M)
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert example.examples
    report = []
    doctest.DocTestRunner().run(example, out=report.append)
    assert not report, "".join(report)


def test_there_are_pages_with_examples():
    assert DOCS / "start.md" in PAGES


def test_differences_from_pytorch_hold():
    assert len(list(differences.rows())) > 30
    assert list(differences.wrong(weft, 0)) == []
