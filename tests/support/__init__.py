"""What several tests share: real servers, fresh databases, settings of a service."""
