from huiliu.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Product(_message.Message):
    __slots__ = ("shop_id", "sku", "revision", "title", "category", "season", "style", "pairs_with", "currency", "price_minor", "stock", "launch_day", "hot_sale_day", "cycle_days", "use_hint", "use_hint_after_days")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    SEASON_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    PAIRS_WITH_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    PRICE_MINOR_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    LAUNCH_DAY_FIELD_NUMBER: _ClassVar[int]
    HOT_SALE_DAY_FIELD_NUMBER: _ClassVar[int]
    CYCLE_DAYS_FIELD_NUMBER: _ClassVar[int]
    USE_HINT_FIELD_NUMBER: _ClassVar[int]
    USE_HINT_AFTER_DAYS_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    sku: str
    revision: int
    title: str
    category: str
    season: str
    style: str
    pairs_with: _containers.RepeatedScalarFieldContainer[str]
    currency: str
    price_minor: int
    stock: int
    launch_day: _common_pb2.Date
    hot_sale_day: _common_pb2.Date
    cycle_days: int
    use_hint: str
    use_hint_after_days: int
    def __init__(self, shop_id: _Optional[str] = ..., sku: _Optional[str] = ..., revision: _Optional[int] = ..., title: _Optional[str] = ..., category: _Optional[str] = ..., season: _Optional[str] = ..., style: _Optional[str] = ..., pairs_with: _Optional[_Iterable[str]] = ..., currency: _Optional[str] = ..., price_minor: _Optional[int] = ..., stock: _Optional[int] = ..., launch_day: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., hot_sale_day: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., cycle_days: _Optional[int] = ..., use_hint: _Optional[str] = ..., use_hint_after_days: _Optional[int] = ...) -> None: ...
