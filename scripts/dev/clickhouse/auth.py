"""Who is asking: headers of ClickHouse's own, HTTP Basic, or URL parameters; never two of them at once."""

import base64
import binascii
import hmac

from .errors import AUTHENTICATION_FAILED, REQUIRED_PASSWORD, ServerError


def _refuse(text):
    raise ServerError(AUTHENTICATION_FAILED, text)


def credentials(headers, parameters):
    """(user, password) of a request."""
    user, key = (_utf8(headers.get(name, "")) for name in ("X-ClickHouse-User", "X-ClickHouse-Key"))
    authorization = headers.get("Authorization")
    if authorization == "never":
        authorization = None
    in_url = "user" in parameters or "password" in parameters
    if user or key:
        return _from_headers(user, key, authorization, in_url)
    if authorization:
        return _from_basic(authorization, in_url)
    return _named(parameters.get("user", "default"), "authentication via parameters"), parameters.get("password", "")


def _utf8(value):
    """Header values are read as Latin-1; clients send UTF-8."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def _from_headers(user, key, authorization, in_url):
    user = _named(user, "X-ClickHouse HTTP headers")
    if authorization:
        _refuse_both("X-ClickHouse HTTP headers", "Authorization HTTP header")
    if in_url:
        _refuse_both("X-ClickHouse HTTP headers", "authentication via parameters")
    return user, key


def _from_basic(authorization, in_url):
    if in_url:
        _refuse_both("Authorization HTTP header", "authentication via parameters")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "basic":
        _refuse(f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported")
    try:
        user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user, password = "", ""
    return _named(user, "Authorization HTTP header"), password


def _named(user, way):
    if not user:
        _refuse(f"Got an empty user name from {way}")
    return user


def _refuse_both(one, other):
    _refuse(f"Invalid authentication: it is not allowed to use {one} and {other} simultaneously")


def check(user, password, users, headers):
    """Raises unless `users` has the user with this password."""
    expected = users.get(user)
    if expected is not None and hmac.compare_digest(expected.encode(), password.encode()):
        return
    # A browser is asked for the password of the default user, and every client of HTTP might be one.
    asks = user == "default" and headers.get("Authorization") != "never"
    raise ServerError(
        REQUIRED_PASSWORD if asks else AUTHENTICATION_FAILED,
        f"{user}: Authentication failed: password is incorrect, or there is no user with such name.",
    )
