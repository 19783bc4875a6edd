"""Content identifiers, computed here so that no store has to be believed.

A directory of small files as `ipfs add --cid-version=1 --raw-leaves=false -r` makes it: every file one dag-pb node with
UnixFS data, the directory a dag-pb node of links. Identifiers are CIDv1: version 1, codec dag-pb (0x70), multihash
sha2-256 (0x12, 32 bytes), multibase base32 ("b"). Sources: specs.ipfs.tech (UnixFS), ipld.io (DAG-PB), multiformats.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

LARGEST_FILE = 256 * 1024
"""Bytes; above it, stores cut a file into several blocks and the identifier would depend on how."""
LARGEST_DIRECTORY = 256 * 1024
"""Bytes of the directory's own node; above it, stores shard the directory."""

_CID_PREFIX = bytes([0x01, 0x70, 0x12, 0x20])
_VARINT, _BYTES = 0, 2
_SEVEN_BITS = 0x7F
_UNIXFS_DIRECTORY, _UNIXFS_FILE = 1, 2


class TooLarge(ValueError):
    """The content would be cut into several blocks; metadata is small, so this is refused."""


@dataclass(frozen=True, slots=True)
class Node:
    """A block: its binary identifier and how many bytes it and everything below it take."""

    cid: bytes
    total_size: int

    @property
    def text(self) -> str:
        """The identifier as people write it: `bafybei...`."""
        return "b" + base64.b32encode(self.cid).decode().lower().rstrip("=")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > _SEVEN_BITS:
        out.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _field(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _node(block: bytes, below: int = 0) -> Node:
    return Node(_CID_PREFIX + hashlib.sha256(block).digest(), len(block) + below)


def file_node(content: bytes) -> Node:
    """Return the node of a file of one block. Raises TooLarge."""
    if len(content) > LARGEST_FILE:
        raise TooLarge(f"a metadata file has {len(content)} bytes; at most {LARGEST_FILE} are allowed")
    # An empty file carries its size but no data field.
    data = _field(2, content) if content else b""
    return _node(_field(1, _number(1, _UNIXFS_FILE) + data + _number(3, len(content))))


def directory_node(files: Mapping[str, bytes]) -> Node:
    """Return the node of a flat directory. Links stand in the order of their names' bytes. Raises TooLarge."""
    links = b""
    below = 0
    for name in sorted(files, key=str.encode):
        node = file_node(files[name])
        below += node.total_size
        links += _field(2, _field(1, node.cid) + _field(2, name.encode()) + _number(3, node.total_size))
    # DAG-PB writes links before data, although their field numbers are the other way round.
    block = links + _field(1, _number(1, _UNIXFS_DIRECTORY))
    if len(block) > LARGEST_DIRECTORY:
        raise TooLarge("the metadata directory has too many files")
    return _node(block, below)


def directory_cid(files: Mapping[str, bytes]) -> str:
    """Return the CIDv1 of a flat directory of `files` (name -> content). Raises TooLarge."""
    return directory_node(files).text
