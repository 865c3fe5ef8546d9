"""50 steps of AlexNet in PyTorch, from the weights and on the batches of oracle_training."""

import math
import subprocess
import tempfile
from pathlib import Path

import torch
from torch import nn

from compare import load

LIMIT = 1e-4  # relative, at each step


class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], [3, 64, 192, 384, 256, 256]
        for i in range(5):
            layers += [nn.Conv2d(channels[i], channels[i + 1], 3, padding=1), nn.ReLU()]
            if i in (0, 1, 4):
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(4096, 1024), nn.ReLU(), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, 10)
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def losses(start, run):
    model = AlexNet()
    model.load_state_dict(start)
    sgd = torch.optim.SGD(model.parameters(), lr=2e-5, momentum=0.9, weight_decay=5e-4)
    for step in range(len(run["losses"])):
        loss = nn.functional.cross_entropy(model(run[f"x.{step}"]), run[f"target.{step}"])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        yield loss.item()


def relative(ours, theirs):
    """The difference of two losses; infinite where one is no number."""
    off = abs(ours - theirs) / abs(theirs)
    return off if math.isfinite(off) else math.inf


def compare(programs):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([programs / "oracle_training", folder], check=True)
        start = load(Path(folder) / "start.safetensors")
        run = load(Path(folder) / "run.safetensors")
    ours = run["losses"].tolist()
    off = [relative(a, b) for a, b in zip(ours, losses(start, run), strict=True)]
    worst = max(off)
    # A network that learns nothing, or ends in NaN, would agree with any other.
    learned = sum(ours[-10:]) < 0.6 * sum(ours[:10])
    fine = len(ours) == 50 and worst < LIMIT and learned
    print(
        f"training: {len(ours)} steps, loss {ours[0]:.4f} to {ours[-1]:.4f}, at most {worst:.2g} "
        f"from PyTorch's (step {off.index(worst)}), allowed {LIMIT:g}: "
        f"{'agrees' if fine else 'DIFFERS'}{'' if learned else ' (and nothing was learned)'}"
    )
    return fine
