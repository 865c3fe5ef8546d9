"""Fails on an #include that points against the arrows between folders (docs/design.md)."""

import tree

MAY_SEE = {
    "core": {"core"},
    "autograd": {"core", "autograd"},
    "ops": {"core", "autograd", "ops"},
    "nn": {"core", "autograd", "ops", "data", "nn"},
    "data": {"core", "autograd", "ops", "data"},
    "cpu": {"core", "cpu"},
    "cuda": {"core", "cuda"},
    "examples": {"core", "autograd", "ops", "nn", "data", "examples"},
    "python": {"core", "autograd", "ops", "nn", "data", "python"},
}
# The seam and the formulas are all that a back end sees of ops/.
SEAM = {f"ops/{name}.h" for name in ("kernels", "unary", "activations", "binary", "comparisons", "formula")}


def allowed(folder, target):
    return (
        target.split("/")[0] in MAY_SEE[folder]
        or (folder in ("cpu", "cuda") and target in SEAM)
        or (folder in ("examples", "python") and target == "weft.h")
    )


def offences_of(path, folder):
    for quote, target in tree.includes(path):
        if quote == '"' and (folder != "examples" or ".." in target):
            yield f'{tree.name(path)}: write #include "{target}" as <weft/...>'
        elif target.startswith("weft/") and not allowed(folder, target.removeprefix("weft/")):
            yield f"{tree.name(path)}: {folder}/ may not see <{target}>"


checked = {folder: tree.files(*(f"{folder}/*.{kind}" for kind in ("h", "cpp", "cu"))) for folder in MAY_SEE}
offences = [o for folder, paths in checked.items() for p in paths for o in offences_of(p, folder)]
tree.report(offences, [p for paths in checked.values() for p in paths])
