"""Builds the wheel, for pip: the package, with the library and the decoder that meson built.

They are taken from $ECHOPRINT_BUILD, else ../build. Nothing is compiled here, and nothing is needed
but Python.
"""

import base64
import hashlib
import os
import pathlib
import re
import sysconfig
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
# A fixed moment, so that the same files make the same wheel.
MOMENT = (2020, 1, 1, 0, 0, 0)


def _field(name):
    return re.search(rf'^{name} = "(.*)"$', (HERE / "pyproject.toml").read_text(), re.M)[1]


def _build():
    build = pathlib.Path(os.environ.get("ECHOPRINT_BUILD") or HERE.parent / "build")
    files = {"libechoprint.so.0": build / "libechoprint.so.0", "echoprint-decoder": build / "echoprint-decoder"}
    for path in files.values():
        if not path.exists():
            raise SystemExit(f"{path} is not there: run make, or set ECHOPRINT_BUILD to the folder of the build")
    return files


def _metadata():
    lines = ["Metadata-Version: 2.1", "Name: echoprint", f"Version: {_field('version')}", f"Summary: {_field('description')}",
             f"Requires-Python: {_field('requires-python')}", "License: Apache-2.0", "Provides-Extra: numpy",
             'Requires-Dist: numpy; extra == "numpy"', "Description-Content-Type: text/markdown", "",
             (HERE / "README.md").read_text()]
    return "\n".join(lines)


def _tag():
    return f"py3-none-{re.sub('[-.]', '_', sysconfig.get_platform())}"


class _Wheel:
    """A wheel that is written; each file goes into its record."""

    def __init__(self, path, info):
        self.zip, self.info, self.record = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED), info, []

    def add(self, name, content, mode=0o644):
        item = zipfile.ZipInfo(name, MOMENT)
        item.external_attr, item.compress_type = mode << 16 | 0o100000 << 16, zipfile.ZIP_DEFLATED
        self.zip.writestr(item, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(content)}")

    def close(self):
        name = f"{self.info}/RECORD"
        self.zip.writestr(zipfile.ZipInfo(name, MOMENT), "\n".join([*self.record, f"{name},,", ""]))
        self.zip.close()


def _write(folder, add_package):
    version = _field("version")
    name = f"echoprint-{version}-{_tag()}.whl"
    info = f"echoprint-{version}.dist-info"
    wheel = _Wheel(pathlib.Path(folder) / name, info)
    add_package(wheel)
    wheel.add(f"{info}/METADATA", _metadata().encode())
    wheel.add(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: wheel_of_build\nRoot-Is-Purelib: false\nTag: {_tag()}\n".encode())
    wheel.close()
    return name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = _build()

    def add_package(wheel):
        for folder in ("echoprint", "beetsplug"):
            for path in sorted((HERE / folder).glob("*.py*")):
                if path.suffix in (".py", ".typed"):
                    wheel.add(f"{folder}/{path.name}", path.read_bytes())
        for name, path in files.items():
            wheel.add(f"echoprint/_lib/{name}", path.resolve().read_bytes(), 0o755)

    return _write(wheel_directory, add_package)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """The package as it is here, which finds the library by $ECHOPRINT_LIBRARY or in the system."""
    return _write(wheel_directory, lambda wheel: wheel.add("echoprint.pth", f"{HERE}\n".encode()))


def get_requires_for_build_wheel(config_settings=None):
    return []


get_requires_for_build_editable = get_requires_for_build_wheel


def build_sdist(sdist_directory, config_settings=None):
    raise SystemExit("there is no source distribution: build the wheel from the project")
