"""pictures.py REPORT.html FOLDER VIEW [VIEW ...]: the views of a report as PNG files, by a headless Chromium.

FOLDER/VIEW.png is the section as a reader sees it, 900 pixels wide, in the light theme. docs/guide.md has its pictures
from here.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "cli"))
from chromium import Chromium  # noqa: E402


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    report, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with Chromium(width=900, height=1000) as browser:
        browser.open(report)
        # The picture is of what is drawn, not of buttons and tables.
        browser.run("document.head.append(Object.assign(document.createElement('style'), "
                    "{textContent: '.save, details.numbers, .modebar-container { display: none !important; }'}))")
        for view in sys.argv[3:]:
            browser.screenshot(folder / f"{view}.png", f"#{view}")
            print(folder / f"{view}.png")


if __name__ == "__main__":
    main()
