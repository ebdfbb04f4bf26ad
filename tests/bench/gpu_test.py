"""bench/gpu.sh without a GPU: the table and figures.json come out whatever its programs do, and say what failed.

The programs are stubs, in a tree of their own with the real scripts."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"
TESTS_PASS = "#!/bin/sh\necho '[  PASSED  ] 89 tests.'\n"
SILENT = "#!/bin/sh\nexit 0\n"  # where figures are expected


class Gpu(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="dcmmm_gpu_test_")
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name) / "tree"
        shutil.copytree(BENCH, self.root / "bench", ignore=shutil.ignore_patterns("__pycache__"))
        # gpu.sh takes the tree's own Python, which says so.
        self.program(".deps/bin/python", f'#!/bin/sh\ntouch "{self.root}/own_python"\nexec "{sys.executable}" "$@"\n')
        self.work = self.root / "work"
        self.work.mkdir()

    def program(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def gpu(self, parts, torch, *words):
        """The exit code, what was printed, and the rows by check; `torch` is the source of the module of that name."""
        modules = self.root / "modules"
        modules.mkdir(exist_ok=True)
        (modules / "torch.py").write_text(torch, encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHON"}
        environment |= {"PARTS": parts, "PYTHONPATH": str(modules), "TMPDIR": str(self.work),
                        "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(["bash", self.root / "bench/gpu.sh", *words], env=environment, text=True, timeout=120,
                              capture_output=True, check=False)
        self.assertEqual(list(self.work.iterdir()), [], "a temporary folder is left")
        folder = Path(words[0]) if words else self.root / "build/release/bench/gpu"
        rows = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
        table = done.stdout[done.stdout.index(f"{'check':62} outcome"):]
        for row in rows:
            self.assertIn(f"{row['check']:62} {row['outcome']:12} {row['detail']}\n", table, done.stderr)
        return done.returncode, done.stdout + done.stderr, {row["check"]: row for row in rows}

    def test_parts_that_end_early_are_failed_rows_and_the_others_follow(self):
        self.program("build/release/bench/train_step_cuda", SILENT)
        self.program("build/release/device_descent_test", TESTS_PASS)
        code, said, rows = self.gpu("pytorch profile nonsense ranks tests",
                                    "raise ModuleNotFoundError('No torch here')")
        self.assertEqual(code, 1, said)
        self.assertEqual(rows["pytorch"]["detail"], "ModuleNotFoundError: No torch here")
        self.assertIn("KeyError", rows["nonsense"]["detail"])
        self.assertIn("FileNotFoundError", rows["ranks"]["detail"])  # dcmmm-cuda
        for part in ("pytorch", "profile", "nonsense", "ranks"):
            self.assertEqual(rows[part]["outcome"], "FAILED")
        self.assertEqual(rows["steps on the GPU against the CPU's"]["outcome"], "passed")
        self.assertTrue((self.root / "own_python").exists())

    def test_any_exception_is_a_failed_row(self):
        cases = {"RuntimeError: no GPU": "def rand(*words, **options):\n    raise RuntimeError('no GPU')\n",
                 "IndexError: list index out of range": "raise SystemExit(0)\n"}  # its step ends well and says nothing
        for detail, torch in cases.items():
            code, said, rows = self.gpu("pytorch", torch, self.root / "to")
            self.assertEqual(code, 1, said)
            self.assertEqual((rows["pytorch"]["outcome"], rows["pytorch"]["detail"]), ("FAILED", detail))

    def test_checks_that_pass_end_with_0_and_none_at_all_with_1(self):
        self.program("build/release/device_descent_test", TESTS_PASS)
        self.assertEqual(self.gpu("tests", "")[0], 0)
        self.assertEqual(self.gpu("", "")[0], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
