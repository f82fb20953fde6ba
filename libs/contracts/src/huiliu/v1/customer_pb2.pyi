from huiliu.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Gender(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GENDER_UNSPECIFIED: _ClassVar[Gender]
    GENDER_FEMALE: _ClassVar[Gender]
    GENDER_MALE: _ClassVar[Gender]
    GENDER_OTHER: _ClassVar[Gender]

class CustomerClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CUSTOMER_CLASS_UNSPECIFIED: _ClassVar[CustomerClass]
    CUSTOMER_CLASS_RETAIL: _ClassVar[CustomerClass]
    CUSTOMER_CLASS_WHOLESALE: _ClassVar[CustomerClass]
    CUSTOMER_CLASS_STAFF: _ClassVar[CustomerClass]

class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_UNSPECIFIED: _ClassVar[Channel]
    CHANNEL_SMS: _ClassVar[Channel]
    CHANNEL_EMAIL: _ClassVar[Channel]
    CHANNEL_TASK: _ClassVar[Channel]
    CHANNEL_PARCEL_NOTE: _ClassVar[Channel]

class Purpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURPOSE_UNSPECIFIED: _ClassVar[Purpose]
    PURPOSE_MARKETING: _ClassVar[Purpose]
    PURPOSE_ORDER_NOTICES: _ClassVar[Purpose]
    PURPOSE_SOCIAL: _ClassVar[Purpose]
GENDER_UNSPECIFIED: Gender
GENDER_FEMALE: Gender
GENDER_MALE: Gender
GENDER_OTHER: Gender
CUSTOMER_CLASS_UNSPECIFIED: CustomerClass
CUSTOMER_CLASS_RETAIL: CustomerClass
CUSTOMER_CLASS_WHOLESALE: CustomerClass
CUSTOMER_CLASS_STAFF: CustomerClass
CHANNEL_UNSPECIFIED: Channel
CHANNEL_SMS: Channel
CHANNEL_EMAIL: Channel
CHANNEL_TASK: Channel
CHANNEL_PARCEL_NOTE: Channel
PURPOSE_UNSPECIFIED: Purpose
PURPOSE_MARKETING: Purpose
PURPOSE_ORDER_NOTICES: Purpose
PURPOSE_SOCIAL: Purpose

class Birthday(_message.Message):
    __slots__ = ("year", "month", "day", "lunar", "leap_month")
    YEAR_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    LUNAR_FIELD_NUMBER: _ClassVar[int]
    LEAP_MONTH_FIELD_NUMBER: _ClassVar[int]
    year: int
    month: int
    day: int
    lunar: bool
    leap_month: bool
    def __init__(self, year: _Optional[int] = ..., month: _Optional[int] = ..., day: _Optional[int] = ..., lunar: _Optional[bool] = ..., leap_month: _Optional[bool] = ...) -> None: ...

class Consent(_message.Message):
    __slots__ = ("channel", "purpose", "given", "at_us", "source")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    channel: Channel
    purpose: Purpose
    given: bool
    at_us: int
    source: str
    def __init__(self, channel: _Optional[_Union[Channel, str]] = ..., purpose: _Optional[_Union[Purpose, str]] = ..., given: _Optional[bool] = ..., at_us: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("name", "value", "at_us", "source")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    at_us: int
    source: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., at_us: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class CustomerFacts(_message.Message):
    __slots__ = ("shop_id", "customer_id", "version_us", "name", "phone", "email", "region", "address", "birthday", "gender", "customer_class", "locale", "zone", "attributes", "consents", "joined_at_us", "last_login_at_us", "from_order")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_US_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BIRTHDAY_FIELD_NUMBER: _ClassVar[int]
    GENDER_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_CLASS_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    JOINED_AT_US_FIELD_NUMBER: _ClassVar[int]
    LAST_LOGIN_AT_US_FIELD_NUMBER: _ClassVar[int]
    FROM_ORDER_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    version_us: int
    name: str
    phone: str
    email: str
    region: _common_pb2.Region
    address: str
    birthday: Birthday
    gender: Gender
    customer_class: CustomerClass
    locale: str
    zone: str
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    consents: _containers.RepeatedCompositeFieldContainer[Consent]
    joined_at_us: int
    last_login_at_us: int
    from_order: bool
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., version_us: _Optional[int] = ..., name: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ..., region: _Optional[_Union[_common_pb2.Region, _Mapping]] = ..., address: _Optional[str] = ..., birthday: _Optional[_Union[Birthday, _Mapping]] = ..., gender: _Optional[_Union[Gender, str]] = ..., customer_class: _Optional[_Union[CustomerClass, str]] = ..., locale: _Optional[str] = ..., zone: _Optional[str] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ..., consents: _Optional[_Iterable[_Union[Consent, _Mapping]]] = ..., joined_at_us: _Optional[int] = ..., last_login_at_us: _Optional[int] = ..., from_order: _Optional[bool] = ...) -> None: ...

class CustomerErased(_message.Message):
    __slots__ = ("shop_id", "customer_id", "erased_at_us")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    ERASED_AT_US_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    erased_at_us: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., erased_at_us: _Optional[int] = ...) -> None: ...

class CustomerProfile(_message.Message):
    __slots__ = ("shop_id", "customer_id", "revision", "name", "phone", "email", "region", "address", "birthday", "gender", "customer_class", "locale", "zone", "attributes", "consents", "joined_at_us", "last_login_at_us", "address_tags")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BIRTHDAY_FIELD_NUMBER: _ClassVar[int]
    GENDER_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_CLASS_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    JOINED_AT_US_FIELD_NUMBER: _ClassVar[int]
    LAST_LOGIN_AT_US_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_TAGS_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    revision: int
    name: str
    phone: str
    email: str
    region: _common_pb2.Region
    address: str
    birthday: Birthday
    gender: Gender
    customer_class: CustomerClass
    locale: str
    zone: str
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    consents: _containers.RepeatedCompositeFieldContainer[Consent]
    joined_at_us: int
    last_login_at_us: int
    address_tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., revision: _Optional[int] = ..., name: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ..., region: _Optional[_Union[_common_pb2.Region, _Mapping]] = ..., address: _Optional[str] = ..., birthday: _Optional[_Union[Birthday, _Mapping]] = ..., gender: _Optional[_Union[Gender, str]] = ..., customer_class: _Optional[_Union[CustomerClass, str]] = ..., locale: _Optional[str] = ..., zone: _Optional[str] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ..., consents: _Optional[_Iterable[_Union[Consent, _Mapping]]] = ..., joined_at_us: _Optional[int] = ..., last_login_at_us: _Optional[int] = ..., address_tags: _Optional[_Iterable[str]] = ...) -> None: ...

class CustomersMerged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "survivor_id", "alias_id", "decided_at_us")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    SURVIVOR_ID_FIELD_NUMBER: _ClassVar[int]
    ALIAS_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_US_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    survivor_id: str
    alias_id: str
    decided_at_us: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., survivor_id: _Optional[str] = ..., alias_id: _Optional[str] = ..., decided_at_us: _Optional[int] = ...) -> None: ...

class CustomersUnmerged(_message.Message):
    __slots__ = ("shop_id", "customer_id", "survivor_id", "alias_id", "decided_at_us")
    SHOP_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    SURVIVOR_ID_FIELD_NUMBER: _ClassVar[int]
    ALIAS_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_US_FIELD_NUMBER: _ClassVar[int]
    shop_id: str
    customer_id: str
    survivor_id: str
    alias_id: str
    decided_at_us: int
    def __init__(self, shop_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., survivor_id: _Optional[str] = ..., alias_id: _Optional[str] = ..., decided_at_us: _Optional[int] = ...) -> None: ...
