"""The topics as AsyncAPI 3.1 (https://www.asyncapi.com/docs/reference/specification/v3.1.0).

From the table of topics, which says what is where, and protobuf's descriptors, which say how it
looks. Payloads are protobuf; their JSON Schemas name the fields and what each means.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from contracts.codec import CONTENT_TYPE, PACKAGE
from contracts.topics import TOPICS, Topic
from ingest.settings import Settings

BINDING: Final = "0.5.0"  # of https://github.com/asyncapi/bindings/tree/master/kafka
TOMBSTONE: Final = "Tombstone"

_MESSAGES: Final = "#/components/messages/"
_SCHEMAS: Final = "#/components/schemas/"
_INTEGER_CONFIG: Final = ("retention.ms", "delete.retention.ms", "max.compaction.lag.ms")
# Paths of descriptor.proto: a file's messages and enumerations, a message's fields.
_IN_FILE_MESSAGE: Final = 4
_IN_FILE_ENUM: Final = 5
_IN_MESSAGE_FIELD: Final = 2
_TYPES: Final[Mapping[int, Mapping[str, Any]]] = {
    FieldDescriptorProto.TYPE_STRING: {"type": "string"},
    FieldDescriptorProto.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptorProto.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptorProto.TYPE_INT64: {"type": "integer", "format": "int64"},
    FieldDescriptorProto.TYPE_DOUBLE: {"type": "number", "format": "double"},
}
_HEADERS: Final = {
    "type": "object",
    "description": "CloudEvents 1.0 in Kafka's binary mode, and W3C trace context.",
    "required": ["ce_specversion", "ce_type", "ce_source", "ce_id", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_type": {"type": "string"},
        "ce_source": {"type": "string", "examples": ["/huiliu/ingest"]},
        "ce_id": {
            "type": "string",
            "format": "uuid",
            "description": "Derived from the content: the same fact is the same event.",
        },
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"type": "string", "const": CONTENT_TYPE.decode()},
        "traceparent": {"type": "string"},
    },
}
_ABOUT: Final = (
    "Events are facts that merge: in any order and repeated, they give the same state. "
    "Personal data travel on customer-facts.v1 and customers.v1 only. "
    "The number of partitions is production's; all topics with a customer's key have the same."
)


def topics(descriptors: FileDescriptorSet) -> dict[str, Any]:
    """Return the document. *descriptors* hold all of proto/, with comments."""
    schemas = dict(_schemas(descriptors))
    messages = {
        kind.__name__: _message(kind.__name__, _key(topic, kind), schemas[kind.__name__])
        for topic in TOPICS
        for kind in topic.types
    }
    messages[TOMBSTONE] = {
        **_message(TOMBSTONE, "that of the record which it erases", {}),
        "summary": "Erases the record of its key.",
        "payload": {"type": "null"},
    }
    return {
        "asyncapi": "3.1.0",
        "info": {"title": "Huiliu's topics", "version": "1.0.0", "description": _ABOUT},
        "defaultContentType": CONTENT_TYPE.decode(),
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "components": {
            "messages": dict(sorted(messages.items())),
            "schemas": {"Headers": _HEADERS, **dict(sorted(schemas.items()))},
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    config: dict[str, Any] = {
        name: int(value) if name in _INTEGER_CONFIG else value.split(",")
        for name, value in topic.config.items()
    }
    names = [kind.__name__ for kind in topic.types]
    if "compact" in config["cleanup.policy"]:
        names.append(TOMBSTONE)
    return {
        "address": topic.name,
        "messages": {name: {"$ref": _MESSAGES + name} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": Settings.model_fields["partitions"].default,
                "topicConfiguration": config,
                "bindingVersion": BINDING,
            }
        },
    }


def _key(topic: Topic, kind: type) -> str | None:
    """Say what a record's key is made of; None when it belongs to a partition, as a watermark."""
    fields = {one.name for one in dataclasses.fields(kind)}
    return ":".join(topic.key) if fields.issuperset(topic.key) else None


def _message(name: str, key: str | None, schema: Mapping[str, Any]) -> dict[str, Any]:
    kind = PACKAGE + name
    message: dict[str, Any] = {
        "name": kind,
        "title": name,
        "contentType": CONTENT_TYPE.decode(),
        "headers": {
            "allOf": [{"$ref": _SCHEMAS + "Headers"}, {"properties": {"ce_type": {"const": kind}}}]
        },
        "payload": {"$ref": _SCHEMAS + name},
    }
    if "description" in schema:
        message["summary"] = schema["description"]
    if key is not None:
        told = {"type": "string", "description": key}
        message["bindings"] = {"kafka": {"key": told, "bindingVersion": BINDING}}
    return message


def _schemas(descriptors: FileDescriptorSet) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in descriptors.file:
        comments = _comments(file)
        for at, message in enumerate(file.message_type):
            yield message.name, _object(message, (_IN_FILE_MESSAGE, at), comments, file.name)
        for at, enum in enumerate(file.enum_type):
            yield enum.name, _enum(enum) | _said(comments.get((_IN_FILE_ENUM, at)))


def _comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {
        tuple(one.path): " ".join(one.leading_comments.split())
        for one in file.source_code_info.location
        if one.leading_comments
    }


def _object(
    message: DescriptorProto,
    place: tuple[int, ...],
    comments: Mapping[tuple[int, ...], str],
    file: str,
) -> dict[str, Any]:
    properties = {
        field.name: _property(field, comments.get((*place, _IN_MESSAGE_FIELD, at)))
        for at, field in enumerate(message.field)
    }
    schema: dict[str, Any] = {
        "type": "object",
        **_said(comments.get(place)),
        "properties": properties,
        "x-proto-file": file,
    }
    required = [field.name for field in message.field if _is_always_there(field)]
    return schema | ({"required": required} if required else {})


def _enum(enum: EnumDescriptorProto) -> dict[str, Any]:
    return {"type": "string", "enum": [value.name for value in enum.value]}


def _property(field: FieldDescriptorProto, comment: str | None) -> dict[str, Any]:
    if field.type_name:
        schema: dict[str, Any] = {"$ref": _SCHEMAS + field.type_name.rpartition(".")[2]}
    else:
        schema = dict(_TYPES[field.type])
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        schema = {"type": "array", "items": schema}
    unit = "UTC microseconds since 1970." if field.name.endswith("_us") else ""
    said = _said(" ".join(one for one in (comment, unit) if one))
    if said and "$ref" in schema:
        schema = {"allOf": [schema]}  # beside a reference nothing counts
    return schema | said


def _is_always_there(field: FieldDescriptorProto) -> bool:
    return not (
        field.proto3_optional
        or field.label == FieldDescriptorProto.LABEL_REPEATED
        or field.type == FieldDescriptorProto.TYPE_MESSAGE
    )


def _said(text: str | None) -> dict[str, str]:
    return {"description": text} if text else {}
