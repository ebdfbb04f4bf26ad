"""The checks and figures of docs/gpu-checklist.md; started by gpu.sh, which says where the programs are.

  gpu.py FOLDER_FOR_FIGURES        PARTS="tests real profile speed pytorch ranks sweep" (all)

Every row of the table at the end, and of FOLDER_FOR_FIGURES/figures.json, is a check that passed or failed, or a
figure. What ends a part early is a failed row, and the others follow. Exit code 1 when a check failed, or none was
made."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
BINARIES = pathlib.Path(os.environ["BINARIES"])
PANEL = os.environ["PANEL"]
PARTS = os.environ.get("PARTS", "tests real profile speed pytorch ranks sweep").split()
FOLDER = pathlib.Path(sys.argv[1])
WORK = pathlib.Path(tempfile.mkdtemp(prefix="dcmmm_gpu_"))
rows = []


def binary(name):
    places = [BINARIES / name, BINARIES / "bench" / name]
    return next((str(place) for place in places if place.exists()), str(places[0]))


def call(*words, environment=None, limit=120):
    """Runs a program to its end; one that takes longer than `limit` seconds has failed, with what it said until then."""
    start = time.perf_counter()
    words = [str(word) for word in words]
    try:
        done = subprocess.run(words, text=True, capture_output=True, timeout=limit,
                              env=os.environ | (environment or {}), check=False)
    except subprocess.TimeoutExpired as error:
        said = [part.decode() if isinstance(part, bytes) else part or "" for part in (error.stdout, error.stderr)]
        done = subprocess.CompletedProcess(words, 124, *said)
    return done, time.perf_counter() - start


def say(name, outcome, detail=""):
    rows.append({"check": name, "outcome": outcome, "detail": detail})
    print(f"{name}: {outcome} {detail}", flush=True)


def expect(name, holds, detail=""):
    say(name, "passed" if holds else "FAILED", detail)


def tests():
    done, seconds = call(binary("device_descent_test"), "--gtest_brief=1")
    lines = [line for line in done.stdout.splitlines() if "tests ran" in line or "PASSED" in line or "FAILED" in line]
    expect("steps on the GPU against the CPU's", done.returncode == 0, f"{' '.join(lines[:2])} in {seconds:.0f} s")
    if done.returncode != 0:
        print(done.stdout[-6000:], done.stderr[-3000:])


def train(name, *words, ranks=0, program="dcmmm-cuda", environment=None):
    folder = WORK / name
    launcher = ["mpirun", "-n", ranks, "--oversubscribe"] if ranks else []
    done, seconds = call(*launcher, binary(program), "train", f"data.source={PANEL}", f"run.dir={folder}", *words,
                         environment=environment)
    figures = {}
    if (folder / "metrics.json").exists():
        figures = json.loads((folder / "metrics.json").read_text())
    return done, seconds, figures


def distance(a, b):
    """Largest relative difference of the figures that a user reads."""
    pairs = [(a[part][key], b[part][key]) for part in ("train", "holdout") for key in ("rmse", "mae")]
    return max(abs(x - y) / abs(y) for x, y in pairs)


def real():
    done, _ = call(binary("dcmmm-cuda"), "--version")
    expect("dcmmm-cuda --version", done.returncode == 0, done.stdout.strip())
    done, _, _ = train("refused", "trainer.device=cuda", "trainer.deterministic=true")
    expect("what a GPU doesn't cover is refused", done.returncode == 2 and "trainer.device" in done.stderr,
           f"exit code {done.returncode}")
    done, cpu_seconds, cpu = train("cpu", "trainer.device=cpu")
    expect("the public panel on the CPU", done.returncode == 0, f"{cpu_seconds:.2f} s")
    gpu = {}
    for attempt in range(3):
        done, seconds, gpu = train(f"gpu{attempt}", "trainer.device=cuda")
        if done.returncode != 0:
            print(done.stdout[-2000:], done.stderr[-3000:])
        expect("the default fit of the public panel on the GPU", done.returncode == 0,
               f"{seconds:.2f} s, {gpu.get('device')}, seconds {gpu.get('seconds')}")
    if not gpu or not cpu:
        return
    expect("its figures are the CPU's", distance(gpu, cpu) < 2e-3,
           f"largest relative difference {distance(gpu, cpu):.1e}; holdout RMSE {gpu['holdout']['rmse']:.0f} and "
           f"{cpu['holdout']['rmse']:.0f}")
    _, _, tf32 = train("tf32", "trainer.device=cuda", "trainer.precision=tf32")
    say("with TF32 products", f"{distance(tf32, cpu):.1e}", f"largest relative difference; holdout RMSE {tf32['holdout']['rmse']:.0f}")
    double = ["trainer.precision=float64"]
    _, _, cpu64 = train("cpu64", "trainer.device=cpu", *double)
    _, _, gpu64 = train("gpu64", "trainer.device=cuda", *double)
    expect("in float64", distance(gpu64, cpu64) < 1e-6, f"largest relative difference {distance(gpu64, cpu64):.1e}")
    # Stopped after its first burst, then continued: the same bits.
    stopped, _, _ = train("stopped", "trainer.device=cuda", "trainer.time_limit=0.001s")
    resumed, _, figures = train("stopped", "trainer.device=cuda", "run.resume=true", "trainer.time_limit=null")
    expect("a run that was stopped and continued", stopped.returncode == 5 and resumed.returncode == 0 and
           figures["train"] == gpu["train"] and figures["holdout"] == gpu["holdout"],
           f"exit codes {stopped.returncode} and {resumed.returncode}, same figures to the last digit")
    train("moved", "trainer.device=cuda", "trainer.time_limit=0.001s")
    other, _, figures = train("moved", "trainer.device=cpu", "run.resume=true", "trainer.time_limit=null")
    expect("begun on the GPU, finished on the CPU", other.returncode == 0 and distance(figures, cpu) < 2e-3,
           f"largest relative difference {distance(figures, cpu) if figures else -1:.1e}")
    _, seconds, figures = train("ensemble", "trainer.device=cuda", "ensemble.members=16")
    say("16 members on the GPU", f"{seconds:.2f} s", f"fit {figures.get('seconds', {}).get('fit', 0):.2f} s")
    _, seconds, figures = train("ensemble_cpu", "trainer.device=cpu", "ensemble.members=16")
    say("16 members on the CPU", f"{seconds:.2f} s", f"fit {figures.get('seconds', {}).get('fit', 0):.2f} s")


def ranks():
    """Ranks that share the GPU, each with a host id of its own, since NCCL wants a GPU a rank."""
    few = ["trainer.device=cuda", "trainer.precision=float64", "trainer.steps=12"]
    _, _, alone = train("rank1", *few)
    for number in (2, 3):
        folder = WORK / f"ranks{number}"
        command = (f"NCCL_HOSTID=rank$OMPI_COMM_WORLD_RANK NCCL_SOCKET_IFNAME=lo exec {binary('dcmmm-cuda')} train "
                   f"data.source={PANEL} run.dir={folder} {' '.join(few)}")
        done, seconds = call("mpirun", "-n", number, "--oversubscribe", "bash", "-c", command, limit=40)
        together = json.loads((folder / "metrics.json").read_text()) if (folder / "metrics.json").exists() else None
        if together is None:
            print(done.stdout[-1500:], done.stderr[-3000:])
        expect(f"{number} ranks on one GPU through NCCL", done.returncode == 0 and together is not None and
               distance(together, alone) < 1e-6,
               f"largest relative difference {distance(together, alone) if together else -1:.1e}, {seconds:.1f} s")


def step(*words):
    file = WORK / "step.json"
    file.unlink(missing_ok=True)
    done, _ = call(binary("train_step_cuda"), "--device", "cuda", "--json", file, *words)
    if done.returncode != 0:
        print(done.stdout[-1000:], done.stderr[-2000:])
        return None
    return json.loads(file.read_text())


def speed():
    plain = ("--validation-weeks", 0)
    cases = [("190 regions, GRU 32", ("--regions", 190, *plain)), ("190 regions, no GRU", ("--regions", 190, "--hidden", 0, *plain)),
             ("190 regions, GRU 64", ("--regions", 190, "--hidden", 64, *plain)),
             ("190 regions, GRU 128", ("--regions", 190, "--hidden", 128, *plain)),
             ("190 regions, GRU 280", ("--regions", 190, "--hidden", 280, *plain)),
             ("190 regions, GRU 32, float64", ("--regions", 190, "--precision", "float64", *plain)),
             ("190 regions, with its shadow", ("--regions", 190)),
             ("190 regions, 16 members, TF32", ("--regions", 190, "--members", 16, "--precision", "tf32", *plain)),
             ("10,000 regions, TF32", ("--regions", 10000, "--precision", "tf32", *plain)),
             ("190 regions, 16 members", ("--regions", 190, "--members", 16, *plain)),
             ("190 regions, 64 members", ("--regions", 190, "--members", 64, *plain)),
             ("2,000 regions", ("--regions", 2000, *plain)), ("10,000 regions", ("--regions", 10000, *plain)),
             ("20,000 regions", ("--regions", 20000, *plain)),
             ("100,000 regions x 156 weeks", ("--regions", 100000, "--weeks", 156, "--steps", 3, *plain))]
    for name, words in cases:
        found = step(*words) if "--steps" in words else step("--steps", 20, *words)
        if found is None:
            expect(f"step: {name}", False)
            continue
        rows_of = found["regions"] * (found["weeks"] - 8) * found["members_with_shadows"]
        say(f"step: {name}", f"{1e3 * found['step_seconds_median']:.3f} ms",
            f"{1e9 * found['step_seconds_median'] / rows_of:.2f} ns a region-week, {found['device']}, "
            f"{found.get('graph', '')}")
        rows[-1]["figures"] = found


def profile():
    """What the host asks of the GPU in one step more: the difference of two lengths of the same run."""
    library = BINARIES.parent / "lib/libcuda_calls.so"
    if not library.exists():
        library = BINARIES / "bench/libcuda_calls.so"
    counts = []
    for steps in (3, 13):  # of 10 each
        done, _ = call(binary("train_step_cuda"), "--device", "cuda", "--regions", 190, "--steps", steps,
                       environment={"LD_PRELOAD": str(library)})
        counts.append(json.loads(done.stderr.splitlines()[-1]))
    each = {key: (counts[1][key] - counts[0][key]) / 10 for key in counts[0]}
    expect("no host synchronisation inside a step", each["graph_launches"] == 10 and each["synchronisations"] == 1,
           f"a burst of 10 steps: {each['graph_launches']:.0f} graph launches, {each['synchronisations']:.0f} wait at its "
           f"end, {each['copies']:.0f} copies before and after")


def sweep():
    """The same trials packed into four processes, and a process for each: as many at a time as there are cores, and one."""
    for alone in (os.cpu_count(), 1):
        file = WORK / "sweep.json"
        file.unlink(missing_ok=True)
        done, _ = call(sys.executable, HERE / "sweep_pack.py", "--device", "cuda", "--panel", PANEL, "--dcmmm",
                       binary("dcmmm-cuda"), "--trials", "default=64", "--pack", 16, "--workers", 4,
                       "--alone-workers", alone, "--json", file, limit=150)
        name = f"64 trials, packed against {alone} at a time"
        if not file.exists():
            print(done.stdout[-1000:], done.stderr[-2000:])
            expect(name, False)
            continue
        found = json.loads(file.read_text())[0]
        expect(name, found["differs"] < 0.02,
               f"{found['packed']['trials_per_hour']:.0f} and {found['alone']['trials_per_hour']:.0f} an hour, "
               f"{found['clock_ratio']:.1f} times; figures differ by at most {found['differs']:.1e}")
        rows[-1]["figures"] = found


def pytorch():
    for regions in (190, 10000):
        done, _ = call(sys.executable, HERE / "versus/pytorch_step.py", 32, 20, 8, regions, 101, "cuda")
        if done.returncode != 0:
            print(done.stderr[-2000:])
            expect(f"PyTorch's step with cuDNN's GRU, {regions} regions", False)
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        say(f"PyTorch's step with cuDNN's GRU, {regions} regions", f"{1e3 * found['step_seconds_median']:.3f} ms",
            f"{found['peak_memory_bytes'] / 2**20:.0f} MiB, {found['version']}")
        rows[-1]["figures"] = found
    import torch
    source = torch.rand(2**29, device="cuda")
    copy = torch.empty_like(source)
    for _ in range(3):
        copy.copy_(source)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(10):
        copy.copy_(source)
    torch.cuda.synchronize()
    say("memory bandwidth of a copy", f"{10 * 2 * source.numel() * 4 / (time.perf_counter() - start) / 1e12:.2f} TB/s")


def finish(seconds):
    print(f"\n{'check':62} {'outcome':12} detail")
    for row in rows:
        print(f"{row['check']:62} {row['outcome']:12} {row['detail']}")
    print(f"{seconds:.0f} s")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "figures.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"Wrote {FOLDER / 'figures.json'}")


def main():
    start = time.perf_counter()
    parts = {"tests": tests, "real": real, "ranks": ranks, "profile": profile, "speed": speed, "pytorch": pytorch,
             "sweep": sweep}
    try:
        for part in PARTS:
            try:
                parts[part]()
            except Exception as error:  # whatever it is, the parts after it have figures to give
                traceback.print_exc()
                expect(part, False, f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
        finish(time.perf_counter() - start)
    sys.exit(not rows or any(row["outcome"] == "FAILED" for row in rows))


if __name__ == "__main__":
    main()
