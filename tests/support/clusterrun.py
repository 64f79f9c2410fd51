"""Runs a pipeline through the gateway and writes what became of it as one line of JSON.

    python -m support.clusterrun GATEWAY_ADDRESS KEYCLOAK_ADDRESS ACCOUNTS_FILE PIPELINE [--cancel-after SECONDS]

The first line is the run's name. Runs in the node's network, where there are no names: the addresses are those of the Services.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import httpx

from support.clustersignin import access_token

ACCOUNT = "perekayasa-pusat"
PATIENCE = 400
ENDED = {"STATE_SUCCEEDED", "STATE_FAILED", "STATE_CANCELLED"}


def main() -> None:
    """Asks for the run, waits, says how it ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("gateway")
    parser.add_argument("keycloak")
    parser.add_argument("accounts", type=Path)
    parser.add_argument("pipeline")
    parser.add_argument("--cancel-after", type=float)
    given = parser.parse_args()
    headers = {"authorization": f"Bearer {access_token(given.keycloak, given.accounts, ACCOUNT)}"}
    client = httpx.Client(
        base_url=f"http://{given.gateway}:18000", headers=headers, timeout=30, trust_env=False
    )
    started = time.monotonic()
    asked = client.post(f"/v1/pipelines/{given.pipeline}:run", json={}).raise_for_status().json()
    sys.stdout.write(f"{asked['name']}\n")
    sys.stdout.flush()
    run, cancelled = asked, False
    while run["state"] not in ENDED and time.monotonic() - started < PATIENCE:
        time.sleep(0.3)
        if given.cancel_after and not cancelled and time.monotonic() - started > given.cancel_after:
            client.post(f"/v1/{asked['name']}:cancel", json={}).raise_for_status()
            cancelled = True
        answer = client.get(f"/v1/{asked['name']}")
        # The part that was killed may be the one that answers.
        run = answer.json() if answer.is_success else run
    run["seconds"] = round(time.monotonic() - started, 1)
    sys.stdout.write(json.dumps(run) + "\n")


if __name__ == "__main__":
    main()
