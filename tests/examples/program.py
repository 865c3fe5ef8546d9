"""Runs cifar10_alexnet in folders of their own. The first argument of a test file is the program."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
# Small enough to take a second or two: 16 steps an epoch.
TINY = ["--limit-train", "128", "--limit-test", "50", "--batch-size", "8", "--threads", "1"]


def run(*arguments, env=None, **keywords):
    environment = {k: v for k, v in os.environ.items() if k != "WEFT_DATA"} | (env or {})
    keywords = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | keywords
    with_input = "input" in keywords
    result = subprocess.run([PROGRAM, *map(str, arguments)], text=not with_input, env=environment,
                            timeout=600, **keywords)
    if with_input:  # of bytes
        result.stdout, result.stderr = result.stdout.decode(), result.stderr.decode()
    return result


def start(*arguments):
    environment = {k: v for k, v in os.environ.items() if k != "WEFT_DATA"}
    return subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment)


def log_of(folder):
    text = (pathlib.Path(folder) / "log.jsonl").read_text()
    return [json.loads(line, parse_constant=no_json) for line in text.splitlines()]


def no_json(word):
    raise ValueError(f"got {word} in a log, which is no JSON")


class TestCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weft_example_"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def good(self, *arguments, **keywords):
        result = run(*arguments, **keywords)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def bad(self, status, message, *arguments, **keywords):
        """One line on stderr that has the message, and that status."""
        result = run(*arguments, **keywords)
        self.assertEqual(result.returncode, status, (result.stdout or "") + result.stderr)
        lines = result.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("cifar10_alexnet: "), lines[0])
        self.assertIn(message, lines[0])
        return lines[0]

    def check_log(self, records, epochs, steps):
        """Steps and epochs come each once, in order."""
        self.assertEqual([r["step"] for r in records if "step" in r],
                         list(range(1, epochs * steps + 1)))
        self.assertEqual([r["epoch"] for r in records if "test_accuracy" in r],
                         list(range(1, epochs + 1)))
        for r in records:
            keys = ["epoch", "train_loss", "test_loss", "test_accuracy", "seconds"]
            if "step" in r:
                keys = ["step", "epoch", "loss", "lr", "images_per_second"]
                self.assertEqual(r["epoch"], (r["step"] - 1) // steps + 1)
            self.assertEqual(list(r), keys)
