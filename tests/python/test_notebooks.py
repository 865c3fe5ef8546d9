"""The notebooks of docs/notebooks run from top to bottom, offline, and show what they promise."""

import os
import pathlib
import re

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs/notebooks"
NAMES = ["alexnet_on_cifar10", "tensors_and_gradients", "your_own_operation"]


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory):
    """The kernels' files lie in a folder of the test's, and no variable changes what they do."""
    folder = tmp_path_factory.mktemp("jupyter")
    patch = pytest.MonkeyPatch()
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "MPLCONFIGDIR"):
        patch.setenv(name, str(folder / name))
    patch.setenv("OMP_WAIT_POLICY", "passive")  # on a busy machine, spinning threads starve others
    patch.delenv("MPLBACKEND", raising=False)
    yield
    patch.undo()


def run(notebook):
    """Executes a notebook in its folder, by a kernel of this very Python."""
    specs = KernelSpecManager(kernel_dirs=[])  # none of the user's: ipykernel's own
    manager = AsyncKernelManager(kernel_spec_manager=specs)
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, km=manager, timeout=500, resources=resources).execute()
    return notebook


@pytest.fixture(scope="module", params=NAMES)
def executed(request):
    name = f"{request.param}.ipynb"
    notebook = run(nbformat.read(FOLDER / name, as_version=4))
    if "WEFT_BIN" in os.environ:  # make docs shows these instead of running them again
        copies = pathlib.Path(os.environ["WEFT_BIN"]).with_name("notebooks")
        copies.mkdir(exist_ok=True)
        nbformat.write(notebook, copies / name)
    return request.param, notebook


def outputs(notebook):
    return [o for cell in notebook.cells for o in cell.get("outputs", [])]


def bundles(notebook, kind):
    return [o.data[kind] for o in outputs(notebook) if kind in o.get("data", {})]


def printed(notebook):
    return "".join(o.text for o in outputs(notebook) if o.get("name") == "stdout")


def test_every_notebook_is_tried():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


def test_notebook(executed):
    name, notebook = executed
    complaints = [o.text for o in outputs(notebook) if o.get("name") == "stderr"]
    assert not complaints
    globals()[f"check_{name}"](notebook)


def check_tensors_and_gradients(notebook):
    assert len(bundles(notebook, "image/png")) == 4
    assert re.search(r"ShapeError - .*\[3, 4\].*\[3, 5\]", printed(notebook))
    assert any("<b>Linear</b>" in text for text in bundles(notebook, "text/html"))


def check_your_own_operation(notebook):
    drawings = bundles(notebook, "image/svg+xml")
    assert len(drawings) == 4 and all("accumulate_grad" not in text for text in drawings)
    assert "SoftPlus" in drawings[0] and "SoftPlus" not in drawings[1]
    assert float(re.search(r"([\d.]+) % right", printed(notebook))[1]) > 95


def check_alexnet_on_cifar10(notebook):
    right = float(re.search(r"([\d.]+) % of the test pictures", printed(notebook))[1])
    assert right > 40
    tables = bundles(notebook, "text/html")
    assert any("<b>Conv2d</b>" in text and "[1, 10]" in text for text in tables)
    assert sum(text.count("<img") == 20 for text in tables) == 2
    assert len(bundles(notebook, "image/png")) == 3


def test_a_cell_that_raises_fails():
    cell = nbformat.v4.new_code_cell("import weft\nassert weft.ones(2).sum() == 3")
    with pytest.raises(CellExecutionError, match="AssertionError"):
        run(nbformat.v4.new_notebook(cells=[cell]))


BARS = """
import sys
from weft import datasets
bar = datasets._bar(10, "archive")
bar.update(10)
bar.close()
sys.path.insert(0, "../../examples/cifar10_alexnet")
import reports
progress = reports.Progress(True, 2, 5, 0)
for step in range(1, 11):
    progress.step(step, (step + 4) // 5, 0.25, 100)
progress.line("done")
progress.close()
assert reports.Progress(False, 2, 5, 0).bar is None
"""


def test_bars_in_a_notebook():
    notebook = run(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BARS)]))
    text = "".join(o.get("text", "") for o in outputs(notebook))
    text += "".join(bundles(notebook, "text/plain"))
    assert re.search(r"archive: 100%.* 10.0/10.0 ", text)
    assert re.search(r"epoch 2/2: 100%.* 10/10 .*loss 0.250, 100 images/s", text)
    assert "done" in text and "Warning" not in text
