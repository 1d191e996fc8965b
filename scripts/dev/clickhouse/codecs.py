"""The codings of HTTP bodies: `Content-Encoding` of a request, `Accept-Encoding` of an answer."""

import bz2
import lzma
import zlib

import lz4.frame
import zstandard

from .errors import (
    BROTLI_FAILED,
    CANNOT_READ_ALL_DATA,
    INFLATE_FAILED,
    LZ4_FAILED,
    NOT_IMPLEMENTED,
    ZSTD_FAILED,
    ServerError,
)

try:
    import brotli
except ImportError:
    brotli = None

PIECE = 1 << 16
# The server's own order of preference, whatever weights the client gives.
PREFERRED = ("zstd", "br", "lz4", "gzip", "deflate")
_GZIP, _ZLIB = 31, 15


class _Brotli:
    def __init__(self):
        self._decoder = brotli.Decompressor()
        self.unused_data = b""

    def decompress(self, data):
        return self._decoder.process(data)

    @property
    def eof(self):
        return self._decoder.is_finished()


# name: (a decoder of one member, what it raises, the code of the error, may another member follow)
_DECODERS = {
    "gzip": (lambda: zlib.decompressobj(_GZIP), zlib.error, INFLATE_FAILED, True),
    "deflate": (lambda: zlib.decompressobj(_ZLIB), zlib.error, INFLATE_FAILED, False),
    "zstd": (lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError, ZSTD_FAILED, True),
    "lz4": (lz4.frame.LZ4FrameDecompressor, RuntimeError, LZ4_FAILED, True),
    "bz2": (bz2.BZ2Decompressor, OSError, CANNOT_READ_ALL_DATA, True),
    "xz": (lzma.LZMADecompressor, lzma.LZMAError, CANNOT_READ_ALL_DATA, True),
}
if brotli:
    _DECODERS["br"] = (_Brotli, brotli.error, BROTLI_FAILED, False)
_DECODERS["x-gzip"] = _DECODERS["gzip"]


def decode(coding, chunks):
    """The chunks of a request body without their `Content-Encoding`."""
    coding = (coding or "").strip().lower()
    if coding in ("", "identity", "auto", "none"):
        return chunks
    if coding not in _DECODERS:
        raise ServerError(
            NOT_IMPLEMENTED,
            f"Unknown compression method '{coding}'. Only 'auto', 'none', 'gzip', 'deflate', 'br', 'xz', 'zstd', "
            "'lz4', 'bz2', 'snappy' are supported as compression methods",
        )
    return _decoded(coding, chunks)


def _decoded(coding, chunks):
    new, problem, code, repeats = _DECODERS[coding]
    decoder, fresh = new(), True
    try:
        for chunk in chunks:
            # In small pieces, so that what comes out of one stays small.
            for at in range(0, len(chunk), PIECE):
                rest = chunk[at : at + PIECE]
                while rest:
                    if decoder.eof:
                        if not repeats:
                            raise ServerError(code, f"{coding}: data after the end of the stream")
                        decoder = new()
                    fresh = False
                    if out := decoder.decompress(rest):
                        yield out
                    rest = (decoder.unused_data or b"") if decoder.eof else b""
    except problem as error:
        raise ServerError(code, f"{coding} decoding failed: {error}") from error
    if not decoder.eof and not fresh:
        raise ServerError(code, f"{coding} decoding failed: the stream is cut off")


def choose(accepted):
    """The coding for an answer out of an `Accept-Encoding` header, or None."""
    offered = set()
    for part in (accepted or "").lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            offered.add(name.strip())
    usable = (name for name in PREFERRED if name in offered and (name != "br" or brotli))
    return next(usable, None)


class Encoder:
    """Encodes an answer piece by piece. `flush` gives what is held back, without ending the stream."""

    def __init__(self, coding, level):
        make = {"gzip": self._zlib, "deflate": self._zlib, "zstd": self._zstd, "lz4": self._lz4, "br": self._br}
        make[coding](coding, level)

    def _zlib(self, coding, level):
        encoder = zlib.compressobj(level, zlib.DEFLATED, _GZIP if coding == "gzip" else _ZLIB)
        self.write, self.end = encoder.compress, encoder.flush
        self.flush = lambda: encoder.flush(zlib.Z_SYNC_FLUSH)

    def _zstd(self, _, level):
        encoder = zstandard.ZstdCompressor(level=level).compressobj()
        self.write, self.end = encoder.compress, encoder.flush
        self.flush = lambda: encoder.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def _lz4(self, *_):
        encoder = lz4.frame.LZ4FrameCompressor(auto_flush=True)
        pending = [encoder.begin()]

        def write(data):
            return (pending.pop() if pending else b"") + encoder.compress(data)

        self.write, self.flush = write, lambda: b""
        self.end = lambda: (pending.pop() if pending else b"") + encoder.flush()

    def _br(self, _, level):
        encoder = brotli.Compressor(quality=level)
        self.write, self.flush, self.end = encoder.process, encoder.flush, encoder.finish
