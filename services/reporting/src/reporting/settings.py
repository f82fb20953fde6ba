"""Settings of reporting: its ports, and how many reports it makes at once."""

from pydantic import Field

from web.settings import Port, ServiceSettings, ShopPatience


class Settings(ServiceSettings):
    http_port: Port = 8105
    ops_port: Port = 9105
    shop_patience_s: ShopPatience = 30
    reports_at_once: int = Field(
        2, ge=1, le=16, description="reports made at once, each by a process; the others wait"
    )
