"""Personal data at rest: sealed, bound to its row; found again by keyed hash alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from contracts.events import Channel, Consent, CustomerProfile, Purpose, Region
from notifier.domain.message import Receiver
from plumbing.seal import Sealer


@dataclass(frozen=True, slots=True)
class Vault:
    sealer: Sealer

    def address_hash(self, channel: Channel, address: str) -> bytes:
        """Return what stands for *address*: an E.164 number or a mailbox."""
        return self.sealer.blind_index(f"{channel}:{address.strip().lower()}")

    def customer_hash(self, shop_id: str, customer_id: str) -> bytes:
        return self.sealer.blind_index(f"customer:{shop_id}:{customer_id}")

    def text_hash(self, text: str) -> bytes:
        return self.sealer.blind_index(f"text:{text}")

    def contact_row(self, profile: CustomerProfile) -> dict[str, Any]:
        """Return *profile* as a row of `contact`."""
        shop_id, customer_id = profile.shop_id, profile.customer_id
        region = profile.region
        return {
            "shop_id": shop_id,
            "customer_id": customer_id,
            "revision": profile.revision,
            "phone": self._sealed(profile.phone, shop_id, customer_id, "phone"),
            "email": self._sealed(profile.email, shop_id, customer_id, "email"),
            "name": self._sealed(profile.name, shop_id, customer_id, "name"),
            "phone_hash": self.address_hash(Channel.SMS, profile.phone) if profile.phone else None,
            "email_hash": self.address_hash(Channel.EMAIL, profile.email)
            if profile.email
            else None,
            "locale": profile.locale,
            "zone": profile.zone,
            "region": None
            if region is None
            else {"country": region.country, "province": region.province, "city": region.city},
            "consents": [
                {
                    "channel": one.channel.value,
                    "purpose": one.purpose.value,
                    "given": one.given,
                    "at": one.at.isoformat(),
                }
                for one in profile.consents
            ],
        }

    def receiver(self, row: RowMapping, opted_out: frozenset[tuple[Channel, Purpose]]) -> Receiver:
        """Return the person of a row of `contact`."""
        region = row["region"]
        return Receiver(
            phone=self._opened(row, "phone"),
            email=self._opened(row, "email"),
            name=self._opened(row, "name") or "",
            locale=row["locale"],
            zone=row["zone"],
            region=None if region is None else Region(**region),
            consents=tuple(
                Consent(
                    Channel(one["channel"]),
                    Purpose(one["purpose"]),
                    one["given"],
                    datetime.fromisoformat(one["at"]),
                )
                for one in row["consents"]
            ),
            opted_out=opted_out,
        )

    def _sealed(self, text: str | None, shop_id: str, customer_id: str, field: str) -> bytes | None:
        if not text:
            return None
        return self.sealer.seal(text.encode(), _context(shop_id, customer_id, field))

    def _opened(self, row: RowMapping, field: str) -> str | None:
        sealed = row[field]
        if sealed is None:
            return None
        context = _context(row["shop_id"], row["customer_id"], field)
        return self.sealer.unseal(bytes(sealed), context).decode()


def _context(shop_id: str, customer_id: str, field: str) -> bytes:
    return f"notifier.contact:{shop_id}:{customer_id}:{field}".encode()
