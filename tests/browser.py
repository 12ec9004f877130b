"""Drives a headless Chromium over the DevTools protocol, through two pipes and with the standard library alone.

    with Browser() as browser:
        page = browser.open(path, width=1000, dark=True)
        page.wait("document.querySelector('svg')")
        page.click("nav a:nth-child(2)")
        page.problems, page.requests      # what went wrong in it, and what it asked for
"""
import base64, contextlib, json, os, select, shutil, signal, subprocess, tempfile, time
from pathlib import Path

import tap

PROGRAMS = ["chromium-headless-shell", "chromium", "google-chrome"]
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


class ScriptError(Exception):
    """What the page's own script threw."""


class Browser:
    def __init__(self, patience=60):
        self.patience = patience
        self.number, self.answers, self.pages, self.rest = 0, {}, {}, b""

    def __enter__(self):
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if not program:
            raise tap.Skip(f"no browser: none of {', '.join(PROGRAMS)} is here")
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        args = [program, "--headless", "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", "--no-first-run", "--disable-dev-shm-usage",
                "--disable-gpu", "--disable-background-networking", "--hide-scrollbars", "--force-color-profile=srgb"]
        if os.geteuid() == 0:
            args.append("--no-sandbox")
        # It reads commands from its descriptor 3 and writes answers to 4: pipes put there by the shell, so that they may have any number here.
        theirs_in, self.to = os.pipe()
        self.answer, theirs_out = os.pipe()
        self.process = subprocess.Popen(["sh", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "sh", *args], pass_fds=(theirs_in, theirs_out),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        return self

    def __exit__(self, *args):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.to)
        os.close(self.answer)
        self.profile.cleanup()

    # ── the protocol ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, until):
        """Takes in what comes; False when nothing came in time."""
        ready, _, _ = select.select([self.answer], [], [], max(0, until - time.monotonic()))
        if not ready:
            return False
        more = os.read(self.answer, 1 << 20)
        if not more:
            raise RuntimeError("the browser has ended")
        *messages, self.rest = (self.rest + more).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].event(message["method"], message["params"])
        return True

    def send(self, method, params={}, session=None):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        until, number = time.monotonic() + self.patience, self.number
        while number not in self.answers:
            if not self.read(until):
                raise TimeoutError(f"{method} took more than {self.patience} s")
        answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def open(self, path, width=1000, height=800, dark=False, fragment="", downloads=None):
        """Opens a file in a new page; returns when it has loaded."""
        target = self.send("Target.createTarget", {"url": "about:blank", "width": width, "height": height})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self.pages[session] = Page(self, session, target)
        if downloads:
            self.send("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads), "eventsEnabled": False})
        for domain in ["Page", "Runtime", "Log", "Network"]:
            page.send(domain + ".enable")
        page.resize(width, height)
        page.media(dark=dark)
        page.send("Page.navigate", url=Path(path).absolute().as_uri() + fragment)
        page.until(lambda: page.loaded, "load")
        return page


class Page:
    def __init__(self, browser, session, target):
        self.browser, self.session, self.target = browser, session, target
        self.loaded = False
        self.problems = []  # errors and warnings of the console, exceptions, violations of the policy
        self.requests = []  # addresses

    def send(self, method, **params):
        return self.browser.send(method, params, self.session)

    def event(self, method, params):
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])

    def until(self, condition, what):
        end = time.monotonic() + self.browser.patience
        while not condition():
            if not self.browser.read(end):
                raise TimeoutError(f"{what} took more than {self.browser.patience} s; problems: {self.problems}")

    def evaluate(self, expression):
        """The value of an expression; of a promise, what comes of it."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise ScriptError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def wait(self, expression):
        """Until the expression is true; gives its value."""
        end = time.monotonic() + self.browser.patience
        while not (value := self.evaluate(expression)):
            if time.monotonic() > end:
                raise TimeoutError(f"not true in {self.browser.patience} s: {expression}; problems: {self.problems}")
            time.sleep(0.05)
        return value

    def settle(self):
        """Until what was to be drawn is drawn."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))")

    # ── what a reader does ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def click(self, selector):
        """Clicks the middle of the first element, wherever it is scrolled."""
        place = self.evaluate("(() => { const e = document.querySelector(%s); if (!e) return null; e.scrollIntoView({block: 'center'});"
                              "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()" % json.dumps(selector))
        if place is None:
            raise AssertionError(f"nothing to click at {selector}")
        for kind in ["mousePressed", "mouseReleased"]:
            self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
        self.settle()

    def type(self, text):
        self.send("Input.insertText", text=text)

    def press(self, key, shift=False):
        code = {"key": key, "windowsVirtualKeyCode": KEYS[key], "code": "Space" if key == " " else key, "modifiers": 8 if shift else 0}
        text = {"Enter": "\r", " ": " "}.get(key)
        self.send("Input.dispatchKeyEvent", type="keyDown", **code, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **code)

    def resize(self, width, height=800):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def media(self, dark=False, printed=False):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media="print" if printed else "screen", features=[scheme])

    def screenshot(self, path, whole=True):
        """A picture of the whole page, or of what is seen of it."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def pdf(self):
        return base64.b64decode(self.send("Page.printToPDF")["data"])

    def close(self):
        self.browser.send("Target.closeTarget", {"targetId": self.target})
