"""What a process and one that works for it say to each other: frames of msgpack in pipes."""

import asyncio
import struct
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

MOST_FRAME_BYTES: Final = 64 * 1024 * 1024

_SIZE: Final = struct.Struct(">I")
_ENCODER: Final = msgspec.msgpack.Encoder()

T = TypeVar("T")


def framed(one: Any) -> bytes:
    body = _ENCODER.encode(one)
    return _SIZE.pack(len(body)) + body


def read_frame(file: BinaryIO, decoder: msgspec.msgpack.Decoder[T]) -> T:
    """Return the next frame, for who may block; `EOFError` when nobody is there any more."""
    head = file.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    (size,) = _SIZE.unpack(head)
    return decoder.decode(file.read(size))


async def next_frame(stream: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[T]) -> T:
    """Return the next frame; `EOFError` when the process ended without a word, or raves."""
    (size,) = _SIZE.unpack(await stream.readexactly(_SIZE.size))
    if size > MOST_FRAME_BYTES:
        raise EOFError("a frame that is too large")
    try:
        return decoder.decode(await stream.readexactly(size))
    except msgspec.MsgspecError:
        raise EOFError("a frame that is none") from None
