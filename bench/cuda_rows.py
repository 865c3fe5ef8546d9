"""Rows of Weft's figures on a CUDA device beside PyTorch's, from what bench/on_cuda.py printed."""

GROUPS = ("host", "streams", "matmul", "rows", "alexnet", "compiled", "loader")


class Rows:
    """found[library][group] are the figures of a group; missing ones make notes."""

    def __init__(self, found):
        self.found, self.rows, self.notes = found, [], []

    def figure(self, library, group, name):
        return self.found.get(library, {}).get(group, {}).get(name)

    def row(self, what, unit, weft, peer, peer_name, target, best="least"):
        """ratio: how many times better than the peer; None where one of the two is not known."""
        if weft is None or peer is None:
            lacking = "Weft" if weft is None else peer_name
            self.notes.append(f"{what}: no figure of {lacking}")
            return
        ratio = peer / weft if best == "least" else weft / peer
        self.rows.append(
            {
                "measure": what,
                "unit": unit,
                "weft": weft,
                "peer": peer,
                "peer_name": peer_name,
                "ratio": ratio,
                "target": target,
                "reached": None if target is None else ratio >= target,
            }
        )

    def pair(self, group, name, what, unit, target, scale=1.0, best="least"):
        weft, torch = (self.figure(library, group, name) for library in ("weft", "torch"))
        self.row(what, unit, *(f and f * scale for f in (weft, torch)), "PyTorch", target, best)

    def best(self, library, names, groups=("alexnet", "compiled")):
        """(milliseconds, name) of the quickest of the names that were measured."""
        found = [(self.figure(library, g, n), n) for g in groups for n in names]
        return min((f for f in found if f[0]), default=(None, ""))

    def host(self):
        targets = {"a + b": 2, "relu(a)": 2, "w + b, recorded": 3}
        for name in ("a + b", "relu(a)", "w + b, recorded", "mul, add, relu, sum, backward"):
            what = f"host time from Python: {name}, 16 floats"
            self.pair("host", name, what, "us", targets.get(name), 1e-3)
        native = self.found.get("weft", {}).get("native", {})
        for name in ("add", "add_grad"):
            peer = self.figure("torch", "host", {"add": "a + b"}.get(name, "w + b, recorded"))
            self.row(
                f"host time from C++: {name}, 16 floats",
                "us",
                native.get(name) and native[name] / 1e3,
                peer and peer / 1e3,
                "PyTorch from Python",
                None,
            )
        self.row(
            "allocation from the cache, 1 MiB", "ns", native.get("allocate"), 200, "the aim", 1
        )

    def streams(self):
        copies = [self.figure(library, "streams", "copy") for library in ("weft", "torch")]
        copy = max((c for c in copies if c), default=None)
        for name in ("add", "relu", "exp", "sum"):
            self.row(
                f"{name} over 1 GiB",
                "GB/s",
                self.figure("weft", "streams", name),
                copy,
                "copying",
                0.92,
                "greatest",
            )
            self.pair("streams", name, f"{name} over 1 GiB", "GB/s", None, best="greatest")

    def matmul(self):
        for size in (4096, 8192):
            for kind in ("bf16", "f16", "tf32", "f32"):
                self.pair("matmul", f"{size} {kind}", f"matmul {size} {kind}", "ms", 0.97)

    def norms(self):
        for name in ("softmax", "layer_norm", "batch_norm", "batch_norm, channels-last"):
            for end in ("", ", with gradient"):
                self.pair("rows", name + end, f"{name}{end}, 256 MB", "ms", 1)

    def alexnet(self):
        layouts = ("first", "last")
        for precision in ("tf32", "bf16"):
            for how, target in (("eager", 2), ("graph", 1.2)):
                ours, _ = self.best("weft", [f"{precision} 128 last {how}"])
                theirs, _ = self.best(
                    "torch", [f"{precision} 128 {layout} {how}" for layout in layouts]
                )
                self.row(
                    f"AlexNet step, batch 128, {precision}, {how}",
                    "ms",
                    ours,
                    theirs,
                    f"PyTorch, {how}, better layout",
                    target,
                )
        ours, _ = self.best("weft", ["bf16 1024 last eager", "bf16 1024 last graph"])
        theirs, name = self.best(
            "torch",
            [
                f"bf16 1024 {layout} {how}"
                for layout in layouts
                for how in ("eager", "graph", "compiled")
            ],
        )
        self.row(
            "AlexNet step, batch 1024, bf16",
            "ms",
            ours,
            theirs,
            f"PyTorch's best ({name.removeprefix('bf16 1024 ')})",
            1.15,
        )

    def loader(self):
        self.row(
            "AlexNet `fast`, pictures from the loader",
            "pictures/s",
            self.figure("weft", "loader", "loaded"),
            self.figure("weft", "loader", "resident"),
            "data on the device",
            0.9,
            "greatest",
        )

    def all(self, groups):
        parts = {
            "host": self.host,
            "streams": self.streams,
            "matmul": self.matmul,
            "rows": self.norms,
            "alexnet": self.alexnet,
            "loader": self.loader,
        }
        for name, part in parts.items():
            if name in groups:
                part()
        return self.rows, self.notes


def table(rows):
    yield "| measure | unit | Weft | peer | | times better | to reach |"
    yield "|---|---|---|---|---|---|---|"
    for r in rows:
        target = (
            "" if r["target"] is None else f"{r['target']:.2f}{'' if r['reached'] else ' (missed)'}"
        )
        yield (
            f"| {r['measure']} | {r['unit']} | {r['weft']:.4g} | {r['peer']:.4g} | "
            f"{r['peer_name']} | {r['ratio']:.2f} | {target} |"
        )
