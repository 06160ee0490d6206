#!/usr/bin/env python3
"""Runs the tests of the Python package on the library that was built, and on its wheel.

usage: python_test.py --library LIBECHOPRINT.SO --decoder ECHOPRINT-DECODER
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "python"


def run_tests(environment):
    """The tests of the package; gives (passed, failed, skipped)."""
    done = subprocess.run([sys.executable, "-m", "unittest", "-v"], cwd=PACKAGE / "tests", env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    counted = [0, 0, 0]
    for name, verdict in re.findall(r"^(\w+ \([\w.]+\))(?:\n.*)?? \.\.\. (.*)$", done.stdout, re.M):
        which = 0 if verdict == "ok" else 2 if verdict.startswith("skipped") else 1
        print(f"{('ok', 'not ok', 'skip')[which]} {name}{'' if which == 0 else ': ' + verdict}")
        counted[which] += 1
    if done.returncode and not counted[1] or not any(counted):
        counted[1] += 1
        print("not ok the tests run")
    if counted[1]:
        print(done.stdout)
    return counted


def wheel_works(library, decoder, environment):
    """Why a wheel does not work that is made of a build; "" where it does."""
    with tempfile.TemporaryDirectory() as folder:
        build, made, installed = (pathlib.Path(folder) / name for name in ("build", "made", "installed"))
        for place in (build, made):
            place.mkdir()
        (build / "libechoprint.so.0").symlink_to(library)
        (build / "echoprint-decoder").symlink_to(decoder)
        script = "import sys, wheel_of_build; print(wheel_of_build.build_wheel(sys.argv[1]))"
        done = subprocess.run([sys.executable, "-c", script, made], cwd=PACKAGE, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(environment, ECHOPRINT_BUILD=str(build)))
        if done.returncode:
            return done.stdout
        with zipfile.ZipFile(made / done.stdout.strip()) as wheel:
            wheel.extractall(installed)
            for item in wheel.infolist():
                (installed / item.filename).chmod(item.external_attr >> 16 & 0o777 or 0o644)
        script = ("import sys; sys.path.insert(0, sys.argv[2]); import sound, echoprint; "
                  "sound.write_wav(sys.argv[1], sound.music(1, 10)); assert len(echoprint.codegen(sys.argv[1])) > 50")
        alone = {name: value for name, value in environment.items() if not name.startswith("ECHOPRINT_")}
        done = subprocess.run([sys.executable, "-c", script, build / "song.wav", PACKAGE / "tests"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(alone, PYTHONPATH=str(installed)), cwd=folder)
        return done.stdout if done.returncode else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--decoder", required=True)
    options = parser.parse_args()
    library, decoder = (str(pathlib.Path(path).resolve()) for path in (options.library, options.decoder))
    why = ""
    if sys.version_info < (3, 9):
        why = f"python3 is {sys.version.split()[0]}, and the package needs 3.9"
    loaded = subprocess.run(["ldd", library], text=True, stdout=subprocess.PIPE).stdout
    if "libasan" in loaded or "libtsan" in loaded:
        why = "the library is built with a sanitizer, which must be loaded before python"
    if why:
        print(f"skip the Python package: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    environment = dict(os.environ, ECHOPRINT_LIBRARY=library, ECHOPRINT_DECODER=decoder, PYTHONPATH=str(PACKAGE),
                       PYTHONDONTWRITEBYTECODE="1")
    passed, failed, skipped = run_tests(environment)
    bad = wheel_works(library, decoder, environment)
    print(f"not ok the wheel has all that it needs: {bad}" if bad else "ok the wheel has all that it needs")
    print(f"{passed + (not bad)} passed, {failed + bool(bad)} failed, {skipped} skipped")
    return 1 if failed or bad else 0


if __name__ == "__main__":
    sys.exit(main())
