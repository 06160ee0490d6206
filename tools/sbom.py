#!/usr/bin/env python3
"""Prints a bill of materials of Echoprint as SPDX 2.3 JSON: the program, and the libraries that it
is built with on this machine, with the versions of pkg-config and of the Debian packages.

usage: sbom.py [--namespace TEXT] [--archive FILE] [FILE...]

Each FILE is a library that is delivered with the program: it is listed with the Debian package that
it comes from. The date is that of $SOURCE_DATE_EPOCH, so the same things give the same bytes.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

from bundle import packages_of

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The libraries of meson.build by the name of their pkg-config file; Debian's package, by which those
# without such a file are found; and the licence.
LIBRARIES = {
    "libsodium": ("libsodium-dev", "ISC"),
    "nettle": ("nettle-dev", "LGPL-3.0-or-later OR GPL-2.0-or-later"),
    "libdeflate": ("libdeflate-dev", "MIT"),
    "zlib": ("zlib1g-dev", "Zlib"),
    "libzstd": ("libzstd-dev", "BSD-3-Clause OR GPL-2.0-only"),
    "liblzma": ("liblzma-dev", "LicenseRef-public-domain"),
    "bz2": ("libbz2-dev", "bzip2-1.0.6"),
    "jansson": ("libjansson-dev", "MIT"),
    "lmdb": ("liblmdb-dev", "OLDAP-2.8"),
    "sqlite3": ("libsqlite3-dev", "LicenseRef-public-domain"),
    "inih": ("libinih-dev", "BSD-3-Clause"),
    "libqrencode": ("libqrencode-dev", "LGPL-2.1-or-later"),
    "libmicrohttpd": ("libmicrohttpd-dev", "LGPL-2.1-or-later"),
    "libcurl": ("libcurl4-openssl-dev", "curl"),
    "tokyocabinet": ("libtokyocabinet-dev", "LGPL-2.1-or-later"),
    "libavformat": ("libavformat-dev", "GPL-2.0-or-later"),
    "libavcodec": ("libavcodec-dev", "GPL-2.0-or-later"),
    "libavutil": ("libavutil-dev", "GPL-2.0-or-later"),
    "libswresample": ("libswresample-dev", "GPL-2.0-or-later"),
    "libseccomp": ("libseccomp-dev", "LGPL-2.1-only"),
}
# These are loaded when they are needed.
OPTIONAL = {"libmicrohttpd", "libcurl", "tokyocabinet"}


def output(*command):
    """What a command prints; empty where it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def needed():
    """The names of the libraries in meson.build; one that is not known here is an error."""
    text = (ROOT / "meson.build").read_text()
    names = [name for name in re.findall(r"(?:dependency|find_library)\('([^']+)'", text) if name not in ("threads", "m", "dl")]
    unknown = set(names) ^ set(LIBRARIES)
    if unknown:
        sys.exit(f"sbom.py: the libraries here and in meson.build differ: {', '.join(sorted(unknown))}")
    return names


def identifier(text):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]", "-", text)


def package(name, version, licence, debian=None):
    item = {"SPDXID": identifier(name), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": licence, "copyrightText": "NOASSERTION"}
    if debian:
        item["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                 "referenceLocator": f"pkg:deb/debian/{debian[0]}@{debian[1].replace('+', '%2B').replace(':', '%3A')}"}]
    return item


def library(name):
    debian, licence = LIBRARIES[name]
    place = output("pkg-config", "--variable=pcfiledir", name)
    if place and not place.startswith("/usr/"):  # of small_ffmpeg.sh, without the parts under the GPL
        return package(name, output("pkg-config", "--modversion", name), "LGPL-2.1-or-later")
    packaged = output("dpkg-query", "-W", "-f", "${Version}", debian)
    version = output("pkg-config", "--modversion", name) or re.sub(r"^\d+:|-[^-]*$", "", packaged) or "NOASSERTION"
    return package(name, version, licence, (debian, packaged) if packaged else None)


def delivered(files):
    """The Debian packages that the files come from."""
    for owner in sorted(set(packages_of(files).values())):
        version = output("dpkg-query", "-W", "-f", "${Version}\n", owner).split("\n")[0]
        yield package(owner, version, "NOASSERTION", (owner, version))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace", default="")
    parser.add_argument("--archive")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    version = re.search(r"^  version: '(.*)',$", (ROOT / "meson.build").read_text(), re.M)[1]
    program = package("echoprint", version, "Apache-2.0")
    if options.archive:
        program["packageFileName"] = pathlib.Path(options.archive).name
        program["checksums"] = [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(pathlib.Path(options.archive).read_bytes()).hexdigest()}]
    libraries = [library(name) for name in needed()]
    contained = list(delivered(options.files))
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", program["SPDXID"])]
    relations += [(item["SPDXID"], "OPTIONAL_DEPENDENCY_OF" if item["name"] in OPTIONAL else "DEPENDENCY_OF", program["SPDXID"])
                  for item in libraries]
    relations += [(program["SPDXID"], "CONTAINS", item["SPDXID"]) for item in contained]
    moment = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or 0), datetime.timezone.utc)
    json.dump({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"echoprint-{version}",
        "documentNamespace": f"urn:echoprint:{version}:{options.namespace}",
        "creationInfo": {"created": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: echoprint-sbom.py"]},
        "packages": [program, *libraries, *contained],
        "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-public-domain", "extractedText": "It is in the public domain."}],
        "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other} for one, kind, other in relations],
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
