"""Plain S3 requests, signed by curl: neither our code nor a library that corrects what it sends."""

import subprocess


def curl(store, *arguments):
    signer = ["--aws-sigv4", f"aws:amz:{store.region}:s3", "--config", "-"]
    keys = f'user = "{store.access_key}:{store.secret_key}"\n'.encode()
    return subprocess.run(["curl", "-sS", "--max-time", "30", *signer, *arguments], input=keys, capture_output=True, check=True).stdout


def put(store, key, body):
    """The status."""
    # Only from a file: curl cannot take both its settings and the body from stdin.
    file = store.folder / "curl-body"
    file.write_bytes(body)
    return int(curl(store, "-o", "/dev/null", "-w", "%{http_code}", "-T", str(file), f"{store.s3}/{key}"))


def get(store, key):
    return curl(store, "--fail", f"{store.s3}/{key}")
