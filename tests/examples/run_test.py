"""A run on the shipped pictures from its first line to the use of its model."""

import csv
import pathlib
import re
import unittest
import xml.dom.minidom

from program import TINY, TestCase, log_of

PICTURES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "cifar10_alexnet" / "pictures"

OUTPUTS = {"log.jsonl", "checkpoint.safetensors", "model.safetensors", "curve.svg", "confusion.csv"}


class Run(TestCase):
    def check_outputs(self, out, text):
        names = {p.name for p in out.iterdir()}
        self.assertEqual(names, OUTPUTS)
        self.check_log(log_of(out), 2, 16)
        xml.dom.minidom.parse(str(out / "curve.svg"))
        table = list(csv.reader((out / "confusion.csv").open()))
        self.assertEqual(len(table), 11)
        self.assertEqual(sum(int(n) for row in table[1:] for n in row[1:]), 50)
        self.assertIn("small set that ships", text)
        self.assertIn("taken for", text)
        self.assertNotIn("\r", text)

    def test_run(self):
        out = self.folder / "run"
        text = self.good("train", *TINY, "--epochs", 2, "--out", out)
        self.check_outputs(out, text)
        accuracy = re.search(r"test accuracy ([\d.]+) % \((\d+) of 50\)", text)
        for model in (out, out / "model.safetensors"):
            shown = self.good("evaluate", "--model", model, "--limit-test", 50)
            self.assertIn(accuracy.group(0), shown)
        pictures = [PICTURES / "cat.jpg", PICTURES / "ship.jpg"]
        lines = self.good("predict", "--model", out, "--top", 2, *pictures).splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"cat\.jpg: \w+ [\d.]+ %, \w+ [\d.]+ %$")
        for picture in ("/dev/stdin", "/dev/fd/0"):
            piped = self.good("predict", "--model", out, "--top", 2, picture,
                              input=(PICTURES / "cat.jpg").read_bytes())
            self.assertEqual(piped.replace(picture, str(pictures[0])), lines[0] + "\n")
        self.bad(1, "no.png", "predict", "--model", out, self.folder / "no.png")
        self.bad(1, "log.jsonl", "predict", "--model", out, out / "log.jsonl")

    def test_classic_and_bf16(self):
        for arguments in (["--preset", "classic"], ["--precision", "bf16"]):
            out = self.folder / arguments[1]
            self.good("train", *TINY, *arguments, "--epochs", 1, "--no-progress", "--out", out)
            self.check_log(log_of(out), 1, 16)
            self.good("evaluate", "--model", out, "--limit-test", 50)

    def test_learns(self):
        """200 pictures by heart: the loss falls well below that of guessing, ln 10."""
        out = self.folder / "run"
        self.good("train", "--limit-train", 200, "--limit-test", 50, "--batch-size", 20, "--epochs",
                  12, "--lr", 0.03, "--out", out)
        losses = [r["train_loss"] for r in log_of(out) if "train_loss" in r]
        self.assertLess(losses[-1], 1.6, losses)

    def test_numbers_that_are_not_finite(self):
        """They are null in the log, and the curve goes without them."""
        out = self.folder / "run"
        self.good("train", *TINY, "--epochs", 2, "--lr", "1e30", "--out", out)
        records = log_of(out)
        self.check_log(records, 2, 16)
        self.assertIsNone(records[-1]["train_loss"])
        self.assertEqual({p.name for p in out.iterdir()}, OUTPUTS)
        curve = (out / "curve.svg").read_text()
        xml.dom.minidom.parseString(curve)
        self.assertNotIn("nan", curve)
        self.good("train", "--resume", out)

    def test_the_first_rate(self):
        """A cycle of which one step climbs."""
        out = self.folder / "run"
        self.good("train", "--limit-train", 16, "--limit-test", 10, "--batch-size", 4, "--epochs", 1,
                  "--out", out)
        rates = [r["lr"] for r in log_of(out) if "step" in r]
        self.assertEqual(rates[0], max(rates))

    def test_a_run_of_its_own_folder(self):
        self.good("train", *TINY, "--epochs", 1, cwd=self.folder)
        self.good("train", *TINY, "--epochs", 1, cwd=self.folder)
        self.assertTrue((self.folder / "runs" / "2" / "model.safetensors").exists())


if __name__ == "__main__":
    unittest.main()
