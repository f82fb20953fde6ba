"""Requests to the services: where they are, with which token, and what a refusal says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlsplit

import httpx

from huiliu_cli.errors import BadSetting, Refused, Unreachable

TIMEOUT_S: Final = 30.0
PAGE: Final = 200  # the most that the services give at once
OPERATOR: Final = "*"
LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
LOCAL_TOKEN_S: Final = 60


class Service(StrEnum):
    INGEST = "ingest"
    SEGMENTER = "segmenter"
    CARE_TRIGGERS = "care-triggers"
    NOTIFIER = "notifier"
    REPORTING = "reporting"

    @property
    def variable(self) -> str:
        return f"HUILIU_{self.name}_URL"

    @property
    def local_url(self) -> str:
        return f"http://127.0.0.1:{8101 + list(Service).index(self)}"


@dataclass(frozen=True, slots=True)
class Session:
    """What a command needs of its surroundings; tests give their own."""

    environment: Mapping[str, str]
    transport: httpx.BaseTransport | None = None

    def ask(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        scope: str,
        query: Mapping[str, str | int | None] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the answer's JSON, or None when it has none.

        Raises:
            CliError: Anything but a success, as a line to show.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        answer = self._asked(service, method, path, scope, {"params": given, "json": body})
        return answer.json() if answer.content else None

    def send_file(
        self,
        service: Service,
        path: str,
        *,
        scope: str,
        name: str,
        file: BinaryIO,
        fields: Mapping[str, str],
    ) -> Any:
        """Post *file* with *fields* as a form, as it is read; return the answer's JSON."""
        form = {"files": {"file": (name, file)}, "data": fields}
        return self._asked(service, "POST", path, scope, form).json()

    def fetch(self, service: Service, path: str, *, scope: str) -> bytes:
        """Return what is there, as it is."""
        return self._asked(service, "GET", path, scope, {}).content

    def _asked(
        self, service: Service, method: str, path: str, scope: str, request: Mapping[str, Any]
    ) -> httpx.Response:
        url = self.url_of(service)
        headers = {"Authorization": f"Bearer {self._token(scope)}"}
        try:
            with httpx.Client(
                base_url=url,
                timeout=TIMEOUT_S,
                transport=self.transport,
                headers=headers,
                trust_env=urlsplit(url).hostname not in LOOPBACK,  # no proxy to ourselves
            ) as client:
                answer = client.request(method, path, **request)
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise Unreachable(
                f"{service} does not answer at {url} ({why}): does it run? "
                f"{service.variable} says where it is."
            ) from error
        if not answer.is_success:
            raise Refused(f"{service}: {refusal(answer)}")
        return answer

    def pages(
        self,
        service: Service,
        path: str,
        *,
        scope: str,
        query: Mapping[str, str | int | None] | None = None,
        at_most: int,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a list, page after page, *at_most* so many."""
        cursor: str | None = None
        left = at_most
        while left > 0:
            asked = {**(query or {}), "limit": min(left, PAGE), "cursor": cursor}
            answer = self.ask(service, "GET", path, scope=scope, query=asked)
            rows = next((value for value in answer.values() if isinstance(value, list)), [])
            yield from rows[:left]
            left -= len(rows)
            cursor = answer.get("cursor")
            if not rows or cursor is None:
                return

    def local_token(self, shop: str, scopes: list[str], ttl_s: int) -> str:
        """Sign a token with the shared secret of a local stack."""
        secret = self.environment.get("HUILIU_TOKEN_SECRET", "")
        if not secret:
            raise BadSetting(
                "HUILIU_TOKEN_SECRET is not set: it is the secret that the local services were "
                "started with. Elsewhere tokens come from your identity provider: put one into "
                "HUILIU_TOKEN."
            )
        # Imported here: it brings the services' HTTP edge along, which costs half a second.
        from web.auth import issue_local_token  # noqa: PLC0415 - slow, and rarely needed

        return issue_local_token(secret, shop, scopes, ttl_s, subject="huiliu-cli")

    def _token(self, scope: str) -> str:
        given = self.environment.get("HUILIU_TOKEN", "")
        if given and not (given.isascii() and given.isprintable()):
            raise BadSetting("HUILIU_TOKEN is not a token: it holds what no token holds.")
        return given or self.local_token(OPERATOR, [scope], LOCAL_TOKEN_S)

    def url_of(self, service: Service) -> str:
        """Return where *service* is, without a slash at the end; `BadSetting` if that is no URL."""
        url = self.environment.get(service.variable) or service.local_url
        try:
            parts = urlsplit(url)
            fit = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            fit = False
        if not fit:
            raise BadSetting(f"{service.variable} must be an address such as {service.local_url}.")
        return url.rstrip("/")


def refusal(answer: httpx.Response) -> str:
    """Return what the service says about a request that it did not fulfil (RFC 9457)."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return f"{answer.status_code} {answer.reason_phrase}"
    said = problem.get("detail") or problem.get("title") or answer.reason_phrase
    faults = [
        f"{fault.get('field')}: {fault.get('hint') or fault.get('code')}"
        for fault in problem.get("errors") or []
        if isinstance(fault, dict)
    ]
    again = answer.headers.get("retry-after")
    wait = f"; try again in {again} s" if again else ""
    return f"{answer.status_code} {said}{' (' + ', '.join(faults) + ')' if faults else ''}{wait}"


def shop_path(shop: str, *steps: str) -> str:
    """Return the path of something below a shop, each step quoted."""
    return "/".join(["/v1/shops", *(quote(step, safe="") for step in (shop, *steps))])
