"""cuda_architectures.py LIBRARY ARCHITECTURE...: fails unless each part of the library's device
code is there for every architecture that CMAKE_CUDA_ARCHITECTURES names (80-real, 90-virtual, or 90:
both).

The section .nv_fatbin holds one container for each compiled file: a header of 16 bytes (magic,
version, its own length, the length of what follows) and entries, each with a kind (1: PTX, 2:
machine code), its header's length, its length, and at byte 28 the architecture's number. Where
cuobjdump is installed, it must say the same.
"""

import pathlib
import re
import shutil
import struct
import subprocess
import sys

import tree

MAGIC = 0xBA55ED50
KINDS = {1: "ptx", 2: "code"}


def section(data, wanted):
    """The bytes of a section of a 64-bit little-endian ELF file."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit ELF file")
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + size * i) for i in range(count)]
    for name, _, _, _, offset, length in headers:
        start = headers[names][4] + name
        if data[start : data.index(b"\0", start)].decode() == wanted:
            return data[offset : offset + length]
    return b""


def entries(container):
    """(kind, number) of each entry of a container's body."""
    at = 0
    while at + 32 <= len(container):
        kind, _, header, length = struct.unpack_from("<HHIQ", container, at)
        (architecture,) = struct.unpack_from("<I", container, at + 28)
        if not header:
            return
        yield KINDS.get(kind, kind), architecture
        at += header + length


def containers(fatbin):
    """The entries of each container, which lie one behind the other with zeros between."""
    at = 0
    while at + 16 <= len(fatbin):
        magic, _, header, length = struct.unpack_from("<IHHQ", fatbin, at)
        if magic != MAGIC:
            at += 8
            continue
        yield set(entries(fatbin[at + header : at + header + length]))
        at += header + length


def asked(architectures):
    """What CMake's notation means; nothing where it leaves the choice to CMake or the machine."""
    wanted = set()
    for text in architectures:
        found = re.fullmatch(r"(\d+)[af]?(-real|-virtual)?", text)
        if not found:
            return set()
        kinds = {"-real": ["code"], "-virtual": ["ptx"]}.get(found[2], ["code", "ptx"])
        wanted |= {(kind, int(found[1])) for kind in kinds}
    return wanted


def cuobjdump():
    return shutil.which("cuobjdump") or shutil.which("/usr/local/cuda/bin/cuobjdump")


def listed(program, library):
    """What cuobjdump finds in the library."""
    found = set()
    for flag, kind in (("--list-elf", "code"), ("--list-ptx", "ptx")):
        text = subprocess.run([program, flag, library], capture_output=True, text=True).stdout
        found |= {(kind, int(n)) for n in re.findall(r"\.sm_(\d+)[af]?\.", text)}
    return found


def text_of(pairs):
    return ", ".join(f"{kind} of sm_{number}" for kind, number in sorted(pairs)) or "nothing"


def main(library, *architectures):
    wanted = asked(architectures)
    if not wanted:
        print(f"got {' '.join(architectures)}, which CMake resolves by itself")
        sys.exit(tree.SKIP)
    found = list(containers(section(pathlib.Path(library).read_bytes(), ".nv_fatbin")))
    offences = [
        f"{library}: container {i}: got {text_of(here)}, expected {text_of(wanted)}"
        for i, here in enumerate(found)
        if not wanted <= here
    ]
    program = cuobjdump()
    if program and not wanted <= listed(program, library):
        got = text_of(listed(program, library))
        offences.append(f"cuobjdump: got {got}, expected {text_of(wanted)}")
    print(f"asked for {text_of(wanted)}; cuobjdump: {'asked too' if program else 'not installed'}")
    tree.report(offences, found)


if __name__ == "__main__":
    main(*sys.argv[1:])
