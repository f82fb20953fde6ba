"""Where the service meets Kafka, Postgres and HTTP."""
