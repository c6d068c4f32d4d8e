"""Serve the app of `examples/rest.py` on loopback, and print the port: `rest_server.py <store>`."""

import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import uvicorn
from rest import make_app
from rest_bodies import Forecast


def predict(model, rows):
    """Say long if the last value of the last row is above the model's threshold."""
    signal = "long" if rows[-1][-1] > model["threshold"] else "hold"
    return Forecast(signal=signal, confidence=0.75, stage1_prob=0.82)


if __name__ == "__main__":
    app = make_app("reversal", predict, sys.argv[1])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
