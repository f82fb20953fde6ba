from huiliu.v1 import order_pb2 as _order_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WishKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WISH_KIND_UNSPECIFIED: _ClassVar[WishKind]
    WISH_KIND_FAVOURITE: _ClassVar[WishKind]
    WISH_KIND_BACK_IN_STOCK: _ClassVar[WishKind]
WISH_KIND_UNSPECIFIED: WishKind
WISH_KIND_FAVOURITE: WishKind
WISH_KIND_BACK_IN_STOCK: WishKind

class CartFacts(_message.Message):
    __slots__ = ("shop_id", "customer_id", "cart_id", "version_us", "currency", "lines", "changed_at_us", "ordered_at_us", "emptied_at_us")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_US_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_US_FIELD_NUMBER: _ClassVar[int]
    ORDERED_AT_US_FIELD_NUMBER: _ClassVar[int]
    EMPTIED_AT_US_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    cart_id: str
    version_us: int
    currency: str
    lines: _order_pb2.OrderLines
    changed_at_us: int
    ordered_at_us: int
    emptied_at_us: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., cart_id: _Optional[str] = ..., version_us: _Optional[int] = ..., currency: _Optional[str] = ..., lines: _Optional[_Union[_order_pb2.OrderLines, _Mapping]] = ..., changed_at_us: _Optional[int] = ..., ordered_at_us: _Optional[int] = ..., emptied_at_us: _Optional[int] = ...) -> None: ...

class WishFacts(_message.Message):
    __slots__ = ("shop_id", "customer_id", "sku", "kind", "version_us", "wished_at_us", "withdrawn_at_us")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    VERSION_US_FIELD_NUMBER: _ClassVar[int]
    WISHED_AT_US_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_AT_US_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    sku: str
    kind: WishKind
    version_us: int
    wished_at_us: int
    withdrawn_at_us: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., sku: _Optional[str] = ..., kind: _Optional[_Union[WishKind, str]] = ..., version_us: _Optional[int] = ..., wished_at_us: _Optional[int] = ..., withdrawn_at_us: _Optional[int] = ...) -> None: ...
