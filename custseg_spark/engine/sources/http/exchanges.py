"""One request and its answer over HTTP, within one deadline and a number of bytes.

httpx's own limits are from one packet to the next, so that an answer that trickles goes on for
ever; and it unpacks whatever a server has packed. Here an exchange is a task of an event loop,
which is ended when its time is over, and the answer is unpacked a block at a time. No Spark here.
"""

import asyncio
import threading
import zlib
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from custseg_spark.engine.sources.http.answers import MalformedError
from custseg_spark.errors import InputError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

# Far beyond a page; an answer without end must not fill the memory.
MOST_BYTES = 1 << 26
_BLOCK_BYTES = 1 << 20
# zlib's own header, or gzip's.
_ANY_HEADER = 32 + zlib.MAX_WBITS
_PLAIN, _PACKED = ("", "identity"), ("gzip", "x-gzip", "deflate")


@dataclass(frozen=True)
class Answer:
    """What a server answered; `content` only with status 200."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


class Exchanges:
    """A client whose exchanges end in time. Safe to share among threads."""

    def __init__(self, timeout_s: float, headers: Mapping[str, str]) -> None:
        import httpx

        self._timeout_s = timeout_s
        self._loop = asyncio.new_event_loop()
        # Ends with the process, also where `close` was never called.
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        # One encoding, which is unpacked here.
        headers_ = {"Accept-Encoding": "gzip", **headers}
        self._client = httpx.AsyncClient(timeout=timeout_s, headers=headers_)

    def close(self) -> None:
        """Close the connections."""
        self._run(self._client.aclose()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def post(self, url: str, body: Mapping[str, Any]) -> Answer:
        """Return the answer to a request with a body of JSON.

        Raises httpx.TransportError where there is none in time, MalformedError for one that is too
        long or can't be unpacked, InputError for one that is packed more than once.
        """
        import httpx

        try:
            return self._run(asyncio.wait_for(self._post(url, body), self._timeout_s)).result()
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"no whole answer in {self._timeout_s} s") from error

    def _run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _post(self, url: str, body: Mapping[str, Any]) -> Answer:
        async with self._client.stream("POST", url, json=body) as response:
            headers = dict(response.headers)
            if response.status_code != 200:
                return Answer(response.status_code, headers)
            return Answer(200, headers, await _content(response))


async def _content(response: "httpx.Response") -> bytes:
    content = bytearray()
    unpacker = _Unpacker(response.headers.get("Content-Encoding", ""))
    async for block in response.aiter_raw():
        # A packed block may be thousandfold: its rest waits.
        left = block
        while left:
            unpacked, left = unpacker.some(left)
            content += unpacked
            if len(content) > MOST_BYTES:
                raise MalformedError(f"more than {MOST_BYTES:,} bytes", "")
    return bytes(content + unpacker.rest())


class _Unpacker:
    """The content of blocks that are packed once, or not at all."""

    def __init__(self, encoding: str) -> None:
        """Raise InputError for an encoding that wasn't asked for."""
        given = [name.strip().lower() for name in encoding.split(",")]
        packed = [name for name in given if name not in _PLAIN]
        if len(packed) > 1 or not set(packed) <= set(_PACKED):
            raise InputError(f"an answer is packed as '{encoding[:80]}'; expected gzip at most")
        self._decoder = zlib.decompressobj(_ANY_HEADER) if packed else None

    def some(self, block: bytes) -> tuple[bytes, bytes]:
        """Return a bounded part of a block's content, and what of the block is left."""
        if self._decoder is None:
            return block, b""
        if self._decoder.eof:
            raise MalformedError("bytes after the end of its gzip", "")
        try:
            return self._decoder.decompress(block, _BLOCK_BYTES), self._decoder.unconsumed_tail
        except zlib.error as error:
            raise MalformedError(f"its gzip can't be unpacked: {error}", "") from error

    def rest(self) -> bytes:
        """What is left when all blocks were seen."""
        if self._decoder is None:
            return b""
        content = self._decoder.flush()
        if not self._decoder.eof or self._decoder.unused_data:
            raise MalformedError("its gzip is cut, or something follows it", "")
        return content
