"""`python -m fulfil.simulators.stripe --port P --database FILE --webhook-secret S`."""

import argparse
import time
from pathlib import Path

from fulfil.simulators.stripe.deliveries import STRIPES_CAP_S
from fulfil.simulators.stripe.server import SimulatorOptions, run_server


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="fulfil.simulators.stripe", description="A local stand-in for Stripe.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True, help="SQLite file; kept between runs")
    parser.add_argument("--webhook-secret", required=True, help="signs events, such as whsec_…")
    parser.add_argument("--webhook-url", default="", help="where events go; else the one remembered or set later")
    parser.add_argument("--public-url", default="", help="where customers reach the 3-D Secure page")
    parser.add_argument(
        "--webhook-retry-cap", type=float, default=5.0, help=f"longest pause in s; Stripe's is {STRIPES_CAP_S:.0f}"
    )
    parser.add_argument(
        "--transfers-capability",
        choices=["active", "pending", "restricted"],
        default="",
        help="the state in which new accounts' capability starts; kept between runs, at first active",
    )
    parser.add_argument("--api-key", default="sk_test_simulator")
    parser.add_argument("--publishable-key", default="pk_test_simulator")
    parser.add_argument("--admin-token", default="", help="asked for on /_simulator; none on loopback by default")
    parser.add_argument("--availability-delay-s", type=int, help="until a charge's money is available; else two days")
    given = parser.parse_args()
    options = SimulatorOptions(
        database=given.database,
        webhook_secret=given.webhook_secret,
        webhook_url=given.webhook_url,
        public_url=given.public_url,
        api_key=given.api_key,
        publishable_key=given.publishable_key,
        webhook_retry_cap_s=given.webhook_retry_cap,
        transfers_capability=given.transfers_capability,
        admin_token=given.admin_token,
        availability_s=given.availability_delay_s,
    )
    run_server(options, host=given.host, port=given.port, clock=time.time)


if __name__ == "__main__":
    main()
