"""A zip archive that anybody may have made: every size in it is checked before memory is taken."""

from __future__ import annotations

import io
import zipfile
from typing import ClassVar, NoReturn

from musegen.midi import MidiError

MAX_MEMBERS = 2**12
"""Files that an archive may have in it; the piano rolls of 256 tracks take 1,027."""


class Archive:
    """The contents of one file, each read when it is asked for; messages call it `name`.

    Args:
        data: The file's bytes.
        name: Its name.
        most: Bytes that all files in it may have, unpacked; None where each is looked at by itself.
    """

    kind: ClassVar[str] = "a zip archive"
    remedy: ClassVar[str] = "Give a whole zip archive."

    def __init__(self, data: bytes, name: str, most: int | None = None):
        self.name = name
        # Each file in the archive is listed under this mark; counted before zipfile lists them.
        if data.count(b"PK\x01\x02") > MAX_MEMBERS:
            self.refuse(f"it has more than {MAX_MEMBERS:,} files in it")
        try:
            self.zip = zipfile.ZipFile(io.BytesIO(data))
        except Exception:  # noqa: BLE001 - whatever zipfile makes of hostile bytes
            self.refuse(f"not {self.kind}: it is no whole zip archive")
        self.members = {member.filename: member for member in self.zip.infolist()}
        if len(self.members) < len(self.zip.infolist()):
            self.refuse("two of the files in it have one name")
        size = sum(member.file_size for member in self.zip.infolist())
        if most is not None and size > most:
            self.refuse(f"{size:,} bytes when unpacked, and at most {most:,} are read")

    def refuse(self, reason: str) -> NoReturn:
        """Raises a `MidiError`."""
        raise MidiError(f"{self.name}: {reason}. {self.remedy}") from None

    def read(self, member: str, most: int | None = None) -> bytearray | None:
        """Returns the bytes of a member, or None if there is none; refuses more than `most`."""
        if member not in self.members:
            return None
        entry = self.members[member]
        if most is not None and entry.file_size > most:
            self.refuse(f"{member} has more than {most:,} bytes")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self.refuse(f"{member} is packed in an unknown way ({entry.compress_type})")
        data, end = bytearray(entry.file_size), 0
        try:
            with self.zip.open(entry) as file:
                # In small parts: zipfile holds a part several times over while it unpacks it.
                while end < len(data) and (part := file.read(2**16)):
                    data[end : end + len(part)] = part
                    end += len(part)
        except Exception as error:  # noqa: BLE001 - whatever zipfile makes of hostile bytes
            self.refuse(f"{member} is damaged ({type(error).__name__})")
        del data[end:]
        return data
