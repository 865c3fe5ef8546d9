"""A run on a CUDA device: simulated ones, unless WEFT_CUDA_LIBRARY names the real back end."""

import unittest

from program import TestCase, log_of

# Few pictures: a simulated device convolves them one product after the other.
FEW = ["--limit-train", "16", "--limit-test", "10", "--batch-size", "4", "--no-progress"]


def losses(folder):
    return [r["loss"] for r in log_of(folder) if "step" in r]


class Device(TestCase):
    def test_a_run_on_the_device_is_the_cpu_s(self):
        cpu, cuda = self.folder / "cpu", self.folder / "cuda"
        for device, out in (("cpu", cpu), ("cuda", cuda)):
            self.good("train", *FEW, "--epochs", 2, "--device", device, "--out", out)
        self.check_log(log_of(cuda), 2, 4)
        for a, b in zip(losses(cpu), losses(cuda)):
            self.assertAlmostEqual(a, b, delta=0.02 * abs(a))
        for device in ("cpu", "cuda:0"):
            text = self.good("evaluate", "--model", cuda, "--limit-test", 10, "--device", device)
            self.assertIn("of 10", text)
        self.good("train", "--resume", cuda, "--device", "cuda")

    def test_a_device_that_is_not_there(self):
        self.bad(1, "cuda:99", "train", *FEW, "--device", "cuda:99", "--out", self.folder / "none")
        self.bad(1, "tpu", "train", *FEW, "--device", "tpu", "--out", self.folder / "none")
        self.bad(1, "no device", "train", *FEW, "--device", "cuda", "--out", self.folder / "none",
                 env={"WEFT_CUDA_LIBRARY": "nowhere/libweft_cuda.so"})


if __name__ == "__main__":
    unittest.main()
