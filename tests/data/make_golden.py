#!/usr/bin/env python3
"""Write golden.h: small files as other programs write them, as C++ arrays. Needs numpy, safetensors, Pillow.

    python3 make_golden.py > golden.h
"""
import io

import numpy as np
import safetensors.numpy
from PIL import Image


def array(name, data, comment):
    print(f"// {comment}")
    print(f"inline constexpr unsigned char {name}[] = {{")
    for i in range(0, len(data), 20):
        print("    " + ", ".join(str(b) for b in data[i : i + 20]) + ",")
    print("};\n")


def npy(x, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, x, version=version)
    return out.getvalue()


def picture(kind, **options):
    y, x = np.mgrid[0:6, 0:9]
    pixels = np.stack([x * 28, y * 50, (x + y) * 18], -1).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


counting = np.arange(6, dtype=np.float32).reshape(2, 3) / 2
tensors = {
    "weight": counting,
    "steps": np.array(7, dtype=np.int64),
    "mask": np.array([True, False, True]),
    "half": np.array([1.5, -2.0], dtype=np.float16),
    "empty": np.zeros((0, 4), dtype=np.float64),
    "naïve \"name\"": np.array([-1, 2], dtype=np.int8),
}
print("#pragma once\n\n// Written by make_golden.py: do not edit.\nnamespace weft::golden {\n\n// clang-format off")
array("kSafetensors", safetensors.numpy.save(tensors, {"format": "np", "note": "a\nb"}),
      f"safetensors {safetensors.__version__}: weight = [[0, .5, 1], [1.5, 2, 2.5]], steps = 7...")
array("kNpy", npy(counting), f"NumPy {np.__version__}: the weight above")
array("kNpyFortran", npy(np.asfortranarray(counting.astype(np.float64))), "its f64 in Fortran's order")
array("kNpyBigEndian", npy(counting.astype(">i2") + np.arange(3, dtype=">i2") * 256),
      "[[0, 256, 513], [1, 258, 514]] as big-endian i2")
array("kNpyVersion2", npy(np.array([True, False]), (2, 0)), "[True, False] in version 2.0")
array("kNpyVersion3", npy(np.array(3, dtype=np.uint8), (3, 0)), "a 0-d 3 in version 3.0")
array("kPng", picture("PNG"), "9 x 6 pixels: red = 28 x, green = 50 y, blue = 18 (x + y)")
array("kJpeg", picture("JPEG", quality=95, subsampling=0), "the same")
print("// clang-format on\n\n}  // namespace weft::golden")
