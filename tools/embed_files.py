#!/usr/bin/env python3
"""Writes the files of the console as constants of C, plain and packed by gzip.

usage: embed_files.py OUTPUT FILE...
"""

import gzip
import hashlib
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml"}


def constant(name, data):
    lines = (", ".join(map(str, data[at:at + 24])) for at in range(0, len(data), 24))
    return f"static const unsigned char {name}[] = {{\n\t" + ",\n\t".join(lines) + "\n};\n"


made, *given = sys.argv[1:]
rows = []
with open(made, "w", encoding="ascii") as out:
    out.write('#include "net/console/console_files.h"\n\n')
    for number, path in enumerate(map(pathlib.Path, given)):
        data = path.read_bytes()
        # Without a moment, so that each build gives the same bytes.
        out.write(constant(f"plain_{number}", data) + constant(f"packed_{number}", gzip.compress(data, 9, mtime=0)))
        tag = hashlib.sha256(data).hexdigest()[:20]
        rows.append(f'\t{{ "{path.name}", "{TYPES[path.suffix]}", "\\"{tag}\\"", plain_{number}, sizeof plain_{number}, '
                    f"packed_{number}, sizeof packed_{number} }},\n")
    out.write("\nconst struct ep_console_file ep_console_files[] = {\n" + "".join(rows) + "\t{ 0 },\n};\n")
