"""What ingest is told by its environment."""

from pydantic import Field, ValidationInfo, field_validator

from ingest.domain.quota import MOST
from ingest.edges.native_types import Zone
from web.settings import DataKey, Port, ServiceSettings, TrustedProxies


class Settings(ServiceSettings):
    http_port: Port = 8101
    ops_port: Port = 9101
    data_key: DataKey = Field(description="base64 of 32 bytes: encrypts personal data and secrets")
    shop_zone: Zone = Field("Asia/Shanghai", description="IANA zone of shops that name none")
    kafka_ack_s: float = Field(
        1.0, gt=0, le=10, description="how long Kafka may take to acknowledge"
    )
    durable_s: float = Field(
        1.5, gt=0, le=20, description="how long a sender waits at most, Kafka and spool together"
    )
    watermark_every_s: float = Field(
        0.4, gt=0, le=60, description="how often the orders topic gets a watermark"
    )

    trusted_proxies: TrustedProxies = 0

    events_per_minute: int = Field(
        0, ge=0, le=MOST, description="of a shop without a quota of its own; 0 is no bound"
    )

    import_rows_per_s: int = Field(
        2000, ge=1, le=100_000, description="rows of files that are taken in, of all shops"
    )

    merge_customers: bool = Field(
        False, description="whether customers of one number or mailbox become one person"
    )

    @field_validator("durable_s")
    @classmethod
    def _leaves_time_for_the_spool(cls, durable_s: float, info: ValidationInfo) -> float:
        if durable_s <= info.data.get("kafka_ack_s", 0):
            raise ValueError("must be longer than HUILIU_KAFKA_ACK_S: the spool needs time too")
        return durable_s
