"""oracle BIN: compares Weft's Python with PyTorch, both in this process.

Values, dtypes, gradients and errors of the op table; promotion; indexing; a training run. Weft is
that of BIN's build, whose C++ and Python are bit for bit the same (tests/python/test_op_table.py).
Exit status 1 where anything differs.
"""

import argparse
import os
import sys
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin", type=Path, help="folder of Weft's programs")
    parser.add_argument("--verbose", action="store_true", help="all differences, not the first of an op")
    return parser.parse_args()


def prepare(programs):
    """Makes `import weft` and `import op_table` those of this tree."""
    os.environ["WEFT_BIN"] = str(programs.resolve())
    root = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(programs.resolve().parent / "python"), str(root / "tests/python")]


def compare_ops(table, verbose):
    from compare import Comparison, missing_forms
    from known import KNOWN

    compared = Comparison(table)
    outcomes, failures = Counter(), defaultdict(list)
    for call in table.calls:
        outcome, text = compared.check(call)
        outcomes[outcome] += 1
        if outcome == "different":
            failures[call["op"]].append(text)
    for entry in KNOWN:
        for dtype in entry.dtypes:
            if (entry, dtype) not in compared.used and any(c["op"] == entry.op for c in table.calls):
                failures[entry.op].append(f"{entry.quantity} of {dtype}: agrees, so not for KNOWN")
    for name in missing_forms(table):
        failures[name].append("a method of one only, or needless in NOT_IN_PLACE")
    for op, texts in failures.items():
        print(f"{op}: {len(texts)} differ")
        for text in texts if verbose else texts[:2]:
            print(f"    {text}")
    print(
        f"op table: {outcomes['equal']} calls agree, {outcomes['different']} differ, "
        f"{outcomes['known']} differ as they are meant to, "
        f"{outcomes['refused']} are of dtypes that PyTorch has no kernel for, "
        f"{outcomes['own']} have no like in PyTorch"
    )
    return not failures


def timed(what, compare, *arguments):
    start = time.monotonic()
    fine = compare(*arguments)
    print(f"{what}: {time.monotonic() - start:.0f} s", flush=True)
    return fine


def main():
    options = arguments()
    prepare(options.bin)
    import errors
    import indexing
    import op_table
    import promotion
    import together
    import training

    warnings.simplefilter("ignore")  # of PyTorch, about calls at the edges
    table = op_table.table()
    fine = [
        timed("op table", compare_ops, table, options.verbose),
        timed("errors", errors.compare, table, options.verbose),
        timed("promotion", promotion.compare, options.verbose),
        timed("indexing", indexing.compare, options.verbose),
        timed("one process", together.compare),
        timed("training", training.compare, options.bin),
    ]
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
