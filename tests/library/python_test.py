#!/usr/bin/env python3
"""Runs the tests of the Python package on the library that was built, and on its wheel.

usage: python_test.py --program ECHOPRINT --library LIBECHOPRINT.SO --decoder ECHOPRINT-DECODER
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "python"


# Runs the tests in the folder at hand, and leaves [name, verdict, why] of each in a file.
RUNNER = """
import json, sys, unittest

class Result(unittest.TextTestResult):
    told = []

    def stopTest(self, test):
        super().stopTest(test)
        bad = [why for one, why in self.failures + self.errors if one is test or getattr(one, "test_case", None) is test]
        skipped = [why for one, why in self.skipped if one is test]
        self.told.append([test.id(), "not ok" if bad else "skip" if skipped else "ok", "".join(bad + skipped)])

done = unittest.TextTestRunner(resultclass=Result).run(unittest.defaultTestLoader.discover("."))
loaded = [[str(test), "not ok", why] for test, why in done.errors if "_FailedTest" in str(test)]
json.dump(Result.told + loaded, open(sys.argv[1], "w"))
"""


def run_tests(environment):
    """The tests of the package; gives (passed, failed, skipped)."""
    with tempfile.TemporaryDirectory() as folder:
        told = pathlib.Path(folder) / "told.json"
        done = subprocess.run([sys.executable, "-c", RUNNER, told], cwd=PACKAGE / "tests", text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(environment, BEETSDIR=folder))
        verdicts = json.loads(told.read_text()) if told.exists() else [["the tests run", "not ok", done.stdout]]
    for name, verdict, why in verdicts:
        print(f"{verdict} {name}" + (f": {why}" if why else ""))
    return [sum(found == verdict for _, found, _ in verdicts) for verdict in ("ok", "not ok", "skip")]


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
    parser.add_argument("--program", required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("--decoder", required=True)
    options = parser.parse_args()
    program, library, decoder = (str(pathlib.Path(path).resolve()) for path in (options.program, options.library, options.decoder))
    why = ""
    if sys.version_info < (3, 9):
        why = f"python3 is {sys.version.split()[0]}, and the package needs 3.9"
    loaded = subprocess.run(["ldd", library], text=True, stdout=subprocess.PIPE).stdout
    if "libasan" in loaded or "libtsan" in loaded:
        why = "the library is built with a sanitizer, which must be loaded before python"
    if why:
        print(f"skip the Python package: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    environment = dict(os.environ, ECHOPRINT_LIBRARY=library, ECHOPRINT_DECODER=decoder, ECHOPRINT_PROGRAM=program,
                       PYTHONPATH=str(PACKAGE), PYTHONDONTWRITEBYTECODE="1")
    passed, failed, skipped = run_tests(environment)
    bad = wheel_works(library, decoder, environment)
    print(f"not ok the wheel has all that it needs: {bad}" if bad else "ok the wheel has all that it needs")
    print(f"{passed + (not bad)} passed, {failed + bool(bad)} failed, {skipped} skipped")
    return 1 if failed or bad else 0


if __name__ == "__main__":
    sys.exit(main())
