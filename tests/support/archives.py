"""Archives in memory."""

import io
import zipfile


def packed(entries):
    """Bytes of a ZIP file of names and contents."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return memory.getvalue()
