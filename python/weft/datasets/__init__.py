"""Published data sets, fetched where asked: weft.datasets.CIFAR10(root, download=True)."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile
import warnings

from weft import data
from weft.data import MNIST

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from weft._typing import StrPath

__all__ = ["CIFAR10", "CIFAR100", "MNIST", "cache_folder", "fetch"]


def cache_folder() -> pathlib.Path:
    """The folder where archives are kept, one for C++, scripts and Python.

    >>> weft.datasets.cache_folder().name
    'weft'
    """
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "weft"


def _archive(name: str) -> tuple[str, str]:
    for line in (pathlib.Path(__file__).parent / "archives.txt").read_text().splitlines():
        key, url, md5 = line.split()
        if key == name:
            return url, md5
    raise ValueError(f"got the data set {name!r}, expected one of archives.txt")


def _md5(path: StrPath) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _bar(total: int | None, name: str) -> Any:
    """A notebook's bar there, else a terminal's; None without tqdm."""
    try:
        with warnings.catch_warnings():  # without ipywidgets the bar is one of text
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit="B", unit_scale=True, desc=name)


def _copy(response: Any, file: BinaryIO, name: str) -> None:
    bar = _bar(int(response.headers.get("Content-Length") or 0) or None, name)
    while block := response.read(1 << 18):
        file.write(block)
        if bar:
            bar.update(len(block))
    if bar:
        bar.close()


def fetch(url: str, md5: str, folder: StrPath) -> pathlib.Path:
    """The path of a file in `folder`, downloaded from `url` unless it is there with that checksum.

    What arrives becomes the file only when its checksum is right; OSError otherwise.
    """
    import urllib.request

    folder = pathlib.Path(folder)
    path = folder / url.rsplit("/", 1)[1]
    if path.exists() and _md5(path) == md5:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix="fetch.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(url, timeout=30) as response:
            _copy(response, file, path.name)
        if (got := _md5(part)) != md5:
            raise OSError(f"{url}: got a file of checksum {got}, expected {md5}")
        os.chmod(part, 0o644)
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.unlink(part)
    return path


def _root(name: str, root: StrPath | None, download: bool) -> str:
    root = os.fspath(root if root is not None else cache_folder())
    return os.fspath(fetch(*_archive(name), root)) if download else root


class CIFAR10(data.CIFAR10):
    """50,000 colour pictures of 32 x 32 in ten classes to train, 10,000 to test.

    root: the binary archive, its folder, or a folder with one of them (the cache if None); with
    download the archive is fetched into root first, unless it is there.
    """

    def __init__(
        self, root: StrPath | None = None, train: bool = True, download: bool = False
    ) -> None:
        super().__init__(_root("cifar10", root, download), train)


class CIFAR100(data.CIFAR100):
    """As CIFAR10 with a hundred classes, or with coarse the twenty groups of them."""

    def __init__(
        self,
        root: StrPath | None = None,
        train: bool = True,
        download: bool = False,
        coarse: bool = False,
    ) -> None:
        super().__init__(_root("cifar100", root, download), train, coarse)
