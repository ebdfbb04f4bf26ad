"""bench/gpu_bundle.sh of a build with CUDA, and the bundle's own bench/gpu.sh where no GPU can be seen: its programs start
from the bundle, the processor's checks pass, the GPU's fail, and the table says so. DCMMM_BUILD: the folder of the
build."""

import json
import os
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TORCH = ROOT / ".deps/lib/python3.11/site-packages/torch"
PROGRAMS = {"dcmmm", "dcmmm-cuda", "device_descent_test", "train_step_cuda", "mpirun", "orted"}


class GpuBundle(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="dcmmm_gpu_bundle_")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        # Everything is built before ctest, whose other tests run these programs now; and a quick archive will do.
        for name, words in (("ninja", "exit 0"), ("xz", 'exec /usr/bin/xz "$@" -0')):
            path = self.folder / "path" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\n{words}\n", encoding="utf-8")
            path.chmod(0o755)

    def call(self, *words, **environment):
        words = [str(word) for word in words]
        path = f"{self.folder / 'path'}:{os.environ['PATH']}"
        return subprocess.run(words, env={**os.environ, "PATH": path, **environment}, text=True, capture_output=True,
                              timeout=200, check=False)

    def test_it_is_whole_and_runs(self):
        bundle = self.folder / "bundle"
        done = self.call("bash", ROOT / "bench/gpu_bundle.sh", bundle, os.environ["DCMMM_BUILD"])
        self.assertEqual(done.returncode, 0, done.stderr)
        with tarfile.open(f"{bundle}.tar.xz") as archive:
            names = archive.getnames()
        for name in (*(f"bin/{program}" for program in PROGRAMS), "bench/gpu.py", "bench/sweep_pack.py",
                     "lib/libcuda_calls.so", "panel/mmm_data.csv", "share/dcmmm/plotly.min.js"):
            self.assertIn(f"bundle/{name}", names)

        # A Python with torch, as gpu.sh finds the libraries by: the wheel of set-up can't be imported without CUDA's.
        module = self.folder / "modules/torch"
        module.mkdir(parents=True)
        (module / "__init__.py").write_text("")
        (module / "lib").symlink_to(TORCH / "lib")
        done = self.call("bash", bundle / "bench/gpu.sh", PARTS="real", CUDA_VISIBLE_DEVICES="",
                         PYTHONPATH=str(module.parent), TMPDIR=str(self.folder))
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1, said)
        rows = json.loads((bundle / "figures/figures.json").read_text(encoding="utf-8"))
        outcomes = {row["check"]: row["outcome"] for row in rows}
        for check in ("dcmmm-cuda --version", "what a GPU doesn't cover is refused", "the public panel on the CPU"):
            self.assertEqual(outcomes[check], "passed", said)
        self.assertEqual(outcomes["the default fit of the public panel on the GPU"], "FAILED", said)

    def test_a_python_without_torch_is_named(self):
        tree = self.folder / "bundle"
        for name in ("bin/dcmmm-cuda", "bench/gpu.sh"):
            (tree / name).parent.mkdir(parents=True)
            (tree / name).write_text((ROOT / "bench/gpu.sh").read_text(encoding="utf-8"), encoding="utf-8")
            (tree / name).chmod(0o755)
        done = self.call("bash", tree / "bench/gpu.sh", PYTHON="/bin/false")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/bin/false", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
