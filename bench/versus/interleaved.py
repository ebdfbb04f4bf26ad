"""Runs commands in turns, each a process of its own that leaves or prints its figures as JSON, and takes medians: what
else the machine does then hits all of them alike."""

import json
import os
import statistics
import subprocess


def measure(command, file=None):
    """The figures of one process: of the file that it writes, or the last line that it prints."""
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    if file:
        return json.loads(file.read_text(encoding="utf-8"))
    return json.loads(done.stdout.strip().splitlines()[-1])


def medians(rounds):
    """Median of each figure over rounds; anything else as in the last round."""
    out = dict(rounds[-1])
    for key, value in rounds[-1].items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            out[key] = statistics.median(figures[key] for figures in rounds)
    return out


def in_turns(commands, rounds):
    """commands: {name: (command, file or None)}. {name: medians over the rounds}."""
    found = {name: [] for name in commands}
    for _ in range(rounds):
        for name, (command, file) in commands.items():
            found[name].append(measure(command, file))
    return {name: medians(figures) for name, figures in found.items()}
