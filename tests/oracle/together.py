"""torch and weft in one process, imported in either order (tests/python/with_torch.py)."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "python/with_torch.py"


def compare():
    fine = True
    for order in (("torch", "weft"), ("weft", "torch")):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-B", SCRIPT, *order]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300
        )
        if done.returncode != 0:
            print(f"import {order[0]}, then {order[1]}: {done.returncode}\n{done.stderr[-2000:]}")
            fine = False
    print(f"one process: both orders of import {'agree' if fine else 'DIFFER'}")
    return fine
