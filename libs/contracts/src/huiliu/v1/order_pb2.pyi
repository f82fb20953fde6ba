from huiliu.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrderFacts(_message.Message):
    __slots__ = ("shop_id", "customer_id", "order_id", "version_us", "placed_at_us", "deposit_paid_at_us", "paid_at_us", "signed_at_us", "confirmed_at_us", "cancelled_at_us", "restored_at_us", "paid_hint_at_us", "currency", "total_minor", "discount_minor", "freight_minor", "pay_on_delivery", "is_test", "is_presale", "closes_at_us", "balance_opens_at_us", "balance_closes_at_us", "ship_by_us", "lines", "region", "refunds")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_US_FIELD_NUMBER: _ClassVar[int]
    PLACED_AT_US_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_PAID_AT_US_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_US_FIELD_NUMBER: _ClassVar[int]
    SIGNED_AT_US_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_AT_US_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_AT_US_FIELD_NUMBER: _ClassVar[int]
    RESTORED_AT_US_FIELD_NUMBER: _ClassVar[int]
    PAID_HINT_AT_US_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MINOR_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    FREIGHT_MINOR_FIELD_NUMBER: _ClassVar[int]
    PAY_ON_DELIVERY_FIELD_NUMBER: _ClassVar[int]
    IS_TEST_FIELD_NUMBER: _ClassVar[int]
    IS_PRESALE_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_US_FIELD_NUMBER: _ClassVar[int]
    BALANCE_OPENS_AT_US_FIELD_NUMBER: _ClassVar[int]
    BALANCE_CLOSES_AT_US_FIELD_NUMBER: _ClassVar[int]
    SHIP_BY_US_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    order_id: str
    version_us: int
    placed_at_us: int
    deposit_paid_at_us: int
    paid_at_us: int
    signed_at_us: int
    confirmed_at_us: int
    cancelled_at_us: int
    restored_at_us: int
    paid_hint_at_us: int
    currency: str
    total_minor: int
    discount_minor: int
    freight_minor: int
    pay_on_delivery: bool
    is_test: bool
    is_presale: bool
    closes_at_us: int
    balance_opens_at_us: int
    balance_closes_at_us: int
    ship_by_us: int
    lines: OrderLines
    region: _common_pb2.Region
    refunds: _containers.RepeatedCompositeFieldContainer[RefundFacts]
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., order_id: _Optional[str] = ..., version_us: _Optional[int] = ..., placed_at_us: _Optional[int] = ..., deposit_paid_at_us: _Optional[int] = ..., paid_at_us: _Optional[int] = ..., signed_at_us: _Optional[int] = ..., confirmed_at_us: _Optional[int] = ..., cancelled_at_us: _Optional[int] = ..., restored_at_us: _Optional[int] = ..., paid_hint_at_us: _Optional[int] = ..., currency: _Optional[str] = ..., total_minor: _Optional[int] = ..., discount_minor: _Optional[int] = ..., freight_minor: _Optional[int] = ..., pay_on_delivery: _Optional[bool] = ..., is_test: _Optional[bool] = ..., is_presale: _Optional[bool] = ..., closes_at_us: _Optional[int] = ..., balance_opens_at_us: _Optional[int] = ..., balance_closes_at_us: _Optional[int] = ..., ship_by_us: _Optional[int] = ..., lines: _Optional[_Union[OrderLines, _Mapping]] = ..., region: _Optional[_Union[_common_pb2.Region, _Mapping]] = ..., refunds: _Optional[_Iterable[_Union[RefundFacts, _Mapping]]] = ...) -> None: ...

class OrderLines(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[OrderLine]
    def __init__(self, items: _Optional[_Iterable[_Union[OrderLine, _Mapping]]] = ...) -> None: ...

class OrderLine(_message.Message):
    __slots__ = ("sku", "name", "quantity", "price_minor")
    SKU_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PRICE_MINOR_FIELD_NUMBER: _ClassVar[int]
    sku: str
    name: str
    quantity: int
    price_minor: int
    def __init__(self, sku: _Optional[str] = ..., name: _Optional[str] = ..., quantity: _Optional[int] = ..., price_minor: _Optional[int] = ...) -> None: ...

class RefundFacts(_message.Message):
    __slots__ = ("refund_id", "version_us", "amount_minor", "opened_at_us", "agreed_at_us", "goods_due_at_us", "refused_at_us", "withdrawn_at_us", "completed_at_us")
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_US_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_US_FIELD_NUMBER: _ClassVar[int]
    AGREED_AT_US_FIELD_NUMBER: _ClassVar[int]
    GOODS_DUE_AT_US_FIELD_NUMBER: _ClassVar[int]
    REFUSED_AT_US_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_AT_US_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_US_FIELD_NUMBER: _ClassVar[int]
    refund_id: str
    version_us: int
    amount_minor: int
    opened_at_us: int
    agreed_at_us: int
    goods_due_at_us: int
    refused_at_us: int
    withdrawn_at_us: int
    completed_at_us: int
    def __init__(self, refund_id: _Optional[str] = ..., version_us: _Optional[int] = ..., amount_minor: _Optional[int] = ..., opened_at_us: _Optional[int] = ..., agreed_at_us: _Optional[int] = ..., goods_due_at_us: _Optional[int] = ..., refused_at_us: _Optional[int] = ..., withdrawn_at_us: _Optional[int] = ..., completed_at_us: _Optional[int] = ...) -> None: ...
