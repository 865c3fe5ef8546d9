"""headers.py COMPILER INCLUDE_DIR: public headers stay light, and each compiles alone.

Light means that no header a user includes brings in fmt, Eigen, oneDNN or JSON, nor a private
header; <weft/weft.h> costs at most 2 s of the compiler's time.
"""

import concurrent.futures
import os
import re
import resource
import subprocess
import sys

import tree

HEAVY = re.compile(r"^(fmt/|Eigen/|unsupported/Eigen|oneapi/|dnnl|nlohmann/|zlib\.h|omp\.h|CLI/|stb)")
SECONDS = 2.0


def heavy_includes(path, public):
    for _, target in tree.includes(path):
        if HEAVY.match(target):
            yield f"{tree.name(path)}: a public header includes <{target}>"
        if target.startswith("weft/") and tree.ROOT / target.removeprefix("weft/") not in public:
            yield f"{tree.name(path)}: a public header includes the private <{target}>"


def compile_alone(header, compiler, include):
    source = f"#include <weft/{tree.name(header)}>\n"
    command = [compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2"]
    command += ["-fsyntax-only", f"-I{include}", "-x", "c++", "-"]
    result = subprocess.run(command, input=source, capture_output=True, text=True)
    return "" if result.returncode == 0 else f"{tree.name(header)} alone:\n{result.stderr[:2000]}"


def umbrella_seconds(compiler, include):
    """In processor time, the least of as many runs as it takes to be within the bound, at most
    twelve: what else the machine does can only add to it."""

    def once():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [compiler, "-std=c++20", "-O2", "-c", f"-I{include}", "-x", "c++", "-"]
        command += ["-o", os.devnull]
        subprocess.run(command, input="#include <weft/weft.h>\n", text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    least = once()
    for _ in range(11):
        if least <= SECONDS:
            break
        least = min(least, once())
    return least


compiler, include = sys.argv[1:]
headers = tree.public_headers()
offences = [o for h in headers for o in heavy_includes(h, set(headers))]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    offences += filter(None, pool.map(lambda h: compile_alone(h, compiler, include), headers))
if tree.ROOT / "weft.h" in headers and not offences:
    seconds = umbrella_seconds(compiler, include)
    print(f"<weft/weft.h> compiles in {seconds:.2f} s")
    if seconds > SECONDS:
        offences.append(f"weft.h: got {seconds:.2f} s, expected at most {SECONDS} s")
tree.report(offences, headers)
