"""What tests/gpu.sh does where nothing works: it ends in time, names what failed, passes nothing that
did not run."""

import contextlib
import io
import pathlib
import re
import sys
import tempfile
import time
import unittest
from unittest import mock

import machine
import run
import steps

SLEEP = [sys.executable, "-c", "import time; print('asleep', flush=True); time.sleep(60)"]


def step(name, command, limit=5.0, **options):
    return steps.Step(name, "test", command, limit, 1, **options)


def outcomes_of(chosen, seconds=60):
    with contextlib.redirect_stdout(io.StringIO()):
        runner = run.Runner(run.Clock(seconds), io.StringIO())
        runner.all(chosen, 2)
    return {o.step.name: o for o in runner.outcomes}


class Run(unittest.TestCase):
    def test_a_step_that_hangs_ends_with_its_limit(self):
        start = time.monotonic()
        found = outcomes_of([step("hangs", SLEEP, 1.0), step("fine", [sys.executable, "-c", ""])])
        self.assertLess(time.monotonic() - start, 20)
        self.assertIn("out of time", found["hangs"].status)
        self.assertIn("asleep", found["hangs"].output)
        self.assertEqual(found["fine"].status, "passed")

    def test_what_cannot_start_or_fails_says_so(self):
        found = outcomes_of(
            [step("absent", ["no-such-program"]), step("three", [sys.executable, "-c", "exit(3)"])]
        )
        self.assertIn("no-such-program", found["absent"].output)
        self.assertEqual(found["three"].status, "failed (3)")

    def test_what_has_no_time_left_is_not_passed(self):
        found = outcomes_of([step("late", [sys.executable, "-c", ""])], seconds=1)
        self.assertTrue(found["late"].status.startswith("not run"))

    def test_parts_hold_every_step_once(self):
        with mock.patch.object(
            steps, "cases", lambda _: [n for v in steps.CHECKED.values() for n in v]
        ):
            made = steps.Steps(pathlib.Path("nowhere"), sys.executable, False)
            whole = made.tests() + made.benches()
        for n in (1, 2, 3):
            shares = [s.name for k in range(1, n + 1) for s in steps.part_of(whole, k, n)]
            self.assertEqual(sorted(shares), sorted(s.name for s in whole))

    def test_a_checked_case_that_is_gone_is_an_error(self):
        with mock.patch.object(steps, "cases", lambda _: ["another"]):
            with self.assertRaisesRegex(SystemExit, "no case"):
                steps.Steps(pathlib.Path("nowhere"), sys.executable, False).tests()

    def test_rows_know_whether_the_aim_was_reached(self):
        found = {
            "weft": {"streams": {"copy": 100, "add": 95}, "host": {"a + b": 1000}},
            "torch": {"streams": {"copy": 99}, "host": {"a + b": 1500}},
        }
        rows, notes = run.cuda_rows.Rows(found).all({"streams", "host"})
        reached = {r["measure"].split(",")[0]: r["reached"] for r in rows}
        self.assertEqual(reached["add over 1 GiB"], True)
        self.assertEqual(reached["host time from Python: a + b"], False)
        self.assertTrue(any("exp over 1 GiB: no figure of Weft" in n for n in notes))

    def test_the_archive_keeps_every_header_that_is_included(self):
        text = (steps.ROOT / "scripts" / "vendor.sh").read_text()
        left_out = re.search(r"^needless=\((.*?)\)", text, re.M | re.S)[1].split()
        folders = [p.removeprefix("usr/include/").removeprefix("eigen3/") for p in left_out]
        for file in (steps.ROOT / "cpu").rglob("*.h"):
            for header in re.findall(r"#include <(.*)>", file.read_text()):
                for folder in folders:
                    self.assertFalse(header.startswith(folder + "/"), f"{file}: {header}")

    @unittest.skipIf(not machine.why_no_gpu(), "there is a GPU")
    def test_without_a_gpu_it_says_so_and_stops(self):
        with tempfile.TemporaryDirectory() as folder:
            command = ["bash", machine.ROOT / "tests" / "gpu.sh", "--test", "--out", folder]
            environment = {"WEFT_GPU_SIMULATE": "0", "WEFT_GPU_BUILD": folder}
            status, text = run.run(command, 60, environment)
        self.assertEqual(status, "failed (3)", text)
        self.assertIn("no GPU", text)


if __name__ == "__main__":
    unittest.main()
