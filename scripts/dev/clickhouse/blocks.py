"""ClickHouse's own compressed blocks (`compress=1`, `decompress=1`).

A block: 16 bytes of CityHash128 over the rest; one byte of method; the size of method, sizes and payload together,
and the size of the data, each in 4 bytes little-endian; the payload.
"""

import struct

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from .errors import (
    CANNOT_DECOMPRESS,
    CANNOT_READ_ALL_DATA,
    CHECKSUM_DOESNT_MATCH,
    TOO_LARGE_BLOCK,
    UNKNOWN_CODEC,
    ServerError,
)

NONE, LZ4, ZSTD = 0x02, 0x82, 0x90
LARGEST = 1 << 30
BLOCK = 1 << 20
_CHECKSUM, _HEADER = 16, 9


def _checksum(body):
    """The upper half of the number comes first."""
    whole = CityHash128(bytes(body))
    return struct.pack("<QQ", whole >> 64, whole & (2**64 - 1))


def encode(data):
    """Data as LZ4 blocks of at most a mebibyte."""
    view = memoryview(data)
    return b"".join(_encode_one(view[at : at + BLOCK]) for at in range(0, len(view), BLOCK))


def _encode_one(data):
    payload = lz4.block.compress(bytes(data), store_size=False)
    body = struct.pack("<BII", LZ4, len(payload) + _HEADER, len(data)) + payload
    return _checksum(body) + body


def decode(chunks):
    """The data of the blocks in a stream of bytes."""
    held, method = bytearray(), None
    for chunk in chunks:
        held += chunk
        while (size := _whole_block(held)) is not None:
            block = bytes(held[:size])
            del held[:size]
            if method not in (None, block[_CHECKSUM]):
                raise ServerError(CANNOT_DECOMPRESS, "Data was compressed with different codecs")
            method = block[_CHECKSUM]
            yield _decode_one(block)
    if held:
        raise ServerError(
            CANNOT_READ_ALL_DATA, f"Cannot read all data. Bytes read: {len(held)}. The last compressed block is cut off"
        )


def _whole_block(held):
    """How long the first block is, or None while it is not all there."""
    if len(held) < _CHECKSUM + _HEADER:
        return None
    size, data_size = struct.unpack_from("<II", held, _CHECKSUM + 1)
    if size > LARGEST or data_size > LARGEST:
        raise ServerError(TOO_LARGE_BLOCK, "Too large size_compressed_without_checksum. Most likely corrupted data.")
    if size < _HEADER:
        raise ServerError(CANNOT_DECOMPRESS, f"Can't decompress data: the compressed data size ({size}) is too small")
    whole = _CHECKSUM + size
    return whole if len(held) >= whole else None


def _decode_one(block):
    body = block[_CHECKSUM:]
    if _checksum(body) != block[:_CHECKSUM]:
        raise ServerError(
            CHECKSUM_DOESNT_MATCH,
            f"Checksum doesn't match: corrupted data. Reference: {block[:_CHECKSUM].hex()}. "
            f"Actual: {_checksum(body).hex()}. Size of compressed block: {len(body)}",
        )
    method, _, data_size = struct.unpack_from("<BII", body)
    return _unpack(method, body[_HEADER:], data_size)


def _unpack(method, payload, size):
    try:
        if method == LZ4:
            return lz4.block.decompress(payload, uncompressed_size=size)
        if method == ZSTD:
            return zstandard.ZstdDecompressor().decompress(payload, max_output_size=size)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise ServerError(CANNOT_DECOMPRESS, f"Cannot decompress: {error}") from error
    if method == NONE:
        return payload
    raise ServerError(UNKNOWN_CODEC, f"Unknown codec family code: {method}")
