"""Composes each case with hydra-core and with compose_cli: the same resolved data, or both must refuse.

Usage: hydra_parity.py COMPOSE_CLI [--random N] [--seed S]
Needs hydra-core==1.3.2, omegaconf==2.3.0, antlr4-python3-runtime==4.9.3. Exits 1 where they differ.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

CASES = pathlib.Path(__file__).parent / "hydra_cases" / "cases.yaml"


def write_files(folder, files):
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    return str(folder)


def by_hydra(dirs, primary, overrides):
    """The resolved config as plain data; raises where Hydra refuses."""
    extra = [f"hydra.searchpath=[{','.join(dirs[1:])}]"] if len(dirs) > 1 else []
    GlobalHydra.instance().clear()
    with initialize_config_dir(config_dir=dirs[0], version_base=None):
        config = compose(config_name=primary, overrides=overrides + extra)
        return OmegaConf.to_container(config, resolve=True)


def same(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return type(a) is type(b) and (a == b or a != a and b != b)


def random_cases(count, seed):
    """Words put together at random from pieces of the grammar, on the files of the case `database`."""
    generator = random.Random(seed)
    pieces = ["a", "1", "0", "-", "+", ".", "1.5", "e3", "_", "true", "null", " ", "  ", ",", "[", "]", "{", "}"]
    pieces += [":", "=", "\\", "\\,", "\\\\", "'", '"', "${name}", "${x.y}", "/", "$", "%", "@", "?", "|", "inf"]
    pieces += ["x y", "'q'", '"1"', "[1,2]", "{k:v}"]
    keys = ["name", "db", "db.port", "db.user", "db.user.groups", "db.user.groups.0", "db.user.name"]
    keys += ["schema", "q", "a.b", "db@x"]
    options = ["mysql", "postgresql", "school", "[mysql]", "plain", "null", "{port: 1}", "[postgresql,mysql]"]
    out = []
    for index in range(count):
        overrides = []
        for _ in range(generator.choice([1, 1, 1, 2])):
            value = "".join(generator.choice(pieces) for _ in range(generator.randint(0, 6)))
            if generator.random() < 0.2:
                value = generator.choice(options)
            word = generator.choice(["", "", "+", "++", "~"]) + generator.choice(keys)
            overrides.append(word if word[0] == "~" and generator.random() < 0.5 else word + "=" + value)
        out.append({"name": f"random {index} {overrides}", "uses": "database", "overrides": overrides, "random": True})
    return out


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("compose_cli")
    arguments.add_argument("--random", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments = arguments.parse_args()
    warnings.simplefilter("ignore")
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    known = {case["name"]: case for case in cases}
    cases += random_cases(arguments.random, arguments.seed)

    failures = []
    with tempfile.TemporaryDirectory() as temporary:
        requests, expected, folders = [], [], {}
        for case in cases:
            source = known[case["uses"]] if "uses" in case else case
            if source["name"] not in folders:
                folder = pathlib.Path(temporary) / source["name"]
                dirs = [write_files(folder / "built_in", source["files"])]
                if "user_files" in source:
                    # Hydra reads the primary config before it knows the second folder.
                    primary = {"config.yaml": source["files"]["config.yaml"]}
                    dirs.insert(0, write_files(folder / "user", source["user_files"] | primary))
                folders[source["name"]] = dirs
            os.environ.update(case.get("env", {}))
            request = {"dirs": folders[source["name"]], "primary": case.get("primary", "config")}
            request["overrides"] = case.get("overrides", [])
            requests.append(request)
            try:
                expected.append({"data": by_hydra(**request)})
            except Exception as error:  # noqa: BLE001: whatever Hydra raises is a refusal
                expected.append({"error": f"{type(error).__name__}: {error}"})
        batch = pathlib.Path(temporary) / "batch.json"
        batch.write_text(json.dumps(requests), encoding="utf-8")
        command = [arguments.compose_cli, "--batch", str(batch)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        for case, wanted, got in zip(cases, expected, json.loads(answer.stdout), strict=True):
            problem = None
            if not case.get("random") and ("error" in wanted) != case.get("error", False):
                problem = f"Hydra gives {wanted}, against the case's own 'error'"
            elif ("error" in wanted) != ("error" in got):
                problem = f"Hydra: {wanted}\n  here: {got}"
            elif "data" in wanted:
                data = yaml.load(got["yaml"], Loader=get_yaml_loader())
                if not same(wanted["data"], data):
                    problem = f"Hydra: {wanted['data']}\n  here: {data}"
            if problem:
                failures.append(f"{case['name']}: {problem}")
    for failure in failures:
        print(failure)
    refused = sum("error" in wanted for wanted in expected)
    print(f"{len(cases) - len(failures)} of {len(cases)} cases agree with hydra-core, which refuses {refused} of them.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
