"""What tests/gpu.sh runs: each step a process with a time limit of its own."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import cuda_rows

SHARDS = 8  # of the op table: a fault of the device ends one of them, not all
# Python tests that ask for no device and need what is not there: a type checker, Jupyter, Sphinx.
NOT_HERE = {"typing", "notebooks", "site"}
# Those that have to do with devices, forks, signals and arguments: enough where all is simulated.
SIMULATED = {"cuda", "dlpack", "process", "interrupt", "chaos"}
# What memcheck and racecheck, which slow kernels down tenfold and more, look at.
CHECKED = {
    "memcheck": (
        "a network trains on the device as on the CPU",
        "random numbers have the CPU's bits for every shape and order in memory",
        "tensors travel between devices with their strides and their gradient",
        "dropout has the CPU's bits",
    ),
    "racecheck": ("a network trains on the device as on the CPU", "dropout has the CPU's bits"),
}
# Of races in other libraries' kernels nothing is to be learnt here.
WATCHED = {"memcheck": [], "racecheck": ["--kernel-regex", "kns=weft"]}
# A cached block holds more than a tensor: past its end nothing is seen unless each has its own.
FOR_TOOL = {"memcheck": {"WEFT_ALLOC": "passthrough"}, "racecheck": {}}


@dataclasses.dataclass
class Step:
    name: str
    kind: str  # "test" or "bench"
    command: list
    limit: float  # seconds
    weight: float  # seconds that it may take, for sharing out
    environment: dict = dataclasses.field(default_factory=dict)
    alone: bool = False  # nothing runs beside it
    figures: tuple = ()  # (library, group) of the JSON that it prints


def cases(program):
    """The names of a Catch2 program's cases, less the hidden ones."""
    for flags in (("--list-test-names-only",), ("--list-tests", "--verbosity", "quiet")):
        done = subprocess.run([program, *flags], capture_output=True, text=True, timeout=60)
        names = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        if names:
            return [name for name in names if not name.startswith(("missing: ", "sync: "))]
    return []


def quoted(name):
    """As Catch2 takes a name that holds commas."""
    return name.replace(",", "\\,")


class Steps:
    def __init__(self, build, python, simulate):
        self.build, self.python, self.simulate = build, python, simulate
        kind = "_simulated" if simulate else ""
        self.library = build / "lib" / f"libweft_cuda{kind}.so"
        package = os.pathsep.join([str(build / "python"), os.environ.get("PYTHONPATH", "")])
        self.environment = {"WEFT_CUDA_LIBRARY": str(self.library), "WEFT_BIN": str(build / "bin")}
        self.with_package = {**self.environment, "PYTHONPATH": package}

    def cpp(self):
        """Each case of tests/cuda by itself, since a fault ends the device's context."""
        program = self.build / "bin" / "test_cuda"
        for name in cases(program):
            command = [program, quoted(name)]
            if "op_table" in self.sharded(name):
                for k in range(SHARDS):
                    environment = {**self.environment, "WEFT_ROWS": f"{k}/{SHARDS}"}
                    yield Step(
                        f"C++: {name} ({k + 1}/{SHARDS})", "test", command, 150, 12, environment
                    )
            else:
                yield Step(f"C++: {name}", "test", command, 90, 4, self.environment)
        older = {"WEFT_CUDNN_GRAPH": "0", "WEFT_OPS": "conv2d,conv2d_relu"}
        command = [program, "every op gives*,second derivatives*"]
        environment = {**self.environment, "WEFT_CUDA_SYNC": "1"}
        yield Step("C++: errors at the call", "test", [program, "[.sync]"], 90, 4, environment)
        environment = {**self.environment, **older}
        yield Step("C++: cuDNN's older functions", "test", command, 90, 8, environment)

    def sharded(self, name):
        whole = ("every op gives", "operands may lie", "second derivatives")
        return "op_table" if name.startswith(whole) else ""

    def suites(self):
        """Everything else of the C++ suite, which this processor may be the first to run."""
        sources = "structure: (arrows|tracked|clang|public|every)"
        left_out = f"^(python|{sources}|consumer|guide|cifar10|test_cuda:)"
        command = [
            "ctest",
            "--test-dir",
            self.build,
            "--output-on-failure",
            "--no-tests=error",
            "--timeout",
            "120",
            "-j",
            str(len(os.sched_getaffinity(0))),
            "-E",
            left_out,
        ]
        if self.simulate:
            command += ["-R", "^structure: symbols|^test_core: a device is"]
        environment = {"WEFT_CUDA_LIBRARY": str(self.library)}
        yield Step(
            "C++: all but tests/cuda, on the CPU", "test", command, 300, 100, environment, True
        )

    def python_files(self):
        files = sorted((ROOT / "tests" / "python").glob("test_*.py"))
        chosen = [f for f in files if f.stem.removeprefix("test_") not in NOT_HERE]
        if self.simulate:
            chosen = [f for f in chosen if f.stem.removeprefix("test_") in SIMULATED]
        for file in chosen:
            command = [self.python, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-rs", file]
            yield Step(f"Python: {file.stem}", "test", command, 150, 12, self.with_package)

    def example(self):
        program = self.build / "bin" / "cifar10_alexnet"
        command = [self.python, "-B", ROOT / "tests" / "examples" / "device_test.py", program, "-v"]
        if not self.simulate:  # there it takes minutes
            yield Step("example: --device cuda", "test", command, 150, 20, self.environment)

    def oracle(self):
        """The calls of the op table on the device, in PyTorch and in Weft."""
        command = [self.python, "-B", ROOT / "tests" / "oracle" / "device.py", self.build / "bin"]
        if not self.simulate:
            yield Step("PyTorch as oracle", "test", command, 240, 60, self.with_package)

    def sanitizer(self):
        program = shutil.which("compute-sanitizer")
        there = cases(self.build / "bin" / "test_cuda")
        if gone := {name for names in CHECKED.values() for name in names} - set(there):
            raise SystemExit(f"gpu: test_cuda has no case {', '.join(sorted(gone))}")
        for tool, names in CHECKED.items():
            head = [program, "--tool", tool, "--error-exitcode", "99"] if program else []
            head += WATCHED[tool] if program else []
            if not program and not self.simulate:
                head = ["compute-sanitizer"]  # whose absence is a failure that says so
            command = [*head, self.build / "bin" / "test_cuda", ",".join(map(quoted, names))]
            environment = {**self.environment, **FOR_TOOL[tool]}
            yield Step(f"compute-sanitizer {tool}", "test", command, 200, 60, environment)

    def tests(self):
        parts = (
            self.suites(),
            self.oracle(),
            self.sanitizer(),
            self.example(),
            self.cpp(),
            self.python_files(),
        )
        return [step for part in parts for step in part]

    def benches(self):
        tiny = ["--tiny"] if self.simulate else []
        script = ROOT / "bench" / "on_cuda.py"
        found = [
            Step(
                "bench: C++ on the host",
                "bench",
                [self.build / "bin" / "bench_cuda_host"],
                60,
                5,
                self.environment,
                True,
                ("weft", "native"),
            )
        ]
        for group in cuda_rows.GROUPS:
            for library in ("weft", "torch"):
                if (library == "torch" and (self.simulate or group == "loader")) or (
                    library == "weft" and group == "compiled"
                ):
                    continue
                command = [self.python, "-B", script, library, group, *tiny]
                limit = 150 if group == "compiled" else 90
                found.append(
                    Step(
                        f"bench: {library} {group}",
                        "bench",
                        command,
                        limit,
                        20,
                        self.with_package,
                        True,
                        (library, group),
                    )
                )
        return found


def part_of(steps, k, n):
    """The k-th (from 1) of n shares of about the same time; a group's two libraries stay together."""
    bundles = {}
    for step in steps:
        key = step.figures[1] if step.figures else step.name
        bundles.setdefault("host" if key == "native" else key, []).append(step)
    totals, mine = [0.0] * n, []
    for bundle in sorted(bundles.values(), key=lambda b: -sum(s.weight for s in b)):
        least = totals.index(min(totals))
        totals[least] += sum(s.weight for s in bundle)
        if least == k - 1:
            mine += bundle
    return [step for step in steps if step in mine]
