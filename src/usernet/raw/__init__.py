"""Sockets below the transports: ICMP echo for unprivileged programs."""
