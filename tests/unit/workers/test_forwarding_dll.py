"""The DLL's bytes, read as a loader reads them. That Wine's takes it is shown by what needs it."""

from __future__ import annotations

import struct

from bench.workers.forwarding_dll import forwarding_dll


def text_at(content: bytes, offset: int) -> str:
    return content[offset : content.index(b"\0", offset)].decode()


def test_its_one_function_is_another_librarys():
    content = forwarding_dll("answer.dll", "Answer", "deep.Thought")
    assert content[:2] == b"MZ"
    (header,) = struct.unpack_from("<I", content, 60)
    assert content[header : header + 4] == b"PE\0\0"
    machine, sections, optional_size = struct.unpack_from("<HH12xH", content, header + 4)
    assert (machine, sections) == (0x8664, 1)
    optional = header + 24
    exports, exports_size = struct.unpack_from("<II", content, optional + 112)
    section = optional + optional_size
    size, at, raw_size, raw = struct.unpack_from("<IIII", content, section + 8)
    assert at <= exports
    assert exports + exports_size <= at + size
    assert raw + raw_size == len(content)

    def offset(address: int) -> int:
        return raw + address - at

    name, _, count, named, functions, names, ordinals = struct.unpack_from(
        "<IIIIIII", content, offset(exports) + 12
    )
    assert (text_at(content, offset(name)), count, named) == ("answer.dll", 1, 1)
    (exported,) = struct.unpack_from("<I", content, offset(names))
    assert text_at(content, offset(exported)) == "Answer"
    assert struct.unpack_from("<H", content, offset(ordinals)) == (0,)
    (forwarder,) = struct.unpack_from("<I", content, offset(functions))
    assert exports <= forwarder < exports + exports_size, "else it would be taken for code"
    assert text_at(content, offset(forwarder)) == "deep.Thought"
