#!/usr/bin/env python3
"""The HTTP interface /v1: every endpoint, what it refuses, and bodies that are hostile. What is
answered is held against openapi.json, as far as it says which keys there are and what they hold."""

import array
import base64
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import re
import socket
import sqlite3
import threading
import time
import urllib.parse
import zlib

import audio
from common import DATA, ROOT, need, run, same
from servers import Server, ingest, monitored, some_songs, until

DOCUMENT = json.loads((ROOT / "src/net/api/openapi.json").read_text())


# ---- the description ----


def schema_of(given):
    while "$ref" in given:
        place = DOCUMENT
        for key in given["$ref"][2:].split("/"):
            place = place[key]
        given = place
    return given


TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list, "null": type(None)}


def fits(value, schema, where="the answer"):
    """Whether a value is as a schema says: of JSON Schema, what the description uses."""
    schema = schema_of(schema)
    if "oneOf" in schema:
        good = 0
        for one in schema["oneOf"]:
            try:
                fits(value, one, where)
                good += 1
            except Exception:  # pylint: disable=broad-except
                pass
        need(good == 1, f"{where} fits {good} of {len(schema['oneOf'])} schemas: {value!r}")
    if "enum" in schema:
        need(value in schema["enum"], f"{where} is {value!r}, expected one of {schema['enum']}")
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kinds = tuple(kind for name in names for kind in (TYPES[name] if isinstance(TYPES[name], tuple) else (TYPES[name],)))
        need(isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds), f"{where} is {value!r}, expected {names}")
    if isinstance(value, dict):
        for key in schema.get("required", []):
            need(key in value, f"{where} has no {key}: {value!r}")
        for key, item in value.items():
            if key in schema.get("properties", {}):
                fits(item, schema["properties"][key], f"{where}.{key}")
            else:
                need(schema.get("additionalProperties", not schema.get("properties")) is not False, f"{where} has {key}, which is not described")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            fits(item, schema["items"], f"{where}[{number}]")


def operation_of(method, path):
    for template, item in sorted(DOCUMENT["paths"].items(), key=lambda pair: -len(pair[0])):
        pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(template)) if "{" in template else re.escape(template)
        if re.fullmatch(pattern, path):
            return item.get(method.lower())
    return None


# ---- asking ----


class Interface:
    """Asks a server with a token, and holds each answer against the description."""

    def __init__(self, server, token=None):
        self.server, self.token = server, token

    def ask(self, method, path, body=None, headers=None, expect=None, check=True):
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if expect is not None:
            same(answer.status, expect, f"the status of {method} {path} ({data[:200]!r})")
        if not check:
            return answer.status, data
        return self.checked(method, path, answer, data)

    def checked(self, method, path, answer, data):
        operation = operation_of(method, urllib.parse.urlsplit(path).path)
        kind = answer.headers["Content-Type"]
        if operation is None:
            need(answer.status in (404, 405), f"{method} {path} is not described, but answered {answer.status}")
            value = json.loads(data)
            fits(value, DOCUMENT["components"]["schemas"]["Error"])
            return answer.status, value
        described = operation["responses"].get(str(answer.status))
        need(described, f"{method} {path} answered {answer.status}, which is not described: {data[:300]!r}")
        content = schema_of(described)["content"]
        need(kind in content, f"{method} {path} answered {kind}")
        if kind != "application/json":
            return answer.status, data
        value = json.loads(data)
        fits(value, content[kind]["schema"])
        return answer.status, value

    def get(self, path, expect=200, **how):
        return self.ask("GET", path, expect=expect, **how)[1]


def code_of(value):
    return value["error"]["code"]


class Place:
    """A node that serves, with a token of each role, and some songs."""

    def __init__(self, test, name, *options, songs=12):
        self.node = test.node(name)
        self.node.run("init", "--name", name)
        if songs:
            ingest(self.node, some_songs("TRS", songs))
        self.server = Server(self.node, *options)
        self.tokens = {role: self.node.json("token", "add", role, "--role", role)["token"] for role in ("query", "ingest", "admin")}
        self.by = {role: Interface(self.server, token) for role, token in self.tokens.items()}
        self.query, self.ingest, self.admin = self.by["query"], self.by["ingest"], self.by["admin"]

    def codes(self, item):
        """The code string of a song, as it was ingested."""
        return item["code"]

    def searchable(self):
        """The index is made a moment after the start."""
        until(lambda: self.query.ask("POST", "/v1/identify", {"codes": "1 2 3 4"}, check=False)[0] == 200, "an index")


def multipart(parts):
    """parts: (name, file name or None, bytes)."""
    body = b""
    for name, file_name, data in parts:
        head = f'--cut\r\nContent-Disposition: form-data; name="{name}"'
        head += f'; filename="{file_name}"\r\nContent-Type: application/octet-stream' if file_name else ""
        body += head.encode() + b"\r\n\r\n" + data + b"\r\n"
    return body + b"--cut--\r\n", {"Content-Type": "multipart/form-data; boundary=cut"}


# ---- the checks ----


def every_route_is_described(test):
    """The table of routes and the description have the same, with the same roles."""
    text = (ROOT / "src/net/api/api.c").read_text() + (ROOT / "src/net/serve.c").read_text()
    found = {}
    for route in re.findall(r"\{\s*(\.method = [^}]*)\}", text):
        fields = dict(re.findall(r"\.(\w+) = \"?([\w/.]+)", route))
        if not fields["path"].startswith("/v1/"):
            continue
        # The name of what follows a tree is the document's alone.
        found[fields["method"], fields["path"] + ("*" if "tree" in fields else "") + fields.get("end", "")] = fields["need"]
    needs = {None: "EP_NEED_OPEN", "query": "EP_NEED_QUERY", "ingest": "EP_NEED_INGEST", "admin": "EP_NEED_ADMIN"}
    described = {}
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                described[method.upper(), re.sub(r"\{\w+\}", "*", path)] = needs[operation.get("x-role")]
    same(found, described, "the routes")
    place = Place(test, "document", songs=0)
    same(place.query.get("/v1/openapi.json"), DOCUMENT, "the description that is handed out")
    same(Interface(place.server).get("/v1/openapi.json"), DOCUMENT, "the description without a token")


def roles_are_kept(test):
    place = Place(test, "roles", songs=2)
    order = ["query", "ingest", "admin"]
    nobody = {"X-Forwarded-For": "10.1.1.1"}
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method == "parameters" or not operation.get("x-role"):
                continue
            real = re.sub(r"\{\w+\}", "nothing", path)
            for role in order:
                status = place.by[role].ask(method.upper(), real, {} if method in ("post", "patch") else None)[0]
                enough = order.index(role) >= order.index(operation["x-role"])
                need((status != 403) == enough, f"{method} {path} with the role {role} is {status}")
            place_status, value = Interface(place.server).ask(method.upper(), real, headers=nobody)
            same((place_status, code_of(value)), (401, "unauthorized"), f"{method} {path} without a token")
    for path in ("/v1/tracks", "/v1/status", "/v1/changes", "/v1/sources"):
        Interface(place.server).get(path)  # a program on this machine
    place.node.run("token", "remove", "admin")
    place.admin.ask("DELETE", "/v1/tracks/TRS0", expect=401)


def codes_are_identified(test):
    place = Place(test, "codes", songs=0)
    place.node.run("ingest", "-q", DATA / "songs.json")
    place.searchable()
    songs = [item for item in json.loads((DATA / "songs.json").read_text()) if len(item["code"]) > 2000]
    ids = [item["metadata"]["track_id"] for item in songs]
    until(lambda: place.query.ask("POST", "/v1/identify", {"codes": songs[0]["code"]})[1]["results"][0]["matches"], "the song that was ingested")
    for n in (0, 2):
        answer = place.query.ask("POST", "/v1/identify", {"codes": songs[n]["code"]}, expect=200)[1]
        result = answer["results"][0]
        same([match["track_id"] for match in result["matches"]], [ids[n]], "the match")
        match = result["matches"][0]
        need(match["score"] >= 50 and abs(match["offset_s"]) < 1 and match["source"] == "local", f"the match is {match}")
        need(result["read"]["tracks"] >= 1 and result["ms"]["search"] > 0, f"the result is {result}")
    many = place.query.ask("POST", "/v1/identify", {"codes": [songs[1]["code"], "1 2 3 4", "no codes!", songs[2]["code"]]}, expect=200)[1]
    same([[m["track_id"] for m in r["matches"]] for r in many["results"]], [[ids[1]], [], [], [ids[2]]], "matches of a list")
    same([r["error"] and r["error"]["code"] for r in many["results"]], [None, None, "undecodable", None], "errors of a list")
    same(code_of(place.query.ask("POST", "/v1/identify", {"codes": "no codes!"}, expect=422)[1]), "undecodable", "one that is no code string")
    for body in ({}, [], {"codes": 5}, {"codes": []}, {"codes": [1]}, {"codes": ["1 2"] * 101}, {"codes": "1 2", "more": 1}, {"codes": None}):
        same(code_of(place.query.ask("POST", "/v1/identify", body, expect=400)[1]), "bad_request", f"the code of {str(body)[:60]}")
    for body in (b"", b"{", b"[1,2", b'{"codes": "1 2", "codes": "3 4"}', b"\xff", b'{"codes": "\xff"}', b'{"codes": "\\u0000"}', b"nul"):
        same(code_of(place.query.ask("POST", "/v1/identify", body, {"Content-Type": "application/json"}, expect=400)[1]), "bad_json", f"the code of {body!r}")


def recordings(test):
    """Three pieces of music, and their bytes as WAV."""
    folder = test.folder / "music"
    if not folder.exists():
        folder.mkdir()
        for n in range(3):
            (folder / f"song{n}.wav").write_bytes(audio.wav(audio.music(40, seed=n), audio.RATE, 2))
    return [folder / f"song{n}.wav" for n in range(3)]


def sound_is_identified(test):
    files = recordings(test)
    place = Place(test, "sound", songs=0)
    for n, path in enumerate(files):
        put = place.ingest.ask("POST", f"/v1/tracks?track_id=TRW{n}&artist=A%20{n}&track=%C3%9Cber", path.read_bytes(), {"Content-Type": "audio/wav"}, expect=201)[1]
        same(put["outcome"], "new", "what became of it")
    same(place.query.get("/v1/tracks/TRW1")["track"], "Über", "a name")
    # What was put last is found last.
    until(lambda: matches_of(place, files[2].read_bytes(), "audio/wav") == ["TRW2"], "the song that was put")
    same(matches_of(place, files[0].read_bytes(), "audio/wav"), ["TRW0"], "sound")
    result = place.query.ask("POST", "/v1/identify?explain=true", files[0].read_bytes(), {"Content-Type": "audio/wav"}, expect=200)[1]["results"][0]
    track = place.query.get("/v1/tracks/TRW0/onsets")
    need(result["evidence"]["codes"] > 50, "the evidence")
    second = result["runner_up"]
    need(second and second["track_id"] in ("TRW1", "TRW2") and second["artist"] == f"A {second['track_id'][-1]}", f"the next best song is {second}")
    # The file is the track: so are its onsets, but for those near the end of what was heard.
    shared = sum(len(set(one) & set(other)) for one, other in zip(result["onsets"]["bands"], track["bands"]))
    need(shared > 0.9 * sum(map(len, track["bands"])), f"{shared} onsets of the question are those of the track")
    same(code_of(place.query.ask("POST", "/v1/identify?explain=yes", {"codes": "1 2"}, expect=400)[1]), "bad_request", "another explain")
    same(matches_of(place, files[1].read_bytes(), "application/octet-stream"), ["TRW1"], "octets")
    # Samples alone, as RFC 2586 has them.
    samples = array.array("h", audio.music(40, seed=2))
    samples.byteswap()
    raw = samples.tobytes()
    same(matches_of(place, raw, f"audio/L16; rate={audio.RATE}; channels=2"), ["TRW2"], "samples without a header")
    same(matches_of(place, raw, f"audio/l16;channels=2;rate={audio.RATE}"), ["TRW2"], "the same, said in another way")
    for kind in ("audio/L16", "audio/L16;rate=0", "audio/L16;rate=x", "audio/L16;rate=44100;channels=99", "audio/L16;rate=99999999999"):
        same(code_of(place.query.ask("POST", "/v1/identify", raw, {"Content-Type": kind}, expect=422)[1]), "undecodable", kind)
    body, headers = multipart([("file", "one.wav", files[0].read_bytes()), ("file", "x", b"not sound at all"), ("file", "two.wav", files[2].read_bytes())])
    answer = place.query.ask("POST", "/v1/identify", body, headers, expect=200)[1]
    same([[m["track_id"] for m in r["matches"]] for r in answer["results"]], [["TRW0"], [], ["TRW2"]], "matches of parts")
    same([r["name"] for r in answer["results"]], ["one.wav", "x", "two.wav"], "names of parts")
    need(answer["results"][1]["error"]["code"] == "undecodable", f"what is not sound is {answer['results'][1]}")
    for wrong in ([], [("other", "x", b"1")], [("file", "x", b"1")] * 65):
        body, headers = multipart(wrong)
        place.query.ask("POST", "/v1/identify", body, headers, expect=400)
    for headers in ({"Content-Type": "multipart/form-data"}, {"Content-Type": "multipart/form-data; boundary=other"}):
        place.query.ask("POST", "/v1/identify", multipart([("file", "x", b"1")])[0], headers, expect=400)
    for data in (b"no sound", b"\0" * 5000, os.urandom(5000), b""):
        same(code_of(place.query.ask("POST", "/v1/identify", data, {"Content-Type": "audio/mpeg"}, expect=422)[1]), "undecodable", f"{data[:9]!r}")
    for kind in ("text/plain", "", "audio", "application/x-www-form-urlencoded"):
        same(code_of(place.query.ask("POST", "/v1/identify", b"x", {"Content-Type": kind}, expect=415)[1]), "unsupported_type", kind)
    spool = list((place.node.folder / "spool").iterdir())
    same(spool, [], "what is left of bodies")


def matches_of(place, data, kind):
    status, answer = place.query.ask("POST", "/v1/identify", data, {"Content-Type": kind})
    return [match["track_id"] for match in answer["results"][0]["matches"]] if status == 200 else None


def tracks_are_put_and_changed(test):
    place = Place(test, "tracks", songs=0)
    one, other = some_songs("TRP", 2)
    names = {"artist": "Ä", "release": "R", "track": "T"}
    put = place.ingest.ask("POST", "/v1/tracks", {"codes": one["code"], "track_id": "TRP0", **names, "length_s": 27}, expect=201)[1]
    same((put["track_id"], put["outcome"]), ("TRP0", "new"), "what was put")
    same(place.ingest.ask("POST", "/v1/tracks", {"codes": one["code"], "track_id": "TRP0", **names, "length_s": 27}, expect=200)[1]["outcome"], "unchanged", "again")
    same(place.ingest.ask("POST", "/v1/tracks", {"codes": other["code"], "track_id": "TRP0", **names, "length_s": 27}, expect=200)[1]["outcome"], "updated", "others")
    made = place.ingest.ask("POST", "/v1/tracks", {"codes": one["code"]}, expect=201)[1]["track_id"]
    need(re.fullmatch(r"TR[A-Z]{5}[0-9A-F]+", made), f"the id is {made}")
    track = place.query.get("/v1/tracks/TRP0?codes=true")
    same((track["artist"], track["release"], track["track"], track["length"], track["source"]), ("Ä", "R", "T", "27", "local"), "the track")
    need(track["documents"][0]["codes"] and track["documents"][0]["track_id"] == "TRP0-0", "a document with codes")
    need("codes" not in place.query.get("/v1/tracks/TRP0")["documents"][0], "no codes without being asked")
    same(place.node.json("show", "TRP0")["documents"][0]["codes"], track["documents"][0]["codes"], "the codes, as `show` has them")
    for body, status in (({"codes": "no codes"}, 422), ({"codes": ""}, 422), ({"codes": one["code"], "track_id": "x" * 256}, 422),
                         ({"codes": one["code"], "length_s": -5}, 400), ({"codes": one["code"], "length_s": "5"}, 400),
                         ({"codes": one["code"], "artist": 5}, 400), ({"codes": one["code"], "other": 5}, 400), ({}, 400),
                         ({"codes": one["code"], "track_id": "a\nb"}, 422), ({"codes": one["code"], "codever": "4" * 64}, 422)):
        place.ingest.ask("POST", "/v1/tracks", body, expect=status)
    odd = "TR/ odd%?#Ä"
    place.ingest.ask("POST", "/v1/tracks", {"codes": one["code"], "track_id": odd}, expect=201)
    same(place.query.get("/v1/tracks/" + urllib.parse.quote(odd, safe=""))["track_id"], odd, "an odd id")
    onsets = place.query.get("/v1/tracks/TRP0/onsets")
    need(sum(map(len, onsets["bands"])) > 10, f"the onsets are {str(onsets)[:200]}")
    same(place.admin.ask("DELETE", "/v1/tracks/TRP0", expect=200)[1], {"deleted": "TRP0"}, "a deletion")
    for method, path in (("GET", "/v1/tracks/TRP0"), ("GET", "/v1/tracks/TRP0/onsets"), ("DELETE", "/v1/tracks/TRP0"), ("GET", "/v1/tracks/" + "x" * 300),
                         ("GET", "/v1/tracks/TRP0-0"), ("DELETE", "/v1/tracks/" + urllib.parse.quote(odd, safe="") + "-0")):
        same(code_of(place.admin.ask(method, path, expect=404)[1]), "not_found", path)
    same(code_of(place.admin.ask("GET", "/v1/tracks/" + "x" * 700, expect=414)[1]), "path_too_long", "a long path")


def edits_change_names_and_fields(test):
    place = Place(test, "edits", songs=2)
    track = place.admin.ask("PATCH", "/v1/tracks/TRS0", {"artist": "New", "fields": {"isrc": "USRC17607839"}}, expect=200)[1]
    same((track["artist"], track["fields"]), ("New", {"isrc": "USRC17607839"}), "the edited track")
    place.admin.ask("PATCH", "/v1/tracks/TRS0", {"fields": {"isrc": "", "mood": "calm"}}, expect=200)
    same(place.query.get("/v1/tracks/TRS0")["fields"], {"mood": "calm"}, "the fields")
    for body, status in (({}, 400), ({"artist": 5}, 400), ({"fields": {"Bad Key": "x"}}, 400), ({"fields": {"k": 5}}, 400), ({"fields": 5}, 400), ({"other": "x"}, 400)):
        place.admin.ask("PATCH", "/v1/tracks/TRS0", body, expect=status)
    place.admin.ask("PATCH", "/v1/tracks/nothing", {"artist": "x"}, expect=404)
    put = {"codes": some_songs("TRF", 1)[0]["code"], "track_id": "TRF0", "fields": {"isrc": "X"}}
    place.ingest.ask("POST", "/v1/tracks", put, expect=201)
    same(place.query.get("/v1/tracks/TRF0")["fields"], {"isrc": "X"}, "fields of a new track")
    place.ingest.ask("POST", "/v1/tracks", {**put, "fields": {"Bad Key": "x"}}, expect=400)


def forms_put_tracks(test):
    files = recordings(test)
    place = Place(test, "forms", songs=0)
    body, headers = multipart([("track_id", None, b"TRM0"), ("artist", None, "Ö".encode()), ("file", "a.wav", files[0].read_bytes())])
    same(place.ingest.ask("POST", "/v1/tracks", body, headers, expect=201)[1]["track_id"], "TRM0", "a track of a form")
    same(place.query.get("/v1/tracks/TRM0")["artist"], "Ö", "its artist")
    wav = files[1].read_bytes()
    for parts in ([("artist", None, b"x")], [("file", "a", wav), ("file", "b", wav)], [("file", "a", wav), ("other", None, b"x")],
                  [("file", "a", wav), ("artist", None, b"\xff")], [("file", "a", wav), ("artist", None, b"a\0b")], [("file", "a", wav), ("artist", None, b"x" * 20000)]):
        body, headers = multipart(parts)
        place.ingest.ask("POST", "/v1/tracks", body, headers, expect=400)
    body, headers = multipart([("file", "a.wav", b"no sound")])
    place.ingest.ask("POST", "/v1/tracks", body, headers, expect=422)
    same(place.node.json("status")["tracks"], 1, "tracks")


def pages_hold_all_tracks_once(test):
    place = Place(test, "pages", songs=25)
    for query in ("", "q=TRS&", "source=local&", "q=trs1&"):
        seen, after = [], ""
        for _ in range(100):
            page = place.query.get(f"/v1/tracks?{query}limit=4{after}")
            seen += [track["track_id"] for track in page["tracks"]]
            if page["next"] is None:
                break
            after = "&after=" + urllib.parse.quote(page["next"])
        expected = {f"TRS{n}" for n in range(25)}
        if query == "q=trs1&":
            expected = {"TRS1"} | {f"TRS{n}" for n in range(10, 20)}
        same((len(seen), set(seen)), (len(expected), expected), f"all pages of {query}")
    same(len(place.query.get("/v1/tracks?since=20")["tracks"]), 5, "tracks behind a position")
    for wrong in ("limit=0", "limit=1001", "limit=x", "limit=-1", "limit=", "limit=99999999999999999999", "after=nonsense", "since=x", "q=" + "x" * 1025, "q=%FF", "q=%01"):
        same(code_of(place.query.get(f"/v1/tracks?{wrong}", expect=400)), "bad_request", wrong)
    place.query.get("/v1/tracks?source=nobody", expect=404)


def a_catalogue_that_is_gone_is_made_anew_when_somebody_searches(test):
    """Also on a quiet node, whose log does not change any more."""
    place = Place(test, "gone", songs=0)
    ingest(place.node, some_songs("TRC", 1100, pairs=4))  # more than are left to memory
    def search(more=""):
        return place.query.ask("GET", f"/v1/tracks?q=trc1042{more}", check=False)
    def found(more=""):
        status, data = search(more)
        return status == 200 and [track["track_id"] for track in json.loads(data)["tracks"]] == ["TRC1042"]
    def files():
        return list((place.node.folder / "catalogue").glob("*.db"))
    def whole():
        """Until then a search may be answered from memory, or from the file's companion."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{files()[0]}?immutable=1", uri=True)) as file:
                watermark = file.execute("SELECT value FROM about WHERE name = 'watermark'").fetchone()[0]
            return watermark == 1100 and not list((place.node.folder / "catalogue").glob("*-wal"))
        except (IndexError, sqlite3.Error):
            return False
    until(lambda: found() and whole(), "a catalogue")
    position = place.node.json("status")["position"]
    damages = (lambda path: path.unlink(), lambda path: path.write_bytes(b"x" * 9000), lambda path: path.unlink())
    for turn, damage in enumerate(damages):
        damage(files()[0])
        more = "&source=local" if turn == 2 else ""
        status, data = search(more)
        # In the first turn the server may still be at what was ingested.
        need(turn == 0 or status == 503 and json.loads(data)["error"]["code"] == "busy", f"turn {turn}: {status} {data}")
        until(lambda: found(more) and whole(), f"a new catalogue in turn {turn}")
    place.query.get("/v1/tracks?q=trc&source=nobody", expect=404)
    same(place.node.json("status")["position"], position, "position")
    place.node.verify()


def changes_come_when_they_happen(test):
    place = Place(test, "changes", songs=3)
    def lines(query):
        return [json.loads(line) for line in place.query.get("/v1/changes" + query).splitlines()]
    first = lines("")
    for line in first:
        fits(line, DOCUMENT["components"]["schemas"]["Change"])
    same([(line["position"], line["op"], line["track_id"]) for line in first], [(n + 1, "put", f"TRS{n}") for n in range(3)], "the first changes")
    same(lines("?after=3"), [], "nothing behind the last one")
    same(len(lines("?limit=2")), 2, "as many as were asked for")
    found, began = [], time.monotonic()
    waiting = threading.Thread(target=lambda: found.extend(lines("?after=3&wait=60")))
    waiting.start()
    until(lambda: place.query.get("/v1/status")["server"]["waiting"] >= 1, "somebody waits")
    place.node.run("delete", "TRS1")
    waiting.join(60)
    need(not waiting.is_alive() and time.monotonic() - began < 50, "the change did not end the wait")
    same([(line["op"], line["track_id"]) for line in found], [("delete", "TRS1")], "the change")
    began = time.monotonic()
    same(lines("?after=1000&wait=1"), [], "nothing within a second")
    need(0.9 < time.monotonic() - began < 20, f"it waited {time.monotonic() - began:.2f} s")
    for wrong in ("after=-1", "wait=61", "wait=x", "limit=0"):
        place.query.get(f"/v1/changes?{wrong}", expect=400)
    # Who waits with a token that is removed gets nothing.
    states = []
    waiting = threading.Thread(target=lambda: states.append(place.query.ask("GET", "/v1/changes?after=1000&wait=60")[0]))
    waiting.start()
    until(lambda: place.admin.get("/v1/status")["server"]["waiting"] >= 1, "somebody waits")
    place.node.run("token", "remove", "query")
    waiting.join(60)
    same(states, [401], "what is answered to a token that was removed meanwhile")


def an_answer_with_changes_has_a_limit_of_bytes(test):
    place = Place(test, "wide-changes", songs=0)
    wide = some_songs("TRW", 12)
    for n, item in enumerate(wide):
        item["metadata"]["artist"] = "x" * ((6 if n == 0 else 1) << 20)
    ingest(place.node, wide)
    counts, seen = [], []
    while text := place.query.get(f"/v1/changes?after={len(seen)}"):
        lines = text.splitlines()
        counts.append(len(lines))
        seen += [json.loads(line) for line in lines]
        need(sum(len(line) + 1 for line in lines[:-1]) < 4 << 20, f"{len(lines)} lines have {len(text)} bytes")
    same([line["track_id"] for line in seen], [f"TRW{n}" for n in range(12)], "all changes")
    same([len(line["artist"]) for line in seen], [6 << 20] + [1 << 20] * 11, "sizes of the names")
    same(counts, [1, 4, 4, 3], "lines of the answers")


def sources_are_kept(test):
    place = Place(test, "sources", songs=2)
    made = place.admin.ask("POST", "/v1/sources?qr=true", {"name": "paris", "url": place.server.url}, expect=201)[1]
    # Three of the corners of a QR code are rings.
    rows = made["qr"]
    same({len(row) for row in rows}, {len(rows)}, "the width of the code")
    need(rows[0].startswith("11111110") and rows[0].endswith("01111111") and rows[-1].startswith("11111110"), f"the corners of the code: {rows}")
    slave = test.node("sources-paris")
    slave.run("init", "--name", "paris")
    slave.run("join", place.server.url, made["invitation"])
    slave.run("sync")
    same(slave.digest(), place.node.digest(), "what was joined by the invitation")
    listed = {source["name"]: source for source in place.query.get("/v1/sources")["sources"]}
    same((listed["paris"]["peer"]["state"], listed["local"]["tracks"]), ("in", 2), "the sources")
    same({source["peer"] for source in place.query.get("/v1/sources?peers=false")["sources"]}, {None}, "sources without what is known of slaves")
    same(place.query.get("/v1/pending"), {"pending": [], "next": None}, "what a master waits for")
    need("peers" in place.query.get("/v1/status") and "peers" not in place.query.get("/v1/status?peers=false"), "the state with and without slaves")
    place.query.ask("GET", "/v1/sources?peers=x", expect=400)
    place.query.ask("GET", "/v1/status?peers=x", expect=400)
    same(place.admin.ask("POST", "/v1/sources?qr=true", {"name": "oslo", "key": "ab" * 32}, expect=201)[1]["invitation"], None, "a source by its key")
    for body, status in (({"name": "paris"}, 409), ({"name": "rome", "key": "ab" * 32}, 409), ({"name": "local"}, 400), ({"name": ""}, 400),
                         ({"name": "a b"}, 400), ({"name": "x", "key": "5"}, 400), ({"name": "x", "url": "u" * 1025}, 400), ({}, 400)):
        place.admin.ask("POST", "/v1/sources", body, expect=status)
    same(place.admin.ask("DELETE", "/v1/sources/paris?with_tracks=true", expect=200)[1]["removed"], "paris", "a removal")
    for path in ("/v1/sources/paris", "/v1/sources/nobody", "/v1/sources/local", "/v1/sources/a%20b"):
        place.admin.ask("DELETE", path, expect=404)
    place.admin.ask("DELETE", "/v1/sources/oslo?with_tracks=maybe", expect=400)


def pages_hold_all_that_is_pending_once(test):
    """Of a slave whose master does not look at what comes."""
    place = Place(test, "pending", songs=5)
    master = test.node("pending-master")
    feed = test.new_folder("pending-feed")
    master.run("init", "--name", "centre")
    master.run("publish", feed)
    place.node.run("join", master.json("source", "add", "pending", "--url", str(feed))["invitation"])
    # It serves anew then, and answers nobody for a moment.
    until(lambda: "follows it from now on" in place.server.words(), "the server follows the master")
    until(lambda: place.server.get("/v1/status")[0] in (200, 401), "the server as a slave")
    place.node.run("delete", "TRS4")
    seen, after, pages = [], 0, 0
    while after is not None:
        page = place.query.get(f"/v1/pending?limit=2&after={after}")
        seen += page["pending"]
        pages, after = pages + 1, page["next"]
    same([(one["track_id"], one["change"]) for one in seen], [(f"TRS{n}", "delete" if n == 4 else "put") for n in range(5)], "what is pending")
    same(pages, 3, "pages")
    same(place.query.get("/v1/pending?limit=5")["next"], None, "the page behind all of it")


def copies_and_conflicts_are_kept(test):
    place = Place(test, "copies", songs=3)
    same(place.admin.ask("POST", "/v1/copies", {"track_id": "TRS1", "original": "TRS0"}, expect=201)[1]["original"], "TRS0", "a link")
    copies = place.query.get("/v1/copies")
    same([(copy["track_id"], copy["original"]) for copy in copies["copies"]], [("TRS1", "TRS0")], "the copies")
    same(place.query.get("/v1/tracks/TRS1")["copy_of"], "TRS0", "what it is a copy of")
    same(place.query.get("/v1/copies?after=1")["copies"], [], "the page behind")
    for body, status in (({"track_id": "TRS1", "original": "nothing"}, 404), ({"track_id": "TRS2", "original": "TRS2"}, 409), ({"track_id": "TRS2"}, 400),
                         ({"track_id": "", "original": "TRS0"}, 404), ({"track_id": "x" * 600, "original": "TRS0"}, 404)):
        place.admin.ask("POST", "/v1/copies", body, expect=status)
    same(place.admin.ask("DELETE", "/v1/copies/TRS1", expect=200)[1], {"released": "TRS1"}, "a release")
    place.admin.ask("DELETE", "/v1/copies/TRS1", expect=404)
    place.node.run("master-ingest", "-s", "paris", "-", data=b"TRS0-0,4.12,1 2 3 4,5,a,b,c\r\n")
    listed = place.query.get("/v1/conflicts")["conflicts"]
    same([(one["track_id"], one["version"], one["source"]) for one in listed], [("TRS0", 1, "paris")], "the conflicts")
    same([listed[0][name] for name in ("artist", "release", "track", "length")], ["a", "b", "c", "5"], "the names of a conflict")
    for body, status in (({"track_id": "TRS0", "action": "keep"}, 400), ({"track_id": "TRS2", "action": "drop"}, 404), ({"track_id": "TRS0"}, 400),
                         ({"track_id": "TRS0", "action": "accept", "version": 7}, 404), ({"track_id": "TRS0", "action": "accept", "version": -1}, 400)):
        place.admin.ask("POST", "/v1/conflicts", body, expect=status)
    place.admin.ask("POST", "/v1/conflicts", {"track_id": "TRS0", "action": "accept"}, expect=200)
    same(place.query.get("/v1/conflicts")["conflicts"], [], "no conflict is left")
    place.node.run("verify")


def plays_are_listed(test):
    """What `plays` prints comes page by page, while a monitor writes more; a node without a log has none."""
    place = Place(test, "plays", songs=0)
    nothing = {"plays": [], "gaps": [], "next": None}
    same(place.query.get("/v1/plays"), nothing, "plays of a node on which no monitor ran")
    same(place.query.get("/v1/plays?stream=x"), nothing, "the same of a stream")
    need(not (place.node.folder / "plays").exists(), "reading made a log of plays")
    sounds = []
    for seed in (1, 2):
        sounds.append(place.node.folder.parent / f"plays{seed}.wav")
        sounds[-1].write_bytes(audio.wav(audio.music(40, seed, 11025), 11025, 2))
        place.node.run("ingest", sounds[-1])
    streams = {**{f"radio{n}": sounds[n % 2] for n in range(5)}, "<b> & \u05e9": sounds[0], "gone": place.node.folder.parent / "nothing.wav"}
    def listed(kind, words=""):
        found, after = [], ""
        for _ in range(20):
            page = place.query.get(f"/v1/plays?{words}limit=2{after}")
            need(len(page["plays"]) <= 2 and len(page["gaps"]) <= 2, f"a page has more than its limit: {page}")
            found += page[kind]
            if page["next"] is None:
                return found
            after = "&after=" + urllib.parse.quote(page["next"])
        raise AssertionError("pages have no end")
    def printed(*words):
        return [json.loads(line) for line in place.node.run("--json", "plays", *words).stdout.splitlines()]
    # It is read while it is written.
    def all_ended():
        page = place.query.get("/v1/plays?limit=1000")
        return page["gaps"] and sum(one["end"] is not None for one in page["plays"]) == 6
    monitored(place.node, streams, all_ended)
    plays = printed()
    same(len(plays), 6, "the plays that were logged")
    need("gone" in {one["stream"] for one in printed("--gaps")}, "a stream that is not there has no gap")
    same(listed("plays"), plays, "all pages of plays")
    same(listed("gaps"), printed("--gaps"), "all pages of gaps")
    for stream in ("radio1", "<b> & \u05e9", "gone"):
        words = f"stream={urllib.parse.quote(stream)}&"
        same(listed("plays", words), printed("--stream", stream), f"plays of {stream}")
        same(listed("gaps", words), printed("--stream", stream, "--gaps"), f"gaps of {stream}")
    begun = plays[3]["start"]
    same(listed("plays", f"from={begun}&"), printed("--from", begun), "plays from a moment on")
    same(listed("plays", f"to={begun}&"), printed("--to", begun), "plays before a moment")
    same(place.query.get("/v1/plays?from=2100-01-01"), nothing, "plays to come")
    same(place.query.get("/v1/plays?to=2000-01-01T05"), nothing, "plays of long ago")
    place.query.get("/v1/plays?stream=nobody", expect=404)
    for wrong in ("from=x", "from=2026-02-30", "to=2026-1-1", "to=", "limit=0", "limit=1001", "after=x", "after=1.2.3", "after=1.2.3.4.5", "after=1.-2.3.4",
                  "after=99999999999999999999.1.1.1", "after=", "stream=" + "x" * 256, "stream=%FF"):
        same(code_of(place.query.get(f"/v1/plays?{wrong}", expect=400)), "bad_request", wrong)
    place.query.get("/v1/plays?after=9223372036854775807.9223372036854775807.-9223372036854775808.0")
    (place.node.folder / "plays/data.mdb").write_bytes(b"no log")
    same(code_of(place.query.get("/v1/plays", expect=500)), "internal", "a log that is damaged")


def pages_of_others_read_where_it_is_allowed(test):
    place = Place(test, "cors", "--cors", "https://radio.example", songs=1)
    def asked(method, path, headers):
        return place.server.get(path, headers, method=method)
    ours = {"Origin": "https://radio.example"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    status, headers, body = asked("OPTIONS", "/v1/identify", {**ours, **asks})
    same((status, body, headers["Access-Control-Allow-Origin"], headers["Access-Control-Allow-Methods"]), (204, b"", ours["Origin"], "POST"), "what a page is told before")
    same(asked("OPTIONS", "/v1/tracks/x", {**ours, **asks})[1]["Access-Control-Allow-Methods"], "GET, PATCH, DELETE", "methods of a track")
    auth = {"Authorization": "Bearer " + place.tokens["query"]}
    same(asked("GET", "/v1/tracks", {**ours, **auth})[1]["Access-Control-Allow-Origin"], ours["Origin"], "an answer for the page")
    same(asked("GET", "/v1/tracks", ours)[0], 401, "a page without a token")
    same(asked("GET", "/v1/tracks", {})[0], 200, "a program on this machine")
    for other in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        same(asked("GET", "/v1/tracks", {**other, **auth})[1]["Access-Control-Allow-Origin"], None, f"an answer for {other}")
        need(asked("OPTIONS", "/v1/identify", {**other, **asks})[0] in (401, 405), "a page of another is told nothing")
    same(asked("GET", "/status", ours)[1]["Access-Control-Allow-Origin"], None, "an answer beside /v1")
    need(asked("OPTIONS", "/status", {**ours, **asks})[0] != 204, "nothing is told of what is beside /v1")


def refusals_are_json(test):
    place = Place(test, "refusals", songs=1)
    for method, path, status, code in (("GET", "/v1/nothing", 404, "not_found"), ("PUT", "/v1/tracks", 405, "method_not_allowed"), ("GET", "/v1/", 404, "not_found"),
                                       ("DELETE", "/v1/tracks/x/onsets", 405, "method_not_allowed"), ("POST", "/v1/status", 405, "method_not_allowed"),
                                       ("GET", "/v1/sources/x", 405, "method_not_allowed")):
        value = place.admin.ask(method, path, expect=status)[1]
        same(code_of(value), code, f"{method} {path}")
    same(place.server.get("/v1/tracks", method="PUT")[1]["Allow"], "GET, POST", "the methods that are allowed")
    need(b"error" not in place.server.get("/nothing")[2], "the paths of before refuse in plain text")
    place.searchable()
    same(place.server.get("/query?fp_code=1%202")[0], 200, "/query of before")
    need(json.loads(place.server.get("/query?fp_code=1%202")[2])["ok"], "/query as it was")


# ---- hostile bodies ----


def raw(place, text, data=b"", patience=30):
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=patience) as connection:
        connection.sendall(text.encode().replace(b"\n", b"\r\n"))
        try:
            connection.sendall(data)
        except OSError:
            pass
        try:
            return connection.recv(65536)
        except OSError:
            return b""


def hostile_bodies_cost_only_themselves(test):
    place = Place(test, "hostile", songs=1)
    place.searchable()
    token = f"Authorization: Bearer {place.tokens['admin']}\nHost: x\n"
    answer = raw(place, f"POST /v1/identify HTTP/1.1\n{token}Content-Type: audio/wav\nContent-Length: 1073741824\n\n")
    need(answer.startswith(b"HTTP/1.1 413") and b"too_large" in answer, f"1 GB is answered {answer[:200]!r}")
    # The same without saying so before: it ends when it is too much.
    chunk = b"100000\r\n" + b"\0" * 0x100000 + b"\r\n"
    raw(place, f"POST /v1/identify HTTP/1.1\n{token}Content-Type: audio/wav\nTransfer-Encoding: chunked\n\n", chunk * 80)
    until(lambda: not list((place.node.folder / "spool").iterdir()), "nothing is left of the body")
    bomb = gzip.compress(b"\0" * (100 << 20))
    same(code_of(place.query.ask("POST", "/v1/identify", bomb, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, expect=415)[1]), "unsupported_type", "a bomb")
    place.query.ask("POST", "/v1/identify", bomb, {"Content-Type": "audio/mpeg"}, expect=422)
    packed = zlib.compress(b"0" * (64 << 20))
    status = place.query.ask("POST", "/v1/identify", {"codes": base64.urlsafe_b64encode(packed).decode()})[0]
    need(status in (200, 422), f"a code string that unpacks to 64 MB is {status}")
    for depth in (2000, 100000, 5000000):
        place.query.ask("POST", "/v1/identify", b"[" * depth, {"Content-Type": "application/json"}, expect=400)
        place.query.ask("POST", "/v1/identify", b'{"codes":' * depth + b"1", {"Content-Type": "application/json"}, expect=400 if depth < 1000000 else 413)
    place.query.ask("POST", "/v1/identify", b'{"codes":"' + b"1 2 " * (5 << 20) + b'"}', {"Content-Type": "application/json"}, expect=413)
    small = b"x" * (65 << 10)
    for method, path in (("POST", "/v1/sources"), ("POST", "/v1/copies"), ("POST", "/v1/conflicts")):
        place.admin.ask(method, path, small, {"Content-Type": "application/json"}, expect=413)
    # Slow ones hold a connection and nothing else.
    slow = [socket.create_connection(("127.0.0.1", place.server.port)) for _ in range(20)]
    for connection in slow:
        connection.sendall(f"POST /v1/identify HTTP/1.1\n{token}Content-Type: audio/wav\nContent-Length: 5000\n\nRI".replace("\n", "\r\n").encode())
    began = time.monotonic()
    place.query.ask("POST", "/v1/identify", {"codes": "1 2 3 4"}, expect=200)
    need(time.monotonic() - began < 20, "slow bodies keep others waiting")
    for connection in slow:
        connection.close()
    text = pathlib.Path(f"/proc/{place.server.process.pid}/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) // 1024
    print(f"# {peak} MB at most")
    need(peak < 1500, f"memory reached {peak} MB")
    until(lambda: not list((place.node.folder / "spool").iterdir()), "nothing is left of bodies")
    place.server.stop()


def body(test):
    test.check("api: routes and description are the same", every_route_is_described, test)
    test.check("api: each role may what the description says", roles_are_kept, test)
    test.check("api: codes are identified", codes_are_identified, test)
    test.check("api: sound is identified, in all forms", sound_is_identified, test)
    test.check("api: tracks are put, shown and deleted", tracks_are_put_and_changed, test)
    test.check("api: edits change names and fields", edits_change_names_and_fields, test)
    test.check("api: forms put tracks", forms_put_tracks, test)
    test.check("api: pages hold all tracks once", pages_hold_all_tracks_once, test)
    test.check("api: a catalogue that is gone is made anew when somebody searches", a_catalogue_that_is_gone_is_made_anew_when_somebody_searches, test)
    test.check("api: changes come when they happen", changes_come_when_they_happen, test)
    test.check("api: an answer with changes has a limit of bytes", an_answer_with_changes_has_a_limit_of_bytes, test)
    test.check("api: sources are invited, listed and removed", sources_are_kept, test)
    test.check("api: pages hold all that is pending once", pages_hold_all_that_is_pending_once, test)
    test.check("api: copies and conflicts are listed and settled", copies_and_conflicts_are_kept, test)
    test.check("api: plays and gaps are listed", plays_are_listed, test)
    test.check("api: pages of others read where it is allowed", pages_of_others_read_where_it_is_allowed, test)
    test.check("api: refusals are JSON", refusals_are_json, test)
    test.check("api: hostile bodies cost only themselves", hostile_bodies_cost_only_themselves, test)


if __name__ == "__main__":
    run(body)
