"""Builds Weft on a machine with a GPU, runs its tests there, measures. tests/gpu.sh calls it.

Nothing waits for ever: each step has its time, all of them together have --seconds, and what has
not run by then is listed and counted as failed. The exit status is 0 where all that was asked for
passed.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import sysconfig
import threading
import time

import machine
import steps as listing

ROOT = machine.ROOT
sys.path.insert(0, str(ROOT / "bench"))
import cuda_rows

Outcome = collections.namedtuple("Outcome", "step status seconds output")
TAIL = 40  # lines of a failed step's output


def arguments():
    parser = argparse.ArgumentParser(prog="gpu.sh", description=__doc__)
    parser.add_argument("--build-folder", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--build", action="store_true", help="configure and compile")
    parser.add_argument("--test", action="store_true", help="run the tests on the device")
    parser.add_argument("--bench", action="store_true", help="measure beside PyTorch")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="only the K-th of N shares")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="steps whose name holds the text"
    )
    parser.add_argument("--list", action="store_true", help="name the steps, run none")
    parser.add_argument(
        "--arch", default="", help="for CMAKE_CUDA_ARCHITECTURES: 90-real is quickest"
    )
    parser.add_argument("--seconds", type=float, default=570, help="for everything (570)")
    parser.add_argument("--out", type=pathlib.Path, help="folder of the JSON and the log")
    options = parser.parse_args()
    k, _, n = options.part.partition("/")
    if not (k.isdigit() and n.isdigit() and 1 <= int(k) <= int(n)):
        parser.error(f"--part: got {options.part}, expected K/N with K from 1 to N")
    options.part = int(k), int(n)
    if not (options.build or options.test or options.bench):
        options.build = options.test = options.bench = True
    return options


class Clock:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()


def run(command, limit, environment=None):
    """(status, output): the process and its children end with the limit."""
    process = subprocess.Popen(
        [str(c) for c in command],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        errors="replace",
    )
    try:
        text, _ = process.communicate(timeout=limit)
        status = "passed" if process.returncode == 0 else f"failed ({process.returncode})"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        text, _ = process.communicate()
        status = f"out of time ({limit:.0f} s)"
    return status, text


class Runner:
    def __init__(self, clock, log):
        self.clock, self.log, self.lock = clock, log, threading.Lock()
        self.outcomes = []

    def one(self, step):
        start = time.monotonic()
        if self.clock.left() < 5:
            outcome = Outcome(step, "not run: the time was up", 0.0, "")
        else:
            try:
                status, text = run(
                    step.command, min(step.limit, self.clock.left()), step.environment
                )
            except OSError as error:
                status, text = "failed (cannot start)", str(error)
            outcome = Outcome(step, status, time.monotonic() - start, text)
        with self.lock:
            self.outcomes.append(outcome)
            self.tell(outcome)

    def tell(self, outcome):
        print(f"{outcome.status:>12}  {outcome.seconds:6.1f} s  {outcome.step.name}", flush=True)
        self.log.write(f"==== {outcome.step.name}: {outcome.status}\n{outcome.output}\n")
        self.log.flush()
        if outcome.status != "passed":
            for line in outcome.output.splitlines()[-TAIL:]:
                print(f"    {line}", flush=True)

    def all(self, steps, workers):
        """What wants to be alone comes last: then nothing that runs over its time disturbs it."""
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            list(pool.map(self.one, [s for s in steps if not s.alone]))
        for step in steps:
            if step.alone:
                self.one(step)


def first(folders, *patterns):
    """The first file that any pattern finds in any folder, or None."""
    return next((f for folder in folders for p in patterns for f in folder.glob(p)), None)


def nvidia_of_python():
    """CMake's values for cuDNN and cuBLASLt of Python's packages, where the toolkit lacks them."""
    home = pathlib.Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"))
    toolkit = (home, pathlib.Path("/usr"))
    try:
        import nvidia
    except ImportError:
        return {}
    packages = [pathlib.Path(folder) for folder in nvidia.__path__]
    values = {}
    for name, library in (("cudnn", "cuDNN_LIBRARY"), ("cublasLt", "CUDA_cublasLt_LIBRARY")):
        if first(toolkit, f"include/**/{name}.h", f"targets/**/{name}.h"):
            continue
        header, found = first(packages, f"*/include/{name}.h"), first(
            packages, f"*/lib/lib{name}.so.*"
        )
        if not (header and found):
            continue
        values[library] = found
        if name == "cudnn":
            values["cuDNN_INCLUDE_DIR"] = header.parent
        elif str(header.parent) not in os.environ.get("CPATH", ""):
            os.environ["CPATH"] = os.pathsep.join(
                filter(None, [os.environ.get("CPATH"), str(header.parent)])
            )
    return values


def has_python_headers():
    there = (pathlib.Path(sysconfig.get_path("include")) / "Python.h").is_file()
    if not there:
        print(
            "gpu: no Python.h of this Python: nothing of Python can be built or tested", flush=True
        )
    return there


def configure(options):
    third = options.build_folder / "third_party" / "usr"
    values = {
        "CMAKE_BUILD_TYPE": "Release",
        "WEFT_CUDA": "ON",
        "WEFT_BUILD_PYTHON": "ON" if has_python_headers() else "OFF",
        "WEFT_WERROR": "OFF",  # another compiler warns of other things
        "Python_EXECUTABLE": sys.executable,
        "Python3_EXECUTABLE": sys.executable,
        "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # what CMake 4 wants for older packages
        **nvidia_of_python(),
    }
    if third.is_dir():
        values |= {"CMAKE_PREFIX_PATH": third, "CMAKE_LIBRARY_ARCHITECTURE": "x86_64-linux-gnu"}
    if options.arch:
        values["CMAKE_CUDA_ARCHITECTURES"] = options.arch
    return [
        "cmake",
        "-S",
        ROOT,
        "-B",
        options.build_folder,
        "-G",
        "Ninja",
        "--no-warn-unused-cli",
        *(f"-D{name}={value}" for name, value in values.items()),
    ]


def build(options, clock):
    """Whether it is built. The seconds left are its limit; what is compiled then stays."""
    for name, command in (
        ("configure", configure(options)),
        ("compile", ["cmake", "--build", options.build_folder]),
    ):
        start = time.monotonic()
        status, text = run(command, max(clock.left(), 10))
        print(f"{status:>12}  {time.monotonic() - start:6.1f} s  {name}", flush=True)
        if status != "passed":
            print("\n".join(text.splitlines()[-120:]))
            return False
    return True


def figures_of(outcomes):
    """The JSON that the benchmarks printed, by library and group."""
    found = {}
    for o in outcomes:
        if o.step.figures and o.status == "passed":
            library, group = o.step.figures
            try:
                found.setdefault(library, {})[group] = json.loads(o.output.strip().splitlines()[-1])
            except (ValueError, IndexError):
                print(f"gpu: {o.step.name} printed no JSON", flush=True)
    return found


def report(options, outcomes):
    found = figures_of(outcomes)
    groups = {o.step.figures[1] for o in outcomes if o.step.figures}
    rows, notes = cuda_rows.Rows(found).all(groups)
    tests = [
        {"step": o.step.name, "status": o.status, "seconds": round(o.seconds, 1)}
        for o in sorted(outcomes, key=lambda o: o.step.name)
    ]
    return {
        "machine": machine.describe(options.build_folder, sys.executable),
        "part": "{}/{}".format(*options.part),
        "simulated": simulated(),
        "tests": tests,
        "rows": rows,
        "notes": notes,
        "figures": found,
    }


def show(made):
    print("\n" + machine.line(made["machine"]) + "\n")
    if made["simulated"]:
        print("SIMULATED devices and small sizes: these figures mean nothing\n")
    if made["rows"]:
        print("\n".join(cuda_rows.table(made["rows"])) + "\n")
    for note in made["notes"]:
        print(f"not measured: {note}")
    bad = [t for t in made["tests"] if t["status"] != "passed"]
    for t in bad:
        print(f"{t['status']}: {t['step']}")
    missed = [r["measure"] for r in made["rows"] if r["reached"] is False]
    print(
        f"{len(made['tests']) - len(bad)} steps passed, {len(bad)} failed; "
        f"{len(made['rows'])} measures, {len(missed)} short of their aim"
    )
    return not bad


def simulated():
    return os.environ.get("WEFT_GPU_SIMULATE") == "1"


def main():
    options = arguments()
    clock = Clock(options.seconds)
    why = machine.why_no_gpu()
    if why and not simulated() and not options.list and (options.test or options.bench):
        print(
            f"gpu: no GPU ({why}): tests and benchmarks need one. --build works without; "
            "WEFT_GPU_SIMULATE=1 tries the rest on simulated devices.",
            file=sys.stderr,
        )
        sys.exit(3)
    if options.build and not options.list and not build(options, clock):
        sys.exit(1)
    if not (options.test or options.bench):
        return
    all_steps = listing.Steps(options.build_folder, sys.executable, simulated())
    chosen = (all_steps.tests() if options.test else []) + (
        all_steps.benches() if options.bench else []
    )
    chosen = [s for s in listing.part_of(chosen, *options.part) if options.only in s.name]
    if options.list:
        print("\n".join(s.name for s in chosen))
        return
    out = options.out or options.build_folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    end = "" if options.part == (1, 1) else "-{}-of-{}".format(*options.part)
    with (out / f"gpu{end}.log").open("w") as log:
        runner = Runner(clock, log)
        runner.all(chosen, max(2, min(6, len(os.sched_getaffinity(0)) // 2)))
    made = report(options, runner.outcomes)
    (out / f"gpu{end}.json").write_text(json.dumps(made, indent=1) + "\n")
    sys.exit(0 if show(made) and chosen else 1)


if __name__ == "__main__":
    main()
