#!/usr/bin/env python3
"""What `serve` and `monitor` tell on standard error, and what they read again at SIGHUP."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import signal
import ssl
import struct
import subprocess
import termios
import threading

from common import need, run, same
from private_test import certificate, token
from servers import Server, until

LEVELS = ["error", "warning", "info", "debug"]


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def hang_up(server, words):
    """Sends SIGHUP, and waits until the server has told what came of it."""
    begin = len(server.words())
    server.process.send_signal(signal.SIGHUP)
    until(lambda: words in server.words()[begin:], f"it tells \"{words}\"", 30)
    return server.words()[begin:]


class Quiet(Server):
    """A server that is not started with -v, and with a file of settings."""

    def __init__(self, node, text="", env=None, file="serve.conf"):
        self.file = pathlib.Path(f"{node.folder}.{file}")
        self.file.write_text(text)
        super().__init__(node, env={"ECHOPRINT_CONFIG": str(self.file), **(env or {})})

    def start(self):
        command = self.node.command
        self.node.command = lambda *words: command(*(word for word in words if word != "-v"))
        try:
            super().start()
        finally:
            self.node.command = command


def lines_are_objects(test):
    server = Quiet(test.node("json"), "[all]\nlog-format = json\nlog-level = debug\n")
    server.get("/healthz")
    server.get("/nothing")
    server.stop()
    lines = objects(server.words())
    need(len(lines) >= 4, f"only {len(lines)} lines: {server.words()}")
    for line in lines:
        request = ["bytes", "client", "method", "path", "seconds", "status"] if "path" in line else []
        same(sorted(line), sorted(["command", "level", "message", "time"] + request), "members")
        need(line["level"] in LEVELS and line["command"] == "serve", f"the line is {line}")
        need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"]), f"the time is {line['time']}")
    need(any(line["level"] == "debug" and "/healthz" in line["message"] for line in lines), "a request is of the level debug")
    need(any(line["level"] == "info" and (line.get("path"), line.get("status"), line.get("method")) == ("/nothing", 404, "GET") for line in lines), "a refusal is of the level info")


def levels_are_kept(test):
    server = Quiet(test.node("info"))
    server.get("/healthz")
    server.get("/nothing")
    server.stop()
    need("/healthz" not in server.words() and "/nothing" in server.words(), f"by default it tells {server.words()}")
    node = test.node("error")
    process = node.start("serve", "--log-level", "error", "--listen", "127.0.0.1:0", "--certificate", "x", "--key", "x")
    said = process.communicate(timeout=60)[1].decode()
    same((process.returncode, said), (1, "echoprint: there is no file x\n"), "what is told at the level error")
    done = node.run("serve", "--log-level", "all", statuses=(2,)).stderr.decode()
    need('--log-level is "all", but must be error, warning, info or debug' in done, f"it said {done}")


def the_journal_is_told_priorities(test):
    node = test.node("journal")
    node.run("init")
    log = pathlib.Path(f"{node.folder}.log")
    for options, wanted in {(): r"<3>there is no file x\n", ("--log-format", "json"): r'<3>\{"time":.*"level":"error".*\}\n'}.items():
        with open(log, "w") as file:
            info = os.fstat(file.fileno())
            subprocess.run(node.command("serve", "--listen", "127.0.0.1:0", "--certificate", "x", "--key", "x", *options), stderr=file,
                           env={**os.environ, "JOURNAL_STREAM": f"{info.st_dev}:{info.st_ino}"}, timeout=60)
        text = log.read_text()
        need(re.fullmatch(r"(<6>.*\n)*" + wanted, text), f"the journal got {text!r}")
    with open(log, "w") as file:
        subprocess.run(node.command("serve", "x"), stderr=file, env={**os.environ, "JOURNAL_STREAM": "1:1"}, timeout=60)
    need(log.read_text().startswith("echoprint: "), "what is not the journal gets no priorities")


def secrets_are_not_told(test):
    node = test.node("secret")
    server = Quiet(node, "[all]\nlog-level = debug\n")
    secrets = [token(node, "front", "query")["Authorization"].split()[1], (node.folder / "ingest.token").read_text().strip()]
    for secret in secrets:
        for path in ["/status", "/ingest", "/query?fp_code=x", f"/query?token={secret}"]:
            server.get(path, {"Authorization": "Bearer " + secret})
    hang_up(server, "read the settings again")
    server.stop()
    for secret in secrets:
        need(secret not in server.words(), "a token is in the log")


def tokens_are_read_again(test):
    node = test.node("token")
    file = test.folder / "one.token"
    file.write_text("the first token\n")
    server = Quiet(node, f"[serve]\ntoken-file = {file}\n")

    def may_ingest(text):
        return server.get("/ingest", {"Authorization": f"Bearer {text}"}, data=b"[]")[0] not in (401, 403)

    same([may_ingest("the first token"), may_ingest("another token")], [True, False], "who may ingest")
    file.write_text("short")
    hang_up(server, "stay as they were")
    same([may_ingest("the first token"), may_ingest("short")], [True, False], "who may ingest after a mistake")
    file.write_text("another token\n")
    hang_up(server, "serves on port")
    same([may_ingest("the first token"), may_ingest("another token")], [False, True], "who may ingest then")
    server.stop()


def shown_certificate(server):
    return ssl.get_server_certificate(("127.0.0.1", server.port), timeout=20)


def certificates_are_read_again(test):
    cert, key = certificate(test)
    first, first_key = cert.read_text(), key.read_text()
    server = Quiet(test.node("tls"), f"[serve]\ncertificate = {cert}\nkey = {key}\n")
    same(shown_certificate(server).split(), first.split(), "the certificate")
    # Another certificate, whose key is still missing. (A text that is none makes libgnutls leak.)
    new_key = test.folder / "new.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", new_key,
                    "-out", cert, "-days", "3", "-subj", "/CN=127.0.0.2"], check=True, capture_output=True)
    said = hang_up(server, "stay as they were")
    need("cannot serve TLS" in said, f"it said {said}")
    same(shown_certificate(server).split(), first.split(), "the certificate after a mistake")
    key.write_text(new_key.read_text())
    need(cert.read_text() != first and key.read_text() != first_key, "openssl made nothing new")
    said = hang_up(server, "serves on port")
    need("another certificate" in said, f"it said {said}")
    same(shown_certificate(server).split(), cert.read_text().split(), "the certificate then")
    server.stop()


def settings_are_read_again(test):
    server = Quiet(test.node("settings"))
    server.get("/healthz")
    need("/healthz" not in server.words(), "a request is told by default")
    server.file.write_text("[all]\nlog-level = debug\n[serve]\nper-address = 7\nlisten = 127.0.0.1:1\n")
    said = hang_up(server, "read the settings again")
    need(f"--per-address has changed ({server.file}:4): it is taken after a restart" in said, f"it said {said}")
    need("--listen" not in said, f"the command line has --listen, and it said {said}")
    server.get("/healthz")
    until(lambda: "/healthz" in server.words(), "requests are told now", 20)
    server.file.write_text("[all]\nlog-level = loud\n")
    said = hang_up(server, "the settings stay as they were")
    need(f"{server.file}:2: log-level is" in said, f"it said {said}")
    server.file.write_text("[all]\nlog-level = info\n[serve]\nper-address = 0\n")
    said = hang_up(server, "the settings stay as they were")
    need(f"{server.file}:4: --per-address is \"0\"" in said, f"it said {said}")
    begin = len(server.words())
    server.get("/healthz?again")
    until(lambda: "/healthz" in server.words()[begin:], "the level is as it was", 20)
    need(server.process.poll() is None, "it has ended")
    server.stop()


def the_monitor_goes_on(test):
    node = test.node("monitor")
    os.mkfifo(test.folder / "pipe")
    file = test.folder / "monitor.conf"
    file.write_text("[monitor]\nlog-format = json\n")
    log = test.folder / "monitor.log"
    with open(log, "wb") as out:
        process = node.start("--config", file, "monitor", f"one=raw:{test.folder}/pipe", stderr=out, stdout=subprocess.DEVNULL)
    # --config before the command is the file of settings.
    until(lambda: '"message":"monitoring 1 stream"' in log.read_text(), "it begins", 60)
    file.write_text("[monitor]\nlog-format = text\n")
    process.send_signal(signal.SIGHUP)
    until(lambda: "echoprint: read the settings again\n" in log.read_text(), "it tells what it has read", 30)
    need(process.poll() is None, "it has ended")
    process.send_signal(signal.SIGTERM)
    same(process.wait(timeout=60), 0, "exit status")


def progress_fits_the_terminal(test):
    """On a terminal of 40 columns; rows come until progress is shown, of a file with a long name."""
    folder = test.new_folder("narrow")
    pipe = folder / ("long-and-\u00fc-" * 9)
    os.mkfifo(pipe)
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    process = test.node("narrow-node").start("slave-ingest", pipe, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = bytearray()

    def read():
        with contextlib.suppress(OSError):  # a terminal whose other side is closed
            while part := os.read(ours, 4096):
                shown.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    with open(pipe, "wb") as rows:
        number = 0
        while b"\r" not in shown:
            rows.write(f"TRNARROW{number}-0,4.12,1 2 3 4,60,a,b,c\n".encode())
            number += 1
    same(process.wait(timeout=60), 0, "exit status")
    reader.join()
    os.close(ours)
    lines = [line for line in re.findall(r"\r([^\r\n\x1b]*)\x1b\[K", shown.decode()) if line]
    need(lines and all(len(line) < 40 for line in lines), f"progress is {lines[:3]}")
    need(lines[0].startswith(str(pipe)[:39]), f"progress is {lines[0]!r}")


def body(test):
    test.check("progress fits the terminal", progress_fits_the_terminal, test)
    test.check("lines are JSON objects", lines_are_objects, test)
    test.check("levels are kept", levels_are_kept, test)
    test.check("the journal is told priorities", the_journal_is_told_priorities, test)
    test.check("secrets are not told", secrets_are_not_told, test)
    test.check("settings are read again at SIGHUP", settings_are_read_again, test)
    test.check("tokens are read again at SIGHUP", tokens_are_read_again, test)
    test.check("certificates are read again at SIGHUP", certificates_are_read_again, test)
    test.check("the monitor goes on at SIGHUP", the_monitor_goes_on, test)


if __name__ == "__main__":
    run(body)
