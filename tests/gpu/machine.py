"""The machine that tests and benchmarks run on: what it is, and whether it has a GPU."""

import ctypes
import datetime
import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def output(*command):
    """What a program prints, or nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def why_no_gpu():
    """Empty where the driver is there and finds a device."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "driver not found"
    if status := driver.cuInit(0):
        return f"the driver's cuInit gives {status}"
    count = ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(count))
    return "" if count.value else "the driver finds no device"


def cached(build, name):
    """A value of the build's CMake cache."""
    try:
        text = (build / "CMakeCache.txt").read_text()
    except OSError:
        return ""
    found = re.search(rf"^{name}:\w+=(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def cudnn(build):
    try:
        folder = pathlib.Path(cached(build, "cuDNN_INCLUDE_DIR"))
        text = (folder / "cudnn_version.h").read_text()
    except OSError:
        return ""
    parts = re.findall(r"#define CUDNN_(?:MAJOR|MINOR|PATCHLEVEL)\s+(\d+)", text)
    return ".".join(parts[:3])


def commit():
    """From git, or from WEFT_COMMIT where the checkout came without its history."""
    return output("git", "describe", "--always", "--dirty") or os.environ.get(
        "WEFT_COMMIT", "unknown"
    )


def processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found[1] if found else platform.processor()


def describe(build, python):
    gpu = output(
        "nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"
    )
    name, driver, memory = (gpu.splitlines()[0].split(", ") if gpu else ("none", "", ""))[:3]
    nvcc = re.search(r"release ([\d.]+)", output("nvcc", "--version"))
    code = "import torch; print(torch.__version__, torch.backends.cudnn.version())"
    torch = output(python, "-c", code).split()
    return {
        "gpu": name,
        "memory": memory,
        "driver": driver,
        "cuda": nvcc[1] if nvcc else "",
        "cudnn": cudnn(build),
        "torch": torch[0] if torch else "",
        "torch_cudnn": torch[1] if torch else "",
        "python": platform.python_version(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
    }


def line(m):
    return (
        f"{m['gpu']} ({m['memory']}), driver {m['driver']}, CUDA {m['cuda']}, cuDNN {m['cudnn']}; "
        f"PyTorch {m['torch']} (cuDNN {m['torch_cudnn']}); {m['processor']}, {m['cores']} cores; "
        f"{m['date']}, commit {m['commit']}"
    )
