"""Fails on a public function of ops/ or method of Tensor that no row of tests/op_table tries."""

import re
import subprocess
import sys

import tree

# What computes nothing of its own, or is tried elsewhere.
EXCEPTIONS = {
    "kernels": "the seam",
    "autocast_enabled": "asks a mode",
    "autocast_dtype": "asks a mode",
    "autocasting": "asks a mode",
    "lowered": "for ops under autocast: tests/ops/autocast_test.cpp",
    "widened": "for ops under autocast: tests/ops/autocast_test.cpp",
    "view_as": "view() of the other's sizes",
    "expand_as": "expand() to the other's sizes",
    "optimizer_terms": "part of the seam",
    "equal": "gives a bool: tests/ops/compare_test.cpp",
    "allclose": "gives a bool: tests/ops/compare_test.cpp",
    "cpu": "a copy between devices: tests/cuda/",
    "cuda": "a copy between devices: tests/cuda/",
    "pin_memory": "a copy between devices: tests/cuda/",
}
FUNCTION = re.compile(r"^(?:WEFT_API|inline|requires|template)\b[^;{}()=]*?\b([a-z]\w*)\(", re.M)
METHOD = re.compile(r"^  (?:std::\w+<[^;(]*>|Tensor&?) ([a-z]\w*)\(", re.M)


def without_details(text):
    """The text less its namespaces detail."""
    while found := re.search(r"^namespace detail \{$", text, re.M):
        end = text.index("}  // namespace detail", found.start())
        text = text[: found.start()] + text[end + len("}  // namespace detail") :]
    return text


def declared():
    names = {}
    for path in tree.public_headers():
        # The functions of formula.h are for numbers.
        if tree.name(path).startswith("ops/") and path.name != "formula.h":
            text = without_details(path.read_text())
            for name in FUNCTION.findall(text):
                names.setdefault(name, tree.name(path))
    _, _, methods = (tree.ROOT / "core/tensor.h").read_text().partition("  // ---- Shapes")
    for name in METHOD.findall(methods.partition(" private:")[0]):
        names.setdefault(name, "core/tensor.h")
    return names


def rows(program):
    names = subprocess.run([program, "names"], check=True, capture_output=True, text=True)
    return set(names.stdout.split())


names, tried = declared(), rows(sys.argv[1])
offences = [
    f"{where}: {name} has no row in tests/op_table"
    for name, where in sorted(names.items())
    if name not in tried and name not in EXCEPTIONS
]
for name in EXCEPTIONS:
    if name in tried or name not in names:
        offences.append(f"tests/structure/rows.py: {name} is no exception")
tree.report(offences, names)
