"""The world around Huiliu as real servers: an SMS gateway, a mail server, shops and couriers.

They misbehave on a seeded plan and write each accepted message to a ledger before they do: the
ledger alone says what was sent.
"""

from simulators.ledger import Ledger
from simulators.plan import Plan
from simulators.sms import SmsGateway, SmsMode
from simulators.smtp import MailMode, MailServer

__all__ = ["Ledger", "MailMode", "MailServer", "Plan", "SmsGateway", "SmsMode"]
