"""The plug-in for beets, where beets is installed."""

import http.server
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest

import echoprint
from sound import RATE, music, write_wav

try:
    import beets
    import beets.library
    import beetsplug
except ImportError:
    beets = None

DECODER = os.environ.get("ECHOPRINT_DECODER")
PROGRAM = os.environ.get("ECHOPRINT_PROGRAM")
RECORDING = "5e1f2b0a-7c7e-4a57-9a57-1c0f6f1f2a3b"


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
            database.ingest(echoprint.Song(echoprint.codegen(samples=sound), "TRKNOWN", 40, "Artist", "Album", "Song",
                                            fields={"isrc": "USRC17607839", "musicbrainz_recordingid": RECORDING}))
        self.library = beets.library.Library(str(place / "beets.db"), str(place))
        self.plugin = self.kind()

    def tearDown(self):
        for name in ("data", "url", "token"):
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
        self.assertEqual((known.isrc, known.mb_trackid), ("USRC17607839", RECORDING))
        self.assertEqual((unknown.artist, unknown.title), ("", ""))
        self.assertEqual((tagged.artist, tagged.title), ("Mine", "My title"))
        self.run_command("-f")
        tagged.load()
        self.assertEqual((tagged.artist, tagged.title), ("Artist", "Song"))

    def serve(self):
        """A real server of the data folder; gives its address and a token for queries."""
        program, environment = [PROGRAM, "--data", str(self.data)], {**os.environ, "ECHOPRINT_DECODER": DECODER}
        token = subprocess.run([*program, "token", "add", "beets", "--role", "query"], check=True, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout.strip()
        server = subprocess.Popen([*program, "serve", "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  text=True, env=environment)

        def stop():
            server.terminate()
            server.communicate()

        self.addCleanup(stop)
        for line in server.stderr:
            if found := re.search("serves on port ([0-9]+)", line):
                return f"http://127.0.0.1:{found.group(1)}", token
        self.fail("the server did not begin")

    @unittest.skipUnless(PROGRAM, "ECHOPRINT_PROGRAM does not name the program")
    def test_a_file_is_named_by_a_server(self):
        beets.config["echoprint"]["url"], token = self.serve()
        for shown, artist in (("wrong", ""), (token, "Artist")):
            beets.config["echoprint"]["token"] = shown
            item, unknown = self.add(self.known), self.add(self.unknown)
            self.run_command()
            item.load()
            unknown.load()
            self.assertEqual((item.artist, unknown.artist), (artist, ""))
        self.assertEqual((item.album, item.title, item.echoprint_track_id), ("Album", "Song", "TRKNOWN"))
        self.assertEqual((item.isrc, item.mb_trackid), ("USRC17607839", RECORDING))

    def test_a_token_does_not_follow_a_redirect(self):
        asked = []

        class Server(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append((self.path, self.headers["Authorization"]))
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere")
                self.end_headers()

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, *_words):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            beets.config["echoprint"]["url"] = f"http://127.0.0.1:{server.server_port}/below"
            beets.config["echoprint"]["token"] = "secret"
            self.add(self.known)
            self.run_command()
            server.shutdown()
        self.assertEqual(asked, [("/below/v1/identify", "Bearer secret")])


if __name__ == "__main__":
    unittest.main()
