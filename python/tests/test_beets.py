"""The plug-in for beets, where beets is installed."""

import http.server
import json
import os
import pathlib
import tempfile
import threading
import unittest
import urllib.parse

import echoprint
from sound import RATE, music, write_wav

try:
    import beets
    import beets.library
    import beetsplug
except ImportError:
    beets = None

DECODER = os.environ.get("ECHOPRINT_DECODER")


@unittest.skipIf(beets is None, "beets is not installed")
@unittest.skipUnless(DECODER, "ECHOPRINT_DECODER does not name the decoder")
class Plugin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = str(pathlib.Path(__file__).resolve().parent.parent / "beetsplug")
        if folder not in beetsplug.__path__:
            beetsplug.__path__.append(folder)
        from beetsplug.echoprint import EchoprintPlugin
        cls.kind = EchoprintPlugin

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        place = pathlib.Path(self.folder.name)
        self.data, self.known, self.unknown = place / "data", place / "known.wav", place / "unknown.wav"
        sound = music(5, 40)
        write_wav(self.known, sound[5 * RATE:])
        write_wav(self.unknown, music(6, 20))
        with echoprint.Database(self.data, "c") as database:
            database.ingest(echoprint.Song(echoprint.codegen(samples=sound), "TRKNOWN", 40, "Artist", "Album", "Song"))
        self.library = beets.library.Library(str(place / "beets.db"), str(place))
        self.plugin = self.kind()

    def tearDown(self):
        for name in ("data", "url"):
            beets.config["echoprint"][name] = ""
        if self.plugin._database:
            self.plugin._database.close()
        self.folder.cleanup()

    def add(self, path, **fields):
        item = beets.library.Item(path=os.fsencode(path), **fields)
        self.library.add(item)
        return item

    def run_command(self, *words):
        command, = self.plugin.commands()
        options, arguments = command.parse_args(list(words))
        command.func(self.library, options, arguments)

    def test_a_file_without_tags_is_named_by_a_data_folder(self):
        beets.config["echoprint"]["data"] = str(self.data)
        known, unknown = self.add(self.known), self.add(self.unknown)
        tagged = self.add(self.known, artist="Mine", title="My title")
        self.run_command()
        for item in (known, unknown, tagged):
            item.load()
        self.assertEqual((known.artist, known.album, known.title, known.echoprint_track_id), ("Artist", "Album", "Song", "TRKNOWN"))
        self.assertEqual((unknown.artist, unknown.title), ("", ""))
        self.assertEqual((tagged.artist, tagged.title), ("Mine", "My title"))
        self.run_command("-f")
        tagged.load()
        self.assertEqual((tagged.artist, tagged.title), ("Artist", "Song"))

    def test_a_file_is_named_by_a_server(self):
        asked, data = [], self.data

        class Server(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                asked.append((self.path, self.headers["Authorization"]))
                with echoprint.Database(data) as database:
                    answer = database.query(urllib.parse.parse_qs(body)["fp_code"][0])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(vars(answer)).encode())

            def log_message(self, *_words):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            beets.config["echoprint"]["url"] = f"http://127.0.0.1:{server.server_port}/"
            beets.config["echoprint"]["token"] = "secret"
            item = self.add(self.known)
            self.run_command()
            server.shutdown()
        item.load()
        self.assertEqual((item.artist, item.title), ("Artist", "Song"))
        self.assertEqual(asked, [("/query", "Bearer secret")])


if __name__ == "__main__":
    unittest.main()
