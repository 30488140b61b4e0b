"""The smallest Windows library there is: one function, which is another library's.

A program for Windows 10 may ask for a library that Wine does not have, for the sake of a function
that it has under another name. Windows' own format can say so: the entry of an exported function
may hold, instead of code, the name of the one to call.
"""

from __future__ import annotations

import struct

_FILE_ALIGNMENT = 0x200
_SECTION_ALIGNMENT = 0x1000
_AMD64 = 0x8664
_PE32_PLUS = 0x20B
#: Executable image, large addresses, a DLL.
_CHARACTERISTICS = 0x0002 | 0x0020 | 0x2000
#: Initialised data, may be read.
_DATA_SECTION = 0x00000040 | 0x40000000
_DIRECTORIES = 16
_OPTIONAL_HEADER = 112 + 8 * _DIRECTORIES


def forwarding_dll(name: str, function: str, target: str) -> bytes:
    """A 64-bit DLL that exports one function.

    Args:
        name: its own: ``"answer.dll"``.
        function: what it exports: ``"Answer"``.
        target: whose function that is: ``"deep.Thought"`` for ``Thought`` of ``deep.dll``.
    """
    exports = _exports(_SECTION_ALIGNMENT, name, function, target)
    headers = _headers(len(exports))
    return _padded(headers) + _padded(exports)


def _exports(at: int, name: str, function: str, target: str) -> bytes:
    """The export directory, its three tables of one entry each, and the texts they point to.

    An address within the directory itself is that of a forwarder's text, not of code.

    Args:
        at: the address that it is loaded to, relative to the image's.
    """
    directory, table = 40, 4
    functions = at + directory
    names = functions + table
    ordinals = names + table
    texts = [text.encode("ascii") + b"\0" for text in (name, function, target)]
    addresses, end = [], ordinals + 2
    for text in texts:
        addresses.append(end)
        end += len(text)
    own, exported, forwarded = addresses
    head = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, own, 1, 1, 1, functions, names, ordinals)
    return head + struct.pack("<IIH", forwarded, exported, 0) + b"".join(texts)


def _headers(exports: int) -> bytes:
    """DOS, file, optional and section header of an image with that many bytes of exports."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    file = struct.pack("<HHIIIHH", _AMD64, 1, 0, 0, 0, _OPTIONAL_HEADER, _CHARACTERISTICS)
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        *(_PE32_PLUS, 14, 0),  # linker
        *(0, _FILE_ALIGNMENT, 0, 0, 0),  # no code, no entry point
        *(0x1_8000_0000, _SECTION_ALIGNMENT, _FILE_ALIGNMENT),
        *(6, 0, 0, 0, 6, 0, 0),  # versions: of any Windows since Vista
        *(2 * _SECTION_ALIGNMENT, _FILE_ALIGNMENT, 0),
        *(2, 0x100),  # a window's subsystem, compatible with relocation of data
        *(1 << 20, 1 << 12, 1 << 20, 1 << 12, 0),  # stack, heap
        _DIRECTORIES,
    )
    directories = struct.pack("<II", _SECTION_ALIGNMENT, exports) + bytes(8 * (_DIRECTORIES - 1))
    section = struct.pack(
        "<8sIIIIIIHHI",
        b".edata",
        *(exports, _SECTION_ALIGNMENT),
        *(_up(exports, _FILE_ALIGNMENT), _FILE_ALIGNMENT),
        *(0, 0, 0, 0, _DATA_SECTION),
    )
    return dos + b"PE\0\0" + file + optional + directories + section


def _up(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _padded(content: bytes) -> bytes:
    return content.ljust(_up(len(content), _FILE_ALIGNMENT), b"\0")
