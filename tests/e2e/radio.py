"""A radio station for the tests: an endless stream over HTTP, and a server that plays are told."""

import hashlib
import hmac
import http.server
import json
import threading
import time

from audio import wav

RATE = 11025


class Quiet(http.server.BaseHTTPRequestHandler):
    """A handler that does not tell its requests."""

    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Who listens may go away at any moment."""


class Station:
    """Plays pieces of raw samples one after the other, again and again, in real time from `began`
    on. Who connects is sent the last `burst` seconds at once. While it is `down`, it sends nothing
    and refuses."""

    def __init__(self, pieces, burst=20):
        self.air = b"".join(samples for _, samples in pieces)
        self.names, self.lengths = zip(*[(name, len(samples) / 2 / RATE) for name, samples in pieces])
        self.length = len(self.air) / 2 / RATE
        self.burst = burst
        self.began = time.time() - burst
        self.down = False
        self.listeners = 0
        station = self

        class Handler(Quiet):
            def do_GET(self):
                station.serve(self)

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/radio"

    def serve(self, request):
        if self.down:
            request.send_error(503)
            return
        request.send_response(200)
        request.send_header("Content-Type", "audio/wav")
        request.end_headers()
        request.wfile.write(wav(b"", RATE, 1, announced=0x7fffffff - 36))
        self.listeners += 1
        at = max(0.0, time.time() - self.began - self.burst)
        while not self.down:
            until = time.time() - self.began
            request.wfile.write(self.samples(at, until))
            at = until
            time.sleep(0.1)

    def samples(self, from_s, to_s):
        """What is on the air then."""
        first, last = int(from_s * RATE), int(to_s * RATE)
        out = bytearray()
        total = len(self.air) // 2
        while first < last:
            place = first % total
            count = min(last - first, total - place)
            out += self.air[2 * place:2 * (place + count)]
            first += count
        return bytes(out)

    def on_air(self, from_at, to_at):
        """What was on the air between two moments: (name, start, end)."""
        found, at = [], self.began
        while at < to_at:
            for name, length in zip(self.names, self.lengths):
                if at + length > from_at and at < to_at:
                    found.append((name, at, at + length))
                at += length
        return found

    def close(self):
        self.down = True
        self.server.shutdown()
        self.server.server_close()


class Receiver:
    """Takes what the webhook sends, and checks signatures; while it is `down`, it refuses."""

    def __init__(self, secret=None, port=0):
        self.secret = secret
        self.down = False
        self.events = []
        self.refused = 0
        self.wrong = []
        receiver = self

        class Handler(Quiet):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(self.headers, body))
                self.end_headers()

        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/plays"

    def take(self, headers, body):
        if self.down:
            self.refused += 1
            return 503
        event = json.loads(body)
        if headers["Echoprint-Event"] != event["id"]:
            self.wrong.append(f"id {headers['Echoprint-Event']} for {event}")
        expected = "sha256=" + hmac.new(self.secret, body, hashlib.sha256).hexdigest() if self.secret else None
        if headers["Echoprint-Signature"] != expected:
            self.wrong.append(f"signature {headers['Echoprint-Signature']}, not {expected}")
        self.events.append(event)
        return 204

    def once(self):
        """The events without repeats, which have the same id and say the same."""
        found = {}
        for event in self.events:
            if found.setdefault(event["id"], event) != event:
                self.wrong.append(f"{event} was {found[event['id']]}")
        return list(found.values())

    def close(self):
        self.server.shutdown()
        self.server.server_close()
