#!/usr/bin/env python3
"""Writes a file as a constant of C, with its size.

usage: embed.py INPUT OUTPUT NAME
"""

import json
import sys

given, made, name = sys.argv[1:]
text = open(given, encoding="utf-8").read()
if given.endswith(".json"):
    text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
data = text.encode()
lines = [", ".join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24)]
with open(made, "w", encoding="ascii") as out:
    out.write(f"#include <stddef.h>\n\nextern const char {name}[];\nextern const size_t {name}_size;\n\n")
    out.write(f"const char {name}[] = {{\n\t" + ",\n\t".join(lines) + f"\n}};\nconst size_t {name}_size = sizeof {name};\n")
