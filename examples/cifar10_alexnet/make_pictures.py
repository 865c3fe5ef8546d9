#!/usr/bin/env python3
"""Make the contact sheets in pictures/ from CIFAR-10 in its official binary layout.

    python3 make_pictures.py DATA_DIR [OUT_DIR]        # needs numpy and Pillow

One JPEG a class: 25 x 24 tiles of 32 x 32 pixels, row by row; the first 500 are the first training
pictures of the class, the other 100 its first test pictures. The quality is the best at which the ten
files together stay below 5 MB, 95 at most; colour is not subsampled, which would mix tiles.
"""
import argparse
import io
import pathlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TRAIN, TEST, COLUMNS, SIDE = 500, 100, 25, 32
LIMIT = 5_000_000
Bytes = NDArray[np.uint8]


def read_batches(paths: list[pathlib.Path]) -> tuple[Bytes, Bytes]:
    records = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073) for path in paths])
    return records[:, 0], records[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)


def first_of_class(batches: tuple[Bytes, Bytes], label: int, count: int) -> Bytes:
    labels, pictures = batches
    chosen = pictures[labels == label][:count]
    if len(chosen) != count:
        raise SystemExit(f"class {CLASSES[label]}: got {len(chosen)} pictures, expected {count}")
    return np.asarray(chosen)


def contact_sheet(tiles: Bytes) -> Any:
    rows = tiles.reshape(-1, COLUMNS, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(rows.reshape(-1, COLUMNS * SIDE, 3))


def encode(sheet: Any, quality: int) -> bytes:
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=quality, subsampling="4:4:4", optimize=True, progressive=True)
    data: bytes = out.getvalue()
    return data


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=pathlib.Path, help="the folder with data_batch_1.bin")
    parser.add_argument("out_dir", type=pathlib.Path, nargs="?",
                        default=pathlib.Path(__file__).resolve().parent / "pictures")
    args = parser.parse_args()

    train = read_batches([args.data_dir / f"data_batch_{i}.bin" for i in range(1, 6)])
    test = read_batches([args.data_dir / "test_batch.bin"])
    sheets = [contact_sheet(np.concatenate([first_of_class(train, label, TRAIN),
                                            first_of_class(test, label, TEST)]))
              for label in range(len(CLASSES))]
    for quality in range(95, 10, -1):
        files = [encode(sheet, quality) for sheet in sheets]
        if sum(map(len, files)) <= LIMIT:
            break
    args.out_dir.mkdir(parents=True, exist_ok=True)
    for name, data in zip(CLASSES, files):
        (args.out_dir / f"{name}.jpg").write_bytes(data)
    print(f"quality {quality}, {sum(map(len, files)):,} bytes in {args.out_dir}")


if __name__ == "__main__":
    main()
