"""Archives that tell nothing of the clock: the same files give the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping

#: A file in an archive; a large one may come in blocks.
Part = str | bytes | Iterable[bytes]


def archive(parts: Mapping[str, Part], *, huge: bool = False) -> bytes:
    """A ZIP archive of ``parts`` by path, in their order. One that may be beyond 2 GB unpacked is ``huge``,
    which older readers do not know.

    >>> archive({"a.txt": b"ab"}) == archive({"a.txt": iter([b"a", b"b"])})
    True
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=5) as packed:
        for name, data in parts.items():
            whole = data.encode() if isinstance(data, str) else data
            with packed.open(name, "w", force_zip64=huge) as part:  # by its name alone it has no clock
                for block in (whole,) if isinstance(whole, bytes) else whole:
                    part.write(block)
            entry = packed.getinfo(name)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
    return stream.getvalue()
