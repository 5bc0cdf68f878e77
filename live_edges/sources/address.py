"""Removes secrets from the address of a stream, before it is shown, logged or stored."""

import re
from urllib.parse import unquote

HIDDEN = "***"
# Two letters at least: C:\ is a drive. A Path has only one slash left.
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]+:/{1,2}[^\s'\"<>]+", re.IGNORECASE)
_PARTS = re.compile(r"([a-z][a-z0-9+.-]+:/{1,2})(.*)", re.IGNORECASE | re.DOTALL)
_PUNCTUATION = ".,;:)]}"
_HOST = re.compile(r"([\w.-]+|\[[0-9a-f:.%]+\])(:\d{1,5})?", re.IGNORECASE)
_LOGIN = re.compile(r"[^\s/:@]+:[^\s@]*@", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"(access|api|stream)?[-_]?(token|keys?|auth|secret|pass|password|passwd|pwd|sig|signature|"
    r"session|sid|jwt|bearer|credentials?|login|user|username)",
    re.IGNORECASE,
)
# Servers of Internet television: /live/USER/PASSWORD/NUMBER.ts
_SUBSCRIBER = re.compile(r"(?:(live|movie|series)/)?[^/]+/[^/]+/(\d+\.(?:ts|m3u8|mp4|mkv|avi))")


def is_address(text: str) -> bool:
    """Return True if a text is the address of a stream, and no path."""
    return re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE) is not None


def public_address(url: str) -> str:
    """Return scheme, host, port and path of an address, without what looks like a secret.

    User, password, query and fragment are left out, even where the password holds characters that
    must be escaped there; so are parts of the path such as ``user=me`` or a long random word.

    Example:
        >>> public_address("rtsp://me:se/cret@camera.example:554/live?token=x")
        'rtsp://camera.example:554/live'
        >>> public_address("https://host.example/key/4711/cam1.m3u8#x")
        'https://host.example/key/***/cam1.m3u8'
    """
    match = _PARTS.fullmatch(url)
    if match is None:
        return _LOGIN.sub(f"{HIDDEN}@", url)
    scheme, rest = match.groups()
    if scheme.lower().startswith("file:"):
        return url
    rest = re.split(r"[?#]", _without_login(rest), maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    host = host if _HOST.fullmatch(host) else HIDDEN
    return f"{scheme}{host}{slash}{_public_path(path)}"


def without_secrets(text: str) -> str:
    """Return a text in which every address is a public one.

    Example:
        >>> without_secrets("no answer from http://me:secret@host.example/cam: gone")
        'no answer from http://host.example/cam: gone'
    """
    return _ADDRESS.sub(_public_match, text)


def _public_match(match: re.Match[str]) -> str:
    address = match.group().rstrip(_PUNCTUATION)
    return public_address(address) + match.group()[len(address) :]


def _without_login(rest: str) -> str:
    """Cut off ``user:password@``; a password that is not escaped may hold any of ``/?#@``."""
    before_query = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority = before_query.partition("/")[0]
    if "@" in authority or ("@" in before_query and ":" in authority):
        return rest[before_query.rindex("@") + 1 :]
    if _HOST.fullmatch(authority):
        return rest
    return rest.rpartition("@")[2]


def _public_path(path: str) -> str:
    if subscriber := _SUBSCRIBER.fullmatch(path):
        folder, name = subscriber.groups()
        return "/".join([*([folder] if folder else []), HIDDEN, HIDDEN, name])
    parts = path.split("/")
    return "/".join(
        HIDDEN if part and _is_secret(part, before) else part
        for before, part in zip(["", *parts], parts, strict=False)
    )


def _is_secret(part: str, before: str) -> bool:
    """Return True if a part of a path is a secret by itself, or because of the part before it."""
    plain = unquote(part)
    if _SECRET_NAME.fullmatch(before) or re.search(r"[=:;&]|.@", plain):
        return True
    return any(_is_random(word) for word in re.split(r"[^A-Za-z0-9]+", plain))


def _is_random(word: str) -> bool:
    """Return True if a word looks generated: long, or letters and digits mixed."""
    changes = len(re.findall(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])", word))
    return len(word) >= 20 or (len(word) >= 10 and changes > 0) or (len(word) >= 6 and changes > 2)
