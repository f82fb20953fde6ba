from huiliu.v1 import common_pb2 as _common_pb2
from huiliu.v1 import customer_pb2 as _customer_pb2
from huiliu.v1 import rule_pb2 as _rule_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecisionResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_RESULT_UNSPECIFIED: _ClassVar[DecisionResult]
    DECISION_RESULT_PLANNED: _ClassVar[DecisionResult]
    DECISION_RESULT_SKIPPED: _ClassVar[DecisionResult]
    DECISION_RESULT_DEFERRED: _ClassVar[DecisionResult]
    DECISION_RESULT_CANCELLED: _ClassVar[DecisionResult]
    DECISION_RESULT_RECALLED: _ClassVar[DecisionResult]
    DECISION_RESULT_TASK: _ClassVar[DecisionResult]
    DECISION_RESULT_CONTROL: _ClassVar[DecisionResult]
    DECISION_RESULT_GIFT: _ClassVar[DecisionResult]
DECISION_RESULT_UNSPECIFIED: DecisionResult
DECISION_RESULT_PLANNED: DecisionResult
DECISION_RESULT_SKIPPED: DecisionResult
DECISION_RESULT_DEFERRED: DecisionResult
DECISION_RESULT_CANCELLED: DecisionResult
DECISION_RESULT_RECALLED: DecisionResult
DECISION_RESULT_TASK: DecisionResult
DECISION_RESULT_CONTROL: DecisionResult
DECISION_RESULT_GIFT: DecisionResult

class MessagePlanned(_message.Message):
    __slots__ = ("shop_id", "customer_id", "message_id", "rule_id", "rule_version", "kind", "message_class", "priority", "channels", "due_at_us", "expires_at_us", "once_key", "order_id", "parcel_id", "review_id", "needs_freshness", "variables")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_CLASS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_US_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_US_FIELD_NUMBER: _ClassVar[int]
    ONCE_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PARCEL_ID_FIELD_NUMBER: _ClassVar[int]
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    message_id: str
    rule_id: str
    rule_version: int
    kind: str
    message_class: _rule_pb2.MessageClass
    priority: int
    channels: _containers.RepeatedScalarFieldContainer[_customer_pb2.Channel]
    due_at_us: int
    expires_at_us: int
    once_key: str
    order_id: str
    parcel_id: str
    review_id: str
    needs_freshness: bool
    variables: _containers.RepeatedCompositeFieldContainer[_common_pb2.Variable]
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., message_id: _Optional[str] = ..., rule_id: _Optional[str] = ..., rule_version: _Optional[int] = ..., kind: _Optional[str] = ..., message_class: _Optional[_Union[_rule_pb2.MessageClass, str]] = ..., priority: _Optional[int] = ..., channels: _Optional[_Iterable[_Union[_customer_pb2.Channel, str]]] = ..., due_at_us: _Optional[int] = ..., expires_at_us: _Optional[int] = ..., once_key: _Optional[str] = ..., order_id: _Optional[str] = ..., parcel_id: _Optional[str] = ..., review_id: _Optional[str] = ..., needs_freshness: _Optional[bool] = ..., variables: _Optional[_Iterable[_Union[_common_pb2.Variable, _Mapping]]] = ...) -> None: ...

class MessageRecalled(_message.Message):
    __slots__ = ("shop_id", "customer_id", "message_id", "reason")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    message_id: str
    reason: str
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., message_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("shop_id", "customer_id", "decision_id", "rule_id", "rule_version", "kind", "once_key", "result", "reason", "due_at_us", "message_id", "task_id", "arm")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ONCE_KEY_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_US_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    decision_id: str
    rule_id: str
    rule_version: int
    kind: str
    once_key: str
    result: DecisionResult
    reason: str
    due_at_us: int
    message_id: str
    task_id: str
    arm: str
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., decision_id: _Optional[str] = ..., rule_id: _Optional[str] = ..., rule_version: _Optional[int] = ..., kind: _Optional[str] = ..., once_key: _Optional[str] = ..., result: _Optional[_Union[DecisionResult, str]] = ..., reason: _Optional[str] = ..., due_at_us: _Optional[int] = ..., message_id: _Optional[str] = ..., task_id: _Optional[str] = ..., arm: _Optional[str] = ...) -> None: ...

class Watermark(_message.Message):
    __slots__ = ("at_us",)
    AT_US_FIELD_NUMBER: _ClassVar[int]
    at_us: int
    def __init__(self, at_us: _Optional[int] = ...) -> None: ...
