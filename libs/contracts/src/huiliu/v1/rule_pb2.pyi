from huiliu.v1 import customer_pb2 as _customer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MessageClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MESSAGE_CLASS_UNSPECIFIED: _ClassVar[MessageClass]
    MESSAGE_CLASS_MARKETING: _ClassVar[MessageClass]
    MESSAGE_CLASS_SERVICE: _ClassVar[MessageClass]
    MESSAGE_CLASS_TRANSACTIONAL: _ClassVar[MessageClass]
MESSAGE_CLASS_UNSPECIFIED: MessageClass
MESSAGE_CLASS_MARKETING: MessageClass
MESSAGE_CLASS_SERVICE: MessageClass
MESSAGE_CLASS_TRANSACTIONAL: MessageClass

class Rule(_message.Message):
    __slots__ = ("shop_id", "rule_id", "version", "kind", "on", "message_class", "priority", "channels", "attribution_window_s", "credits_own_order", "goal", "quiet_exempt", "texts")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_CLASS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    CREDITS_OWN_ORDER_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    QUIET_EXEMPT_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    rule_id: str
    version: int
    kind: str
    on: bool
    message_class: MessageClass
    priority: int
    channels: _containers.RepeatedScalarFieldContainer[_customer_pb2.Channel]
    attribution_window_s: int
    credits_own_order: bool
    goal: str
    quiet_exempt: bool
    texts: _containers.RepeatedCompositeFieldContainer[Text]
    def __init__(self, shop_id: _Optional[str] = ..., rule_id: _Optional[str] = ..., version: _Optional[int] = ..., kind: _Optional[str] = ..., on: _Optional[bool] = ..., message_class: _Optional[_Union[MessageClass, str]] = ..., priority: _Optional[int] = ..., channels: _Optional[_Iterable[_Union[_customer_pb2.Channel, str]]] = ..., attribution_window_s: _Optional[int] = ..., credits_own_order: _Optional[bool] = ..., goal: _Optional[str] = ..., quiet_exempt: _Optional[bool] = ..., texts: _Optional[_Iterable[_Union[Text, _Mapping]]] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("channel", "locale", "subject", "body")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    channel: _customer_pb2.Channel
    locale: str
    subject: str
    body: str
    def __init__(self, channel: _Optional[_Union[_customer_pb2.Channel, str]] = ..., locale: _Optional[str] = ..., subject: _Optional[str] = ..., body: _Optional[str] = ...) -> None: ...
