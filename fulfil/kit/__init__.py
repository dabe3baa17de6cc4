"""Tools of ours that know nothing of orders: settings, database, Temporal, logging, telemetry."""
