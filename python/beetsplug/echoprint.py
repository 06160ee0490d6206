"""Names music without tags in beets, by an Echoprint database or by a server.

    plugins: echoprint
    echoprint:
        data: /var/lib/echoprint       # a data folder; or:
        url: http://localhost:8070/    # a server (`echoprint serve`)
        token: ...                     # where the server asks for one
        auto: no                       # whether an import names what has no artist or title
        write: no                      # whether `beet echoprint` writes tags into the files

`beet echoprint [QUERY]` names what has no artist or no title. What has both is left as it is, unless
-f is given. It also gets the track's ISRC and MusicBrainz recording, where the database has them.
The id of the track goes into the field echoprint_track_id. A server is sent the codes of a file,
not its sound.
"""

from __future__ import annotations

import http.client
import json
import urllib.request
from typing import Any, Optional

from beets import ui
from beets.plugins import BeetsPlugin

import echoprint

# Of a file, so much is enough for a query of one minute.
SECONDS = 75
WAIT_S = 30
# What an item has of the names and fields of a track.
NAMES = {"artist": "artist", "album": "release", "title": "track"}
FIELDS = {"isrc": "isrc", "mb_trackid": "musicbrainz_recordingid"}


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token must not go on to another server: a redirect is a failure."""

    def redirect_request(self, *_words: Any) -> None:
        return None


class EchoprintPlugin(BeetsPlugin):
    def __init__(self) -> None:
        super().__init__()
        self.config.add({"data": "", "url": "", "token": "", "auto": False, "write": False})
        self.config["token"].redact = True
        self._database: Optional[echoprint.Database] = None
        if self.config["auto"].get(bool):
            self.import_stages = [self.name_imported]

    # ---- asking ----

    def find(self, path: bytes) -> Optional[dict[str, Any]]:
        """What a file is: a dict with track_id, artist, release, track and perhaps fields; None where
        nobody knows."""
        url, data = self.config["url"].as_str(), self.config["data"].as_str()
        try:
            if data:
                self._database = self._database or echoprint.Database(self.config["data"].as_filename())
                answer = self._database.query(file=path.decode("utf-8", "surrogateescape"))
                return vars(answer) if answer else None
            if url:
                return self._ask_server(url, path)
        except (echoprint.EchoprintError, OSError, http.client.HTTPException, ValueError, LookupError) as why:
            self._log.error("{}", why)
            return None
        raise ui.UserError("echoprint: set data or url in the configuration")

    def _ask_server(self, url: str, path: bytes) -> Optional[dict[str, Any]]:
        codes = echoprint.codegen(path.decode("utf-8", "surrogateescape"), duration=SECONDS)
        request = urllib.request.Request(url.rstrip("/") + "/v1/identify", json.dumps({"codes": codes.packed()}).encode(),
                                         {"Content-Type": "application/json"})
        if token := self.config["token"].as_str():
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.build_opener(NoRedirects).open(request, timeout=WAIT_S) as response:
            matches: list[dict[str, Any]] = json.load(response)["results"][0]["matches"]
        return matches[0] if matches else None

    # ---- naming ----

    @staticmethod
    def needs_name(item: Any) -> bool:
        return not (item.artist and item.title)

    def name_item(self, item: Any, force: bool = False) -> bool:
        """Names an item; whether something about it is new."""
        if not force and not self.needs_name(item):
            return False
        found = self.find(item.path)
        if not found:
            self._log.info("no match: {}", item.filepath if hasattr(item, "filepath") else item.path)
            return False
        fields = found.get("fields", {})
        values = {**{name: found[of] for name, of in NAMES.items()}, **{name: fields.get(of) for name, of in FIELDS.items()}}
        for field, value in values.items():
            if value and (force or not item[field]):
                item[field] = value
        item["echoprint_track_id"] = found["track_id"]
        self._log.info("{} is {} - {}", found["track_id"], item.artist, item.title)
        return True

    def name_imported(self, _session: Any, task: Any) -> None:
        for item in task.imported_items():
            if self.name_item(item):
                item.store()

    def commands(self) -> list[ui.Subcommand]:
        command = ui.Subcommand("echoprint", help="name music that has no artist or title")
        command.parser.add_option("-f", "--force", action="store_true", help="name what has both, too")
        command.parser.add_option("-w", "--write", action="store_true", help="write the tags into the files")
        command.func = self.run
        return [command]

    def run(self, lib: Any, options: Any, arguments: list[str]) -> None:
        for item in lib.items(arguments):
            if self.name_item(item, options.force):
                item.store()
                if options.write or self.config["write"].get(bool):
                    item.try_write()
