"""Sends one request with tritonclient, as any outside system would: JSON on standard input, values on standard output."""

import json
import sys

import numpy as np
import tritonclient.grpc as triton


def main() -> None:
    """Reads url, token, model and inputs; prints the model's output as a list."""
    request = json.load(sys.stdin)
    matrix = np.array(request["inputs"], dtype=np.float64)
    tensor = triton.InferInput("inputs", list(matrix.shape), "FP64")
    tensor.set_data_from_numpy(matrix)
    with triton.InferenceServerClient(request["url"]) as client:
        headers = {"authorization": f"Bearer {request['token']}"}
        answer = client.infer(request["model"], [tensor], headers=headers, client_timeout=30)
    json.dump(answer.as_numpy("realisation").ravel().tolist(), sys.stdout)


if __name__ == "__main__":
    main()
