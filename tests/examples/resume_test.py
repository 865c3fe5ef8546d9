"""Runs that are interrupted or killed, and go on to the same bytes."""

import pathlib
import random
import re
import shutil
import signal
import tempfile
import time
import unittest

from program import TINY, TestCase, log_of, run, start

EPOCHS, STEPS = 3, 16
KILLS = 20


class Resume(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seed = random.SystemRandom().randrange(1 << 32)
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="weft_example_"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, True)
        begin = time.monotonic()
        result = run(*cls.arguments(cls.shared / "whole"))
        cls.seconds = time.monotonic() - begin
        assert result.returncode == 0, result.stderr

    @staticmethod
    def arguments(out, *more):
        return ("train", *TINY, "--epochs", EPOCHS, "--seed", 3, "--out", out, *more)

    def whole_run(self):
        """The model of a run that nothing disturbed, and a copy of its folder in self.folder."""
        shutil.copytree(self.shared / "whole", self.folder / "whole")
        return (self.shared / "whole" / "model.safetensors").read_bytes()

    def finish(self, out, model):
        if (out / "checkpoint.safetensors").exists():
            self.good("train", "--resume", out, "--threads", 1)
        else:  # killed before the first step
            self.good(*self.arguments(out))
        self.assertEqual((out / "model.safetensors").read_bytes(), model)
        self.check_log(log_of(out), EPOCHS, STEPS)
        self.assertEqual(len(list(out.iterdir())), 5)

    def test_the_same_run_twice(self):
        model = self.whole_run()
        self.good(*self.arguments(self.folder / "again"))
        self.assertEqual((self.folder / "again" / "model.safetensors").read_bytes(), model)
        other = self.folder / "other"
        self.good("train", *TINY, "--epochs", EPOCHS, "--seed", 4, "--out", other)
        self.assertNotEqual((other / "model.safetensors").read_bytes(), model)

    def test_killed(self):
        model = self.whole_run()
        moments = random.Random(self.seed)
        for k in range(KILLS):
            out = self.folder / f"killed{k}"
            process = start(*self.arguments(out))
            moment = moments.uniform(0, self.seconds)
            time.sleep(moment)
            process.kill()
            process.communicate()
            with self.subTest(f"seed {self.seed}, kill {k} after {moment:.3f} s"):
                self.finish(out, model)

    def test_killed_in_the_first_epoch(self):
        model = self.whole_run()
        out = self.folder / "killed"
        process = start(*self.arguments(out))
        while not (out / "log.jsonl").exists() or not log_text(out):
            time.sleep(0.001)
        process.kill()
        process.communicate()
        self.bad(1, "go on with --resume", *self.arguments(out))
        self.good("train", "--resume", out, "--threads", 1)
        self.finish(out, model)

    def test_a_folder_whose_run_had_not_begun(self):
        """What a kill between any two of the first changes leaves can be given to --out again."""
        model = self.whole_run()
        out = self.folder / "begun"
        out.mkdir()
        (out / "checkpoint.safetensors.tmp").write_bytes(b"short")
        self.bad(1, "begin it with --out", "train", "--resume", out)
        self.finish(out, model)

    def test_interrupted(self):
        model = self.whole_run()
        for sent in (signal.SIGINT, signal.SIGTERM):
            out = self.folder / sent.name
            process = start(*self.arguments(out))
            while not (out / "log.jsonl").exists() or len(log_text(out).splitlines()) < 5:
                time.sleep(0.005)
            process.send_signal(sent)
            text, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + sent, text + errors)
            self.assertEqual(errors, "")
            stopped = int(re.search(r"stopped after step (\d+)", text).group(1))
            self.assertEqual(len([r for r in log_of(out) if "step" in r]), stopped)
            self.finish(out, model)

    def test_interrupted_in_the_last_step_of_an_epoch(self):
        """Epochs of one step: the signal is noted in it, and the epoch's test is still to come."""
        one = ("train", *TINY[2:], "--limit-train", 8, "--epochs", 6, "--seed", 3, "--out")
        self.good(*one, self.folder / "whole")
        out = self.folder / "stopped"
        process = start(*one, out)
        while not (out / "log.jsonl").exists() or not log_text(out):
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        text, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM, text + errors)
        last = log_of(out)[-1]
        self.assertIn("step", last)
        text = self.good("train", "--resume", out, "--threads", 1)
        self.assertIn(f"epoch {last['epoch']}/6: training loss", text)
        self.check_log(log_of(out), 6, 1)
        self.assertEqual(timeless(out), timeless(self.folder / "whole"))
        for name in ("model.safetensors", "confusion.csv", "curve.svg"):
            self.assertEqual((out / name).read_bytes(), (self.folder / "whole" / name).read_bytes())

    def test_finished(self):
        model = self.whole_run()
        out = self.folder / "whole"
        for name in ("model.safetensors", "curve.svg", "confusion.csv"):
            (out / name).unlink()
        self.finish(out, model)

    def test_what_cannot_change(self):
        self.whole_run()
        out = self.folder / "whole"
        self.bad(1, "--epochs", "train", "--resume", out, "--epochs", 9)
        self.bad(1, "--seed", "train", "--resume", out, "--seed", 9)
        self.good("train", "--resume", out, "--threads", 1, "--seed", 3)

    def test_deterministic_for_any_threads(self):
        models = []
        for threads in (1, 2):
            out = self.folder / f"threads{threads}"
            self.good("train", *TINY[:-2], "--threads", threads, "--deterministic", "--epochs", 1,
                      "--out", out)
            models.append((out / "model.safetensors").read_bytes())
        self.assertEqual(models[0], models[1])


def timeless(out):
    return [{k: v for k, v in r.items() if k not in ("seconds", "images_per_second")}
            for r in log_of(out)]


def log_text(out):
    return (out / "log.jsonl").read_text()


if __name__ == "__main__":
    unittest.main()
