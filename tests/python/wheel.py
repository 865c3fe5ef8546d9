"""wheel.py FOLDER: builds a wheel, installs it alone into a new environment and trains with it; a
type checker finds its stubs there."""

import os
import pathlib
import subprocess
import sys
import tempfile
import venv
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import wheel

TRAIN = """
import sys
import weft
from weft import nn, optim

assert "numpy" not in sys.modules
weft.manual_seed(0)
x = weft.randn(64, 8)
labels = (x.sum(dim=1) > 0).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
sgd = optim.SGD(net.parameters(), lr=0.5)
for step in range(100):
    loss = nn.functional.cross_entropy(net(x), labels)
    sgd.zero_grad()
    loss.backward()
    sgd.step()
assert loss.item() < 0.1, loss
image = weft.randn(2, 3, 16, 16)
assert nn.Conv2d(3, 8, 3, padding=1)(image).shape == (2, 8, 16, 16)
print("trained", loss.item(), weft.__version__)
"""

TYPED = """
import weft
from weft import nn

reveal_type(weft.ones(2) + 1.0)
reveal_type(nn.Linear(2, 3)(weft.ones(2)))
reveal_type(weft.cpu.memory_stats())
"""


def check_stubs(made):
    package = ROOT / "python"
    stubs = {str(f.relative_to(package)) for f in (package / "weft").rglob("*.pyi")}
    missing = (stubs | {"weft/py.typed"}) - set(zipfile.ZipFile(made).namelist())
    assert stubs and not missing, missing


def check_types(python, folder):
    program = pathlib.Path(folder) / "typed.py"
    program.write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", folder]
    found = subprocess.run(
        [*command, "--python-executable", python, program],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MYPYPATH")},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count('"weft._weft.Tensor"') == 2, found.stdout


made = wheel.build(pathlib.Path(sys.argv[1]))
check_stubs(made)
with tempfile.TemporaryDirectory() as folder:
    venv.create(folder, with_pip=True)
    python = pathlib.Path(folder) / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", made], check=True)
    subprocess.run([python, "-I", "-c", TRAIN], check=True, cwd=folder)
    check_types(python, folder)
print(made.name, f"{made.stat().st_size / 1e6:.1f} MB")
