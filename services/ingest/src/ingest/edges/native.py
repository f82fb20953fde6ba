"""The native JSON API's events, strictly read, and the facts that they say.

A field that is absent or null is not known and erases nothing.
"""

from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from contracts.events import (
    Attribute,
    CartFacts,
    Channel,
    Checkpoint,
    Consent,
    CustomerClass,
    CustomerErased,
    CustomerFacts,
    Gender,
    OrderFacts,
    Product,
    Purpose,
    ReviewFacts,
    ShipmentFacts,
    ShipmentProblem,
    ShipmentState,
)
from ingest.domain.attributes import Value, printed
from ingest.domain.facts import UNKNOWN, ByOrder, Item, Ready
from ingest.domain.parcels import with_route
from ingest.domain.reading import micros
from ingest.edges.native_types import (
    Born,
    Currency,
    Day,
    Email,
    Id,
    Instant,
    Lines,
    Minor,
    Name,
    OwnValue,
    Phone,
    Place,
    Refund,
    Waybill,
    Zone,
)
from web.bodies import Strict

Instants: TypeAlias = Iterator[tuple[str, datetime | None]]


class Event(Strict):
    """What all kinds share."""

    @abstractmethod
    def item(self, shop_id: str) -> Item:
        """Return what it says, for *shop_id*."""

    @abstractmethod
    def instants(self) -> Instants:
        """Yield, by JSON pointer, what cannot lie ahead of now."""

    def newest(self) -> datetime:
        """Return the latest of these; every kind has one that it needs."""
        return max(at for _, at in self.instants() if at is not None)


class Order(Event):
    kind: Literal["order"]
    order_id: Id
    customer_id: Id
    version: Instant
    placed_at: Instant | None = None
    deposit_paid_at: Instant | None = None
    paid_at: Instant | None = None
    signed_at: Instant | None = None
    confirmed_at: Instant | None = None
    cancelled_at: Instant | None = None
    restored_at: Instant | None = None
    closes_at: Instant | None = None
    balance_opens_at: Instant | None = None
    balance_closes_at: Instant | None = None
    ship_by: Instant | None = None
    pay_on_delivery: bool | None = None
    is_test: bool | None = None
    is_presale: bool | None = None
    currency: Currency | None = None
    total: Minor | None = None
    discount: Minor | None = None
    freight: Minor | None = None
    items: Lines | None = None
    region: Place | None = None
    refunds: Annotated[list[Refund], Field(max_length=100)] | None = None

    @override
    def item(self, shop_id: str) -> Item:
        fact = OrderFacts(
            shop_id,
            self.customer_id,
            self.order_id,
            micros(self.version),
            placed_at=self.placed_at,
            deposit_paid_at=self.deposit_paid_at,
            paid_at=self.paid_at,
            signed_at=self.signed_at,
            confirmed_at=self.confirmed_at,
            cancelled_at=self.cancelled_at,
            restored_at=self.restored_at,
            currency=self.currency,
            total_minor=self.total,
            discount_minor=self.discount,
            freight_minor=self.freight,
            pay_on_delivery=self.pay_on_delivery,
            is_test=self.is_test,
            is_presale=self.is_presale,
            closes_at=self.closes_at,
            balance_opens_at=self.balance_opens_at,
            balance_closes_at=self.balance_closes_at,
            ship_by=self.ship_by,
            lines=None if self.items is None else tuple(one.line() for one in self.items),
            region=None if self.region is None else self.region.region(),
            refunds=tuple(one.facts() for one in self.refunds or ()),
        )
        return Item(Ready(fact))

    @override
    def instants(self) -> Instants:
        yield "/version", self.version
        yield "/placed_at", self.placed_at
        yield "/deposit_paid_at", self.deposit_paid_at
        yield "/paid_at", self.paid_at
        yield "/signed_at", self.signed_at
        yield "/confirmed_at", self.confirmed_at
        yield "/cancelled_at", self.cancelled_at
        yield "/restored_at", self.restored_at
        for number, one in enumerate(self.refunds or ()):
            yield f"/refunds/{number}/at", one.at


class Shipment(Event):
    kind: Literal["shipment"]
    order_id: Id
    customer_id: Id | None = None  # unknown: found by the order, which may come later
    carrier: Name | None = None
    number: Waybill
    at: Instant
    state: Annotated[ShipmentState, Field(strict=False)] | None = None
    problem: Annotated[ShipmentProblem, Field(strict=False)] | None = None
    estimated_day: Day | None = None
    parcels_in_order: int | None = Field(None, ge=1, le=1000)

    @override
    def item(self, shop_id: str) -> Item:
        delivered = self.state is ShipmentState.DELIVERED
        problem = self.problem or (ShipmentProblem.NONE if delivered else None)
        fact = ShipmentFacts(
            shop_id,
            self.customer_id or UNKNOWN,
            self.order_id,
            self.number,
            micros(self.at),
            carrier=self.carrier,
            number=self.number,
            parcels_in_order=self.parcels_in_order,
            estimated_day=self.estimated_day,
            problem=problem,
            refused_at=self.at if problem is ShipmentProblem.REFUSED else None,
        )
        route = [] if self.state is None else [Checkpoint(self.at, self.state)]
        fact = with_route(fact, route)
        return Item(Ready(fact) if self.customer_id else ByOrder(self.order_id, fact))

    @override
    def instants(self) -> Instants:
        yield "/at", self.at


class Review(Event):
    kind: Literal["review"]
    review_id: Id
    order_id: Id | None = None
    customer_id: Id | None = None
    sku: Id | None = None
    rating: int | None = Field(None, ge=1, le=5)
    text: str | None = Field(None, max_length=4000)
    at: Instant
    withdrawn_at: Instant | None = None

    @model_validator(mode="after")
    def _has_an_owner(self) -> Self:
        if self.customer_id is None and (self.order_id is None or self.text is not None):
            # A text is kept under its writer's name, so that it can be erased with them.
            raise PydanticCustomError(
                "missing:customer_id", "needed without an order_id, and with a text"
            )
        return self

    @override
    def item(self, shop_id: str) -> Item:
        fact = ReviewFacts(
            shop_id,
            self.customer_id or UNKNOWN,
            self.review_id,
            micros(self.at),
            reviewed_at=self.at,
            withdrawn_at=self.withdrawn_at,
            order_id=self.order_id,
            sku=self.sku,
            rating=self.rating,
        )
        if self.customer_id is None and self.order_id is not None:
            return Item(ByOrder(self.order_id, fact))
        return Item(Ready(fact), self.text)

    @override
    def instants(self) -> Instants:
        yield "/at", self.at
        yield "/withdrawn_at", self.withdrawn_at


class Consents(Strict):
    sms: bool | None = None
    email: bool | None = None


class AttributeValue(Strict):
    """A value of one of the shop's own attributes; null takes it away."""

    name: Annotated[Id, Field(max_length=64)]
    value: OwnValue


class Customer(Event):
    kind: Literal["customer"]
    customer_id: Id
    version: Instant
    name: Name | None = None
    phone: Phone | None = None
    email: Email | None = None
    region: Place | None = None
    address: str | None = Field(None, max_length=500)
    birthday: Born | None = None
    gender: Annotated[Gender, Field(strict=False)] | None = None
    customer_class: Annotated[CustomerClass, Field(strict=False)] | None = None
    locale: Annotated[str, Field(pattern="^(zh|en)?$")] | None = None
    zone: Zone | None = None
    consent: Consents | None = None
    attributes: Annotated[list[AttributeValue], Field(max_length=100)] | None = None
    joined_at: Instant | None = None
    last_login_at: Instant | None = None

    @override
    def item(self, shop_id: str) -> Item:
        fact = CustomerFacts(
            shop_id,
            self.customer_id,
            micros(self.version),
            name=self.name,
            phone=self.phone,
            email=self.email,
            region=None if self.region is None else self.region.region(),
            address=self.address,
            birthday=None if self.birthday is None else self.birthday.birthday(),
            gender=self.gender,
            customer_class=self.customer_class,
            locale=self.locale,
            zone=self.zone,
            attributes=tuple(
                Attribute(one.name, printed(one.value), self.version, "api")
                for one in self.attributes or ()
            ),
            consents=tuple(self._consents()),
            joined_at=self.joined_at,
            last_login_at=self.last_login_at,
        )
        return Item(Ready(fact))

    @override
    def instants(self) -> Instants:
        yield "/version", self.version
        yield "/joined_at", self.joined_at
        yield "/last_login_at", self.last_login_at

    def own_values(self) -> list[tuple[str, Value]]:
        return [(one.name, one.value) for one in self.attributes or ()]

    def _consents(self) -> Iterator[Consent]:
        stated = self.consent or Consents()
        for channel, given in ((Channel.SMS, stated.sms), (Channel.EMAIL, stated.email)):
            if given is not None:
                yield Consent(channel, Purpose.MARKETING, given, self.version, "api")


class Erased(Event):
    kind: Literal["customer_erased"]
    customer_id: Id
    at: Instant

    @override
    def item(self, shop_id: str) -> Item:
        return Item(Ready(CustomerErased(shop_id, self.customer_id, self.at)))

    @override
    def instants(self) -> Instants:
        yield "/at", self.at


class Cart(Event):
    kind: Literal["cart"]
    cart_id: Id
    customer_id: Id
    version: Instant
    currency: Currency | None = None
    items: Lines | None = None
    ordered_at: Instant | None = None
    emptied_at: Instant | None = None

    @override
    def item(self, shop_id: str) -> Item:
        fact = CartFacts(
            shop_id,
            self.customer_id,
            self.cart_id,
            micros(self.version),
            currency=self.currency,
            lines=None if self.items is None else tuple(one.line() for one in self.items),
            changed_at=self.version,
            ordered_at=self.ordered_at,
            emptied_at=self.emptied_at,
        )
        return Item(Ready(fact))

    @override
    def instants(self) -> Instants:
        yield "/version", self.version
        yield "/ordered_at", self.ordered_at
        yield "/emptied_at", self.emptied_at


class WholeProduct(Event):
    """The catalogue keeps the whole record of the highest version: send all that is known."""

    kind: Literal["product"]
    sku: Id
    version: Instant
    name: Name | None = None
    category: Name | None = None
    season: Name | None = None
    style: Name | None = None
    pairs_with: Annotated[list[Id], Field(max_length=20)] | None = None
    currency: Currency | None = None
    price: Minor | None = None
    stock: int | None = Field(None, ge=0, le=10**12)
    launch_day: Day | None = None
    hot_sale_day: Day | None = None
    cycle_days: int | None = Field(None, ge=1, le=3650)
    use_hint: str | None = Field(None, max_length=500)
    use_hint_after_days: int | None = Field(None, ge=0, le=3650)

    @override
    def item(self, shop_id: str) -> Item:
        fact = Product(
            shop_id,
            self.sku,
            micros(self.version),
            title=self.name,
            category=self.category,
            season=self.season,
            style=self.style,
            pairs_with=tuple(self.pairs_with or ()),
            currency=self.currency,
            price_minor=self.price,
            stock=self.stock,
            launch_day=self.launch_day,
            hot_sale_day=self.hot_sale_day,
            cycle_days=self.cycle_days,
            use_hint=self.use_hint,
            use_hint_after_days=self.use_hint_after_days,
        )
        return Item(Ready(fact))

    @override
    def instants(self) -> Instants:
        yield "/version", self.version


AnyEvent: TypeAlias = Annotated[
    Order | Shipment | Review | Customer | Erased | Cart | WholeProduct,
    Field(discriminator="kind"),
]


class Batch(Strict):
    """Up to 500 events; each is taken whole or refused whole."""

    events: list[AnyEvent] = Field(min_length=1, max_length=500)
