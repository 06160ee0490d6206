"""The package: a database from Python."""

import array
import ctypes
import datetime
import os
import pathlib
import re
import tempfile
import threading
import unittest

import echoprint
from echoprint import _library, _values
from sound import RATE, ROOT, music, songs, write_wav

DECODER = os.environ.get("ECHOPRINT_DECODER")


class OfDatabase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.path = pathlib.Path(self.folder.name) / "data"
        self.database = echoprint.Database(self.path, "c", decoder=DECODER)

    def tearDown(self):
        self.database.close()
        self.folder.cleanup()

    def song(self, number, **more):
        found = songs()[number]
        about = found["metadata"]
        return echoprint.Song(found["code"], about["track_id"], about["duration"], about["artist"], about["release"], about["title"],
                              **more)


class Opening(OfDatabase):
    def test_a_folder_that_is_not_there_is_told(self):
        with self.assertRaises(echoprint.NotFoundError) as caught:
            echoprint.Database("/nonexistent")
        self.assertIn("/nonexistent", str(caught.exception))
        self.assertIsInstance(caught.exception, LookupError)
        with self.assertRaises(echoprint.UsageError):
            echoprint.Database(self.path, "x")

    def test_a_database_is_open_twice_and_closed_twice(self):
        with echoprint.Database(self.path) as reader:
            self.assertEqual(self.database.ingest(self.song(0)).added, reader.state().documents)
            with self.assertRaises(echoprint.UsageError):
                reader.ingest(self.song(1))
        reader.close()
        with self.assertRaises(echoprint.UsageError):
            reader.state()
        self.assertIn("closed", repr(reader))

    def test_what_is_open_in_it_is_closed_with_it(self):
        self.database.ingest(self.song(0), self.song(1))
        listing, listener = self.database.tracks(), self.database.listener()
        next(listing)
        self.database.close()
        with self.assertRaises(echoprint.UsageError):
            next(listing)
        with self.assertRaises(echoprint.UsageError):
            listener.feed(bytes(20))

    def test_it_stays_open_as_long_as_a_listing_or_listener_is_used(self):
        self.database.ingest(self.song(0), self.song(1))
        self.assertEqual(len(list(echoprint.Database(self.path).tracks())), 2)
        self.assertEqual(echoprint.Database(self.path).listener().feed(bytes(20)), [])

    def test_a_child_must_open_it_itself(self):
        self.database.ingest(self.song(0))
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                try:
                    self.database.state()
                except echoprint.UsageError:
                    with echoprint.Database(self.path) as own:
                        os.write(writer, str(own.state().tracks).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with open(reader, encoding="ascii") as told:
            self.assertEqual(told.read(), "1")
        os.waitpid(child, 0)
        self.assertEqual(self.database.state().tracks, 1)


class Songs(OfDatabase):
    def test_songs_are_ingested_listed_and_deleted(self):
        report = self.database.ingest(self.song(0), self.song(1), echoprint.Song([(1, 2), (3, 4)], track="é"))
        self.assertEqual(len(report.track_ids), 3)
        self.assertTrue(report.track_ids[2].startswith("TR"))
        self.assertEqual([track.track_id for track in self.database.tracks()], report.track_ids)
        last = list(self.database.tracks(documents=True))[2]
        self.assertEqual((last.track, last.source, last.documents[0].codes), ("é", "local", "1 2 3 4"))
        self.assertLess(abs((datetime.datetime.now(datetime.timezone.utc) - last.import_date).total_seconds()), 3600)
        self.assertEqual([track.track_id for track in self.database.tracks("E")], report.track_ids[2:])
        self.assertEqual(list(self.database.tracks("no such words")), [])
        self.assertIn(report.track_ids[0], self.database)
        self.assertEqual(self.database.delete(report.track_ids[0], "TRNONE"), 1)
        self.assertNotIn(report.track_ids[0], self.database)
        left = []
        self.assertEqual(self.database.delete("TRNONE", "", on_left=lambda track_id, why: left.append((track_id, type(why), str(why)))), 0)
        self.assertEqual([one[:2] for one in left], [("TRNONE", echoprint.NotFoundError), ("", echoprint.BadInputError)])
        self.assertIn("TRNONE", left[0][2])
        self.assertEqual(self.database.state().tombstones, 1)
        self.assertEqual(self.database.status()["digest"], self.database.state().digest)
        with self.assertRaises(echoprint.NotFoundError):
            self.database.track("TRNONE")

    def test_fields_are_kept_and_edited(self):
        song = self.song(0, fields={"isrc": "USRC17607839", "mood": "calm"})
        self.database.ingest(song)
        self.assertEqual(self.database.query(song.codes).fields, song.fields)
        self.assertTrue(self.database.edit(song.track_id, artist="New", fields={"mood": None, "genre": "jazz"}))
        self.assertFalse(self.database.edit(song.track_id, artist="New"))
        track = self.database.track(song.track_id)
        self.assertEqual((track.artist, track.track, track.fields), ("New", song.track, {"genre": "jazz", "isrc": "USRC17607839"}))
        self.assertEqual([found.track_id for found in self.database.tracks("USRC17607839")], [song.track_id])
        with self.assertRaises(echoprint.BadInputError):
            self.database.edit(song.track_id, fields={"No Key": "value"})

    def test_a_song_that_is_wrong_keeps_all_from_the_log(self):
        with self.assertRaises(echoprint.BadInputError) as caught:
            self.database.ingest(self.song(0), echoprint.Song("1 2 3"))
        self.assertIn("song 2", str(caught.exception))
        for wrong in (echoprint.Song([(-1, 0)]), echoprint.Song([(0, 1 << 32)]), echoprint.Song("1 1", "a\0b")):
            with self.assertRaises(echoprint.BadInputError):
                self.database.ingest(wrong)
        self.assertEqual(self.database.state().tracks, 0)

    def test_a_query_is_answered_by_both_rules(self):
        self.database.ingest(*(self.song(i) for i in range(4)))
        codes = echoprint.decode(songs()[2]["code"])
        part = [(int(code), int(moment) - 1000) for code, moment in codes.pairs if 1000 <= moment < 2200]
        expected = songs()[2]["metadata"]["track_id"]
        answer = self.database.query(part)
        self.assertTrue(answer)
        self.assertEqual((answer.track_id, answer.artist), (expected, songs()[2]["metadata"]["artist"]))
        self.assertAlmostEqual(answer.offset, 23.2, delta=0.5)
        self.assertGreater(answer.probability, 0.9)
        self.assertEqual(self.database.query(echoprint.encode(part, packed=True), rule="original").track_id, expected)
        self.assertTrue(self.database.candidates(part, 1)[0].document_id.startswith(expected))
        nothing = self.database.query("1 1 2 2")
        self.assertFalse(nothing)
        self.assertIsNone(nothing.track_id)
        self.assertEqual(nothing.message, "query code length is too small")
        with self.assertRaises(echoprint.BadInputError):
            self.database.query("no code string")
        with self.assertRaises(echoprint.UsageError):
            self.database.query()

    def test_threads_ask_while_others_ingest(self):
        found = []

        def run(first):
            with echoprint.Database(self.path, "w") as own:
                for number in (first, first + 1):
                    own.ingest(self.song(number))
                    found.append(self.database.query(songs()[number]["code"]).track_id == songs()[number]["metadata"]["track_id"])

        threads = [threading.Thread(target=run, args=(first,)) for first in (0, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [True] * 4)

    def test_a_stop_ends_what_takes_long(self):
        self.database.ingest(self.song(0))
        self.database.interrupt()
        with self.assertRaises(echoprint.StoppedError):
            self.database.query(songs()[0]["code"], rule="original")
        self.database.resume()
        self.assertTrue(self.database.query(songs()[0]["code"]))

    def test_what_was_kept_is_told_though_the_index_failed(self):
        self.database.ingest(self.song(0))
        self.database.interrupt()
        with self.assertRaises(echoprint.StoppedError) as caught:
            self.database.ingest(self.song(1))
        self.assertEqual(caught.exception.report.track_ids, [self.song(1).track_id])
        self.assertIn(self.song(1).track_id, self.database)
        with self.assertRaises(echoprint.BadInputError) as caught:
            self.database.ingest(echoprint.Song("1 2 3"))
        self.assertIsNone(caught.exception.report)
        with self.assertRaises(echoprint.StoppedError) as caught:
            self.database.edit(self.song(0).track_id, artist="New")
        self.assertTrue(caught.exception.changed)
        self.assertEqual(self.database.track(self.song(0).track_id).artist, "New")
        self.database.resume()
        self.database.settle()


class Values(unittest.TestCase):
    def test_structs_lie_in_memory_as_those_of_the_library(self):
        lines = (ROOT / "tests" / "data" / "abi.txt").read_text().splitlines()
        golden = {name: int(size) for line in lines if line.startswith("struct ") for _, name, size in [line.split()]}
        seen = 0
        for kind in vars(_library).values():
            if not (isinstance(kind, type) and issubclass(kind, ctypes.Structure) and hasattr(kind, "_fields_")):
                continue
            name = "echoprint_" + re.sub("(?<!^)([A-Z])", r"_\1", kind.__name__).lower()
            self.assertEqual(ctypes.sizeof(kind), golden[name], name)
            for member in _library.names_of(kind):
                self.assertEqual(getattr(kind, member).offset, golden[f"{name}.{member.rstrip('_')}"], f"{name}.{member}")
            seen += 1
        self.assertEqual(seen, sum("." not in name for name in golden))

    def test_code_strings_are_read_and_written(self):
        codes = echoprint.decode("713824 93 104 93")
        self.assertEqual([tuple(map(int, pair)) for pair in codes.pairs], [(713824, 93), (104, 93)])
        self.assertEqual(codes.plain(), "713824 93 104 93")
        self.assertEqual(echoprint.decode(codes.packed()).plain(), codes.plain())
        self.assertEqual(len(echoprint.decode("")), 0)
        self.assertEqual(echoprint.encode([]), "")

    @unittest.skipIf(_values.numpy is None, "numpy is not installed")
    def test_numpy_arrays_are_pairs_and_samples(self):
        numpy = _values.numpy
        codes = echoprint.decode("713824 93 104 94")
        self.assertEqual((codes.pairs.dtype, codes.pairs.shape), (numpy.uint32, (2, 2)))
        self.assertEqual(echoprint.encode(codes.pairs[::-1]), "104 94 713824 93")
        samples = numpy.array(music(1, 10), dtype=numpy.int16)
        one, two = echoprint.codegen(samples=samples), echoprint.codegen(samples=samples.tobytes())
        self.assertGreater(len(one), 50)
        self.assertTrue((one.pairs == two.pairs).all())
        with self.assertRaises(echoprint.UsageError):
            echoprint.codegen(samples=samples.astype(numpy.float32))
        with self.assertRaises(echoprint.BadInputError):
            echoprint.encode(numpy.array([[-1, 0]]))

    def test_samples_of_other_widths_are_refused(self):
        for wrong in (array.array("f", [1, 2]), array.array("i", [1, 2]), array.array("b", [1, 2]),
                      memoryview(array.array("f", [1, 2])), memoryview(array.array("H", [1, 2]))):
            with self.assertRaises(echoprint.UsageError):
                echoprint.codegen(samples=wrong)
        for right in (array.array("h", [1, 2]), memoryview(array.array("h", [1, 2])), memoryview(bytes(4)), bytearray(4)):
            self.assertEqual(len(echoprint.codegen(samples=right)), 0)

    def test_samples_come_in_many_forms(self):
        sound = music(1, 10)
        plain = echoprint.codegen(samples=sound).plain()
        for form in (sound.tobytes(), bytearray(sound.tobytes()), memoryview(sound), list(sound)):
            self.assertEqual(echoprint.codegen(samples=form).plain(), plain)
        self.assertEqual(len(echoprint.codegen(samples=array.array("h"))), 0)
        with self.assertRaises(echoprint.UsageError):
            echoprint.codegen(samples=b"abc")


@unittest.skipUnless(DECODER, "ECHOPRINT_DECODER does not name the decoder")
class Sound(OfDatabase):
    def setUp(self):
        super().setUp()
        self.sound = music(5, 40)
        self.wav = pathlib.Path(self.folder.name) / "song.wav"
        write_wav(self.wav, self.sound)

    def test_files_are_ingested_and_found(self):
        refused = []
        text = pathlib.Path(self.folder.name) / "text.mp3"
        text.write_text("no sound")
        report = self.database.ingest(self.wav, text, on_reject=lambda *what: refused.append(what))
        self.assertEqual((report.added, report.rejected, len(refused)), (2, 1, 1))
        self.assertTrue(refused[0][0].endswith("text.mp3"))
        answer = self.database.query(samples=self.sound[10 * RATE:30 * RATE])
        self.assertEqual(answer.track, "song")
        self.assertAlmostEqual(answer.offset, 10, delta=0.2)
        self.assertEqual(self.database.query(file=self.wav).track_id, answer.track_id)
        with self.assertRaises(echoprint.BadInputError):
            self.database.query(file=text)
        codes = echoprint.codegen(self.wav, decoder=DECODER)
        self.assertEqual((codes.length, codes.codever), (40, "4.12"))

    def test_what_a_callback_raises_comes_out(self):
        def refuse(*_what):
            raise KeyError("refused")
        with self.assertRaises(KeyError):
            self.database.ingest(b"a,b\r\n", source="master", on_reject=refuse)

    def test_songs_of_a_stream_are_told(self):
        self.database.ingest(self.wav)
        stream = array.array("h", bytes(2 * 8 * RATE)) + self.sound
        pieces = (stream[at:at + 4000] for at in range(0, len(stream), 4000))
        begun, ended = list(self.database.listen(pieces))
        self.assertEqual((begun.over, ended.over, begun.track), (False, True, "song"))
        self.assertEqual(begun.track_id, ended.track_id)
        self.assertAlmostEqual(ended.start, 8, delta=0.3)
        self.assertAlmostEqual(ended.end, 48, delta=2)


class Exchange(OfDatabase):
    def test_a_dump_is_taken_in_by_another_node(self):
        self.database.ingest(self.song(0), self.song(1))
        dump = self.database.dump(self.folder.name, checksums=True)
        self.assertEqual((dump.documents, len(dump.files)), (self.database.state().documents, 1))
        self.assertEqual(len(dump.files[0].sha256), 64)
        with echoprint.Database(pathlib.Path(self.folder.name) / "other", "c") as other:
            report = other.ingest(pathlib.Path(self.folder.name) / dump.files[0].name, source="master")
            self.assertEqual(report.added, dump.documents)
            self.assertEqual(other.state().digest, self.database.state().digest)
        self.assertEqual(self.database.dump(self.folder.name).documents, 0)
        with self.assertRaises(echoprint.NotFoundError):
            self.database.sync()


if __name__ == "__main__":
    unittest.main()
