"""Fails where clang-format 14 would change a C++ file; other versions lay out a few lines otherwise."""

import re
import shutil
import subprocess
import sys

import tree


def formatter():
    for program in ("clang-format-14", "clang-format"):
        if shutil.which(program):
            version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            if re.search(r"version 14\.", version):
                return program
    return None


program = formatter()
if program is None:
    print("skipped: clang-format 14 is not installed")
    sys.exit(tree.SKIP)
sources = tree.files("*.h", "*.cpp", "*.cu")
if "--fix" in sys.argv:
    subprocess.run([program, "-i", *sources], check=True)
result = subprocess.run(
    [program, "--dry-run", "--Werror", *sources], capture_output=True, text=True, cwd=tree.ROOT
)
offences = [line for line in result.stderr.splitlines() if "error:" in line]
tree.report(offences, sources)
