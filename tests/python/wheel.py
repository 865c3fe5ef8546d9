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

TRAIN = pathlib.Path(__file__).with_name("train_alone.py")

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
    subprocess.run([python, "-I", TRAIN], check=True, cwd=folder)
    check_types(python, folder)
print(made.name, f"{made.stat().st_size / 1e6:.1f} MB")
