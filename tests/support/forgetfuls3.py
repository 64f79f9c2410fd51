"""An S3 that answers every conditional put with success: a real store behind a door that drops `If-None-Match`.

It signs anew towards the store, because a client's signature covers the header that is dropped.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from minio import Minio


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Minio

    def do_HEAD(self):
        self._answer(200 if self.store.bucket_exists(self._place()[0]) else 404)

    def do_GET(self):
        # minio-py asks for the bucket's region before its first call.
        self._answer(
            200, b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>'
        )

    def do_PUT(self):
        bucket, key = self._place()
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not key:
            self.store.make_bucket(bucket)
            self._answer(200)
            return
        written = self.store.put_object(bucket, key, io.BytesIO(content), len(content))
        self._answer(200, etag=f'"{written.etag}"')

    def do_DELETE(self):
        self.store.remove_object(*self._place())
        self._answer(204)

    def log_message(self, *_):
        """Says nothing."""

    def _place(self):
        bucket, _, key = self.path.partition("?")[0].strip("/").partition("/")
        return bucket, key

    def _answer(self, status, content=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Doors(ThreadingHTTPServer):
    request_queue_size = 64  # racing puts come all at once


@contextmanager
def unconditional_s3(store: Minio) -> Iterator[str]:
    """`host:port` of the door, while the context lasts."""
    server = _Doors(("127.0.0.1", 0), type("Door", (_Door,), {"store": store}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
