"""20 calls a second through the gateway until SIGINT, then one line of JSON with what came of them.

    python -m support.steadyload GATEWAY_ADDRESS KEYCLOAK_ADDRESS ACCOUNTS_FILE

Runs in the node's network, where there are no names: the addresses are those of the Services.
"""

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


def main() -> None:
    """Calls until told to stop."""
    gateway, keycloak, accounts = sys.argv[1:]
    headers = {"authorization": f"Bearer {access_token(keycloak, Path(accounts), ACCOUNT)}"}
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    outcomes: Counter[str] = Counter()
    slowest = [0.0]
    client = httpx.Client(base_url=f"http://{gateway}:18000", headers=headers, timeout=30, trust_env=False)

    def call() -> None:
        started = time.monotonic()
        try:
            outcome = str(client.get("/v1/datasets").status_code)
        except httpx.HTTPError as error:
            outcome = type(error).__name__
        slowest[0] = max(slowest[0], time.monotonic() - started)
        outcomes[outcome] += 1

    with ThreadPoolExecutor(16) as threads:
        while not stop.wait(1 / PER_SECOND):
            threads.submit(call)
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
