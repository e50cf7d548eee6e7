"""The upload route: a file's bytes go from the browser to the disk, a block at a time."""

from collections.abc import AsyncIterator
from typing import BinaryIO
from urllib.parse import unquote

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from custseg_spark.interfaces.dashboard.trying.uploads import (
    Receiving,
    RefusedUploadError,
    Upload,
    Uploads,
)

PASS_HEADER = "X-Upload-Pass"
NAME_HEADER = "X-File-Name"
# The bytes of a block, which are in memory until they are written.
_BLOCK_BYTES = 1 << 20


def add_uploads(app: FastAPI, uploads: Uploads) -> None:
    """Add the route. The body is the file; its name is in a header, percent-encoded."""

    @app.post("/uploads")
    async def upload(request: Request) -> JSONResponse:
        try:
            received = await _received(request, uploads)
        except RefusedUploadError as error:
            return JSONResponse({"detail": str(error)}, status_code=error.status)
        return JSONResponse({"id": received.id, "name": received.name, "bytes": received.bytes})


async def _received(request: Request, uploads: Uploads) -> Upload:
    if not uploads.admits(request.headers.get(PASS_HEADER, "")):
        raise RefusedUploadError(401, "this page may no longer upload files; load it again")
    announced = request.headers.get("content-length", "")
    length = int(announced) if announced.isdigit() else None
    receiving = uploads.receive(unquote(request.headers.get(NAME_HEADER, "")), length)
    try:
        await _to_disk(request, receiving)
        return await to_thread.run_sync(receiving.keep)
    except ClientDisconnect as error:
        raise RefusedUploadError(400, "the upload was broken off") from error
    except OSError as error:
        raise RefusedUploadError(507, f"the file can't be stored: {error.strerror}") from error
    finally:
        if uploads.get(receiving.id) is None:
            await to_thread.run_sync(receiving.drop)


async def _to_disk(request: Request, receiving: Receiving) -> None:
    with receiving.path.open("xb") as target:
        async for block in _blocks(request):
            receiving.grown(len(block))
            # In a thread, so that pages answer while the disk is busy.
            await to_thread.run_sync(_write, target, block)


def _write(target: BinaryIO, block: bytes) -> None:
    target.write(block)


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    pending = bytearray()
    async for part in request.stream():
        pending += part
        if len(pending) >= _BLOCK_BYTES:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)
