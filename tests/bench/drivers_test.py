"""Drivers of benchmarks in their shortest form: each prints its table and leaves figures that can be.

DCMMM_BUILD: the folder of the build. The drivers see one of their own, with links to its programs, and leave its figures
alone."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))
import large  # noqa: E402

PROGRAMS = ("dcmmm", "bench/train_step", "bench/gemm", "bench/all_reduce")


class Drivers(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="dcmmm_drivers_")
        self.addCleanup(temporary.cleanup)
        self.build = Path(temporary.name)
        (self.build / "bench").mkdir()
        for name in PROGRAMS:
            (self.build / name).symlink_to(Path(os.environ["DCMMM_BUILD"]).resolve() / name)

    def call(self, driver, *words):
        """Lines of the driver's table, and its figures."""
        command = [sys.executable, BENCH / f"{driver}.py", *words]
        done = subprocess.run([str(word) for word in command], text=True, capture_output=True, timeout=150, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines(), json.loads((self.build / f"bench/{driver}.json").read_text(encoding="utf-8"))

    def assert_positive(self, figures, *keys):
        for key in keys:
            self.assertGreater(figures[key], 0, key)

    def test_roofline(self):
        lines, rows = self.call("roofline", self.build, "--hidden", "32", "--rounds", 1, "--steps", 2)
        self.assertEqual(len(lines), 2)
        self.assertEqual([row["hidden"] for row in rows], [32])
        self.assert_positive(rows[0], "step_seconds", "sgemm_seconds", "share")
        self.assertAlmostEqual(rows[0]["flops"] / 1e9, 0.67, places=2)  # docs/benchmarks.md

    def test_members(self):
        lines, rows = self.call("members", self.build, "--members", "1,2", "--rounds", 1, "--steps", 2)
        self.assertEqual(len(lines), 3)
        self.assertEqual([row["members"] for row in rows], [1, 2])
        self.assertEqual(rows[0]["times_one"], 1)
        for row in rows:
            self.assert_positive(row, "step_seconds", "step_processor_seconds", "times_one", "trials_per_minute")
            self.assertGreater(row["peak_memory_bytes"], 50 * 2**20)

    def test_scaling(self):
        lines, found = self.call("scaling", self.build, "--regions", 300, "--rounds", 1, "--steps", 2, "--latency-us",
                                 20)
        self.assertIn("  2 ranks, 300 regions", "\n".join(lines))
        self.assertEqual(found["steps"]["two"]["ranks"], 2)
        self.assertEqual(found["all_reduce"]["ranks"], 2)
        self.assert_positive(found, "latency", "bandwidth")
        at = {(row["machine"], row["regions"], row["ranks"]): row for row in found["predicted"]}
        self.assertEqual(len(at), 3 * 3 * 4)
        measured, network, _ = dict.fromkeys(machine for machine, _, _ in at)
        self.assertIn("assumed", network)
        for regions in (10_000, 1_000_000):
            near, far = (at[machine, regions, 4096]["step_seconds"] for machine in (measured, network))
            self.assertAlmostEqual(far - near, 24 * (20e-6 - found["latency"]), delta=1e-9)  # 2 log2(4096) messages
        for row in found["predicted"]:
            self.assert_positive(row, "step_seconds", "efficiency")

    def test_panel(self):
        lines, rows = self.call("panel", self.build, "--regions", "200,300", "--weeks", 60, "--steps", 1)
        self.assertEqual((len(lines), len(rows)), (3, 2))
        _, rows = self.call("panel", self.build, "--regions", "300", "--weeks", 60, "--steps", 1, "--ranks", 2)
        self.assertEqual([(row["regions"], row["ranks"]) for row in rows], [(200, 1), (300, 1), (300, 2)])
        _, rows = self.call("panel", self.build, "--regions", "300", "--weeks", 60, "--steps", 1, "--ranks", 2)
        self.assertEqual(len(rows), 3)
        for row in rows:
            self.assertEqual(row["weeks"], 60)
            self.assert_positive(row, "step_seconds_median", "step_processor_seconds_median", "seconds_per_cell")
            self.assertGreaterEqual(row["peak_memory_bytes"], row["peak_memory_before_steps_bytes"])
        self.assertEqual({path.name for path in (self.build / "bench").iterdir()},
                         {Path(name).name for name in PROGRAMS} - {"dcmmm"} | {"panel.json"})

    def test_large(self):
        words = [20, "--weeks", 60, "--build", self.build, "--folder", self.build, "--only", "import,descent,predict"]
        lines, found = self.call("large", *words)
        names = ["import csv", "import parquet", "train", "descent", "predict"]  # `predict` needs `train`
        self.assertEqual([row["command"] for row in found["rows"]], names)
        self.assertEqual(len(lines), 1 + len(names))
        for row in found["rows"]:
            self.assertEqual(row["code"], 0)
            self.assert_positive(row, "seconds", "processor_seconds")
            self.assertGreater(row["peak_memory_bytes"], 50 * 2**20)
        self.assertEqual({path.name for path in self.build.iterdir()}, {"dcmmm", "bench"})

    def test_large_says_where_no_control_group_can_be_made(self):
        places = [(self.build / "missing", "memory.limit_in_bytes")]
        with mock.patch.object(large.ControlGroup, "places", return_value=places), self.assertRaises(SystemExit) as end:
            large.ControlGroup(2**30)
        self.assertIn("control group", end.exception.code)
        self.assertIn(str(self.build / "missing"), end.exception.code)


if __name__ == "__main__":
    unittest.main(verbosity=2)
