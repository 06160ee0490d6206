"""A real Icecast server, and ffmpeg programs that feed it: for tests and measurements."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

ICECAST = shutil.which("icecast2")
FFMPEG = shutil.which("ffmpeg")
WEB = pathlib.Path("/usr/share/icecast2")

# What ffmpeg makes of each kind, and what it is called.
KINDS = {
    "mp3": (["-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3"], "audio/mpeg"),
    "aac": (["-c:a", "aac", "-b:a", "96k", "-f", "adts"], "audio/aac"),
    "ogg": (["-c:a", "libvorbis", "-f", "ogg"], "application/ogg"),
    "opus": (["-c:a", "libopus", "-b:a", "64k", "-f", "ogg"], "audio/ogg"),
    "flac": (["-c:a", "flac", "-f", "ogg"], "application/ogg"),
}


def missing():
    """Why there can be no server; "" where there can."""
    for program, path in (("icecast2", ICECAST), ("ffmpeg", FFMPEG)):
        if not path:
            return f"there is no {program}"
    return "" if WEB.is_dir() else f"there is no {WEB}"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Icecast:
    """A server, in a folder of its own that it can read although it does not run as root."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-icecast-"))
        self.port = free_port()
        self.feeds = {}
        self.log = self.folder / "log"
        self.log.mkdir(exist_ok=True)
        owner = ""
        if os.geteuid() == 0:
            # It does not run as root.
            shutil.chown(self.log, "nobody")
            for above in (self.folder, self.log):
                above.chmod(0o755)
            owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"
        (self.folder / "icecast.xml").write_text(f"""<icecast>
<limits><clients>2000</clients><sources>20</sources><queue-size>524288</queue-size><burst-size>65535</burst-size></limits>
<authentication><source-password>secret</source-password><admin-user>admin</admin-user>
<admin-password>secret</admin-password></authentication>
<hostname>localhost</hostname><location>here</location><admin>nobody@localhost</admin>
<listen-socket><port>{self.port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><logdir>{self.log}</logdir><webroot>{WEB}/web</webroot><adminroot>{WEB}/admin</adminroot></paths>
<security><chroot>0</chroot>{owner}</security></icecast>""")
        self.start()

    def start(self):
        self.spawn()
        self.wait_for("/status-json.xsl")

    def spawn(self):
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen([ICECAST, "-c", self.folder / "icecast.xml"], stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL)

    def wait_for(self, path, seconds=120):
        end = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                    return answer.read(1)
            except OSError as why:
                if time.monotonic() > end:
                    raise RuntimeError(f"Icecast does not answer: {why}; {(self.folder / 'out').read_text()}") from why
                time.sleep(0.05)
                # It ends if the port is not free yet, as that of a server that was killed may be.
                if self.process.poll() is not None:
                    self.spawn()

    def url(self, mount):
        return f"http://127.0.0.1:{self.port}/{mount}"

    def feed(self, kind, source=None, seconds=60, mount=None):
        """Feeds a mount, which is named by its kind if not otherwise, with a file of sound, again and again, or with
        one that is made here."""
        words, name = KINDS[kind]
        mount = mount or kind
        path = self.folder / f"feed-{mount}.{kind}"
        made = ["-f", "lavfi", "-i", f"aevalsrc=0.3*sin(440*6.2832*t*(1+0.2*sin(t)))+0.1*random(0)|0.2*sin(900*t*t):s=44100:d={seconds}"]
        if not path.exists():
            subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-y", *(["-i", source] if source else made), *words, path], check=True)
        # Ogg streams that begin again have to be numbered anew, so they are encoded as they go.
        copied = ["-c", "copy", "-f", words[-1]] if kind in ("mp3", "aac") else words
        self.feeds[mount] = subprocess.Popen(
            [FFMPEG, "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", path, *copied, "-content_type", name,
             f"icecast://source:secret@127.0.0.1:{self.port}/{mount}"],
            stdin=subprocess.DEVNULL, stderr=open(self.folder / f"{mount}.out", "ab"))
        self.wait_for(f"/{mount}")

    def title(self, kind, text):
        """Announces a title on a mount, as a source does."""
        query = urllib.parse.urlencode({"mount": f"/{kind}", "mode": "updinfo", "song": text, "charset": "UTF-8"})
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, f"http://127.0.0.1:{self.port}/", "admin", "secret")
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        opener.open(f"http://127.0.0.1:{self.port}/admin/metadata?{query}", timeout=10).read()

    def stop_feed(self, kind):
        feed = self.feeds.pop(kind)
        feed.kill()
        feed.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        for kind in list(self.feeds):
            self.stop_feed(kind)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
