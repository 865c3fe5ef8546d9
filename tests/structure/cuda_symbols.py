"""Fails where libweft_cuda holds state of libweft: of that it may link only stateless objects."""

import subprocess
import sys

import tree

# Functions whose objects hold state: the allocator's, the generators', the tape's, the threads'.
FORBIDDEN = (
    "weft::allocate(",
    "weft::detail::allocate_slow(",
    "weft::caching_allocator(",
    "weft::default_generator(",
    "weft::kernels(",
    "weft::cpu_kernels(",
    "weft::set_num_threads(",
    "weft::deterministic_algorithms(",
    "weft::cuda::plugin(",
)

library = sys.argv[1]
text = subprocess.run(
    ["nm", "--defined-only", "--demangle", library], check=True, capture_output=True, text=True
).stdout
symbols = [line.split(maxsplit=2)[-1] for line in text.splitlines()]
if not any("weft_cuda_open" in s for s in symbols):
    tree.report([f"{library}: no weft_cuda_open"], [library])
tree.report([f"{library}: holds {s}" for s in symbols if s.startswith(FORBIDDEN)], symbols)
