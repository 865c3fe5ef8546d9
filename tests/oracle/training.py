"""50 steps of AlexNet in PyTorch, from the weights and on the batches of oracle_training."""

import subprocess
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F

from compare import load

LIMIT = 1e-4  # relative, at each step


def forward(p, x):
    for i in range(5):
        x = F.relu(F.conv2d(x, p[f"conv{i}.weight"], p[f"conv{i}.bias"], padding=1))
        if i in (0, 1, 4):
            x = F.max_pool2d(x, 2)
    x = x.flatten(1)
    for i in range(3):
        x = F.linear(x, p[f"linear{i}.weight"], p[f"linear{i}.bias"])
        if i < 2:
            x = F.relu(x)
    return x


def losses(start, run):
    p = {name: t.requires_grad_() for name, t in start.items()}
    sgd = torch.optim.SGD(p.values(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    for step in range(len(run["losses"])):
        loss = F.cross_entropy(forward(p, run[f"x.{step}"]), run[f"target.{step}"])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        yield loss.item()


def compare(programs):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([programs / "oracle_training", folder], check=True)
        start = load(Path(folder) / "start.safetensors")
        run = load(Path(folder) / "run.safetensors")
    worst, at, first, last = 0.0, 0, 0.0, 0.0
    for step, (ours, theirs) in enumerate(zip(run["losses"].tolist(), losses(start, run))):
        first, last = (ours if step == 0 else first), ours
        off = abs(ours - theirs) / abs(theirs)
        if off > worst:
            worst, at = off, step
    fine = worst < LIMIT
    print(
        f"training: 50 steps, loss {first:.4f} to {last:.4f}, at most {worst:.2g} from PyTorch's "
        f"(step {at}), allowed {LIMIT:g}: {'agrees' if fine else 'DIFFERS'}"
    )
    return fine
