#!/usr/bin/env python3
"""How long the console of a running node takes until it can be used: from the request for a page to
what it is for. usage: measure.py URL [TURNS]"""

import pathlib
import statistics
import sys
import tempfile

from browser import Browser, use_the_python_of_debian

use_the_python_of_debian()

PAGES = {
    "overview": ("", "document.querySelectorAll('.tile').length > 3 && document.querySelectorAll('figure svg path').length > 2"),
    "identify": ("identify", "document.querySelector('.drop')"),
    "tracks": ("tracks", "document.querySelectorAll('tbody tr').length > 1"),
    "tracks with a word": ("tracks?q=a", "document.querySelectorAll('tbody tr, .empty, .failed').length > 0"),
    "federation": ("federation", "document.querySelector('svg.federation .box')"),
}
WATCH = """const done = arguments[1], ready = new Function('return ' + arguments[0]);
(function look() { ready() ? done(performance.now()) : requestAnimationFrame(look); })();"""


def main():
    url, turns = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(pathlib.Path(folder))
        browser.look(1280)
        for name, (page, ready) in PAGES.items():
            times = []
            for _ in range(turns):
                browser.cdp("Network.clearBrowserCache")
                browser.open(f"{url}#/{page}")
                times.append(browser.driver.execute_async_script(WATCH, ready))
            print(f"{name}: {statistics.median(times):.0f} ms, at most {max(times):.0f} ms")
        browser.close()


main()
