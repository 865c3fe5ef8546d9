"""The type stubs are those of the compiled module, and programs that use weft are checked by them."""

import os
import pathlib
import subprocess
import sys

import pytest
import weft

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "python" / "typing"
# The package that this process imports: of the build folder, or an installed wheel.
HOME = pathlib.Path(weft.__file__).parents[1]


def run(*command):
    environment = {**os.environ, "PYTHONPATH": str(HOME), "MYPYPATH": str(HOME)}
    done = subprocess.run(
        [sys.executable, "-B", *map(str, command)],
        cwd=ROOT,
        env=environment,
        text=True,
        capture_output=True,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    cache = tmp_path_factory.mktemp("mypy")
    return lambda *files: run("-m", "mypy", "--cache-dir", cache, *files)


def test_the_stubs_are_what_the_module_says():
    status, output = run("python/stubs/generate.py", "--check")
    assert status == 0, output


def test_the_stubs_agree_with_the_package():
    status, output = run(
        *("-m", "mypy.stubtest", "weft", "--concise", "--mypy-config-file", "pyproject.toml"),
        *("--allowlist", CASES / "allowlist.txt"),
    )
    assert status == 0, output


def test_the_package_and_the_examples_are_typed(mypy):
    examples = sorted((ROOT / "examples").rglob("*.py"))
    assert examples
    status, output = mypy(ROOT / "python" / "weft", CASES / "cases.py", *examples)
    assert status == 0, output


def test_a_wrong_program_is_refused(mypy, tmp_path):
    program = tmp_path / "wrong.py"
    program.write_text("import weft\n\nn: int = weft.ones(2) + 1.0\nweft.ones(2).shpe\n")
    status, output = mypy(program)
    assert status == 1
    assert 'expression has type "Tensor", variable has type "int"' in output
    assert '"Tensor" has no attribute "shpe"' in output
