"""Routes beside the pages for uploads and downloads, which must not be held in memory."""

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from custseg_spark import __version__
from custseg_spark.errors import InputError
from custseg_spark.interfaces.dashboard.downloads import add_downloads
from custseg_spark.interfaces.dashboard.settings import Settings
from custseg_spark.interfaces.dashboard.trying.desk import Desk
from custseg_spark.interfaces.dashboard.trying.upload_route import add_uploads


def make_endpoint(settings: Settings, desk: Desk | None = None) -> FastAPI:
    """Return the routes below /api. Requests have passed `guarding`. Uploads go to `desk`."""
    # Without FastAPI's own pages, which fetch scripts from other servers.
    app = FastAPI(title="custseg dashboard", version=__version__, docs_url=None, redoc_url=None)

    @app.exception_handler(InputError)
    async def unreadable(_: object, error: InputError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=404)

    add_downloads(app, settings)
    if desk is not None:
        add_uploads(app, desk.uploads)
    return app
