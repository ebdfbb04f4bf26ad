"""A real browser for the tests: headless Chromium, spoken to through its DevTools protocol over a pipe."""

import base64
import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path


class Chromium:
    """One page. `errors` holds what went to the console as an error, and exceptions; `requests` every URL asked for."""

    def __init__(self, width=1280, height=900):
        self.profile = tempfile.TemporaryDirectory(prefix="dcmmm_chromium_")
        to_browser, from_us = os.pipe()
        to_us, from_browser = os.pipe()

        def pipes():  # the protocol's places: 3 is read by the browser, 4 is written
            # Away from 3 and 4 first, which the pipes may have themselves.
            reading, writing = os.dup(to_browser), os.dup(from_browser)
            while reading in (3, 4):
                reading = os.dup(reading)
            while writing in (3, 4):
                writing = os.dup(writing)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-extensions",
             f"--user-data-dir={self.profile.name}", f"--window-size={width},{height}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=pipes,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self.out, self.into = from_us, to_us
        self.buffer, self.number, self.session = b"", 0, None
        self.errors, self.requests = [], []
        page = [target for target in self.call("Target.getTargets")["targetInfos"] if target["type"] == "page"][0]
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        for _ in range(20):  # its children may still write there
            try:
                self.profile.cleanup()
                return
            except OSError:
                time.sleep(0.1)

    def read(self, seconds):
        """The next message, or None."""
        while b"\0" not in self.buffer:
            if not select.select([self.into], [], [], seconds)[0]:
                return None
            more = os.read(self.into, 1 << 16)
            if not more:
                raise AssertionError("Chromium ended")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(message)
        self.note(message)
        return message

    def note(self, message):
        method, what = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(what["exceptionDetails"].get("exception", {}).get("description", what["exceptionDetails"]))[:2000])
        elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.errors.append(str(what["entry"])[:2000])
        elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(part.get("description", part.get("value"))) for part in what["args"])[:2000])
        elif method == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])

    def call(self, method, seconds=60, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = self.read(1)
            if answer and answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
        raise AssertionError(f"{method} took more than {seconds} s")

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, path):
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        self.wait_for("document.body && document.body.dataset.ready === 'yes'")

    def run(self, script):
        """The value of a JavaScript expression (a promise is waited for)."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not self.run(condition):
            if time.monotonic() > end:
                raise AssertionError(f"never became true: {condition}; errors: {self.errors}")
            time.sleep(0.05)

    def screenshot(self, path, selector=None):
        options = {}
        if selector:
            box = self.run(f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                           " return [b.x + scrollX, b.y + scrollY, b.width, b.height]; })()")
            options = {"clip": dict(zip(("x", "y", "width", "height"), box), scale=1)}
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, **options)
        Path(path).write_bytes(base64.b64decode(answer["data"]))
