"""device BIN [--device cpu] [--every N]: the calls of the op table on a CUDA device, in Weft and in
PyTorch: values, dtypes and gradients. tests/gpu.sh runs it; with --device cpu it can be tried
anywhere. Exit status 1 where anything differs.
"""

import argparse
import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import run

LOOSER = 4  # than on the CPU: the two sum in other orders, and on another machine


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin", type=Path, help="folder of Weft's programs")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th call only")
    return parser.parse_args()


class Moved:
    """The op table with its tensors on a device."""

    def __init__(self, table, device):
        self.table, self.device = table, device
        self.calls = [{**call, "loose": LOOSER * max(call["loose"], 1)} for call in table.calls]

    def found(self, call, kind, count):
        found = self.table.found(call, kind, count)
        return [t if t is None else t.to(self.device) for t in found]

    def inputs(self, call):
        x = self.found(call, "x", call["inputs"])
        return [t.clone().requires_grad_(g) for t, g in zip(x, call["requires_grad"])]


def outcome_of(comparison, call):
    """As Comparison.check, where Weft may refuse what PyTorch refuses."""
    import weft

    try:
        return comparison.check(call)
    except (weft.Error, RuntimeError, ValueError, TypeError, IndexError) as error:
        try:
            comparison.theirs(call, call["torch"])
        except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
            return "refused", ""
        return "different", f"{call['torch']} of {call['dtype']}: only Weft refuses: {error}"


def main():
    options = arguments()
    run.prepare(options.bin)
    import op_table
    import torch
    from compare import Comparison

    warnings.simplefilter("ignore")
    torch.backends.cudnn.allow_tf32 = False
    moved = Moved(op_table.table(), options.device)
    comparison = Comparison(moved)
    outcomes, failures = Counter(), defaultdict(list)
    for call in moved.calls[:: options.every]:
        outcome, text = outcome_of(comparison, call)
        outcomes[outcome] += 1
        if outcome == "different":
            failures[call["op"]].append(text)
    for op, texts in failures.items():
        print(f"{op}: {len(texts)} differ, such as\n    {texts[0]}")
    print(f"on {options.device}: " + ", ".join(f"{n} {what}" for what, n in outcomes.items()))
    sys.exit(1 if failures or not outcomes["equal"] else 0)


if __name__ == "__main__":
    main()
