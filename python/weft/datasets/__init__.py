"""Published data sets, fetched where asked: weft.datasets.CIFAR10(root, download=True)."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile
import warnings

from weft import data

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from weft._typing import StrPath

__all__ = ["CIFAR10", "CIFAR100", "MNIST", "FashionMNIST", "cache_folder", "fetch"]


def cache_folder() -> pathlib.Path:
    """The folder where archives are kept, one for C++, scripts and Python.

    >>> weft.datasets.cache_folder().name
    'weft'
    """
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "weft"


def _archives(name: str) -> list[tuple[str, str]]:
    """The address and checksum of each file of a data set."""
    lines = (pathlib.Path(__file__).parent / "archives.txt").read_text().splitlines()
    return [(url, md5) for key, url, md5 in map(str.split, lines) if key == name]


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
    return os.fspath(fetch(*_archives(name)[0], root)) if download else root


def _idx_root(name: str, folder: str, root: StrPath | None, download: bool) -> str:
    """The folder of a data set of idx files: below root where they were fetched, or root itself."""
    root = pathlib.Path(root if root is not None else cache_folder())
    for url, md5 in _archives(name) if download else []:
        fetch(url, md5, root / folder / "raw")
    return os.fspath(root / folder if (root / folder).is_dir() else root)


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


class MNIST(data.MNIST):
    """28 x 28 grey pictures of digits, 60,000 to train, 10,000 to test.

    root: a folder with the idx files, plain or .gz, also in raw/ or MNIST/raw/ (the cache if None);
    with download they are fetched into MNIST/raw/ first, unless they are there.
    """

    def __init__(
        self, root: StrPath | None = None, train: bool = True, download: bool = False
    ) -> None:
        super().__init__(_idx_root("mnist", "MNIST", root, download), train)


class FashionMNIST(data.MNIST):
    """As MNIST with clothes in place of digits (Xiao, Rasul and Vollgraf 2017), in FashionMNIST/."""

    def __init__(
        self, root: StrPath | None = None, train: bool = True, download: bool = False
    ) -> None:
        super().__init__(_idx_root("fashion_mnist", "FashionMNIST", root, download), train)

    @property
    def classes(self) -> list[str]:
        """The labels' names."""
        names = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
        return names.split(",")
