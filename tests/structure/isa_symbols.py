"""isa_symbols.py ISA OBJECT...: the linker must never mix code of two instruction sets.

A linker keeps one of several functions of the same name. If an object that was compiled for AVX-512
offers, say, std::vector<float>::push_back, that copy may be the one that every other file calls, and
it faults on a smaller machine. So each symbol that such an object offers must carry the name of its
instruction set, and it must not run code at start-up.
"""

import re
import subprocess
import sys

import tree

# What an object may ask of others: the C and C++ run time, OpenMP, and libweft's ordinary functions.
HARMLESS = re.compile(
    r"^(_GLOBAL_OFFSET_TABLE_|mem(cpy|set|move|cmp)|__stack_chk_fail|__tls_get_addr|abort"
    r"|a?(sin|cos|tan)h?f?|exp(2|m1)?f?|log(2|10|1p)?f?|powf?|erff?|sqrtf?|fmodf?|fmaf?"
    r"|(floor|ceil|trunc|rint|nearbyint|round|roundeven|remainder|cbrt|hypot|atan2|ldexp|frexp)f?"
    r"|_Zn[wa]|_Zd[la]|__cxa_|__gxx_personality_v0|_Unwind_|__dso_handle|__assert_fail"
    r"|_ZSt\d+__throw_|_ZN?K?St|_ZTVN10__cxxabiv|_ZT[IVS]St|GOMP_|omp_|_ZNK?4weft|__[aut]b?san_)"
)
# Pointers that the compiler names after what they point at, whatever the instruction set.
SHARED_DATA = re.compile(r"^(DW\.ref\.|__odr_asan)")


def symbols(path):
    """(type, mangled, readable) of each symbol that other objects can see."""
    plain = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    names = [(line[17], line[19:]) for line in plain.splitlines() if line[17:18].strip()]
    visible = [(kind, mangled) for kind, mangled in names if kind.isupper() or kind in "uvw"]
    text = "\n".join(mangled for _, mangled in visible)
    readable = subprocess.run(["c++filt"], input=text, capture_output=True, text=True).stdout
    return [(k, m, r) for (k, m), r in zip(visible, readable.splitlines())]


def offences_of(path, isa):
    own = re.compile(rf"\b(Eigen_)?{isa}::")
    for kind, mangled, readable in symbols(path):
        if kind in "Uvw":
            if not own.search(readable) and not HARMLESS.match(mangled):
                yield f"{path}: asks for {readable}"
        elif not own.search(readable) and not SHARED_DATA.match(mangled):
            yield f"{path}: offers {readable} ({kind}), which does not carry the name {isa}"


def starts_by_itself(path):
    sections = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True).stdout
    return ".init_array" in sections or ".ctors" in sections


isa, *objects = sys.argv[1:]
sanitized = "--sanitized" in objects  # the sanitizers' own set-up runs at start
objects = [o for o in objects if o.endswith(".o")]
offences = [o for path in objects for o in offences_of(path, isa)]
if not sanitized:
    offences += [f"{path}: runs code at start-up" for path in objects if starts_by_itself(path)]
tree.report(offences, objects)
