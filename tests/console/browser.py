"""A browser for the tests of the console: Debian's chromium, driven by python3-selenium.

Where these are not installed, the checks are skipped with the reason."""

import base64
import importlib
import json
import os
import pathlib
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from common import Skip, need  # noqa: E402 pylint: disable=wrong-import-position

PATIENCE_S = 60
# What a page says of an answer that the checks ask for.
EXPECTED = ("status of 401", "status of 403", "status of 409", "status of 404", "status of 422", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET",
            "ERR_EMPTY_RESPONSE")
# Where tools/setup_console.sh puts it.
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "echoprint"


def axe_file():
    """axe.min.js of axe-core; None: it is not here."""
    given = os.environ.get("ECHOPRINT_AXE")
    return pathlib.Path(given) if given else max(CACHE.glob("axe-*.min.js"), default=None)


def use_the_python_of_debian():
    """python3-selenium is for Debian's python3, which may not be the first one in PATH."""
    own = "/usr/bin/python3"
    try:
        importlib.import_module("selenium")
    except ImportError:
        if os.path.exists("/usr/lib/python3/dist-packages/selenium") and os.path.realpath(sys.executable) != os.path.realpath(own):
            os.execv(own, [own, *sys.argv])


def missing():
    """What is not installed; None: nothing."""
    for name in ("chromium", "chromedriver"):
        if not shutil.which(name):
            return f"{name} is not installed (Debian: chromium chromium-driver python3-selenium)"
    try:
        importlib.import_module("selenium")
    except ImportError:
        return "python3-selenium is not installed"
    return None


class Browser:
    """microphone: a WAV file that the microphone hears, again and again."""

    def __init__(self, folder, microphone=None):
        why = missing()
        if why:
            raise Skip(why)
        from selenium import webdriver  # pylint: disable=import-outside-toplevel,import-error
        from selenium.webdriver.chrome.service import Service  # pylint: disable=import-outside-toplevel,import-error
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars", "--lang=en",
                     "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--force-color-profile=srgb"):
            options.add_argument(word)
        if microphone:
            options.add_argument(f"--use-file-for-fake-audio-capture={microphone}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.downloads = folder / "downloads"
        self.downloads.mkdir(exist_ok=True)
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.driver.set_script_timeout(PATIENCE_S)
        self.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        self.said = []
        self.asked = set()
        path = axe_file()
        self.axe = path.read_text(encoding="utf-8") if path else None
        self.looked = 0

    def close(self):
        self.driver.quit()

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def open(self, url):
        self.driver.get("about:blank")
        self.driver.get(url)

    def until(self, script, what, *arguments):
        """Waits until a script gives something true."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = self.run("return " + script, *arguments)
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE_S} s: {what}; the page says {self.text()[:600]!r}")

    def text(self):
        return self.run("return document.querySelector('main').innerText") or ""

    def until_text(self, words, where="body"):
        return self.until("document.querySelector(arguments[1])?.innerText.includes(arguments[0])", f"{words!r} in {where}", words, where)

    def press(self, label, where="body"):
        """Presses what is called so, as soon as it is there."""
        self.until("""(() => { const all = [...document.querySelector(arguments[1])?.querySelectorAll('button, a, summary') ?? []];
            const one = all.find((one) => (one.innerText.trim() === arguments[0] || one.getAttribute('aria-label') === arguments[0])
                && !one.disabled); one?.click(); return Boolean(one); })()""", f"a button {label!r}", label, where)

    def fill(self, label, value):
        self.until("""(() => { const one = [...document.querySelectorAll('dialog label, main label')].find((one) => one.innerText.trim() === arguments[0]);
            const input = one?.querySelector('input') || document.getElementById(one?.htmlFor); if (!input) return false;
            input.value = arguments[1]; input.dispatchEvent(new Event('input', { bubbles: true })); return true; })()""",
                   f"a field {label!r}", label, value)

    def key(self, name):
        """A key that is pressed on the page: "Enter"."""
        for kind in ("keyDown", "keyUp"):
            self.cdp("Input.dispatchKeyEvent", type=kind, key=name, code=name, text="\r" if (name, kind) == ("Enter", "keyDown") else "",
                     windowsVirtualKeyCode={"Enter": 13}[name])

    def choose(self, *paths):
        self.driver.find_element("css selector", "input[type=file]").send_keys("\n".join(map(str, paths)))

    # ---- what must not be ----

    def collect(self):
        for entry in self.driver.get_log("browser"):
            if not any(words in entry["message"] for words in EXPECTED):
                self.said.append(f"{entry['level']} {entry['message']}")
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.asked.add(message["params"]["request"]["url"])

    def need_quiet(self, *hosts):
        self.collect()
        need(not self.said, f"the console of the browser says {self.said[:5]}")
        others = [url for url in self.asked if not url.startswith(("blob:", "data:", "about:")) and not url.startswith(hosts)]
        need(not others, f"other hosts were asked: {others[:5]}")

    def need_usable(self, page):
        """By axe-core, where it is there."""
        if not self.axe:
            return
        self.run(self.axe + "; window.axe = axe;")
        found = self.driver.execute_async_script(
            "axe.run(document, { resultTypes: ['violations'] }).then((found) => arguments[0](found.violations.map((one) => "
            "one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 150) + ' ' + (node.any[0]?.message || '')).join(' | '))))")
        need(not found, f"axe-core finds on {page}: {found}")
        self.looked += 1

    # ---- pictures ----

    def look(self, width, dark=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 700)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                          {"name": "prefers-reduced-motion", "value": "reduce"}])

    def shoot(self, path, most=2400):
        self.run("document.getElementById('said').classList.remove('shown')")
        size = self.run("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                        clip={"x": 0, "y": 0, "width": size[0], "height": min(most, size[1]), "scale": 1})
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))

    def each_look(self, name, folder, usable=True):
        """The page at two widths, light and dark: as pictures, and by axe-core; nothing is wider than the window."""
        for width in (390, 1280):
            for dark in (False, True):
                self.look(width, dark)
                self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(arguments[0], 30)))")
                if folder:
                    self.shoot(folder / f"{name}-{width}-{'dark' if dark else 'light'}.png")
                wide = self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
                need(wide <= 0, f"{name} is {wide} pixels too wide at {width}")
                if usable:
                    self.need_usable(f"{name} at {width}, {'dark' if dark else 'light'}")
        self.look(1280)
