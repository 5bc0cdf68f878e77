"""Everything in a video besides pictures and sound is copied, or named."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from test_process import process

from live_edges.cli import main
from live_edges.process.subtitles import prepare

pytestmark = pytest.mark.skipif(
    not hasattr(av.container.OutputContainer, "set_chapters"),
    reason="this PyAV is too old to write such files",
)
FORCED, HEARING_IMPAIRED, ATTACHED_PIC = 0x40, 0x80, 0x400  # AV_DISPOSITION_...
LINES = ((0.1, 0.3, "One"), (0.4, 0.8, "Two\nlines"), (0.9, 1.2, "Three"))
CHAPTERS = ((0.0, 0.5, "begin"), (0.5, 1.0, "middle"), (1.0, 1.5, "end"))
MILLI = Fraction(1, 1000)


def write_film(path: Path, subtitles: str = "subrip") -> Path:
    """A second and a half of video with all that a container may hold."""
    is_mp4 = path.suffix == ".mp4"
    with av.open(str(path), "w") as container:
        container.metadata.update(title="A film", comment="Seen twice")
        if not is_mp4:
            container.metadata["DIRECTOR"] = "Somebody"
        container.set_chapters([_chapter(number, *row) for number, row in enumerate(CHAPTERS)])
        video = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.metadata["language"] = "ger"
        text = prepare(container, subtitles)
        text.metadata.update(language="ger", title="For the deaf")
        text.disposition = HEARING_IMPAIRED | FORCED
        if not is_mp4:
            container.add_attachment("letters.ttf", "font/ttf", b"not really a font")
        for begin_s, end_s, line in LINES:
            container.mux(_line(text, begin_s, end_s, line, is_mp4=is_mp4))
        for index in range(15):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 10 * index, np.uint8), "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def _chapter(number: int, begin_s: float, end_s: float, title: str) -> dict:
    ticks = {"start": round(begin_s * 1000), "end": round(end_s * 1000)}
    return {"id": number + 1, **ticks, "time_base": MILLI, "metadata": {"title": title}}


def _line(stream, begin_s: float, end_s: float, line: str, *, is_mp4: bool) -> av.Packet:
    content = line.encode()
    packet = av.Packet(len(content).to_bytes(2, "big") + content if is_mp4 else content)
    packet.stream, packet.time_base = stream, MILLI
    packet.pts = packet.dts = round(begin_s * 1000)
    packet.duration = round((end_s - begin_s) * 1000)
    return packet


def lines_of(path: Path) -> list[tuple[float, float, str]]:
    """Begin, end and text of the subtitles, as FFmpeg decodes them."""
    lines = []
    with av.open(str(path)) as container:
        for packet in container.demux(subtitles=0):
            texts = [line.dialogue.decode() for line in (packet.decode() if packet.size else [])]
            if any(texts):
                begin_s = float(packet.pts * packet.time_base)
                end_s = begin_s + float(packet.duration * packet.time_base)
                lines.append((begin_s, end_s, " ".join(texts)))
    return [(round(begin, 3), round(end, 3), text) for begin, end, text in lines]


def chapters_of(path: Path) -> list[tuple[float, float, str]]:
    with av.open(str(path)) as container:
        return [
            (float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), name)
            for c in container.chapters()
            for name in [c["metadata"]["title"]]
        ]


@pytest.mark.parametrize(
    ("source", "kind", "target", "codec"),
    [
        ("a.mkv", "subrip", "b.mkv", "srt"),
        ("a.mkv", "subrip", "b.mp4", "mov_text"),
        ("a.mkv", "subrip", "b.mov", "mov_text"),
        ("a.mkv", "subrip", "b.webm", "webvtt"),
        ("a.mkv", "ass", "b.mkv", "ssa"),
        ("a.mkv", "webvtt", "b.mp4", "mov_text"),
        ("a.mp4", "mov_text", "b.mp4", "mov_text"),
        ("a.mp4", "mov_text", "b.mkv", "srt"),
    ],
)
def test_subtitles_are_copied(tmp_path, caplog, source, kind, target, codec):
    film = write_film(tmp_path / source, kind)

    assert process(film, "-o", tmp_path / target) == 0

    with av.open(str(tmp_path / target)) as container:
        stream = container.streams.subtitles[0]
        assert stream.codec_context.name == codec
        assert stream.language == "ger"
        if target == "b.mkv":
            assert int(stream.disposition) & FORCED
    assert lines_of(tmp_path / target) == lines_of(film)
    is_told = f"its subtitles ({kind.replace('subrip', 'srt')}) became" in caplog.text
    assert is_told == (codec not in (kind, "ssa") and (kind, codec) != ("subrip", "srt"))


@pytest.mark.parametrize("target", ["b.mkv", "b.mp4", "b.mov", "b.webm"])
def test_chapters_and_title_are_copied(tmp_path, target):
    film = write_film(tmp_path / "a.mkv")

    assert process(film, "-o", tmp_path / target) == 0

    assert chapters_of(tmp_path / target) == list(CHAPTERS)
    with av.open(str(tmp_path / target)) as container:
        assert container.metadata["title"] == "A film"
        assert container.streams.video[0].metadata["language"] == "ger"


@pytest.mark.parametrize("target", ["b.mkv", "b.mp4"])
def test_chapters_and_subtitles_are_cut_and_moved(tmp_path, target):
    film = write_film(tmp_path / "a.mkv")

    assert process(film, "-o", tmp_path / target, "--start", 0.6, "--end", 1.1) == 0

    assert lines_of(tmp_path / target) == [(0, 0.2, "Two\nlines"), (0.3, 0.5, "Three")]
    assert chapters_of(tmp_path / target) == [(0, 0.4, "middle"), (0.4, 0.5, "end")]


def test_attachments_and_tags_stay_in_matroska(tmp_path, caplog):
    film = write_film(tmp_path / "a.mkv")

    assert process(film, "-o", tmp_path / "b.mkv") == 0

    with av.open(str(tmp_path / "b.mkv")) as container:
        [font] = [stream for stream in container.streams if stream.type == "attachment"]
        assert font.metadata["filename"] == "letters.ttf"
        assert font.data == b"not really a font"
        assert container.metadata["DIRECTOR"] == "Somebody"
    assert not caplog.messages


@pytest.mark.parametrize("target", ["b.mp4", "b.mov", "b.webm"])
def test_what_the_output_cannot_hold_is_named(tmp_path, caplog, target):
    film = write_film(tmp_path / "a.mkv")

    assert process(film, "-o", tmp_path / target) == 0

    assert "its attachment (letters.ttf) is left out" in caplog.text
    assert ("its tags DIRECTOR are left out" in caplog.text) == (target != "b.webm")


@pytest.mark.parametrize("source", ["a.mkv", "a.mp4"])
@pytest.mark.parametrize("target", ["b.mkv", "b.mp4", "b.mov", "b.webm"])
def test_a_cover_is_copied_or_named(tmp_path, caplog, source, target):
    film, cover = write_cover(tmp_path / source)

    assert process(film, "-o", tmp_path / target) == 0

    is_told = "its cover picture" in caplog.text
    with av.open(str(tmp_path / target)) as container:
        covers = [s for s in container.streams.video if int(s.disposition) & ATTACHED_PIC]
        found = [bytes(p) for s in covers for p in container.demux(s) if p.size]
    assert found == ([] if is_told else [cover])
    assert is_told == (target in ("b.mov", "b.webm"))


def write_cover(path: Path) -> tuple[Path, bytes]:
    """A film with a cover picture; returns the picture too."""
    frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), "rgb24")
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 32, 32, "rgb24"
    encoder.time_base = Fraction(1, 10)
    [packet] = encoder.encode(frame)
    cover = bytes(packet)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height = 64, 48
        if path.suffix == ".mkv":
            container.add_attachment("cover.png", "image/png", cover)
        else:
            picture = container.add_stream("png", rate=10)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "rgb24"
            picture.disposition = ATTACHED_PIC
        for index in range(3):
            black = av.VideoFrame.from_ndarray(np.full((72, 64), 16, np.uint8), "yuv420p")
            black.pts, black.time_base = index, Fraction(1, 10)
            container.mux(video.encode(black))
        container.mux(video.encode())
        if path.suffix != ".mkv":
            packet.stream, packet.pts, packet.dts = picture, 0, 0
            container.mux(packet)
    return path, cover


def test_a_second_video_and_a_data_track_are_named(tmp_path, caplog):
    film = tmp_path / "a.ts"
    with av.open(str(film), "w") as container:
        tracks = [container.add_stream("libx264", rate=10) for _ in range(2)]
        told = container.add_data_stream("klv")
        for track in tracks:
            track.width, track.height = 64, 48
        for index in range(6):
            for track in tracks:
                black = av.VideoFrame.from_ndarray(np.full((72, 64), 16, np.uint8), "yuv420p")
                black.pts, black.time_base = index, Fraction(1, 10)
                container.mux(track.encode(black))
        packet = av.Packet(b"telemetry")
        packet.stream, packet.pts, packet.dts = told, 0, 0
        packet.time_base = Fraction(1, 90_000)
        container.mux(packet)
        for track in tracks:
            container.mux(track.encode())

    assert process(film, "-o", tmp_path / "b.mkv") == 0

    assert "its other video track (h264) is left out" in caplog.text
    assert "its data track is left out" in caplog.text


def test_an_mp4_file_with_chapters_gives_no_warning(tmp_path, caplog):
    film = write_film(tmp_path / "a.mp4", "mov_text")

    assert process(film, "-o", tmp_path / "b.mp4") == 0

    assert chapters_of(tmp_path / "b.mp4") == list(CHAPTERS)
    assert not caplog.messages


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_title_that_is_not_utf_8_is_copied_as_far_as_it_can_be_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "CafXYZ"
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(32, 24, "yuv420p")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"CafXYZ", b"Caf\xe9 1"))

    assert main(["process", str(path), "-o", str(tmp_path / "b.mkv"), "--engine", "torch"]) == 0

    with av.open(str(tmp_path / "b.mkv")) as container:
        assert container.metadata["title"] == "Caf\ufffd 1"
