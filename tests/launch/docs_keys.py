"""The tables of docs/configuration.md name every config key with its default, and no other.

Usage: docs_keys.py DCMMM CONFIGURATION_MD
"""

import pathlib
import re
import subprocess
import sys

import yaml


def leaves(node, path=""):
    """(dotted key, value) of every leaf; an empty mapping is a leaf."""
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}{key}.")
        else:
            yield path + key, value


def main(dcmmm, page):
    printed = subprocess.run([dcmmm, "train", "--print-config"], capture_output=True, text=True, check=True).stdout
    built = dict(leaves(yaml.safe_load(printed)))
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]*)` \|", pathlib.Path(page).read_text(encoding="utf-8"), re.MULTILINE)
    documented = {key: yaml.safe_load(default) for key, default in rows}
    wrong = [f"{key}: there is no such key" for key in documented if key not in built]
    wrong += [f"{key} (default {value!r}): not documented" for key, value in built.items() if key not in documented]
    wrong += [f"{key}: documented default {documented[key]!r}, built in {value!r}"
              for key, value in built.items() if key in documented and documented[key] != value]
    if len(rows) != len(documented):
        wrong.append("a key is documented twice")
    for line in wrong:
        print(f"{page}: {line}")
    print(f"{len(documented)} keys documented, {len(built)} built in, {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
