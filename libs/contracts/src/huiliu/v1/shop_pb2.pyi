from huiliu.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttributeType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ATTRIBUTE_TYPE_UNSPECIFIED: _ClassVar[AttributeType]
    ATTRIBUTE_TYPE_TEXT: _ClassVar[AttributeType]
    ATTRIBUTE_TYPE_NUMBER: _ClassVar[AttributeType]
    ATTRIBUTE_TYPE_DATE: _ClassVar[AttributeType]
    ATTRIBUTE_TYPE_BOOLEAN: _ClassVar[AttributeType]
    ATTRIBUTE_TYPE_CHOICE: _ClassVar[AttributeType]
    ATTRIBUTE_TYPE_CHOICES: _ClassVar[AttributeType]
ATTRIBUTE_TYPE_UNSPECIFIED: AttributeType
ATTRIBUTE_TYPE_TEXT: AttributeType
ATTRIBUTE_TYPE_NUMBER: AttributeType
ATTRIBUTE_TYPE_DATE: AttributeType
ATTRIBUTE_TYPE_BOOLEAN: AttributeType
ATTRIBUTE_TYPE_CHOICE: AttributeType
ATTRIBUTE_TYPE_CHOICES: AttributeType

class Shop(_message.Message):
    __slots__ = ("shop_id", "revision", "name", "zone", "currency", "country", "locale", "sms_signature", "escrow", "same_day_cutoff", "min_reminder_minor", "marketing_consent_implied", "email_from", "settings", "attributes")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    SMS_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    ESCROW_FIELD_NUMBER: _ClassVar[int]
    SAME_DAY_CUTOFF_FIELD_NUMBER: _ClassVar[int]
    MIN_REMINDER_MINOR_FIELD_NUMBER: _ClassVar[int]
    MARKETING_CONSENT_IMPLIED_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FROM_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    revision: int
    name: str
    zone: str
    currency: str
    country: str
    locale: str
    sms_signature: str
    escrow: bool
    same_day_cutoff: str
    min_reminder_minor: int
    marketing_consent_implied: bool
    email_from: str
    settings: _containers.RepeatedCompositeFieldContainer[_common_pb2.Variable]
    attributes: _containers.RepeatedCompositeFieldContainer[OwnAttribute]
    def __init__(self, shop_id: _Optional[str] = ..., revision: _Optional[int] = ..., name: _Optional[str] = ..., zone: _Optional[str] = ..., currency: _Optional[str] = ..., country: _Optional[str] = ..., locale: _Optional[str] = ..., sms_signature: _Optional[str] = ..., escrow: _Optional[bool] = ..., same_day_cutoff: _Optional[str] = ..., min_reminder_minor: _Optional[int] = ..., marketing_consent_implied: _Optional[bool] = ..., email_from: _Optional[str] = ..., settings: _Optional[_Iterable[_Union[_common_pb2.Variable, _Mapping]]] = ..., attributes: _Optional[_Iterable[_Union[OwnAttribute, _Mapping]]] = ...) -> None: ...

class OwnAttribute(_message.Message):
    __slots__ = ("name", "type", "label", "choices")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: AttributeType
    label: str
    choices: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[AttributeType, str]] = ..., label: _Optional[str] = ..., choices: _Optional[_Iterable[str]] = ...) -> None: ...
