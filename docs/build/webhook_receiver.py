"""Takes PingCRM's webhook calls, verifies them, and prints each once: PINGCRM_WEBHOOK_SECRET=whsec_… python webhook_receiver.py 8090"""

import base64
import hmac
import json
import os
import sys
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["PINGCRM_WEBHOOK_SECRET"].removeprefix("whsec_"))
seen: set[str] = set()  # a program that is to remember for longer keeps this in its database


def is_genuine(headers: Message, body: bytes) -> bool:
    call, sent_at, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    code = base64.b64encode(hmac.digest(KEY, f"{call}.{sent_at}.".encode() + body, "sha256")).decode()
    fits = any(hmac.compare_digest(f"v1,{code}".encode(), given.encode()) for given in signatures.split())
    return fits and abs(time.time() - int(sent_at)) < 300


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        genuine = is_genuine(self.headers, body)
        if genuine and self.headers["webhook-id"] not in seen:
            seen.add(self.headers["webhook-id"])
            print(json.dumps(json.loads(body)), flush=True)
        self.send_response(204 if genuine else 401)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
