"""ops.py weft|torch: nanoseconds of small operations from Python as JSON, by the same code for both."""

import importlib
import json
import statistics
import sys
import timeit

library = importlib.import_module(sys.argv[1])
nn = importlib.import_module(f"{sys.argv[1]}.nn")
optim = importlib.import_module(f"{sys.argv[1]}.optim")


def nanoseconds(statement, **names):
    timer = timeit.Timer(statement, globals={"lib": library, "relu": library.relu, **names})
    count, seconds = timer.autorange()
    count = max(1, int(count * 0.1 / seconds))
    return statistics.median(timer.repeat(7, count)) / count * 1e9


def mlp_step():
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    loss = nn.CrossEntropyLoss()
    sgd = optim.SGD(net.parameters(), lr=0.01)
    x, labels = library.randn(32, 64), library.randint(0, 10, (32,))

    def step():
        sgd.zero_grad()
        loss(net(x), labels).backward()
        sgd.step()

    return step


a, b = library.randn(16), library.randn(16)
m, n = library.randn(8, 8), library.randn(8, 8)
w = library.randn(16, requires_grad=True)
results = {
    "a + b": nanoseconds("a + b", a=a, b=b),
    "a.shape": nanoseconds("a.shape", a=a),
    "a[0]": nanoseconds("a[0]", a=a),
    "a.view(4, 4)": nanoseconds("a.view(4, 4)", a=a),
    "a.sum()": nanoseconds("a.sum()", a=a),
    "relu(a)": nanoseconds("relu(a)", a=a),
    "a @ b, 8x8": nanoseconds("a @ b", a=m, b=n),
    "mul, add, relu, sum, backward": nanoseconds(
        "w.grad = None; relu(w * a + b).sum().backward()", w=w, a=a, b=b
    ),
    "MLP step": nanoseconds("step()", step=mlp_step()),
}
print(json.dumps(results))
