"""Settings of reporting: only the ports are its own."""

from web.settings import Port, ServiceSettings, ShopPatience


class Settings(ServiceSettings):
    http_port: Port = 8105
    ops_port: Port = 9105
    shop_patience_s: ShopPatience = 30
