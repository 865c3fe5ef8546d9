"""oracle BIN: compares values, dtypes and gradients of the op table with PyTorch's.

Runs BIN/op_table_dump, then the same calls in PyTorch. Exit status 1 where anything differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import training
from compare import Comparison

# Where Weft means to differ, in some of an op's calls.
KNOWN = {
    "abs": "the gradient at NaN is NaN, PyTorch's is 0",
    "amax": "the gradient at NaN is 0, PyTorch's NaN",
    "amin": "the gradient at NaN is 0, PyTorch's NaN",
    "clamp": "the gradient at a bound is 1, PyTorch's 0 (the newest)",
    "div_trunc": "halves are divided in f32 before they are cut",
    "gelu": "the gradient at minus infinity",
    "pow": "of mixed dtypes, PyTorch rounds the exponent less one to the narrower",
}


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
            if outcome == "different" and call["op"] in KNOWN:
                outcome = "known"
            outcomes[outcome] += 1
            if outcome == "different":
                failures[call["op"]].append(text)
    for op, texts in failures.items():
        print(f"{op}: {len(texts)} differ")
        for text in texts if verbose else texts[:2]:
            print(f"    {text}")
    print(
        f"op table: {outcomes['equal']} calls agree, {outcomes['different']} differ, "
        f"{outcomes['known']} differ in a known way, "
        f"{outcomes['refused']} that PyTorch refuses"
    )
    return not failures


def main():
    options = arguments()
    fine = compare_ops(options.bin, options.verbose)
    fine = training.compare(options.bin) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
