"""Fits the same panels by dcmmm and by other packages, each at its documented defaults, and compares.

  versus_peers.py [--dcmmm FILE] [--folder DIR] [--limit SECONDS] [--nice N] [--again] [--table] [PEERS [PANELS]]

PEERS: `all`, or names with commas. PANELS: `all` (synthetic_101 to 103 and real), or names with commas; synthetic_SEED
takes any seed. Each peer is a process of its own, bench/peers/NAME.py, in a virtual environment of its own, one at a
time, under a time limit. What was measured is kept (DIR/results/PANEL/PEER.json), so an interrupted campaign goes on;
--again measures anew, --table only prints. Runs under .deps/bin/python (h5py, numpy).

Columns, means over the synthetic panels (PEERS and PANELS restrict what is run, the table holds all that was measured):
  RMSE        of the forecast of the last 8 weeks, over the noise floor (what remains when all but noise is known)
  share       |estimated - true| share of the target in the training weeks, points: mean and max over channels
  total       estimated - true share of all media, points
  cover       share of true contributions (channel, panel) that 90 % intervals hold; width: of the interval / truth
  forecast    share of the held-out cells that 90 % forecast intervals hold
  wall, cpu   seconds of the clock and of the processors, with imports and compilation
  MiB         largest resident set
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent / "peers"
SYNTHETIC = ["synthetic_101", "synthetic_102", "synthetic_103"]


@dataclass
class Peer:
    """A package: its title, what pip installs (a call for each tuple), and the Pythons (3.x) it runs on, best first."""

    title: str
    packages: tuple = ()
    pythons: tuple = (11, 12, 13)


PEERS = {
    "dcmmm": Peer("dcmmm"),
    "ridge": Peer("ridge", (("numpy==2.4.6",),)),
    "linear": Peer("linear regression", (("numpy==2.4.6",),)),
    "pymc_mmm": Peer("PyMC-Marketing", (("pymc-marketing==1.3.0", "nutpie==0.16.11"),), (12, 13)),
    "meridian_geo": Peer("Meridian", (("google-meridian==2.1.0",),), (11, 12)),
    "deepcausal": Peer("deepcausalmmm", (("deepcausalmmm==1.0.21",),), (11, 12)),
    # Later versions of orbit-ml build only after fetching CmdStan from elsewhere.
    "orbit_ktr": Peer("Orbit KTR", (("numpy<1.24", "cython<3", "setuptools<60", "wheel"),
                                      ("--no-build-isolation", "pystan==2.19.1.1", "orbit-ml==1.1.2")), (8,)),
    # With its dependencies of its time (the middle of 2023): today's JAX refuses how it calls where().
    "lightweight": Peer("LightweightMMM", (("lightweight_mmm==0.1.9", "jax==0.4.13", "jaxlib==0.4.13", "numpyro==0.12.1",
                                            "numpy<1.25", "scipy<1.11", "pandas<2.1", "tensorflow<2.13"),), (9,)),
}


def load_panels():
    """bench/peers/panels.py, which is no package."""
    spec = importlib.util.spec_from_file_location("panels", HERE / "panels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def interpreter(peer, folder):
    """The Python of a peer's virtual environment; makes it first. Raises RuntimeError with the reason where it can't."""
    if not peer.packages:
        return sys.executable
    stamp = folder / "installed.txt"
    if not stamp.exists():
        found = (shutil.which(f"python3.{minor}") for minor in peer.pythons)
        python = next((p for p in found if p and subprocess.run([p, "-c", ""], capture_output=True).returncode == 0), None)
        if not python:
            raise RuntimeError(f"needs Python 3.{' or 3.'.join(map(str, peer.pythons))} on the PATH")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        pip = [folder / "bin/python", "-m", "pip"]
        for command in ([python, "-m", "venv", folder], *([*pip, "install", "-q", *words] for words in peer.packages)):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"doesn't install: {done.stderr.strip().splitlines()[-1]}")
        frozen = subprocess.run([*pip, "freeze"], capture_output=True, text=True, check=True)
        stamp.write_text(frozen.stdout, encoding="utf-8")
    return folder / "bin/python"


def measure(command, log, environment, limit, nice):
    """Runs a process group under a limit in seconds: (what went wrong or None, wall, processor seconds, MiB)."""
    start = time.monotonic()
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment,
                                   start_new_session=True, preexec_fn=lambda: os.nice(nice))
    ended, usage = 0, None
    while not ended:
        time.sleep(0.02)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not ended and time.monotonic() - start > limit:
            os.killpg(process.pid, signal.SIGKILL)
            ended, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    error = None
    if wall > limit:
        error = f"stopped after {limit:g} seconds"
    elif process.returncode != 0:
        last = pathlib.Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        error = f"ended with {process.returncode}: {last[-1] if last else 'no output'}"
    return error, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def run(name, panel, arguments):
    """Measures one peer on one panel, and keeps the result."""
    result_file = arguments.folder / "results" / panel / f"{name}.json"
    if result_file.exists() and not arguments.again:
        return
    result_file.parent.mkdir(parents=True, exist_ok=True)
    result = {"error": None}
    try:
        python = interpreter(PEERS[name], arguments.folder / "environments" / name)
    except RuntimeError as error:
        result["error"] = str(error)
    else:
        answer = result_file.with_suffix(".answer")
        environment = {**os.environ, "DCMMM": str(arguments.dcmmm), "PYTHONDONTWRITEBYTECODE": "1"}
        result["error"], result["wall"], result["processor"], result["memory"] = measure(
            [python, HERE / f"{name}.py", arguments.folder / "panels" / panel, answer], result_file.with_suffix(".log"),
            environment, arguments.limit, arguments.nice)
        if not result["error"]:
            result["answer"] = json.loads(answer.read_text(encoding="utf-8"))
            answer.unlink()
    result_file.write_text(json.dumps(result), encoding="utf-8")
    print(f"{panel} {name}: {result['error'] or '%.1f s, %.1f processor s' % (result['wall'], result['processor'])}",
          flush=True)


def naive_forecasts(train_RT, horizon):
    """Forecasts of R regions from their own past: name -> R x horizon."""
    last = {f"last {n}": np.repeat(train_RT[:, -n:].mean(axis=1, keepdims=True), horizon, axis=1) for n in (1, 4, 8, 13)}
    T = train_RT.shape[1]
    return {**last, "a year before": train_RT[:, T - 52:T - 52 + horizon],
            "training mean": np.repeat(train_RT.mean(axis=1, keepdims=True), horizon, axis=1)}


def rmse(error_RH):
    return float(np.sqrt(np.mean(np.square(error_RH))))


def score(answer, hidden, holdout):
    """Figures of one answer against what it couldn't see."""
    target_RT = np.array(hidden["target"])
    place = {(region, week): target_RT[r, t] for r, region in enumerate(hidden["regions"])
             for t, week in enumerate(hidden["weeks"])}
    cells = len(hidden["regions"]) * holdout
    if len(answer["predicted"]) != cells:
        raise ValueError(f"{len(answer['predicted'])} predicted cells, expected {cells}")
    total = target_RT[:, :-holdout].sum()
    out = {"rmse": rmse([value - place[region, week] for region, week, value in answer["predicted"]])}
    if answer["forecast_interval"]:
        out["forecast"] = statistics.fmean(lower <= place[region, week] <= upper
                                           for region, week, lower, upper in answer["forecast_interval"])
    share = {column: 100 * value / total for column, value in answer["contribution"].items()}
    out["media"] = sum(share.values()) if share else None
    if "contribution" not in hidden:
        return out
    out["rmse_floor"] = out["rmse"] / hidden["noise_floor"]
    truth = hidden["contribution"]
    true_share = {column: 100 * value / total for column, value in truth.items()}
    if share:
        errors = [abs(share[column] - true_share[column]) for column in truth]
        out.update(share=statistics.fmean(errors), share_max=max(errors), total=out["media"] - sum(true_share.values()))
    if answer["interval"]:
        bounds = [answer["interval"][column] for column in truth]
        out["cover"] = statistics.fmean(low <= true <= high for (low, high), true in zip(bounds, truth.values()))
        out["width"] = statistics.fmean((high - low) / true for (low, high), true in zip(bounds, truth.values()))
    return out


def references(hidden, holdout):
    """Rows without a package: the best naive forecast in hindsight; an equal split of the true total."""
    target_RT = np.array(hidden["target"])
    held_RH = target_RT[:, -holdout:]
    best = min(rmse(forecast - held_RH) for forecast in naive_forecasts(target_RT[:, :-holdout], holdout).values())
    rows = {"best naive forecast": {"rmse": best}}
    if "contribution" in hidden:
        rows["best naive forecast"]["rmse_floor"] = best / hidden["noise_floor"]
        rows["knows all but noise and drift"] = {"rmse": hidden["forecast_floor"],
                                                 "rmse_floor": hidden["forecast_floor"] / hidden["noise_floor"]}
        shares = 100 * np.array(list(hidden["contribution"].values())) / target_RT[:, :-holdout].sum()
        errors = np.abs(shares - shares.mean())
        rows["equal split of the true total"] = {"share": float(errors.mean()), "share_max": float(errors.max()), "total": 0}
    return rows


def collect(folder, holdout):
    """panel -> row title -> figures, of all that was measured."""
    table = {}
    for hidden_file in sorted((folder / "panels").glob("*/hidden.json")):
        panel = hidden_file.parent.name
        hidden = json.loads(hidden_file.read_text(encoding="utf-8"))
        rows = {}
        for name, peer in PEERS.items():
            result_file = folder / "results" / panel / f"{name}.json"
            if not result_file.exists():
                continue
            result = json.loads(result_file.read_text(encoding="utf-8"))
            row = {key: result.get(key) for key in ("error", "wall", "processor", "memory")}
            if not result["error"]:
                row |= {"version": result["answer"]["version"], "settings": result["answer"]["settings"],
                        **score(result["answer"], hidden, holdout)}
            rows[peer.title] = row
        table[panel] = rows | references(hidden, holdout)
    return table


COLUMNS = [("rmse_floor", "RMSE", ".2f"), ("share", "share", ".2f"), ("share_max", "max", ".1f"),
           ("total", "total", "+.1f"), ("cover", "cover", ".2f"), ("width", "width", ".2f"), ("forecast", "forecast", ".2f"),
           ("wall", "wall s", ".1f"), ("processor", "cpu s", ".1f"), ("memory", "MiB", ".0f")]
REAL_COLUMNS = [("rmse", "RMSE", ",.0f"), ("media", "media %", ".1f"), *COLUMNS[6:]]


def print_table(title, panels, columns):
    """Means over panels, a row for each peer: the number of panels where one is missing, the error where all are."""
    if not panels:
        return
    print(f"\n{title}\n{'':30}" + "".join(f"{heading:>9}" for _, heading, _ in columns))
    for name in dict.fromkeys(name for rows in panels for name in rows):
        rows = [rows[name] for rows in panels if name in rows]
        done = [row for row in rows if not row.get("error")]
        line = f"{name + (f' ({len(done)} of {len(panels)})' if len(done) < len(panels) else ''):30}"
        for key, _, form in columns:
            values = [row[key] for row in done if row.get(key) is not None]
            line += f"{format(statistics.fmean(values), form) if values else '-':>9}"
        print(line if done else f"{name:30}  {rows[0]['error']}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcmmm", type=pathlib.Path, default=pathlib.Path("build/release/dcmmm"))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/peers"))
    parser.add_argument("--limit", type=float, default=14400)
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("peers", nargs="?", default="all")
    parser.add_argument("panels", nargs="?", default="all")
    arguments = parser.parse_args()
    arguments.folder, arguments.dcmmm = arguments.folder.resolve(), arguments.dcmmm.resolve()
    names = list(PEERS) if arguments.peers == "all" else arguments.peers.split(",")
    if unknown := [name for name in names if name not in PEERS]:
        sys.exit(f"Unknown peer '{unknown[0]}': expected {', '.join(PEERS)}.")
    module = load_panels()
    if not arguments.table:
        for panel in [*SYNTHETIC, "real"] if arguments.panels == "all" else arguments.panels.split(","):
            module.make(panel, arguments.folder / "panels" / panel, arguments.dcmmm)
            for name in names:
                run(name, panel, arguments)
    table = collect(arguments.folder, module.HOLDOUT)
    print_table("synthetic panels of known truth, means", [table[panel] for panel in table if panel in SYNTHETIC], COLUMNS)
    print_table("20 regions of the real panel", [table["real"]] if "real" in table else [], REAL_COLUMNS)
    (arguments.folder / "table.json").write_text(json.dumps(table, indent=1), encoding="utf-8")
    print(f"\nall figures: {arguments.folder / 'table.json'}")


if __name__ == "__main__":
    main()
