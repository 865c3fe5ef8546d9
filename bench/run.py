"""Weft beside its peers, on the same machine in the same run: a table, and the figures as JSON.

    run.py BIN [--json FILE] [--only GROUP...] [--rounds N] [--data CIFAR]

BIN has Weft's benchmarks; PyTorch is that of the Python which runs this. Each figure is a median; the
programs of a group take turns, so that a disturbance meets all of them. `training` (an hour and more)
runs only when it is named, and needs --data.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PEERS = ROOT / "bench" / "peers"
STEPS = 5  # of AlexNet in a turn


def cpu_flags():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split())
    return set()


FLAGS = cpu_flags()
AVX512, AMX = "avx512f" in FLAGS, "amx_bf16" in FLAGS


class Unavailable(Exception):
    """A peer that this machine cannot run, and why."""


def run(command, why="", **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"{why or pathlib.Path(command[0]).name}: {last}")
    return done.stdout


class Bench:
    """Programs, and the rows that they led to."""

    def __init__(self, options):
        self.bin, self.rounds, self.data = options.bin.resolve(), options.rounds, options.data
        self.build = self.bin.parent / "peers"
        self.build.mkdir(exist_ok=True)
        self.rows = []
        self.notes = []

    def row(self, what, unit, weft, peer, peer_name, target, best="least"):
        """ratio: how many times better than the peer, for figures of which the least or the greatest is best."""
        ratio = peer / weft if best == "least" else weft / peer
        self.rows.append({"measure": what, "unit": unit, "weft": weft, "peer": peer, "peer_name": peer_name,
                          "ratio": ratio, "target": target, "reached": None if target is None else ratio >= target})

    def take_turns(self, commands):
        """The JSON of each command, lists of times joined over the rounds; None for one that cannot run."""
        results = {name: None for name in commands}
        for _ in range(self.rounds):
            for name, command in list(commands.items()):
                try:
                    one = json.loads(run(command, name))
                except Unavailable as error:
                    self.notes.append(str(error))
                    del commands[name]
                    continue
                if results[name]:
                    one["step_ms"] += results[name]["step_ms"]
                results[name] = one
                if statistics.median(one["step_ms"]) > 5000:  # one turn says enough
                    del commands[name]
        return results

    def google(self, *programs):
        """Median real time in nanoseconds, or bytes per second where given, by program and benchmark."""
        flags = ["--benchmark_format=json", "--benchmark_repetitions=7", "--benchmark_report_aggregates_only=true",
                 "--benchmark_enable_random_interleaving=true"]
        results = []
        for program in programs:
            scale = {"ns": 1, "us": 1e3, "ms": 1e6}
            medians = {}
            for b in json.loads(run([program, *flags]))["benchmarks"]:
                if b["aggregate_name"] == "median":
                    name = b["run_name"].removesuffix("/real_time")
                    medians[name] = b.get("bytes_per_second") or b["real_time"] * scale[b["time_unit"]]
            results.append(medians)
        return results

    def compile(self, name, flags):
        program = self.build / name
        source = PEERS / f"{name}.cpp"
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            run(["g++", "-std=c++20", "-O3", "-march=native", source, "-o", program, *flags], f"compile {name}")
        return program


def libtorch_flags():
    import torch

    home = pathlib.Path(torch.__file__).parent
    lib = home / "lib"
    return [f"-I{home}/include", f"-I{home}/include/torch/csrc/api/include", f"-L{lib}", f"-Wl,-rpath,{lib}",
            "-Wl,--allow-shlib-undefined", "-ltorch", "-ltorch_cpu", "-lc10", "-lbenchmark", "-lpthread"]


def least(results, names):
    """The program with the least median among those that ran."""
    ran = [n for n in names if results[n]]
    return min(ran, key=lambda n: statistics.median(results[n]["step_ms"])) if ran else None


def alexnet(bench):
    floor = bench.compile("floor", ["-fopenmp", "-ldnnl"])
    torch = [sys.executable, PEERS / "alexnet_torch.py", "step", "--steps", STEPS]
    for precision, torch_target in (("f32", 2.0 if AVX512 else None), ("bf16", 1.4 if AMX else 1.3)):
        commands = {
            "weft": [bench.bin / "bench_alexnet", "--json", "--precision", precision, "--steps", STEPS],
            "deterministic": [bench.bin / "bench_alexnet", "--json", "--precision", precision, "--steps", STEPS,
                              "--deterministic"],
            "torch": [*torch, "--precision", precision],
            "torch last": [*torch, "--precision", precision, "--channels-last"],
            "floor direct": [floor, precision, "direct", 128, STEPS],
            "floor winograd": [floor, precision, "winograd", 128, STEPS],
        }
        results = bench.take_turns(commands)
        weft = statistics.median(results["weft"]["step_ms"])
        for label, names, target in ((" ", ("torch", "torch last"), torch_target),
                                     (" against the floor ", ("floor direct", "floor winograd"), 1 / 1.06)):
            if best := least(results, names):
                bench.row(f"AlexNet step{label}{precision}", "ms", weft, statistics.median(results[best]["step_ms"]),
                          results[best]["setting"], target)
        bench.row(f"AlexNet step {precision}, deterministic mode", "ms",
                  statistics.median(results["deterministic"]["step_ms"]), weft, "Weft, default", 1 / 1.1)
        if precision == "f32":
            best = least(results, ("torch", "torch last"))
            bench.row("AlexNet step f32, peak resident memory", "MB", results["weft"]["peak_bytes"] / 1e6,
                      results[best]["peak_bytes"] / 1e6, results[best]["setting"], 1 / 0.7)


def operations(bench):
    weft, torch = bench.google(bench.bin / "bench_ops", bench.compile("ops_libtorch", libtorch_flags()))
    targets = {"add": 6, "add_grad": 8, "mlp_step": 4}
    node = {}
    for name, ours in weft.items():
        if name.startswith("backward_chain"):
            continue
        bench.row(f"operation {name}", "ns", ours, torch[name], "libtorch", targets.get(name))
    for who, times in (("weft", weft), ("torch", torch)):
        node[who] = (times["backward_chain/1001"] - times["backward_chain/1"]) / 1000
    bench.row("backward of one small node", "ns", node["weft"], node["torch"], "libtorch", 12)


PYTHON_TARGETS = {"a + b": 6, "mul, add, relu, sum, backward": 10, "MLP step": 4}


def seconds_to_import(statement, path):
    def once():
        start = time.perf_counter()
        run([sys.executable, "-c", statement], env={**os.environ, "PYTHONPATH": path})
        return time.perf_counter() - start

    return statistics.median(once() for _ in range(10))


def python(bench):
    """Weft from Python beside PyTorch; both are called by the same script."""
    path = str(bench.bin.parent / "python")
    env = {**os.environ, "PYTHONPATH": path}
    rounds = {"weft": [], "torch": []}
    for _ in range(bench.rounds):
        for library, times in rounds.items():
            times.append(json.loads(run([sys.executable, ROOT / "bench" / "ops.py", library], env=env)))
    for what in rounds["weft"][0]:
        weft, torch = (statistics.median(t[what] for t in times) for times in rounds.values())
        bench.row(f"Python: {what}", "ns", weft, torch, "PyTorch", PYTHON_TARGETS.get(what, 4))
    nothing = seconds_to_import("pass", path)
    weft = (seconds_to_import("import weft", path) - nothing) * 1000
    bench.row("Python: import weft", "ms", weft, 60, "the aim", 1)
    script = ROOT / "bench" / "training.py"
    results = bench.take_turns(
        {
            "Python": ["env", f"PYTHONPATH={path}", sys.executable, script, "step"],
            "C++": [bench.bin / "bench_alexnet", "--json", "--steps", STEPS],
        }
    )
    weft, cpp = (statistics.median(results[name]["step_ms"]) for name in ("Python", "C++"))
    bench.row("Python: AlexNet step f32", "ms", weft, cpp, "Weft, C++", 1 / 1.02)
    rates = json.loads(run([sys.executable, script, "loader"], env=env))["pictures_per_second"]
    rate = statistics.median(rates)
    bench.row("Python: loader, crop and flip", "pictures/s", rate, 20000, "the aim", 1, best="greatest")


def streams(bench):
    (rate,) = bench.google(bench.bin / "bench_streams")
    peers = {"add": "copy", "relu": "copy", "exp": "copy", "sum": "read", "sum_of_rows": "read",
             "sum_of_columns": "read", "largest": "read", "softmax_of_rows": "copy"}
    for name, peer in peers.items():
        target = 0.9 if name in ("add", "relu", "exp", "sum") else None
        bench.row(f"{name} over 64 MB", "GB/s", rate[name] / 1e9, rate[peer] / 1e9, f"a loop: {peer}", target,
                  best="greatest")


def matmul(bench):
    (time,) = bench.google(bench.bin / "bench_matmul")
    for precision in ("f32", "bf16"):
        for size in (512, 1024, 2048):
            bench.row(f"matmul {size} {precision}", "ms", time[f"weft_matmul/{precision}/{size}"] / 1e6,
                      time[f"onednn_matmul/{precision}/{size}"] / 1e6, "oneDNN", 0.95)


def trained(bench, preset, epochs, out):
    """Accuracy and minutes of a run of the example."""
    command = [bench.bin / "cifar10_alexnet", "train", "--no-progress", "--data", bench.data, "--preset", preset,
               "--out", out]
    start = datetime.datetime.now()
    run(command + (["--epochs", epochs] if epochs else []))
    minutes = (datetime.datetime.now() - start).total_seconds() / 60
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return 100 * [line["test_accuracy"] for line in lines if "test_accuracy" in line][-1], minutes


def training(bench, epochs=4):
    if not bench.data:
        raise Unavailable("training: got no --data, expected the folder of CIFAR-10's binary version")
    with tempfile.TemporaryDirectory() as folder:
        accuracy, minutes = trained(bench, "fast", None, pathlib.Path(folder) / "fast")
        bench.row("preset fast, test accuracy", "%", accuracy, 86, "the aim", 1, best="greatest")
        bench.row("preset fast, minutes", "min", minutes, 20, "the aim", 1)
        accuracy, _ = trained(bench, "classic", epochs, pathlib.Path(folder) / "classic")
    peer = json.loads(run([sys.executable, PEERS / "alexnet_torch.py", "train", "--data", bench.data,
                           "--epochs", epochs]))
    bench.row(f"preset classic, test accuracy, {epochs} epochs", "%", accuracy, peer["test_accuracy"][-1] * 100,
              peer["setting"], 0.99, best="greatest")


GROUPS = {"alexnet": alexnet, "operations": operations, "python": python, "streams": streams, "matmul": matmul,
          "training": training}


def machine():
    names = [line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    kind = "AVX-512, AMX" if AMX else "AVX-512" if AVX512 else "AVX2" if "avx2" in FLAGS else "SSE"
    import torch

    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {"processor": names[0] if names else platform.processor(), "instructions": kind,
            "cores": len(os.sched_getaffinity(0)), "load_at_start": os.getloadavg()[0], "torch": torch.__version__,
            "commit": commit.stdout.strip(), "date": datetime.date.today().isoformat()}


def table(report):
    m = report["machine"]
    yield f"{m['processor']}, {m['instructions']}, {m['cores']} cores; PyTorch {m['torch']}; {m['date']}, commit {m['commit']}"
    yield ""
    yield "| measure | unit | Weft | peer | | times better | to reach |"
    yield "|---|---|---|---|---|---|---|"
    for r in report["rows"]:
        target = "" if r["target"] is None else f"{r['target']:.2f}{'' if r['reached'] else ' (missed)'}"
        yield (f"| {r['measure']} | {r['unit']} | {r['weft']:.4g} | {r['peer']:.4g} | {r['peer_name']} | "
               f"{r['ratio']:.2f} | {target} |")
    for note in dict.fromkeys(report["notes"]):
        yield f"\nnot measured: {note}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path, help="default: BIN/../bench.json")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=[g for g in GROUPS if g != "training"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("WEFT_DATA"))
    options = parser.parse_args()
    bench = Bench(options)
    report = {"machine": machine(), "rows": bench.rows, "notes": bench.notes}
    for name in options.only:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        try:
            GROUPS[name](bench)
        except Unavailable as error:
            bench.notes.append(str(error))
    (options.json or bench.bin.parent / "bench.json").write_text(json.dumps(report, indent=1) + "\n")
    print("\n".join(table(report)))


main()
