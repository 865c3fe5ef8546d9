"""The CUDA back end of weft, in a wheel of its own. There is nothing to import: weft looks here when
a CUDA device is first asked for. NVIDIA's libraries come from their packages beside this one, or are
those of a torch that was imported before.
"""

import pathlib


def library() -> pathlib.Path:
    """Where libweft_cuda.so is: for WEFT_CUDA_LIBRARY, where weft is installed in another place."""
    return pathlib.Path(__file__).with_name("libweft_cuda.so")
