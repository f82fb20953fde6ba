"""What can go wrong in ingest, and what the caller should do about it.

IngestError
├─ UnknownShop       404  no such shop: create it first
├─ UnknownCustomer   404  nothing is known of such a customer
├─ NotMerged         404  there is no such merge to undo
├─ UnknownConnector  404  no such hook, or it was taken away
├─ AttributeRefused  409  it has another type, or there are too many: the text says what to do
├─ MergeRefused      409  too many for one person, or merging is off: the text says which
├─ EditTooOld        409  it cannot be taken back any more
├─ ShopExists        409  the id is taken: change the shop by PUT
├─ ImportEnded       409  there is nothing left to stop
├─ KeyInUse          409  the first request with this Idempotency-Key is at work: soon again
└─ NotDurable        503  neither Kafka nor the spool took it, or this version cannot read it: the
                          same again after Retry-After
"""

from typing import ClassVar


class IngestError(Exception):
    status: ClassVar[int] = 500


class UnknownShop(IngestError):
    status = 404


class UnknownCustomer(IngestError):
    status = 404


class NotMerged(IngestError):
    status = 404


class UnknownConnector(IngestError):
    status = 404


class ShopExists(IngestError):
    status = 409


class AttributeRefused(IngestError):
    status = 409


class MergeRefused(IngestError):
    status = 409


class EditTooOld(IngestError):
    status = 409


class ImportEnded(IngestError):
    status = 409


class KeyInUse(IngestError):
    status = 409
    retry_after_s = 1


class NotDurable(IngestError):
    status = 503
