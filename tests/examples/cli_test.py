"""What the program says to a wrong command line and to files that are not what they should be."""

import json
import pathlib
import resource
import signal
import struct
import unittest

from program import TINY, TestCase, run


def safetensors(tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, values in tensors.items():
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


PICTURES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "cifar10_alexnet" / "pictures"


class CommandLine(TestCase):
    def test_help(self):
        for arguments in (["--help"], ["train", "--help"]):
            self.assertIn("--", self.good(*arguments))

    def test_usage(self):
        for message, *arguments in [
            ("subcommand", ),
            ("--learning-rate", "train", "--learning-rate", "1"),
            ("--preset", "train", "--preset", "slow"),
            ("--precision", "train", "--precision", "f8"),
            ("--epochs", "train", "--epochs", "0"),
            ("--threads", "train", "--threads", "-1"),
            ("--lr", "train", "--lr", "much"),
            ("expected a number above 0", "train", "--lr", "nan"),
            ("expected a number above 0", "train", "--lr", "-1"),
            ("0 to 2^64 - 1", "train", "--seed", "-1"),
            ("0 to 2^64 - 1", "train", "--seed", "18446744073709551616"),
            ("above 0", "train", "--limit-train", "-5"),
            ("--resume", "train", "--out", "a", "--resume", "b"),
            ("--resume: got nothing", "train", "--resume", ""),
            ("--out: got nothing", "train", "--out", ""),
            ("--data: got nothing", "train", "--data", ""),
            ("--model", "evaluate"),
            ("files", "predict", "--model", "x"),
        ]:
            with self.subTest(arguments):
                self.bad(2, message, *arguments)


class Files(TestCase):
    def train(self, data):
        return ("train", *TINY, "--epochs", "1", "--data", data, "--out", self.folder / "out")

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def batches(self, sizes, record=b"\x03" + bytes(3072)):
        for i, size in enumerate(sizes, 1):
            self.write(f"data/data_batch_{i}.bin", record * size)
        self.write("data/test_batch.bin", record * sizes[0])
        return self.folder / "data"

    def test_data(self):
        self.bad(1, "nowhere", *self.train(self.folder / "nowhere"))
        self.bad(1, "data_batch_1.bin", *self.train(self.folder))
        self.bad(1, "data_batch_3.bin", *self.train(self.batches([2, 2])))
        truncated = self.batches([2] * 5)
        (truncated / "data_batch_2.bin").write_bytes(bytes(3073 * 2 - 1))
        self.bad(1, "data_batch_2.bin", *self.train(truncated))
        foreign = self.batches([2] * 5, b"\x0b" + bytes(3072))
        self.bad(1, "data_batch_1.bin", *self.train(foreign))
        archive = self.write("cifar.tar.gz", b"\x1f\x8b\x08 no gzip")
        self.bad(1, "cifar.tar.gz", *self.train(archive))
        self.bad(1, "nowhere", *self.train("")[:-4], env={"WEFT_DATA": str(self.folder / "nowhere")})
        self.assertFalse((self.folder / "out").exists())

    def test_models(self):
        good = {"model": "cifar10_alexnet", "preset": "classic", "precision": "f32"}
        picture = self.write("a.png", b"no picture")
        for message, content in [
            ("m.safetensors", b"short"),
            ("m.safetensors", struct.pack("<Q", 1 << 60) + b"{}"),
            ("mark", safetensors({}, {})),
            ("features.0.weight is missing", safetensors({}, good)),
            ("other is unknown here", safetensors({"other": [1.0]}, good)),
            ("features.0.weight has shape [1], expected [64, 3, 3, 3]",
             safetensors({"features.0.weight": [1.0]}, good)),
        ]:
            model = self.write("m.safetensors", content)
            with self.subTest(message):
                self.bad(1, message, "evaluate", "--model", model, "--limit-test", 10)
                self.bad(1, message, "predict", "--model", model, picture)
        self.bad(1, "model.safetensors", "evaluate", "--model", self.folder)

    def test_runs(self):
        self.bad(1, "no checkpoint", "train", "--resume", self.folder)
        self.write("run/checkpoint.safetensors", b"short")
        self.bad(1, "checkpoint.safetensors", "train", "--resume", self.folder / "run")
        self.bad(1, "holds a run already", "train", *TINY, "--out", self.folder / "run")
        self.write("plain", b"")
        self.bad(1, "plain", "train", *TINY, "--out", self.folder / "plain" / "run")

    def test_full_disk(self):
        run_folder = self.folder / "run"
        result = run("train", *TINY, "--epochs", 1, "--out", run_folder, preexec_fn=limit_files)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertEqual(list(run_folder.iterdir()), [])
        self.good("train", *TINY, "--epochs", 1, "--out", run_folder)

    def test_full_output(self):
        """What is printed and does not arrive is an error, though the run's files are whole."""
        out = self.folder / "run"
        picture = PICTURES / "cat.jpg"
        for arguments in (("train", *TINY, "--epochs", 1, "--out", out),
                          ("evaluate", "--model", out, "--limit-test", 10),
                          ("predict", "--model", out, picture)):
            with open("/dev/full", "w") as full, self.subTest(arguments[0]):
                self.bad(1, "cannot write to the standard output: ", *arguments, stdout=full)
        self.assertEqual(len(list(out.iterdir())), 5)


def limit_files():
    """No file may become longer than 100 kB: as on a disk that is full, writes fail."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


if __name__ == "__main__":
    unittest.main()
