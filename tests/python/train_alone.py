"""Trains with an installed weft, where nothing else may be installed."""

import sys
import weft
from weft import nn, optim

assert "numpy" not in sys.modules
weft.manual_seed(0)
x = weft.randn(64, 8)
labels = (x.sum(dim=1) > 0).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
sgd = optim.SGD(net.parameters(), lr=0.5)
for step in range(100):
    loss = nn.functional.cross_entropy(net(x), labels)
    sgd.zero_grad()
    loss.backward()
    sgd.step()
assert loss.item() < 0.1, loss
image = weft.randn(2, 3, 16, 16)
assert nn.Conv2d(3, 8, 3, padding=1)(image).shape == (2, 8, 16, 16)
print("trained", loss.item(), weft.__version__)
