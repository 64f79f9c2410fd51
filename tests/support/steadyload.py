"""20 calls a second through the gateway until SIGINT, then one line of JSON with what came of them.

    python -m support.steadyload GATEWAY_ADDRESS KEYCLOAK_ADDRESS ACCOUNTS_FILE [--predict MODEL]

Asks for the datasets, or with `--predict` for a prediction of the main job's model. Runs in the node's network, where there are no names: the addresses are those of the Services.
"""

import argparse
import json
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from support.clustersignin import access_token

PER_SECOND = 20
ACCOUNT = "steward-pusat"
# Tokens live for five minutes.
TOKEN_SECONDS = 120
PREDICTION = {"inputs": [{"name": "inputs", "datatype": "FP64", "shape": [1, 7], "data": [1e9] * 7}]}


def main() -> None:
    """Calls until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("gateway")
    parser.add_argument("keycloak")
    parser.add_argument("accounts", type=Path)
    parser.add_argument("--predict", metavar="MODEL")
    given = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    outcomes: Counter[str] = Counter()
    slowest = [0.0]
    client = httpx.Client(base_url=f"http://{given.gateway}:18000", timeout=30, trust_env=False)

    def sign_in() -> float:
        token = access_token(given.keycloak, given.accounts, ACCOUNT)
        client.headers["authorization"] = f"Bearer {token}"
        return time.monotonic() + TOKEN_SECONDS

    def call() -> None:
        started = time.monotonic()
        try:
            if given.predict:
                answer = client.post(f"/v2/models/{given.predict}/infer", json=PREDICTION)
            else:
                answer = client.get("/v1/datasets")
            outcome = str(answer.status_code)
        except httpx.HTTPError as error:
            outcome = type(error).__name__
        slowest[0] = max(slowest[0], time.monotonic() - started)
        outcomes[outcome] += 1

    renew = sign_in()
    with ThreadPoolExecutor(16) as threads:
        while not stop.wait(1 / PER_SECOND):
            threads.submit(call)
            if time.monotonic() > renew:
                renew = sign_in()
    answered = outcomes.pop("200", 0)
    said = {
        "answered": answered,
        "failed": sum(outcomes.values()),
        "how": dict(outcomes),
        "slowest_seconds": round(slowest[0], 2),
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
