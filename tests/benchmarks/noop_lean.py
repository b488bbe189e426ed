from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from tests.benchmarks.noop import Event

app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})


@app.post("/ingest", status_code=202)
async def ingest(event: Event):
    return JSONResponse({"status": "accepted", "id": event.id}, 202)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, log_level="warning", access_log=False)
