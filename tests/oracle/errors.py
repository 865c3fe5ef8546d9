"""What Weft refuses PyTorch refuses too, with an error of a class that Weft's is an instance of."""

from collections import Counter, defaultdict

import op_table
import torch
from compare import to_torch
from known import ERRORS, error_reason


def raised(f):
    try:
        f()
    except Exception as error:
        return error
    return None


def outcome(call, ours, theirs):
    """'equal', 'own' (a function that PyTorch lacks), 'lax' (PyTorch takes it) or 'different'."""
    if isinstance(theirs, AttributeError) and "has no attribute" in str(theirs):
        return "own" if call["error"] != "Error" else "equal"
    if theirs is None:
        return "lax"
    return "equal" if isinstance(ours, type(theirs)) else "different"


def compare(table, verbose):
    outcomes, failures, used = Counter(), defaultdict(list), set()
    for call in table.errors:
        x = table.found(call, "x", call["inputs"], "errors.safetensors")
        ours = raised(lambda: op_table.evaluate(call["torch"], x))
        theirs = raised(lambda: op_table.evaluate(call["torch"], list(map(to_torch, x)), torch))
        found = "equal" if ours is None and theirs is None else outcome(call, ours, theirs)
        reason = error_reason(call) if found in ("lax", "different") else None
        if reason:
            used.add(reason)
        outcomes["known" if reason else found] += 1
        if found in ("lax", "different") and not reason:
            failures[call["op"]].append(
                f"{call['torch']} of {call['what']}: {type(ours).__name__}, PyTorch's "
                f"{type(theirs).__name__ if theirs else 'takes it'}: {str(theirs)[:90]}"
            )
    for reason in {entry.reason for entry in ERRORS} - used:
        failures[reason].append("agrees, so not for ERRORS")
    for op, texts in failures.items():
        print(f"{op}: {len(texts)} differ")
        for text in texts if verbose else texts[:2]:
            print(f"    {text}")
    print(
        f"errors: {outcomes['equal']} calls agree, {outcomes['different'] + outcomes['lax']} differ, "
        f"{outcomes['known']} differ as they are meant to, {outcomes['own']} have no like in PyTorch"
    )
    return not failures
