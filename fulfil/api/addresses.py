"""Who is at the other end of a connection, as far as a limit by address can know."""

import ipaddress

from fastapi import Request

# Whoever has one IPv6 address has the whole network of it.
SITE_BITS = 64


def client_address(request: Request, trusted_proxies: int) -> str:
    """The client's address, for IPv6 its /64 network; empty when the server does not know it.

    Behind `trusted_proxies` proxies it is what the outermost of them appended to X-Forwarded-For; what stands
    further left in that header was sent by the client and is not believed.
    """
    address = request.client.host if request.client else ""
    if trusted_proxies > 0:
        lines = ",".join(request.headers.getlist("x-forwarded-for"))
        hops = [hop.strip() for hop in lines.split(",") if hop.strip()]
        if len(hops) >= trusted_proxies:
            address = hops[-trusted_proxies]
    return _network(address)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, SITE_BITS), strict=False))
