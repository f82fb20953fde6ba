from huiliu.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShipmentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHIPMENT_STATE_UNSPECIFIED: _ClassVar[ShipmentState]
    SHIPMENT_STATE_LABEL: _ClassVar[ShipmentState]
    SHIPMENT_STATE_PICKED_UP: _ClassVar[ShipmentState]
    SHIPMENT_STATE_IN_TRANSIT: _ClassVar[ShipmentState]
    SHIPMENT_STATE_ARRIVED_IN_CITY: _ClassVar[ShipmentState]
    SHIPMENT_STATE_OUT_FOR_DELIVERY: _ClassVar[ShipmentState]
    SHIPMENT_STATE_AWAITING_PICKUP: _ClassVar[ShipmentState]
    SHIPMENT_STATE_DELIVERED: _ClassVar[ShipmentState]
    SHIPMENT_STATE_RETURNING: _ClassVar[ShipmentState]
    SHIPMENT_STATE_RETURNED: _ClassVar[ShipmentState]
    SHIPMENT_STATE_CUSTOMS: _ClassVar[ShipmentState]
    SHIPMENT_STATE_CANCELLED: _ClassVar[ShipmentState]

class ShipmentProblem(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHIPMENT_PROBLEM_UNSPECIFIED: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_NONE: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_OTHER: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_OVERDUE_UNSIGNED: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_STALE: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_REFUSED: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_FAILED_ATTEMPT: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_PICKUP_OVERDUE: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_UNREACHABLE: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_OUT_OF_AREA: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_HELD: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_DAMAGED: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_WITHDRAWN: _ClassVar[ShipmentProblem]
    SHIPMENT_PROBLEM_CUSTOMS: _ClassVar[ShipmentProblem]
SHIPMENT_STATE_UNSPECIFIED: ShipmentState
SHIPMENT_STATE_LABEL: ShipmentState
SHIPMENT_STATE_PICKED_UP: ShipmentState
SHIPMENT_STATE_IN_TRANSIT: ShipmentState
SHIPMENT_STATE_ARRIVED_IN_CITY: ShipmentState
SHIPMENT_STATE_OUT_FOR_DELIVERY: ShipmentState
SHIPMENT_STATE_AWAITING_PICKUP: ShipmentState
SHIPMENT_STATE_DELIVERED: ShipmentState
SHIPMENT_STATE_RETURNING: ShipmentState
SHIPMENT_STATE_RETURNED: ShipmentState
SHIPMENT_STATE_CUSTOMS: ShipmentState
SHIPMENT_STATE_CANCELLED: ShipmentState
SHIPMENT_PROBLEM_UNSPECIFIED: ShipmentProblem
SHIPMENT_PROBLEM_NONE: ShipmentProblem
SHIPMENT_PROBLEM_OTHER: ShipmentProblem
SHIPMENT_PROBLEM_OVERDUE_UNSIGNED: ShipmentProblem
SHIPMENT_PROBLEM_STALE: ShipmentProblem
SHIPMENT_PROBLEM_REFUSED: ShipmentProblem
SHIPMENT_PROBLEM_FAILED_ATTEMPT: ShipmentProblem
SHIPMENT_PROBLEM_PICKUP_OVERDUE: ShipmentProblem
SHIPMENT_PROBLEM_UNREACHABLE: ShipmentProblem
SHIPMENT_PROBLEM_OUT_OF_AREA: ShipmentProblem
SHIPMENT_PROBLEM_HELD: ShipmentProblem
SHIPMENT_PROBLEM_DAMAGED: ShipmentProblem
SHIPMENT_PROBLEM_WITHDRAWN: ShipmentProblem
SHIPMENT_PROBLEM_CUSTOMS: ShipmentProblem

class ShipmentFacts(_message.Message):
    __slots__ = ("shop_id", "customer_id", "order_id", "parcel_id", "version_us", "carrier", "number", "parcels_in_order", "estimated_day", "problem", "source_ref", "handed_over_at_us", "arrived_in_city_at_us", "out_for_delivery_at_us", "signed_at_us", "returned_at_us", "refused_at_us", "watch_ended_at_us", "checkpoints")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PARCEL_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_US_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PARCELS_IN_ORDER_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_DAY_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    SOURCE_REF_FIELD_NUMBER: _ClassVar[int]
    HANDED_OVER_AT_US_FIELD_NUMBER: _ClassVar[int]
    ARRIVED_IN_CITY_AT_US_FIELD_NUMBER: _ClassVar[int]
    OUT_FOR_DELIVERY_AT_US_FIELD_NUMBER: _ClassVar[int]
    SIGNED_AT_US_FIELD_NUMBER: _ClassVar[int]
    RETURNED_AT_US_FIELD_NUMBER: _ClassVar[int]
    REFUSED_AT_US_FIELD_NUMBER: _ClassVar[int]
    WATCH_ENDED_AT_US_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    order_id: str
    parcel_id: str
    version_us: int
    carrier: str
    number: str
    parcels_in_order: int
    estimated_day: _common_pb2.Date
    problem: ShipmentProblem
    source_ref: str
    handed_over_at_us: int
    arrived_in_city_at_us: int
    out_for_delivery_at_us: int
    signed_at_us: int
    returned_at_us: int
    refused_at_us: int
    watch_ended_at_us: int
    checkpoints: _containers.RepeatedCompositeFieldContainer[Checkpoint]
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., order_id: _Optional[str] = ..., parcel_id: _Optional[str] = ..., version_us: _Optional[int] = ..., carrier: _Optional[str] = ..., number: _Optional[str] = ..., parcels_in_order: _Optional[int] = ..., estimated_day: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., problem: _Optional[_Union[ShipmentProblem, str]] = ..., source_ref: _Optional[str] = ..., handed_over_at_us: _Optional[int] = ..., arrived_in_city_at_us: _Optional[int] = ..., out_for_delivery_at_us: _Optional[int] = ..., signed_at_us: _Optional[int] = ..., returned_at_us: _Optional[int] = ..., refused_at_us: _Optional[int] = ..., watch_ended_at_us: _Optional[int] = ..., checkpoints: _Optional[_Iterable[_Union[Checkpoint, _Mapping]]] = ...) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("at_us", "state")
    AT_US_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    at_us: int
    state: ShipmentState
    def __init__(self, at_us: _Optional[int] = ..., state: _Optional[_Union[ShipmentState, str]] = ...) -> None: ...
