"""User Datagram Protocol (RFC 768, RFC 8085)."""
