"""wheel_cuda.py LIBRARY FOLDER: builds the wheel weft-cuda of a built library and lays it beside
weft, as an installation would; weft finds it there, and NVIDIA's libraries in their packages."""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "structure")]
import cuda_architectures
import wheel_cuda

ASK = """
import sys, weft
{}
print(weft.cuda.why_unavailable() or 'found')
assert 'weft_cuda' not in sys.modules
"""
FINDS = re.compile(r"^(found|driver not found.*|no device.*)$")


def ask(site, before="pass"):
    """What an interpreter that sees `site` says of its devices."""
    hidden = ("PYTHONPATH", "WEFT_CUDA_LIBRARY", "LD_LIBRARY_PATH")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    command = [sys.executable, "-B", "-c", ASK.format(before)]
    done = subprocess.run(
        command,
        env={**environment, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        cwd=site,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def nvidia_libraries(library):
    """Those that the built library finds: {name: path}."""
    text = subprocess.run(["ldd", library], check=True, capture_output=True, text=True).stdout
    return dict(re.findall(r"(lib(?:cublasLt|cudnn)\.so\.\d+) => (\S+)", text))


def check_contents(made, site, library):
    names = zipfile.ZipFile(made).namelist()
    assert not [n for n in names if re.search("cublas|cudnn|cudart", n)], names
    assert made.stat().st_size < wheel_cuda.wheel.LIMIT, made.stat().st_size
    meta = next(site.glob("weft_cuda-*.dist-info")) / "METADATA"
    assert "Requires-Dist: weft==" in meta.read_text() and "nvidia-cudnn" in meta.read_text()
    section = cuda_architectures.section
    device_code = [
        section(p.read_bytes(), ".nv_fatbin") for p in (library, site / "weft_cuda/libweft_cuda.so")
    ]
    assert device_code[0] and device_code[0] == device_code[1], "auditwheel changed the device code"


def main(library, folder):
    made = wheel_cuda.build(library, folder)
    with tempfile.TemporaryDirectory() as work:
        site = pathlib.Path(work)
        package = pathlib.Path(importlib.util.find_spec("weft").origin).parent
        shutil.copytree(package, site / "weft", ignore=shutil.ignore_patterns("__pycache__"))
        assert "not found" in (said := ask(site)) and "libweft_cuda" in said, said
        zipfile.ZipFile(made).extractall(site)
        check_contents(made, site, library)

        libraries = nvidia_libraries(library)
        loads = "; ".join(f"__import__('ctypes').CDLL({path!r})" for path in libraries.values())
        assert FINDS.match(said := ask(site, loads)), f"beside libraries that are loaded: {said}"

        _, (blas, dnn) = wheel_cuda.NVIDIA[wheel_cuda.generation(library)]
        for name, path in libraries.items():
            place = site / (blas if "cublas" in name else dnn)
            place.mkdir(parents=True, exist_ok=True)
            (place / name).symlink_to(path)
        assert FINDS.match(said := ask(site)), f"beside NVIDIA's packages: {said}"
    print(made.name, f"{made.stat().st_size / 1e6:.1f} MB")


main(*map(pathlib.Path, sys.argv[1:]))
