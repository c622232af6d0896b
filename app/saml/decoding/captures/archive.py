"""ZIP archives, unpacked in memory within strict bounds; nothing is ever written to disk, and none inside another."""

from __future__ import annotations

import io
import zlib
from typing import Final

from app.saml.decoding.captures.registry import WINDOW, Capture, Context, Part, container
from app.saml.errors import Problem

_MOST_ENTRIES: Final = 200
_MOST_UNPACKED: Final = 67_108_864  # of all entries together
_MOST_RATIO: Final = 200
_RATIO_FROM: Final = 1_048_576  # less is no bomb, however well it is packed
_MOST_DIRECTORY: Final = 262_144
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x07"
_METHODS: Final = (0, 8)  # stored, deflated
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".pdf", ".exe", ".dll", ".mp4", ".mov")


@container(10)
def zip_archive(data: bytes, context: Context) -> Capture | None:
    """A ZIP file (APPNOTE 6.3) of recordings, mails or texts: at most 200 entries and 64 MiB, ratio at most 200."""
    if not data.startswith((b"PK\x03\x04", _END)):
        return None
    if "zip" in context.inside:
        note = "An archive inside an archive was not opened. Take it out and open it on its own."
        return Capture("a ZIP archive", "zip", notes=(note,))
    refused = _refused(data)
    if refused is not None:
        return Capture("a ZIP archive", "zip", problems=(refused,))
    import zipfile  # only here: most inputs are no archive

    parts: list[Part] = []
    notes: list[str] = []
    problems: list[Problem] = []
    encrypted = budget = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [i for i in archive.infolist() if not i.is_dir() and not _beside_the_point(i.filename)]
            for info in infos[:_MOST_ENTRIES]:
                name = info.filename.replace("\\", "/").rpartition("/")[2][:200]
                if info.flag_bits & 1:
                    encrypted += 1
                    continue
                if info.compress_type not in _METHODS:
                    notes.append(f"“{name}” is packed in a way that is not read here; pack it again as plain ZIP.")
                    continue
                chunks: list[bytes] = []
                size = 0
                with archive.open(info) as entry:
                    most = min(_MOST_UNPACKED - budget, max(_RATIO_FROM, info.compress_size * _MOST_RATIO))
                    while chunk := entry.read(WINDOW):
                        chunks.append(chunk)
                        size += len(chunk)
                        if size > most:
                            break
                budget += size
                if size <= most:
                    parts.append(Part(name, b"".join(chunks)))
                    continue
                problems.append(_bomb(name, most))
                if budget > _MOST_UNPACKED:
                    break
            if len(infos) > _MOST_ENTRIES:
                notes.append(f"Only the first {_MOST_ENTRIES} files of the archive were read.")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        message = "The archive is damaged and was read only in part. Copy or download it again."
        problems.append(Problem("encoding-input-kind", message, "a sound ZIP archive", "a damaged one"))
    if encrypted:
        notes.append(
            f"{encrypted:,} file{'s are' if encrypted != 1 else ' is'} protected by a password and could not be read. "
            "Unpack the archive with its password, and open what is inside."
        )
    what = f"a ZIP archive with {len(parts)} readable file{'s' if len(parts) != 1 else ''}"
    return Capture(what, "zip", parts=tuple(parts), notes=tuple(notes), problems=tuple(problems))


def _beside_the_point(name: str) -> bool:
    return name.lower().endswith(_PICTURES) or name.startswith("__MACOSX/")


def _refused(data: bytes) -> Problem | None:
    """What forbids to read the directory of the archive at all; its size is looked at before anything is read."""
    end = data.rfind(_END, max(len(data) - 65_557, 0))
    if end < 0 or end + 22 > len(data):
        message = "The archive breaks off: its end, with the list of its files, is missing. Copy or download it again."
        return Problem("encoding-input-kind", message, "a complete ZIP archive", "the beginning of one")
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    if size > _MOST_DIRECTORY or data[max(end - 20, 0) : end].startswith(_END_64):
        message = "The archive lists more files than a support case has, and was not opened."
        return Problem("encoding-size-limit", message, f"at most {_MOST_ENTRIES} files", "more")
    return None


def _bomb(name: str, most: int) -> Problem:
    message = f"“{name}” unpacks to more than {most:,} bytes and was left out: it is far larger than it looks."
    return Problem("encoding-inflate-limit", message, f"at most {most:,} bytes", "more")
