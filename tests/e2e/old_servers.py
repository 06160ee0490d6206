"""The two servers of 2011 as strict stand-ins: what the real ones refuse, these refuse.

`OldSolr` is the core "fp" of Solr 1.4 behind Jetty 6: documents in the order in which they came,
nothing of which is seen before a commit; the queries that scripts and programs send; errors with
Jetty's status codes; four bytes of UTF-8 as two surrogates of CESU-8. `OldTyrant` is Tokyo Tyrant
1.1.41 with one iterator for all clients, which closes the connection at a command it does not know.

`Servers` starts both. Before each request it calls `on_request(kind)`, and behind it, before the
answer, `on_answer(kind)`: with a kind such as "get", "put", "add", "commit", "select".
"""

import http.server
import json
import re
import socketserver
import struct
import sys
import threading
import urllib.parse
import xml.etree.ElementTree

DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$")
NEEDED = ("track_id", "fp", "length", "codever", "source", "import_date")
FIELDS = NEEDED + ("artist", "release", "track")
CLAUSES_MAX = 1024


class Refused(Exception):
    """A request that is answered with a status of Jetty's, 400 or 500."""

    def __init__(self, status, words):
        super().__init__(words)
        self.status = status


def utf16(text):
    return text.encode("utf-16-be", "surrogatepass")


def cesu8(text):
    """UTF-8, but each half of a pair of surrogates for itself."""
    halves = struct.unpack(f">{len(utf16(text)) // 2}H", utf16(text))
    return "".join(map(chr, halves)).encode("utf-8", "surrogatepass")


def date_key(date):
    return date[:-1]  # as Solr indexes it


# ---- queries ----

TOKEN = re.compile(r'\s*(?:(?P<open>\()|(?P<close>\))|(?P<or>OR\b)|(?P<and>AND\b)|'
                   r'(?P<all>\*:\*)|(?P<not>-)?(?P<field>\w+):'
                   r'(?:(?P<from>[\[{])\s*(?P<low>"(?:\\.|[^"\\])*"|[^\s"]+)\s+TO\s+(?P<high>"(?:\\.|[^"\\])*"|[^\s"\]}]+)'
                   r'\s*(?P<to>[\]}])|(?P<term>"(?:\\.|[^"\\])*"|[\w*.+-]+)|(?P<group>\())|(?P<bare>"(?:\\.|[^"\\])*"))')


def unquote(text):
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S) if text.startswith('"') else text


def order_of(field, value):
    return date_key(value) if field == "import_date" else utf16(value)


class Query:
    """The part of Lucene's language that is used: terms, ranges, prefixes, AND, OR, groups of one
    field. Exclusive and inclusive ends of a range cannot be mixed."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text.rstrip()):
            found = TOKEN.match(text, at)
            if not found:
                raise Refused(400, f"Cannot parse '{text[:80]}' at {at}")
            self.tokens.append({k: v for k, v in found.groupdict().items() if v is not None})
            at = found.end()
        self.clauses = 0
        self.test = self.disjunction(None)
        if self.tokens:
            raise Refused(400, f"Cannot parse '{text[:80]}': something is left over")
        if self.clauses > CLAUSES_MAX:
            raise Refused(400, "too many boolean clauses")

    def peek(self, kind):
        return bool(self.tokens) and kind in self.tokens[0]

    def disjunction(self, field):
        tests = [self.conjunction(field)]
        while self.tokens and not self.peek("close"):
            if self.peek("or"):
                self.tokens.pop(0)
            tests.append(self.conjunction(field))
        return lambda d: any(test(d) for test in tests)

    def conjunction(self, field):
        tests = [self.clause(field)]
        while self.peek("and"):
            self.tokens.pop(0)
            tests.append(self.clause(field))
        return lambda d: all(test(d) for test in tests)

    def clause(self, field):
        self.clauses += 1
        if not self.tokens:
            raise Refused(400, "Encountered <EOF>")
        token = self.tokens.pop(0)
        if "group" in token or "open" in token:
            test = self.disjunction(token.get("field", field))
            if not self.peek("close"):
                raise Refused(400, "Encountered <EOF>, expected )")
            self.tokens.pop(0)
            return test
        if "all" in token:
            return lambda d: True
        if "bare" in token or "term" in token:
            return self.term(token.get("field", field), token.get("term", token.get("bare")))
        if "from" in token:
            test = self.range(token)
            return (lambda d: not test(d)) if "not" in token else test
        raise Refused(400, f"Cannot parse {token}")

    def term(self, field, text):
        if field not in FIELDS:
            raise Refused(400, f"undefined field {field}")
        value = unquote(text)
        if not text.startswith('"') and text.endswith("*"):
            return lambda d: d.get(field, "").startswith(text[:-1])
        return lambda d: str(d.get(field)) == value

    def range(self, token):
        field, low, high = token["field"], unquote(token["low"]), unquote(token["high"])
        inclusive = token["from"] == "["
        if inclusive != (token["to"] == "]"):
            raise Refused(400, "Cannot parse: mixed ends of a range")
        for end in (low, high):
            if field == "import_date" and end != "*" and not DATE.match(end):
                raise Refused(400, f"Invalid Date String:'{end}'")

        def test(document):
            value = document.get(field)
            if value is None:
                return False
            value = order_of(field, value)
            if low != "*" and not (value >= order_of(field, low) if inclusive else value > order_of(field, low)):
                return False
            return high == "*" or (value <= order_of(field, high) if inclusive else value < order_of(field, high))

        return test


# ---- Solr ----


class OldSolr:
    def __init__(self):
        self.lock = threading.RLock()
        self.committed = {}  # by id, in the order of document numbers
        self.pending = {}
        self.commits = 0

    # -- changes --

    def check(self, fields):
        document = {}
        for name, value in fields:
            if name not in FIELDS:
                raise Refused(400, f"ERROR:unknown field '{name}'")
            document[name] = value
        for name in NEEDED:
            if name not in document:
                raise Refused(400, f"Document [null] missing required field: {name}")
        if not re.fullmatch(r"-?\d+", document["length"]) or not -2**31 <= int(document["length"]) < 2**31:
            raise Refused(500, f'For input string: "{document["length"]}"')
        document["length"] = int(document["length"])
        date = DATE.match(document["import_date"])
        if not date:
            raise Refused(500, f"Invalid Date String:'{document['import_date']}'")
        fraction = (date[2] or "").rstrip("0").rstrip(".")
        document["import_date"] = date[1] + fraction + "Z"
        for offset in document["fp"].split()[1::2]:
            if not re.fullmatch(r"[+-]?\d+", offset):
                raise Refused(500, f"Bad offset {offset}")
        del document["fp"]
        return document

    def update(self, body):
        """Gives the kind of what was done."""
        try:
            root = xml.etree.ElementTree.fromstring(body.decode())
        except (xml.etree.ElementTree.ParseError, UnicodeDecodeError) as why:
            raise Refused(400, str(why)) from why
        if root.tag == "commit":
            self.committed = dict(self.pending)
            self.commits += 1
        elif root.tag == "add":
            for doc in root:
                document = self.check([(f.get("name"), f.text or "") for f in doc])
                self.pending.pop(document["track_id"], None)
                self.pending[document["track_id"]] = document
        elif root.tag == "delete":
            for element in root:
                if element.tag == "id":
                    self.pending.pop(element.text, None)
                elif element.tag == "query":
                    test = Query(element.text).test
                    self.pending = {k: d for k, d in self.pending.items() if not test(d)}
                else:
                    raise Refused(400, f"unexpected XML tag /delete/{element.tag}")
        else:
            raise Refused(400, f"unexpected XML tag {root.tag}")

    # -- questions --

    def select(self, form):
        query = Query(form["q"])
        documents = [d for d in self.committed.values() if query.test(d)]
        if "sort" in form:
            field, direction = form["sort"].split()
            if field not in FIELDS or direction != "asc":
                raise Refused(400, f"can not sort on {form['sort']}")
            if field == "track_id":
                documents.sort(key=lambda d: utf16(d["track_id"]))
            else:
                documents.sort(key=lambda d: (field in d, order_of(field, d.get(field, "Z"))))
        start, rows = int(form.get("start", 0)), int(form.get("rows", 10))
        wanted = form.get("fl", "").split(",")
        page = [{k: v for k, v in d.items() if k in wanted} for d in documents[start:start + rows]]
        if form.get("wt") != "json":
            raise Refused(400, "only wt=json here")
        answer = {"responseHeader": {"status": 0, "QTime": 1},
                  "response": {"numFound": len(documents), "start": start, "docs": page}}
        return cesu8(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))


def read_form(body):
    """A form, as Jetty 6 decodes it: four bytes of UTF-8 are none to it."""
    form = {}
    for part in body.decode("ascii").split("&"):
        name, _, value = part.partition("=")
        data = urllib.parse.unquote_to_bytes(value.replace("+", " "))
        if any(byte >= 0xf0 for byte in data):
            data = re.sub(rb"[\xf0-\xf4][\x80-\xbf]{3}", b"????", data)
        form[name] = data.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16")
    return form


DONE = (b'<?xml version="1.0" encoding="UTF-8"?>\n<response>\n<lst name="responseHeader">'
        b'<int name="status">0</int><int name="QTime">1</int></lst>\n</response>\n')
ERROR = ('<html>\n<head>\n<title>Error {status} </title>\n</head>\n<body><h2>HTTP ERROR: {status}</h2>'
         '<pre>{words}</pre>\n<p>RequestURI=/solr/fp</p></body>\n</html>\n')


class SolrHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        servers = self.server.servers
        body = self.rfile.read(int(self.headers["Content-Length"]))
        select = self.path == "/solr/fp/select"
        kind = "select" if select else body[1:body.find(b">")].strip(b" /").decode("ascii", "replace")
        try:
            servers.on_request(kind)
            with servers.solr.lock:
                if self.path not in ("/solr/fp/select", "/solr/fp/update"):
                    raise Refused(404, "NOT_FOUND")
                if select:
                    if not self.headers["Content-Type"].startswith("application/x-www-form-urlencoded"):
                        raise Refused(400, "missing content stream")
                    answer = servers.solr.select(read_form(body))
                else:
                    if not self.headers["Content-Type"].startswith("text/xml"):
                        raise Refused(400, "Unsupported ContentType")
                    servers.solr.update(body)
                    answer = DONE
                answer = servers.solr_answer(kind, answer)
            servers.on_answer(kind)
            self.answer(200, "text/plain; charset=utf-8" if select else "text/xml; charset=utf-8", answer)
        except Refused as why:
            self.answer(why.status, "text/html; charset=iso-8859-1",
                        ERROR.format(status=why.status, words=why).encode("ascii", "replace"))


# ---- Tokyo Tyrant ----

COMMANDS = {0x10: "put", 0x20: "out", 0x30: "get", 0x38: "vsiz", 0x50: "iterinit", 0x51: "iternext",
            0x80: "rnum", 0x90: "misc"}


class OldTyrant:
    def __init__(self):
        self.lock = threading.RLock()
        self.values = {}
        self.iterator = iter(())


class TyrantHandler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def number(self):
        return struct.unpack(">I", self.exactly(4))[0]

    def exactly(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def handle(self):
        try:
            while True:
                magic, command = self.exactly(2)
                if magic != 0xC8 or command not in COMMANDS:
                    return  # the real one breaks off, too
                self.one(command)
        except (EOFError, ConnectionError):
            pass

    def one(self, command):
        servers = self.server.servers
        kind = COMMANDS[command]
        servers.on_request(kind)
        with servers.tyrant.lock:
            answer = getattr(self, kind)(servers.tyrant)
        servers.on_answer(kind)
        self.wfile.write(servers.tyrant_answer(kind, answer))

    def put(self, tyrant):
        key_size, value_size = self.number(), self.number()
        key = self.exactly(key_size)
        tyrant.values[key] = self.exactly(value_size)
        return b"\0"

    def out(self, tyrant):
        return b"\1" if tyrant.values.pop(self.exactly(self.number()), None) is None else b"\0"

    def get(self, tyrant):
        value = tyrant.values.get(self.exactly(self.number()))
        return b"\1" if value is None else b"\0" + struct.pack(">I", len(value)) + value

    def vsiz(self, tyrant):
        value = tyrant.values.get(self.exactly(self.number()))
        return b"\1" if value is None else b"\0" + struct.pack(">I", len(value))

    def iterinit(self, tyrant):
        tyrant.iterator = iter(list(tyrant.values))
        return b"\0"

    def iternext(self, tyrant):
        key = next(tyrant.iterator, None)
        return b"\1" if key is None else b"\0" + struct.pack(">I", len(key)) + key

    def rnum(self, tyrant):
        return b"\0" + struct.pack(">Q", len(tyrant.values))

    def misc(self, tyrant):
        """putlist, getlist and outlist, as the scripts use them."""
        size, _, count = self.number(), self.number(), self.number()
        name = self.exactly(size).decode()
        words = [self.exactly(self.number()) for _ in range(count)]
        found = []
        if name == "putlist":
            tyrant.values.update(zip(words[::2], words[1::2]))
        elif name == "outlist":
            for key in words:
                tyrant.values.pop(key, None)
        elif name == "getlist":
            found = [word for key in words if key in tyrant.values for word in (key, tyrant.values[key])]
        else:
            return b"\1" + struct.pack(">I", 0)
        return b"\0" + struct.pack(">I", len(found)) + b"".join(struct.pack(">I", len(w)) + w for w in found)


# ---- both ----


class ThreadingServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Clients that are killed are what is tested."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Servers:
    def __init__(self):
        self.solr, self.tyrant = OldSolr(), OldTyrant()
        self.on_request = self.on_answer = lambda kind: None
        self.solr_answer = self.tyrant_answer = lambda kind, answer: answer
        self.http = ThreadingServer(("127.0.0.1", 0), SolrHandler)
        self.tcp = ThreadingServer(("127.0.0.1", 0), TyrantHandler)
        for server in (self.http, self.tcp):
            server.servers = self
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/solr/fp"
        self.address = f"127.0.0.1:{self.tcp.server_address[1]}"
        self.options = ("--solr", self.url, "--tyrant", self.address)

    def close(self):
        for server in (self.http, self.tcp):
            server.shutdown()
            server.server_close()

    def ingest(self, rows, source="master", date="2011-06-01T12:00:00Z", codes=True):
        """Rows of a dump file, as the scripts ingest them."""
        for row in rows:
            fields = dict(zip(("track_id", "codever", "fp", "length", "artist", "release", "track"), row))
            document = self.solr.check([*fields.items(), ("source", source), ("import_date", date)])
            self.solr.pending.pop(row[0], None)
            self.solr.pending[row[0]] = document
            if codes:
                self.tyrant.values[row[0].encode()] = row[2].encode()
        self.solr.committed = dict(self.solr.pending)

    def rows(self):
        """What their dump script writes, without its failures."""
        return [(d["track_id"], d["codever"], self.tyrant.values[d["track_id"].encode()].decode(),
                 str(d["length"]), d.get("artist", ""), d.get("release", ""), d.get("track", ""))
                for d in self.solr.committed.values()]
