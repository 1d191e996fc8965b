"""Whether the server can be used: both of its faces answer, and what was asked for exists."""

import datetime
import hashlib
import hmac
import http.client
import json
from urllib.parse import quote, urlencode

REGION = "us-east-1"
PROBE = "k2-ready-probe"


class NotReady(Exception):
    pass


def check(ports, buckets, table_buckets, access_key, secret_key):
    """Raises `NotReady`, or an error of the connection."""
    token = catalog_token(ports["s3.port.iceberg"], access_key, secret_key)
    for bucket in table_buckets:
        path = f"/v1/{quote(bucket, safe='')}/namespaces"
        expect(200, ports["s3.port.iceberg"], "GET", path, headers={"Authorization": f"Bearer {token}"})
    for bucket in buckets:
        # Before the first write, which would make the bucket too.
        expect(200, ports["filer.port"], "GET", f"/buckets/{bucket}/?limit=1")
        # With a body: only then the part that keeps the bytes is asked, and it comes last, sometimes seconds after the others.
        for status, method, body in ((200, "PUT", b"ready"), (200, "GET", b""), (204, "DELETE", b"")):
            signed(status, ports["s3.port"], method, f"/{bucket}/{PROBE}", body, access_key, secret_key)


def catalog_token(port, access_key, secret_key):
    form = urlencode({"grant_type": "client_credentials", "client_id": access_key, "client_secret": secret_key, "scope": "catalog"})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return json.loads(expect(200, port, "POST", "/v1/oauth/tokens", form, headers))["access_token"]


def expect(status, port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != status:
        raise NotReady(f"{method} {path} on port {port}: expected {status}, found {answer.status}")
    return content


def signed(status, port, method, path, body, access_key, secret_key):
    """A request under AWS Signature Version 4."""
    moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": f"127.0.0.1:{port}", "x-amz-content-sha256": digest, "x-amz-date": moment}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={access_key}/{scope}"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={key.hex()}"
    expect(status, port, method, path, body, headers)
