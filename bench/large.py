"""What each command takes on a large panel: seconds of the clock and of the processors, peak memory.

  large.py [REGIONS] [--weeks 156] [--build build/release] [--only import,train,descent,predict,export,report]
           [--memory 4GiB] [--folder DIR]

A synthetic panel of REGIONS (10,000) x weeks x 13 channels x 7 controls, which `dcmmm synth` writes as a panel file and
as CSV; a Parquet file is made of the CSV. Its last four weeks, with later dates and no target, are the future. Then,
each a process of its own:

  import     the CSV, and the Parquet file, into a panel file
  train      `dcmmm train` as it is, by the likelihood where its own choice is that
  descent    by descent with a GRU of 32 units: model.estimator=descent model.settings=fixed trainer.steps=4
  predict    the four weeks, from what `train` left
  export     the tables of that run, as Parquet
  report     its page

predict, export and report need `train`, which then runs as well. Memory is the largest resident set (ru_maxrss), pages
of files that are mapped included. With --memory each command is put into a control group with this limit (memory.max,
or memory.limit_in_bytes), which counts pages of files, too; that needs the right to make one. Files lie in a temporary
folder below DIR (default: the system's) and go away: some 30 GB for 100,000 regions, reckoned from 500. The table and
BUILD/bench/large.json hold the rows; exit code 1 where a command failed. Needs pyarrow for Parquet, so
.deps/bin/python."""

import argparse
import csv
import datetime
import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMANDS = ("import", "train", "descent", "predict", "export", "report")
FUTURE_WEEKS = 4


class ControlGroup:
    """A group of this process's own group, or of the topmost, with a limit on memory; commands join it one by one."""

    def __init__(self, limit):
        self.folder = None
        tried = []
        for parent, file in self.places():
            folder = parent / f"dcmmm_large_{os.getpid()}"
            try:
                if file == "memory.max":
                    (parent / "cgroup.subtree_control").write_text("+memory")
                folder.mkdir()
                self.folder = folder
                (folder / file).write_text(str(limit))
                return
            except OSError as error:
                tried.append(str(error))
                self.close()
        sys.exit("large.py: --memory needs a control group that may be written, which there is none of here: "
                 f"{'; '.join(tried) or 'no group of memory is mounted'}. Run as root, or without --memory.")

    @staticmethod
    def places(root=pathlib.Path("/sys/fs/cgroup")):
        """Where a group can be made, and its limit's file: in version 1's tree of memory, or in version 2's."""
        first = (root / "memory/memory.limit_in_bytes").exists()
        top, file = (root / "memory", "memory.limit_in_bytes") if first else (root, "memory.max")
        for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(",") if first else controllers == "":
                mine = top / path.lstrip("/")
                return [(place, file) for place in dict.fromkeys((mine, top)) if place.is_dir()]
        return []

    def join(self):
        """In the child, before the command."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def close(self):
        if self.folder is not None and self.folder.exists():
            self.folder.rmdir()
        self.folder = None


def measured(name, command, group):
    """A row: what the command took, and the code that it ended with."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=said,
                                   preexec_fn=group.join if group else None)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            message = said.read()[-2000:].decode(errors="replace")
            print(f"{name} ended with {process.returncode}: {message}", file=sys.stderr)
    return {"command": name, "code": process.returncode, "seconds": seconds,
            "processor_seconds": usage.ru_utime + usage.ru_stime, "peak_memory_bytes": usage.ru_maxrss * 1024}


def make_parquet(source, output):
    """The CSV as Parquet, block by block."""
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet
    with open(source, newline="", encoding="utf-8") as file:
        columns = next(csv.reader(file))
    types = {column: pyarrow.float64() for column in columns} | {"region": pyarrow.string(), "week": pyarrow.date32()}
    options = pyarrow.csv.ConvertOptions(column_types=types)
    with pyarrow.csv.open_csv(source, convert_options=options) as reader:
        with pyarrow.parquet.ParquetWriter(output, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)


def make_future(source, output, weeks):
    """The last FUTURE_WEEKS of each region again, as those that follow, without the target. `weeks`: of the panel."""
    step = datetime.timedelta(weeks=FUTURE_WEEKS)
    with open(source, newline="", encoding="utf-8") as file, open(output, "w", newline="", encoding="utf-8") as out:
        reader, writer = csv.reader(file), csv.writer(out)
        header = next(reader)
        region, week, target = (header.index(name) for name in ("region", "week", "target"))
        writer.writerow(header[:target] + header[target + 1:])
        for number, row in enumerate(reader):  # by region and week; none is missing
            if number % weeks < weeks - FUTURE_WEEKS:
                continue
            row[week] = str(datetime.date.fromisoformat(row[week]) + step)
            writer.writerow(row[:target] + row[target + 1:])


def make(given, chosen, folder):
    """The files that the chosen commands read."""
    shape = [f"synth.regions={given.regions}", f"synth.weeks={given.weeks}", "synth.channels=13", "synth.controls=7"]
    outputs = ["panel.h5"] if {"train", "descent"} & chosen else []
    outputs += ["panel.csv"] if {"import", "predict"} & chosen else []
    for output in outputs:
        if measured("synth", [given.build / "dcmmm", "synth", f"output={folder / output}", *shape], None)["code"] != 0:
            sys.exit(1)
    if "import" in chosen:
        # A process of its own: what this one has held counts as its children's largest resident set.
        process = multiprocessing.Process(target=make_parquet, args=(folder / "panel.csv", folder / "panel.parquet"))
        process.start()
        process.join()
        if process.exitcode != 0:
            sys.exit("large.py: the CSV could not be written as Parquet.")
    if "predict" in chosen:
        make_future(folder / "panel.csv", folder / "future.csv", given.weeks)


def commands(chosen, folder):
    """(row, words of dcmmm, the row that it needs) in their order."""
    run = f"run={folder / 'train'}"
    every = {
        "import": [(f"import {kind}",
                    ["import", f"source={folder / 'panel'}.{kind}", f"output={folder / kind}.h5"], None)
                   for kind in ("csv", "parquet")],
        "train": [("train", ["train", f"data.panel={folder / 'panel.h5'}", f"run.dir={folder / 'train'}"], None)],
        "descent": [("descent", ["train", f"data.panel={folder / 'panel.h5'}", f"run.dir={folder / 'descent'}",
                                 "model.estimator=descent", "model.settings=fixed", "trainer.steps=4"], None)],
        "predict": [("predict", ["predict", run, f"data.source={folder / 'future.csv'}",
                                 f"output={folder / 'forecast.csv'}"], "train")],
        "export": [("export", ["export", run, f"output={folder / 'tables'}", "export.format=parquet"], "train")],
        "report": [("report", ["report", run, f"output={folder / 'report.html'}"], "train")],
    }
    return [each for name in COMMANDS if name in chosen for each in every[name]]


def memory_size(words):
    found = re.fullmatch(r"(\d+)(MiB|GiB)", words)
    if not found:
        raise argparse.ArgumentTypeError(f"'{words}': expected a size such as 4GiB or 800MiB")
    return int(found[1]) * 2 ** {"MiB": 20, "GiB": 30}[found[2]]


def picked(words):
    names = set(words.split(","))
    if names - set(COMMANDS):
        raise argparse.ArgumentTypeError(f"'{words}': expected names of {', '.join(COMMANDS)}")
    return names | ({"train"} if names & {"predict", "export", "report"} else set())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("regions", nargs="?", type=int, default=10_000)
    parser.add_argument("--weeks", type=int, default=156)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--only", type=picked, default=set(COMMANDS))
    parser.add_argument("--memory", type=memory_size)
    parser.add_argument("--folder", type=pathlib.Path)
    given = parser.parse_args()
    given.build = given.build.resolve()
    group = ControlGroup(given.memory) if given.memory else None
    file = given.build / "bench/large.json"
    file.parent.mkdir(exist_ok=True)
    result = {"regions": given.regions, "weeks": given.weeks, "memory_limit_bytes": given.memory, "rows": []}
    failed = set()
    try:
        with tempfile.TemporaryDirectory(prefix="dcmmm_large_", dir=given.folder) as name:
            folder = pathlib.Path(name)
            make(given, given.only, folder)
            print(f"{'command':16} {'clock s':>9} {'cpu s':>9} {'MiB':>7}", flush=True)
            for command, words, needs in commands(given.only, folder):
                if needs in failed:
                    print(f"{command:16} not run, since {needs} failed")
                    continue
                row = measured(command, [given.build / "dcmmm", *words], group)
                if row["code"] != 0:
                    failed.add(command)
                print(f"{command:16} {row['seconds']:>9.2f} {row['processor_seconds']:>9.2f} "
                      f"{row['peak_memory_bytes'] / 2**20:>7.0f}{'  FAILED' * (row['code'] != 0)}", flush=True)
                result["rows"].append(row)
                file.write_text(json.dumps(result, indent=2), encoding="utf-8")
    finally:
        if group:
            group.close()
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
