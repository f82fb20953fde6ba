from huiliu.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Cell(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CELL_UNSPECIFIED: _ClassVar[Cell]
    CELL_NEVER_BOUGHT: _ClassVar[Cell]
    CELL_JUST_BOUGHT: _ClassVar[Cell]
    CELL_NEW_HIGH: _ClassVar[Cell]
    CELL_NEW_LOW: _ClassVar[Cell]
    CELL_FADING_HIGH: _ClassVar[Cell]
    CELL_FADING_LOW: _ClassVar[Cell]
    CELL_LOYAL_HIGH: _ClassVar[Cell]
    CELL_LOYAL_LOW: _ClassVar[Cell]
    CELL_SLEEPING_HIGH: _ClassVar[Cell]
    CELL_SLEEPING_LOW: _ClassVar[Cell]
    CELL_LOST: _ClassVar[Cell]

class ChangeReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGE_REASON_UNSPECIFIED: _ClassVar[ChangeReason]
    CHANGE_REASON_EVENT: _ClassVar[ChangeReason]
    CHANGE_REASON_TIME: _ClassVar[ChangeReason]
    CHANGE_REASON_AVERAGE: _ClassVar[ChangeReason]
    CHANGE_REASON_MERGE: _ClassVar[ChangeReason]
CELL_UNSPECIFIED: Cell
CELL_NEVER_BOUGHT: Cell
CELL_JUST_BOUGHT: Cell
CELL_NEW_HIGH: Cell
CELL_NEW_LOW: Cell
CELL_FADING_HIGH: Cell
CELL_FADING_LOW: Cell
CELL_LOYAL_HIGH: Cell
CELL_LOYAL_LOW: Cell
CELL_SLEEPING_HIGH: Cell
CELL_SLEEPING_LOW: Cell
CELL_LOST: Cell
CHANGE_REASON_UNSPECIFIED: ChangeReason
CHANGE_REASON_EVENT: ChangeReason
CHANGE_REASON_TIME: ChangeReason
CHANGE_REASON_AVERAGE: ChangeReason
CHANGE_REASON_MERGE: ChangeReason

class SegmentChanged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "revision", "as_of", "before", "after", "reason", "recency_days", "frequency", "monetary_minor")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RECENCY_DAYS_FIELD_NUMBER: _ClassVar[int]
    FREQUENCY_FIELD_NUMBER: _ClassVar[int]
    MONETARY_MINOR_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    revision: int
    as_of: _common_pb2.Date
    before: Cell
    after: Cell
    reason: ChangeReason
    recency_days: int
    frequency: int
    monetary_minor: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., revision: _Optional[int] = ..., as_of: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., before: _Optional[_Union[Cell, str]] = ..., after: _Optional[_Union[Cell, str]] = ..., reason: _Optional[_Union[ChangeReason, str]] = ..., recency_days: _Optional[int] = ..., frequency: _Optional[int] = ..., monetary_minor: _Optional[int] = ...) -> None: ...

class LevelChanged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "revision", "as_of", "before", "after", "kind", "review_day", "missing_minor")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REVIEW_DAY_FIELD_NUMBER: _ClassVar[int]
    MISSING_MINOR_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    revision: int
    as_of: _common_pb2.Date
    before: str
    after: str
    kind: str
    review_day: _common_pb2.Date
    missing_minor: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., revision: _Optional[int] = ..., as_of: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., kind: _Optional[str] = ..., review_day: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., missing_minor: _Optional[int] = ...) -> None: ...

class PointsChanged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "entry_id", "points", "balance", "cause", "number", "expiring", "expires_on")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    EXPIRING_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_ON_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    entry_id: str
    points: int
    balance: int
    cause: str
    number: int
    expiring: int
    expires_on: _common_pb2.Date
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., entry_id: _Optional[str] = ..., points: _Optional[int] = ..., balance: _Optional[int] = ..., cause: _Optional[str] = ..., number: _Optional[int] = ..., expiring: _Optional[int] = ..., expires_on: _Optional[_Union[_common_pb2.Date, _Mapping]] = ...) -> None: ...

class ChurnChanged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "revision", "as_of", "risk")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    revision: int
    as_of: _common_pb2.Date
    risk: str
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., revision: _Optional[int] = ..., as_of: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., risk: _Optional[str] = ...) -> None: ...

class AudienceChanged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "audience_id", "revision", "as_of", "member")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    audience_id: str
    revision: int
    as_of: _common_pb2.Date
    member: bool
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., audience_id: _Optional[str] = ..., revision: _Optional[int] = ..., as_of: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., member: _Optional[bool] = ...) -> None: ...

class Traits(_message.Message):
    __slots__ = ("shop_id", "customer_id", "revision", "age_band", "gender", "region")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AGE_BAND_FIELD_NUMBER: _ClassVar[int]
    GENDER_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    revision: int
    age_band: str
    gender: str
    region: str
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., revision: _Optional[int] = ..., age_band: _Optional[str] = ..., gender: _Optional[str] = ..., region: _Optional[str] = ...) -> None: ...
