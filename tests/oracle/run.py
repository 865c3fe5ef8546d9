"""oracle BIN: compares values, dtypes and gradients of the op table with PyTorch's.

Runs BIN/op_table_dump, then the same calls in PyTorch. Exit status 1 where anything differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import training
from compare import Comparison
from known import KNOWN


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin", type=Path, help="folder of Weft's programs")
    parser.add_argument("--verbose", action="store_true", help="all differences, not the first of an op")
    return parser.parse_args()


def compare_ops(programs, verbose):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([programs / "op_table_dump", "calls", folder], check=True)
        calls = json.loads((Path(folder) / "calls.json").read_text())
        compared = Comparison(Path(folder))
        outcomes, failures = Counter(), defaultdict(list)
        for call in calls:
            outcome, text = compared.check(call)
            outcomes[outcome] += 1
            if outcome == "different":
                failures[call["op"]].append(text)
    for entry in KNOWN:
        for dtype in entry.dtypes:
            if (entry, dtype) not in compared.used and any(c["op"] == entry.op for c in calls):
                failures[entry.op].append(f"{entry.quantity} of {dtype}: agrees, so not for KNOWN")
    for op, texts in failures.items():
        print(f"{op}: {len(texts)} differ")
        for text in texts if verbose else texts[:2]:
            print(f"    {text}")
    print(
        f"op table: {outcomes['equal']} calls agree, {outcomes['different']} differ, "
        f"{outcomes['known']} differ as they are meant to, "
        f"{outcomes['refused']} are of dtypes that PyTorch has no kernel for"
    )
    return not failures


def timed(what, compare, *arguments):
    start = time.monotonic()
    fine = compare(*arguments)
    print(f"{what}: {time.monotonic() - start:.0f} s", flush=True)
    return fine


def main():
    options = arguments()
    warnings.simplefilter("ignore")  # of PyTorch, about calls at the edges
    fine = timed("op table", compare_ops, options.bin, options.verbose)
    fine = timed("training", training.compare, options.bin) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
