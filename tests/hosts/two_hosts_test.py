"""mpirun over two hosts: network namespaces of their own, joined by a bridge. Trains, sweeps, and loses a host for good.

The test starts itself in a namespace of networks, so that nothing of it is left behind.
"""

import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
import cli

HOSTS = {"h1": "10.77.0.11", "h2": "10.77.0.12"}
MODEL = ["model.estimator=descent", "model.hidden=4", "trainer.threads=1", "trainer.early_stopping=false",
         "trainer.deterministic=true", "checkpoint.every_steps=5", "checkpoint.most_share=1"]  # fmt: skip


# A host has its network, its name and its temporary folder for itself: two daemons of one name in one folder remove each
# other's files. Its namespaces live as long as a process that sleeps in them.
AGENT = """#!/bin/bash
host=$1
shift
folder=$(dirname "$0")
export TMPDIR=$folder/$host
mkdir -p "$TMPDIR"
exec nsenter --target "$(cat "$folder/$host.pid")" --net --uts bash -c "$*"
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def make_hosts():
    """The bridge and the hosts on it; gives the processes that hold them, by name."""
    ip("link", "set", "lo", "up")
    ip("link", "add", "bridge", "type", "bridge")
    ip("addr", "add", "10.77.0.1/24", "dev", "bridge")
    ip("link", "set", "bridge", "up")
    holders = {}
    for host, address in HOSTS.items():
        holder = subprocess.Popen(["unshare", "--net", "--uts", "bash", "-c", f"hostname {host} && echo ready && exec sleep infinity"],
                                  stdout=subprocess.PIPE, text=True)  # fmt: skip
        if holder.stdout.readline() != "ready\n":
            raise AssertionError(f"no namespaces for {host}")
        holders[host] = holder
        inside = ["nsenter", "--target", str(holder.pid), "--net", "ip"]
        ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
        ip("link", "set", host, "master", "bridge", "up")
        for words in (("addr", "add", f"{address}/24", "dev", "eth0"), ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
            subprocess.run([*inside, *words], check=True)
    return holders


class TwoHosts(cli.Case):
    @classmethod
    def setUpClass(cls):
        cls.holders = make_hosts()

    @classmethod
    def tearDownClass(cls):
        for holder in cls.holders.values():
            holder.kill()
            holder.wait()
            holder.stdout.close()

    def setUp(self):
        super().setUp()
        self.panel = self.synth()
        agent = self.folder / "agent.sh"
        agent.write_text(AGENT)
        agent.chmod(0o755)
        for host, holder in self.holders.items():
            (self.folder / f"{host}.pid").write_text(str(holder.pid))
        network = "10.77.0.0/24"
        self.mpirun = [cli.MPIRUN, "--mca", "plm", "rsh", "--mca", "plm_rsh_agent", str(agent), "--mca",
                       "plm_rsh_no_tree_spawn", "1", "--host", "h1:1,h2:1", "-n", "2", "--bind-to", "none",
                       "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", network, "--mca", "oob_tcp_if_include",
                       network]  # fmt: skip

    def start(self, *words):
        return subprocess.Popen([*self.mpirun, cli.BINARY, *map(str, words)], cwd=self.folder, text=True,
                                env={**os.environ, "TMPDIR": str(self.folder)}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip

    def finish(self, process, seconds):
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            self.fail(f"not over within {seconds} s:\n{output}")
        return process.returncode, output

    def test_they_train_what_one_process_trains(self):
        words = ["train", f"data.panel={self.panel}", *MODEL, "trainer.steps=20"]
        self.dcmmm(*words, "run.dir=one")
        code, output = self.finish(self.start(*words, "run.dir=two"), 120)
        self.assertEqual(code, 0, output)
        self.assertIn("1 x 2 ranks", output)
        self.assertEqual(cli.hashes(self.folder / "two")["results.h5"], cli.hashes(self.folder / "one")["results.h5"])

    def test_they_sweep(self):
        words = ["sweep", f"data.panel={self.panel}", "model=ridge", "crossval.windows=2", "crossval.horizon=4",
                 "crossval.step=4", "sweep.sampler=sobol", "sweep.trials=6", "sweep.workers=1",
                 "model.ridge.strength=tag(log, interval(1e-3,10))"]  # fmt: skip
        self.dcmmm(*words, "run.dir=alone")
        code, output = self.finish(self.start(*words, "run.dir=both"), 120)
        self.assertEqual(code, 0, output)
        tables = [[(row["number"], row["objective"]) for row in cli.read_csv(self.folder / name / "trials.csv")]
                  for name in ("alone", "both")]  # fmt: skip
        self.assertEqual(tables[0], tables[1])

    def test_a_host_that_is_cut_off_ends_the_job_which_goes_on_from_its_checkpoint(self):
        # mpirun must see it before the watchdog does: once it has told a lost host to end, it waits for the answer.
        for name, value in {"time": 5, "intvl": 2, "probes": 3}.items():
            self.mpirun += ["--mca", f"oob_tcp_keepalive_{name}", str(value)]
        words = ["train", f"data.panel={self.panel}", *MODEL, "run.dir=cut"]
        process = self.start(*words, "trainer.steps=100000")
        end = time.monotonic() + 90
        while cli.manifest_step(self.folder / "cut") < 5 and time.monotonic() < end and process.poll() is None:
            time.sleep(0.05)
        ip("link", "set", "h2", "down")
        try:
            code, output = self.finish(process, 60)
        finally:
            ip("link", "set", "h2", "up")
        self.assertNotEqual(code, 0)
        self.assertRegex(output, r"(?s)lost communication with a remote daemon.*Remote daemon: \S+ on node h2")
        step = cli.manifest_step(self.folder / "cut")
        self.assertGreaterEqual(step, 5)
        done = self.dcmmm("train", "run.dir=cut", "run.resume=true", f"trainer.steps={step + 5}")
        self.assertIn(f"Going on from step {step} ", done.err)


if __name__ == "__main__":
    if "--inside" not in sys.argv:
        root = [] if os.geteuid() == 0 else ["--map-root-user"]
        sys.exit(subprocess.run(["unshare", "--net", *root, sys.executable, *sys.argv, "--inside"]).returncode)
    sys.argv.remove("--inside")
    cli.main()
