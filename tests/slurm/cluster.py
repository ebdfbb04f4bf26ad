"""A Slurm of its own on this machine: munged, slurmctld and two nodes with a slurmd each, all below one folder.

Nothing of the system's own Slurm or munge is touched: keys, sockets, ports and states are this cluster's.
"""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

NODES = ("n1", "n2")

CONF = """\
ClusterName=dcmmm
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={munge},cred_expire=5
CredType=cred/munge
StateSaveLocation={at}/state
SlurmdSpoolDir={at}/spool.%n
SlurmctldPidFile={at}/slurmctld.pid
SlurmdPidFile={at}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=1,sched_interval=1,bf_interval=1
ReturnToService=2
MpiDefault=none
KillWait=5
MinJobAge=300
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=1000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Cluster:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.daemons = []
        self.conf = self.folder / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.conf)}

    def start(self):
        for name in ("munged", "slurmctld", "slurmd", "sbatch"):
            if shutil.which(name, path=self.path()) is None:
                raise AssertionError(f"{name} is missing: bash launch/setup.sh --tests installs Slurm and munge")
        for name in ("state", *(f"spool.{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        munge = self.folder / "munge"
        munge.mkdir(mode=0o755)
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o400)
        sockets = munge / "socket"
        self.daemon("munged", "--foreground", "--force", f"--socket={sockets}", f"--key-file={munge / 'key'}",
                    f"--pid-file={munge / 'pid'}", f"--seed-file={munge / 'seed'}", f"--log-file={munge / 'log'}",
                    "--num-threads=2")  # fmt: skip
        self.wait(sockets.exists, "munged's socket")
        self.conf.write_text(CONF.format(host=socket.gethostname(), user=pwd.getpwuid(os.getuid()).pw_name,
                                         at=self.folder, munge=sockets, ports=free_ports(3)))  # fmt: skip
        # Nothing here uses cgroups; autodetection would refuse to start where none are mounted, as in a chroot.
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        self.daemon("slurmctld", "-D", "-f", self.conf)
        for node in NODES:
            self.daemon("slurmd", "-D", "-N", node, "-f", self.conf)
        self.wait(lambda: self.out("sinfo", "-h", "-o", "%t %D", check=False).split() == ["idle", "2"], "two idle nodes")

    def stop(self):
        if self.conf.exists():
            subprocess.run(["scancel", "--user", pwd.getpwuid(os.getuid()).pw_name, "--signal=KILL", "--full"],
                           env=self.variables(), capture_output=True)  # fmt: skip
        for process in reversed(self.daemons):
            process.terminate()
        for process in reversed(self.daemons):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @staticmethod
    def path():
        return os.environ["PATH"] + ":/usr/sbin:/sbin"

    def variables(self):
        return {**os.environ, **self.environment, "PATH": self.path()}

    def daemon(self, name, *words):
        with open(self.folder / f"{name}{len(self.daemons)}.log", "w") as log:
            self.daemons.append(
                subprocess.Popen([name, *map(str, words)], env=self.variables(), stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=log, start_new_session=True, preexec_fn=die_with_parent)
            )  # fmt: skip

    def out(self, *words, check=True, cwd=None):
        done = subprocess.run(list(map(str, words)), env=self.variables(), cwd=cwd, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def jobs(self):
        """Jobs that wait or run, as squeue tells them: one line an array task."""
        return self.out("squeue", "-h", "-r", "-o", "%i %T").splitlines()

    def wait(self, is_there, what, seconds=30, job_logs=list):
        end = time.monotonic() + seconds
        while not is_there():
            if time.monotonic() > end:
                logs = "".join(f"--- {log.name}\n{log.read_text()[-1500:]}\n" for log in (*self.folder.glob("*.log"), *job_logs()))
                raise AssertionError(f"{what}: not within {seconds} s\n{self.out('squeue', '-l', check=False)}\n{logs}")
            time.sleep(0.05)
