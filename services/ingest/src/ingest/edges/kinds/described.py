"""The generic connector's configuration: checked whole when it is saved, then turned into rules.

It holds no code. Each error names its place, so that whoever writes one can mend it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    Self,
    TypeAlias,
    get_args,
    get_origin,
)
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ingest.domain import translation
from ingest.domain.translation import Listed, Rule, Translation, digest_of, translate
from ingest.edges import native
from ingest.edges.native_types import Zone
from web.bodies import Strict, refused
from webhooks import Headers, check_secret, described, standard, stripe

KINDS: Final[Mapping[str, type[native.Event]]] = {
    "order": native.Order,
    "shipment": native.Shipment,
    "review": native.Review,
    "customer": native.Customer,
    "cart": native.Cart,
    "product": native.WholeProduct,
}
Scalar: TypeAlias = str | int | bool
_WITHOUT_ZONE: Final = datetime(2026, 1, 5)  # noqa: DTZ001 - to see what a format prints of it


def _pointer(text: str) -> str:
    try:
        translation.steps(text)
    except ValueError:
        raise PydanticCustomError("format", "a JSON Pointer is expected, as /data/id") from None
    return text


Pointer: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(_pointer)]
HeaderName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
SignedPart: TypeAlias = Annotated[str, Field(min_length=1, max_length=100)]


class StandardWebhooks(Strict):
    """As https://www.standardwebhooks.com has it."""

    scheme: Literal["standard-webhooks"]

    def check_secret(self, secret: str) -> None:
        standard.check_key(secret)

    def verify(self, raw: bytes, headers: Headers, secrets: tuple[str, ...], now_s: float) -> None:
        standard.verify(raw, headers, secrets, now_s)


class StripeLike(Strict):
    """As https://docs.stripe.com/webhooks#verify-manually has it."""

    scheme: Literal["stripe-like"]

    def check_secret(self, secret: str) -> None:
        check_secret(secret)

    def verify(self, raw: bytes, headers: Headers, secrets: tuple[str, ...], now_s: float) -> None:
        stripe.verify(raw, headers, secrets, now_s)


class Hmac(Strict):
    """A header with an HMAC over pieces: `body`, `header:<name>`, or any other text as it is."""

    scheme: Literal["hmac"]
    header: HeaderName
    prefix: Annotated[str, Field(max_length=32)] = ""
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    signed: list[SignedPart] = Field(default=["body"], min_length=1, max_length=10)
    time: Annotated[str, Field(pattern=r"^header:[A-Za-z0-9-]{1,64}$")] | None = Field(
        None, description="a signed header with Unix seconds, at most 300 s from now"
    )

    @model_validator(mode="after")
    def _signs_what_counts(self) -> Self:
        if "body" not in self.signed:
            raise refused("missing", "signed")  # the body
        if self.time is not None and self.time not in self.signed:
            raise refused("missing", "signed")  # the time's header
        return self

    def check_secret(self, secret: str) -> None:
        check_secret(secret)

    def verify(self, raw: bytes, headers: Headers, secrets: tuple[str, ...], now_s: float) -> None:
        described.verify(self.description(), raw, headers, secrets, now_s)

    def description(self) -> described.Description:
        return described.Description(
            self.header,
            self.prefix,
            self.algorithm,
            self.encoding,
            tuple(_part(one) for one in self.signed),
            None if self.time is None else self.time.removeprefix("header:"),
        )


class From(Strict):
    """Where one value comes from: a path, or a value that stands for itself."""

    path: Pointer | None = None
    value: Scalar | None = None
    kind: translation.Kind = Field("text", alias="as")
    format: str = Field(
        "rfc3339", max_length=50, description="rfc3339, epoch_s, epoch_ms, or for strptime"
    )
    zone: Zone | None = None
    unit: Literal["major", "minor"] = "major"
    words: dict[str, str] | None = Field(None, min_length=1, max_length=100)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.path is None) == (self.value is None):
            raise refused("missing" if self.path is None else "too_many", "path")
        if self.kind == "time" and self.format not in ("rfc3339", "epoch_s", "epoch_ms"):
            if "%" not in self.format:
                raise refused("unknown", "format")
            try:
                datetime.strptime(_WITHOUT_ZONE.strftime(self.format), self.format)  # noqa: DTZ007 - only tried
            except ValueError:
                raise refused("format", "format") from None
            if self.zone is None and "%z" not in self.format:
                raise refused("missing", "zone")
        return self

    def field(self) -> translation.Field:
        return translation.Field(
            None if self.path is None else translation.steps(self.path),
            self.value,
            self.kind,
            self.format,
            None if self.zone is None else ZoneInfo(self.zone),
            self.unit == "minor",
            self.words,
        )


class Each(Strict):
    """A list in the event, one element for each of a list in the body."""

    each: Pointer
    fields: dict[str, From] = Field(min_length=1, max_length=50)


def _tag(given: Any) -> str:
    is_list = isinstance(given, Each) or (isinstance(given, dict) and "each" in given)
    return "each" if is_list else "one"


class RuleConfig(Strict):
    """When a body is which kind of event, and where its fields come from."""

    when: dict[Pointer, list[Scalar]] = Field(default_factory=dict, max_length=20)
    each: Pointer | None = Field(None, description="a list: an event for each element")
    kind: Literal["order", "shipment", "review", "customer", "cart", "product"]
    fields: dict[
        str,
        Annotated[Annotated[From, Tag("one")] | Annotated[Each, Tag("each")], Discriminator(_tag)],
    ] = Field(min_length=1, max_length=60)

    @model_validator(mode="after")
    def _knows_the_fields(self) -> Self:
        _demand_fields(KINDS[self.kind], self.fields, ("fields",))
        return self

    def rule(self) -> Rule:
        return Rule(
            tuple((translation.steps(path), tuple(known)) for path, known in self.when.items()),
            None if self.each is None else translation.steps(self.each),
            self.kind,
            {
                name: (
                    Listed(
                        translation.steps(one.each),
                        {inner: what.field() for inner, what in one.fields.items()},
                    )
                    if isinstance(one, Each)
                    else one.field()
                )
                for name, one in self.fields.items()
            },
        )


class GenericConfig(Strict):
    """How a system signs, and how its JSON becomes events of the native API."""

    verify: Annotated[StandardWebhooks | StripeLike | Hmac, Field(discriminator="scheme")]
    check: dict[Pointer, Scalar] = Field(
        default_factory=dict, max_length=20, description="what each body must say; else it is kept"
    )
    dedupe: list[Pointer] = Field(
        default_factory=list, max_length=5, description="tells kept bodies apart; else all of one"
    )
    rules: list[RuleConfig] = Field(min_length=1, max_length=50)

    def check_secret(self, secret: str) -> None:
        self.verify.check_secret(secret)

    def events_of(self, body: Any, currency: str, notes: Counter[str]) -> list[dict[str, Any]]:
        """Return *body* as events of the native API; `Unmappable` says why not."""
        return translate(body, self.translation, currency, notes)

    def identity_of(self, body: Any) -> bytes | None:
        """Return what a kept body is told apart by, when that is described."""
        places = [translation.steps(one) for one in self.dedupe]
        return digest_of(body, places) if places else None

    @cached_property
    def translation(self) -> Translation:
        return Translation(
            tuple((translation.steps(path), known) for path, known in self.check.items()),
            tuple(rule.rule() for rule in self.rules),
        )


def _part(text: str) -> described.Part:
    if text == "body":
        return described.Part("body")
    name = text.removeprefix("header:")
    return described.Part("text", text) if name == text else described.Part("header", name)


def _demand_fields(
    event: type[BaseModel], given: Mapping[str, From | Each], place: tuple[str, ...]
) -> None:
    """Raise unless *event* has all *given* fields, and what it needs is among them."""
    for name, field in given.items():
        found, inner = _field(event, name)
        if not found or isinstance(field, Each) != (inner is not None):
            # A list of objects is made of a list, and nothing else is.
            raise refused("unknown_field", *place, name)
        if isinstance(field, Each) and inner is not None:
            _demand_fields(inner, field.fields, (*place, name, "fields"))
    tops = {name.partition(".")[0] for name in given}
    for name, info in event.model_fields.items():
        if name != "kind" and info.is_required() and name not in tops:
            raise refused("missing", *place, name)


def _field(event: type[BaseModel], name: str) -> tuple[bool, type[BaseModel] | None]:
    """Tell whether *event* has a field *name*, and of what, if it is a list of objects."""
    outer, dot, inner = name.partition(".")
    info = event.model_fields.get(outer)
    if info is None or outer == "kind":
        return False, None
    model = next(_models(info.annotation), None)
    many = _is_list(info.annotation)
    if dot:
        return model is not None and not many and inner in model.model_fields, None
    return model is None or many, model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))
