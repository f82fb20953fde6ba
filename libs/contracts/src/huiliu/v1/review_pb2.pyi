from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ReviewFacts(_message.Message):
    __slots__ = ("shop_id", "customer_id", "review_id", "version_us", "reviewed_at_us", "withdrawn_at_us", "order_id", "sku", "rating")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_US_FIELD_NUMBER: _ClassVar[int]
    REVIEWED_AT_US_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_AT_US_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    review_id: str
    version_us: int
    reviewed_at_us: int
    withdrawn_at_us: int
    order_id: str
    sku: str
    rating: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., review_id: _Optional[str] = ..., version_us: _Optional[int] = ..., reviewed_at_us: _Optional[int] = ..., withdrawn_at_us: _Optional[int] = ..., order_id: _Optional[str] = ..., sku: _Optional[str] = ..., rating: _Optional[int] = ...) -> None: ...
