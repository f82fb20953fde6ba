from huiliu.v1 import customer_pb2 as _customer_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeliveryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_STATE_UNSPECIFIED: _ClassVar[DeliveryState]
    DELIVERY_STATE_PLANNED: _ClassVar[DeliveryState]
    DELIVERY_STATE_SUPPRESSED: _ClassVar[DeliveryState]
    DELIVERY_STATE_EXPIRED: _ClassVar[DeliveryState]
    DELIVERY_STATE_CLAIMED: _ClassVar[DeliveryState]
    DELIVERY_STATE_SENT: _ClassVar[DeliveryState]
    DELIVERY_STATE_REJECTED: _ClassVar[DeliveryState]
    DELIVERY_STATE_UNKNOWN: _ClassVar[DeliveryState]
    DELIVERY_STATE_CLOSED_UNKNOWN: _ClassVar[DeliveryState]
    DELIVERY_STATE_DELIVERED: _ClassVar[DeliveryState]
    DELIVERY_STATE_FAILED: _ClassVar[DeliveryState]
DELIVERY_STATE_UNSPECIFIED: DeliveryState
DELIVERY_STATE_PLANNED: DeliveryState
DELIVERY_STATE_SUPPRESSED: DeliveryState
DELIVERY_STATE_EXPIRED: DeliveryState
DELIVERY_STATE_CLAIMED: DeliveryState
DELIVERY_STATE_SENT: DeliveryState
DELIVERY_STATE_REJECTED: DeliveryState
DELIVERY_STATE_UNKNOWN: DeliveryState
DELIVERY_STATE_CLOSED_UNKNOWN: DeliveryState
DELIVERY_STATE_DELIVERED: DeliveryState
DELIVERY_STATE_FAILED: DeliveryState

class DeliveryChanged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "message_id", "revision", "state", "reason", "rule_id", "rule_version", "kind", "channel", "gateway", "pieces", "price_micros", "currency", "sent_at_us", "changed_at_us", "order_id")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    PIECES_FIELD_NUMBER: _ClassVar[int]
    PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_US_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    message_id: str
    revision: int
    state: DeliveryState
    reason: str
    rule_id: str
    rule_version: int
    kind: str
    channel: _customer_pb2.Channel
    gateway: str
    pieces: int
    price_micros: int
    currency: str
    sent_at_us: int
    changed_at_us: int
    order_id: str
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., message_id: _Optional[str] = ..., revision: _Optional[int] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., reason: _Optional[str] = ..., rule_id: _Optional[str] = ..., rule_version: _Optional[int] = ..., kind: _Optional[str] = ..., channel: _Optional[_Union[_customer_pb2.Channel, str]] = ..., gateway: _Optional[str] = ..., pieces: _Optional[int] = ..., price_micros: _Optional[int] = ..., currency: _Optional[str] = ..., sent_at_us: _Optional[int] = ..., changed_at_us: _Optional[int] = ..., order_id: _Optional[str] = ...) -> None: ...

class LinkClicked(_message.Message):
    __slots__ = ("shop_id", "customer_id", "message_id", "clicked_at_us")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    CLICKED_AT_US_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    message_id: str
    clicked_at_us: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., message_id: _Optional[str] = ..., clicked_at_us: _Optional[int] = ...) -> None: ...

class ReplyReceived(_message.Message):
    __slots__ = ("shop_id", "customer_id", "reply_id", "message_id", "received_at_us")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    reply_id: str
    message_id: str
    received_at_us: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., reply_id: _Optional[str] = ..., message_id: _Optional[str] = ..., received_at_us: _Optional[int] = ...) -> None: ...

class OptOutChanged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "channel", "purpose", "opted_out", "at_us")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    OPTED_OUT_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    channel: _customer_pb2.Channel
    purpose: _customer_pb2.Purpose
    opted_out: bool
    at_us: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., channel: _Optional[_Union[_customer_pb2.Channel, str]] = ..., purpose: _Optional[_Union[_customer_pb2.Purpose, str]] = ..., opted_out: _Optional[bool] = ..., at_us: _Optional[int] = ...) -> None: ...
